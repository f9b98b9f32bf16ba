"""Contract, registry and journal together, in random hands, through crashes and thefts: the laws hold at each step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge.domain.attestations import Attested, Lock, Request, typed_data
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.values import hex32
from bridge.errors import BridgeError, ContractRefused
from bridge.flow import hold
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from tests.databases import Databases
from tests.flow.faults import Died, Schedule
from tests.flow.world import BATCH, BIOGAS, DAY, FOREST, MER, STOVES, VER, Stage, World, span
from tests.laws import laws
from tests.registry.fakes import answered

_STAGE: list[Stage] = []
"""The machine is built without fixtures: one that every test here uses puts it in."""

HOMES = [(FOREST, VER), (BIOGAS, VER), (FOREST, MER), (STOVES, BATCH)]
HOLDERS = ("alice", "bob")


@pytest.fixture(scope="module", autouse=True)
def stage_of_the_machine(databases: Databases) -> None:
    _STAGE[:] = [Stage(databases)]


class House(RuleBasedStateMachine):
    """Honest holders, an operator who crashes, time that passes, and mallory with every stolen key."""

    @initialize()
    def open(self) -> None:
        (stage,) = _STAGE
        stage.clear()
        self.world = World(Path(tempfile.mkdtemp(prefix="machine-")), stage)
        self.next_serial = 1
        self.requests: list[tuple[str, str]] = []
        self.forged = 10_000
        self.owned = dict.fromkeys(HOLDERS, 0)

    # -------------------------------------------------------- honest people

    @rule(size=st.integers(1, 40), gap=st.integers(0, 3), home=st.sampled_from(HOMES), owner=st.sampled_from(HOLDERS))
    def deposit(self, size: int, gap: int, home: tuple[Any, Any], owner: str) -> None:
        credit_class, space = home
        serials = span(self.next_serial + gap, self.next_serial + gap + size - 1, space)
        self.next_serial = serials.last + 1
        self.world.issue(serials, credit_class, owner)
        plan(self.world.bridge, self.world.instruct(serials, owner, registry=credit_class.registry))

    @rule(name=st.sampled_from(HOLDERS), kind=st.sampled_from(Kind), share=st.floats(0.1, 1), told=st.booleans())
    def ask(self, name: str, kind: Kind, share: float, told: bool) -> None:
        for credit_class in (FOREST, STOVES):
            units = int(self.world.balance(name, credit_class) * share)
            if units == 0:
                continue
            holder = self.world.holder(name)
            account = "bob" if told else "nobody"
            request_id = hold.plan_request(holder, kind, credit_class.id, units, account, "")
            if told:
                hold.ask(holder, request_id)
            else:
                own = Request.model_validate_json(holder.journal.own_request(request_id).request)
                self.world.send(name, self.world.contract.open_request(own))
            self.requests.append((name, request_id))
            self.lost(name)

    @rule(share=st.floats(0.1, 0.9))
    def transfer(self, share: float) -> None:
        units = int(self.world.balance("alice") * share)
        if units:
            hold.transfer(self.world.holder("alice"), self.world.address("bob"), FOREST.id, units)
            self.lost("alice")

    @rule()
    def work(self) -> None:
        advance(self.world.bridge)

    @rule(at=st.integers(1, 25))
    def work_and_die(self, at: int) -> None:
        """The process dies after its n-th write, and another one opens what is left."""
        try:
            advance(Schedule(at).bridge(self.world.bridge))
        except Died:
            self.world.registry = self.world.open_registry()
            self.world.bridge = self.world.open_bridge()

    @rule(days=st.sampled_from([1, 4, 11]))
    def wait(self, days: int) -> None:
        self.world.chain.pass_seconds(days * DAY)
        self.world.chain.mine(6)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), to=st.sampled_from(HOLDERS))
    def exit(self, data: st.DataObject, to: str) -> None:
        name, request_id = data.draw(st.sampled_from(self.requests))
        status = self.world.contract.request_state(request_id).status
        holder = self.world.holder(name)
        try:
            if status is RequestStatus.OPEN:
                hold.call_back(holder, request_id)
            else:
                hold.take_back(holder, request_id, self.world.address(to))
        except ContractRefused as refusal:
            if refusal.name not in {"DeadlineNotPassed", "ChallengeNotPassed", "RequestNotOpen"}:
                raise

    # --------------------------------------------------- mallory's stolen keys

    @rule(data=st.data(), home=st.sampled_from(HOMES))
    def forge_a_lock_over_known_serials(self, data: st.DataObject, home: tuple[Any, Any]) -> None:
        """With operator and quorum: whatever is live or retired cannot be minted again, whole or in part."""
        credit_class, space = home
        nodes = self.world.contract.ranges(space.id)
        if not nodes:
            return
        node = data.draw(st.sampled_from(nodes))
        first = data.draw(st.integers(node.first, node.last))
        self.forged += 1
        lock = Lock(
            lock_id=hex32(self.forged),
            class_id=credit_class.id,
            range=span(first, first + data.draw(st.integers(0, 50)), space),
            recipient=self.world.address("mallory"),
            not_after=self.world.now() + DAY,
        )
        with pytest.raises(ContractRefused, match=r"SerialsTaken|SpaceOfOtherClass"):
            self.world.sender("operator").send_and_wait(self.world.contract.mint(self.sign(lock)))

    @rule()
    def steal_from_the_registry(self) -> None:
        """An operator's token asks for what nobody requested."""
        with pytest.raises(BridgeError):
            answered(self.world.registry.reserve([hex32(self.forged)]))

    def sign(self, lock: Lock) -> Attested[Lock]:
        document = typed_data(self.world.contract.deployment, [lock])
        thieves = sorted(self.world.attesters[:2], key=lambda key: key.address)
        return Attested[Lock](
            items=(lock,),
            signers=tuple(key.address for key in thieves),
            signatures=tuple(key.sign(document) for key in thieves),
        )

    # --------------------------------------------------------------- the laws

    def lost(self, name: str) -> None:
        """The holder himself gave units away just now."""
        self.owned[name] = self.holdings(name)

    def holdings(self, name: str) -> int:
        return sum(self.world.balance(name, c) for c in (FOREST, BIOGAS, STOVES))

    @invariant()
    def l1_to_l5_hold(self) -> None:
        if hasattr(self, "world"):
            assert laws.broken(self.world) == []

    @invariant()
    def l6_nobody_else_reduces_a_balance(self) -> None:
        if not hasattr(self, "world"):
            return
        for name in HOLDERS:
            now = self.holdings(name)
            assert now >= self.owned[name], f"{name} had {self.owned[name]} units and has {now}"
            self.owned[name] = now
        assert self.world.balance("mallory") == 0

    def teardown(self) -> None:
        """L7 and L8: undisturbed, everything comes to an allowed end, and the reconciler finds nothing broken."""
        if not hasattr(self, "world"):
            return
        for _ in range(3):
            advance(self.world.bridge)
        assert laws.broken(self.world) == []
        assert self.world.reconcile().findings == ()
        self.world.databases.leave(self.world.folder)


def walk(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        House,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            derandomize="CARBONBRIDGE_RANDOM" not in os.environ,
        ),
    )


def test_the_laws_hold_through_a_short_walk() -> None:
    walk(examples=2, steps=12)


@pytest.mark.slow
def test_the_laws_hold_through_hundreds_of_random_steps() -> None:
    walk(examples=12, steps=30)
