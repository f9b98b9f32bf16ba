"""A handful of the matrix's schedules, one of each fault; and that a story or a bridge which is broken is reported."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.chain import connection
from bridge.chain.local import find_anvil
from bridge.chain.transactions import Sender
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import BlockStamp
from bridge.flow import advance, sending
from bridge.flow.bridge import Bridge
from bridge.flow.hold import ask, plan_request
from bridge.journal.store import Journal
from tests.faults.anvil import anvil
from tests.faults.points import SEND, Fault, changes_something, possible
from tests.faults.runs import Scene, Schedule, Theatre
from tests.faults.story import ACTS, Act, Kept, Teller
from tests.flow.world import FOREST, span

pytestmark = pytest.mark.slow
DEPOSIT = ACTS[0]


@contextmanager
def staged(act: Act, folder: Path) -> Iterator[tuple[Theatre, Scene]]:
    if find_anvil() is None:
        pytest.skip("no anvil: run scripts/setup --contracts")
    with anvil() as chain:
        theatre = Theatre(chain, folder)
        yield theatre, theatre.prepare(act)


@pytest.fixture(scope="module")
def deposit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Theatre, Scene]]:
    with staged(DEPOSIT, tmp_path_factory.mktemp("deposit")) as scene:
        yield scene


def somewhere(scene: Scene, fault: Fault) -> int:
    """In the middle of the points that change something and at which the fault can happen."""
    fitting = [at for at, point in enumerate(scene.points, 1) if changes_something(point) and fault in possible(point)]
    return fitting[len(fitting) // 2]


@pytest.mark.parametrize("fault", Fault)
def test_an_act_ends_as_if_nothing_had_happened(deposit: tuple[Theatre, Scene], fault: Fault) -> None:
    theatre, scene = deposit
    verdict = theatre.run(Schedule(DEPOSIT.name, (({somewhere(scene, fault): fault},),)))
    assert verdict.good, verdict
    assert [met.partition(" ")[0] for met in verdict.met] == [fault]


def test_two_processes_on_one_journal_end_as_one(deposit: tuple[Theatre, Scene]) -> None:
    theatre, scene = deposit
    first, second = somewhere(scene, Fault.KILL), scene.points.index(SEND) + 1
    verdict = theatre.run(Schedule(DEPOSIT.name, (({first: Fault.KILL}, {second: Fault.LOST}), ({}, {}))))
    assert verdict.good, verdict
    assert "kill" in " ".join(verdict.met)


# ------------------------------------------------- the matrix itself can fail


def test_a_request_that_is_made_anew_at_each_telling_is_reported(tmp_path: Path) -> None:
    def careless(teller: Teller, kept: Kept) -> None:
        alice = teller.holder("alice")
        ask(alice, plan_request(alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", ""))
        teller.turns(4)

    act = Act("careless", lambda teller: {"locks": [teller.world.deposit(span(1, 100))]}, careless)
    with staged(act, tmp_path) as (theatre, scene):
        verdict = theatre.run(Schedule(act.name, (({len(scene.points) // 2: Fault.KILL},),)))
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
