"""A handful of the matrix's schedules, one of each fault; and that a story or a bridge which is broken is reported."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.bootstrap import ATTESTER_NAMES
from bridge.chain import connection
from bridge.chain.local import find_anvil
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Lock
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import BlockStamp
from bridge.errors import BridgeError, RegistryRefused
from bridge.flow import advance, mint, sending, watch
from bridge.flow.bridge import Bridge
from bridge.flow.hold import ask, plan_request
from bridge.journal.store import Journal
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.port import LockOrder
from tests.faults.anvil import anvil
from tests.faults.faults import COMMIT, EXCHANGE, SEND, Fault, changes_something, possible
from tests.faults.runs import Scene, Theatre
from tests.faults.schedules import HONEST, Schedule, repeated
from tests.faults.story import ACTS, Act, Kept, Teller
from tests.flow.world import FOREST, span

pytestmark = pytest.mark.slow
DEPOSIT = ACTS[0]


@contextmanager
def staged(act: Act, folder: Path, *, served: bool = False) -> Iterator[tuple[Theatre, Scene]]:
    if find_anvil() is None:
        pytest.skip("no anvil: run scripts/setup --contracts")
    with anvil() as chain, Theatre(chain, folder, served=served) as theatre:
        yield theatre, theatre.prepare(act)


@pytest.fixture(scope="module")
def deposit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Scene]]:
    with staged(DEPOSIT, tmp_path_factory.mktemp("deposit")) as scene:
        yield scene


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Scene]]:
    """The same with the registry in a process of its own."""
    with staged(DEPOSIT, tmp_path_factory.mktemp("served"), served=True) as scene:
        yield scene


def somewhere(scene: Scene, fault: Fault, room: str = "") -> int:
    """In the middle of the room's points that change something and at which the fault can happen."""
    fitting = [
        at
        for at, point in enumerate(scene.way.points, 1)
        if point.startswith(room) and changes_something(point) and fault in possible(point)
    ]
    return fitting[len(fitting) // 2]


def late(scene: Scene) -> int:
    """A write of the journal when all is final, and a few points before the end."""
    return [at for at, point in enumerate(scene.way.points, 1) if point == "journal write"][-6]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in (Fault.LATE, Fault.BUSY)])
def test_an_act_ends_as_if_nothing_had_happened(deposit: tuple[Theatre, Scene], fault: Fault) -> None:
    theatre, scene = deposit
    verdict = theatre.run(Schedule(DEPOSIT.name, (({somewhere(scene, fault): fault},),)))
    assert verdict.good, verdict
    assert [met.partition(" ")[0] for met in verdict.met] == [fault]


@pytest.mark.parametrize("fault", EXCHANGE)
def test_over_a_bad_network_too(served: tuple[Theatre, Scene], fault: Fault) -> None:
    theatre, scene = served
    verdict = theatre.run(Schedule(DEPOSIT.name, (({somewhere(scene, fault, "exchange POST"): fault},),)))
    assert verdict.good, verdict
    assert [met.partition(" at ")[0] for met in verdict.met] == [fault]


