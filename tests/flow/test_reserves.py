"""Classes that lean on statements: a mint waits for the registry's newest statement on chain, and brings it itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import ContractRefused, RegistryRefused
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from bridge.flow.reserves import leaning, state_reserves
from tests.databases import Databases
from tests.flow.world import BATCH, FOREST, STOVES, TERMS, Stage, World, span

pytestmark = pytest.mark.slow

HOUR = 3600


@pytest.fixture(scope="module")
def leaning_stage(databases: Databases) -> Stage:
    """Verra's classes lean on statements of the last hour, Gold Standard's on none."""
    return Stage(databases, TERMS.model_copy(update={"statement_seconds": HOUR}))


@pytest.fixture
def world(tmp_path: Path, leaning_stage: Stage) -> World:
    leaning_stage.clear()
    return World(tmp_path, leaning_stage)


def planned(world: World, first: int, last: int) -> str:
    world.issue(span(first, last))
    return plan(world.bridge, world.instruct(span(first, last))).lock_id


def stated(world: World) -> tuple[int, int, int]:
    reserve = world.contract.reserve_of(FOREST.id)
    return reserve.sequence, reserve.locked, reserve.minted


def test_only_classes_whose_terms_ask_lean_on_statements(world: World) -> None:
    assert set(leaning(world.bridge)) == {"VERRA"}
    assert FOREST.id in leaning(world.bridge)["VERRA"]
    world.deposit(span(1, 10, BATCH), STOVES)
    assert world.balance("alice", STOVES) == 10
    assert world.contract.reserve_of(STOVES.id).sequence == 0


def test_the_first_mint_brings_the_statement_and_lands_on_the_next_turn(world: World) -> None:
    lock_id = planned(world, 1, 100)
    advance(world.bridge)
    deposit = world.bridge.journal.deposit(lock_id)
    assert deposit is not None
    assert (deposit.state, "statement is on its way" in deposit.note) == ("attested", True)
    assert stated(world) == (1, 100, 0)
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"
    assert stated(world) == (1, 100, 100)


def test_what_the_stated_figures_hold_is_minted_without_another_statement(world: World) -> None:
    first, second = planned(world, 1, 10), planned(world, 11, 20)
    advance(world.bridge)
    advance(world.bridge)
    assert {world.deposit_state(first), world.deposit_state(second)} == {"minted"}
    assert stated(world) == (1, 20, 20)


@pytest.mark.parametrize("wait", [0, HOUR + 1])
def test_a_statement_that_locks_less_or_is_too_old_is_followed_by_a_newer_one(world: World, wait: int) -> None:
    planned(world, 1, 10)
    advance(world.bridge)
    advance(world.bridge)
    world.chain.pass_seconds(wait + 1)
    lock_id = planned(world, 11, 20)
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "attested"
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"
    assert stated(world) == (2, 20, 20)


def test_a_statement_that_would_not_mend_it_is_not_sent_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry whose totals lack what its attesters have locked: the mint waits, and no gas is burned on it."""
    lock_id = planned(world, 1, 10)
    honest = type(world.registry).statement

    def forgetful(registry: object, code: str, deployment: object) -> object:
        made = honest(world.registry, code, deployment)  # type: ignore[arg-type]
        head = made.head.items[0]
        less = head.model_copy(update={"totals": tuple(t.model_copy(update={"locked": 4}) for t in head.totals)})
        return made.model_copy(update={"head": resigned(world, less)})

    monkeypatch.setattr(type(world.registry), "statement", forgetful)
    for _ in range(3):
        advance(world.bridge)
    deposit = world.bridge.journal.deposit(lock_id)
    assert deposit is not None
    assert (deposit.state, "ReserveExceeded" in deposit.note) == ("attested", True)
    assert stated(world) == (1, 4, 0)
    monkeypatch.undo()
    advance(world.bridge)
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"


def resigned(world: World, head: object) -> object:
    from bridge.domain.attestations import Attested, StatementHead, typed_data

    assert isinstance(head, StatementHead)
    staff = sorted(world.attesters, key=lambda key: key.address)[:2]
    document = typed_data(world.contract.deployment, [head])
    return Attested[StatementHead](
        items=(head,), signers=tuple(k.address for k in staff), signatures=tuple(k.sign(document) for k in staff)
    )


def test_a_registry_that_does_not_sign_holds_up_its_own_mints_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> object:
        raise RegistryRefused("no statement today")

    lock_id = planned(world, 1, 10)
    monkeypatch.setattr(type(world.registry), "statement", silent)
    world.deposit(span(1, 10, BATCH), STOVES)
    assert world.balance("alice", STOVES) == 10
    deposit = world.bridge.journal.deposit(lock_id)
    assert deposit is not None
    assert (deposit.state, deposit.note) == ("attested", "no statement today")


def test_a_statement_on_its_way_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that loses what it is sent: the same statement is sent again, and no second one is made."""
    lock_id = planned(world, 1, 10)
    with monkeypatch.context() as losing:
        losing.setattr(type(world.bridge.sender), "send", lambda *_: None)
        for _ in range(3):
            advance(world.bridge)
    assert len(world.bridge.journal.open_transactions(world.contract.deployment.chain_id)) == 1
    again = world.open_bridge()
    advance(again)
    advance(again)
    assert world.deposit_state(lock_id) == "minted"
    assert stated(world) == (1, 10, 10)


def test_on_request_the_newest_totals_are_stated(world: World) -> None:
    head, sent = state_reserves(world.bridge, "VERRA")
    assert (head.items[0].totals, sent) == ((), None)
    planned(world, 1, 10)
    advance(world.bridge)
    head, sent = state_reserves(world.bridge, "VERRA")
    assert sent is not None
    assert stated(world)[:2] == (head.items[0].sequence, 10)
    with pytest.raises(ContractRefused, match=r"StatementSuperseded.*nothing is left to do"):
        world.send("bob", world.contract.state_reserves(head))