@pytest.mark.parametrize("fault", COMMIT)
def test_with_a_registry_that_dies_too(served: tuple[Theatre, Scene], fault: Fault) -> None:
    theatre, scene = served
    verdict = theatre.run(Schedule(DEPOSIT.name, (HONEST,), {scene.way.commits // 2: fault}))
    assert verdict.good, verdict
    assert verdict.met == [f"{fault} at the registry's commit {scene.way.commits // 2}"]


def test_who_asks_a_registry_elsewhere_has_no_attester_s_key(served: tuple[Theatre, Scene]) -> None:
    theatre, _ = served
    assert "operator" in theatre.rehearsal.keys
    assert not set(ATTESTER_NAMES) & set(theatre.rehearsal.keys)


def test_a_schedule_is_read_as_it_is_written() -> None:
    for text in ("deposit 7:kill 9:deaf & - | 3:lost", "exit - @ 5:kill 7:clock"):
        assert str(Schedule.read(text)) == text


def test_a_kill_is_left_out_only_where_it_leaves_the_very_same_world() -> None:
    points = [
        "journal write",
        "node eth_call",
        "node eth_call",
        SEND,
        "node eth_call",
        "registry lock",
        "node eth_call",
    ]
    assert repeated(points, ["a"] * 7) == {2, 3}
    assert repeated(points, ["a", "b", "b", "b", "b", "b", "b"]) == {3}


def test_two_processes_on_one_journal_end_as_one(deposit: tuple[Theatre, Scene]) -> None:
    theatre, scene = deposit
    first, second = somewhere(scene, Fault.KILL), scene.way.points.index(SEND) + 1
    verdict = theatre.run(Schedule(DEPOSIT.name, (({first: Fault.KILL}, {second: Fault.LOST}), ({}, {}))))
    assert verdict.good, verdict
    assert "kill" in " ".join(verdict.met)


# ------------------------------------------------- the matrix itself can fail


def test_a_request_that_is_made_anew_at_each_telling_is_reported(tmp_path: Path) -> None:
    def careless(teller: Teller, kept: Kept) -> None:
        alice = teller.holder("alice")
        ask(alice, plan_request(alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", ""))
        teller.turns(4)

    def prepare(teller: Teller) -> Kept:
        locks = [teller.world.deposit(span(1, 100))]
        teller.turns(1)
        return {"locks": locks}

    act = Act("careless", prepare, careless)
    with staged(act, tmp_path) as (theatre, scene):
        verdict = theatre.run(Schedule(act.name, (({len(scene.way.points) // 2: Fault.KILL},),)))
    assert verdict.diverged
    assert not verdict.good


def test_a_bridge_that_sends_nothing_twice_is_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, scene = deposit
    follow = sending._follow

    class Once:
        def __init__(self, sender: Sender) -> None:
            self._sender = sender

        def __getattr__(self, name: str) -> Any:
            return getattr(self._sender, name)

        def send(self, signed: Any) -> None:
            pass

    monkeypatch.setattr(sending, "_follow", lambda journal, sender, *rest: follow(journal, Once(sender), *rest))
    verdict = theatre.run(Schedule(DEPOSIT.name, (({somewhere(scene, Fault.DROPPED): Fault.DROPPED},),)))
    assert verdict.diverged


def test_a_bridge_that_sends_before_it_stores_is_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, scene = deposit

    def hasty(sender: Any, call: Any, attestation_id: int | None, landing: Any = None) -> Any:
        used = sender._w3.eth.get_transaction_count(sender._account)
        signed = sender._prepare(call, landing or call, used)
        sender.send(signed)
        sender._outbox.keep_transaction(signed, "", attestation_id)
        return signed

    monkeypatch.setattr(Sender, "_stored", hasty)
    verdict = theatre.run(Schedule(DEPOSIT.name, (({somewhere(scene, Fault.KILL): Fault.KILL},),)))
    assert any("before it was stored" in lost for lost in verdict.lost)


def test_two_processes_that_turn_at_once_are_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, _ = deposit
    turn, arrived = advance._turn, multiprocessing.Value("i", 0)

    @contextmanager
    def together(_journal: Journal, _work: str) -> Iterator[None]:
        with arrived.get_lock():
            arrived.value += 1
        while arrived.value < 2:
            time.sleep(0.01)
        yield

    def slowly(bridge: Bridge) -> BlockStamp:
        time.sleep(0.3)
        return turn(bridge)

    monkeypatch.setattr(Journal, "exclusive", together)
    monkeypatch.setattr(advance, "_turn", slowly)
    verdict = theatre.run(Schedule(DEPOSIT.name, (({}, {}),)))
    assert "two processes turned one journal's wheel at once" in verdict.doubled


def test_a_chain_time_that_is_read_from_this_machine_is_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, _ = deposit
    stamp = connection._stamp

    def by_the_wall(block: Any) -> BlockStamp:
        return stamp(block).model_copy(update={"timestamp": int(time.time())})

    monkeypatch.setattr(connection, "_stamp", by_the_wall)
    verdict = theatre.run(Schedule(DEPOSIT.name, (({1: Fault.CLOCK},),)))
    assert verdict.diverged


def test_an_operator_who_goes_on_after_finality_broke_is_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre, scene = deposit
    monkeypatch.setattr(watch, "_require_same_history", lambda *_: None)
    verdict = theatre.run(Schedule(DEPOSIT.name, (({late(scene): Fault.DEEP},),)))
    assert "does not halt" in verdict.stuck


def test_a_bridge_that_never_asks_whether_it_was_minted_is_reported(
    deposit: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a restored journal has forgotten is on chain already, and its cursor may have passed it."""
    theatre, scene = deposit
    monkeypatch.setattr(mint, "left_unminted", lambda _, deposits: deposits)
    verdict = theatre.run(Schedule(DEPOSIT.name, (({late(scene): Fault.RESTORED},),)))
    assert not verdict.good


def test_a_registry_elsewhere_that_locks_but_once_is_reported(
    served: tuple[Theatre, Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is asked for again, by a process that has not heard the answer, is the same lock."""
    theatre, scene = served
    honest = LedgerRegistry.lock

    def once(registry: LedgerRegistry, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        fresh = [order for order in orders if registry.locked_as(order.instruction_id) is None]
        done = iter(honest(registry, fresh))
        return [next(done) if order in fresh else RegistryRefused("locked already") for order in orders]

    monkeypatch.setattr(LedgerRegistry, "lock", once)
    locking = scene.way.points.index("exchange POST /v1/locks") + 1
    verdict = theatre.run(Schedule(DEPOSIT.name, (({locking: Fault.KILL},),)))
    assert not verdict.good
