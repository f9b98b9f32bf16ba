"""A crash between any two writes leaves nothing half done, and the repeated call ends as the undisturbed one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, text

from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.domain.values import hex32
from bridge.errors import BridgeError, RegistryRefused
from tests.registry.fakes import answered, executed

from .fakes import BALE, BATCH, BIOLITE, HERE, VER, World, one_lock, serials

Act = Callable[[World], object]


class Crash(Exception):
    """The process dies here."""


@contextmanager
def dying_at_write(engine: Engine, number: int) -> Iterator[list[str]]:
    writes: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            writes.append(statement)
            if len(writes) == number:
                raise Crash

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield writes
    finally:
        event.remove(engine, "before_cursor_execute", count)


def contents(world: World) -> dict[str, list[tuple[object, ...]]]:
    tables = "accounts projects classes spaces entries postings blocks instructions locks disclosures reservations"
    with world.engine.connect() as tx:
        every = [*tables.split(), "part_ranges", "receipts", "signed_receipts", "statements"]
        return {name: [tuple(row) for row in tx.execute(text(f"SELECT * FROM {name}"))] for name in every}


def prepared(world: World) -> tuple[str, str]:
    """Two open requests, the first settled: what the acts below work on."""
    world.lock(1, 101, 200, minted=True)
    world.lock(2, 201, 300, minted=True)
    world.lock(3, 301, 400)
    world.instruct(4, 401, 500)
    first, second = world.ask(Kind.RETIREMENT, 150), world.ask(Kind.REDEMPTION, 20, "receiver")
    world.settled(first)
    world.settled(second)
    third = world.ask(Kind.RETIREMENT, 5)
    answered(world.registry.reserve([third]))
    world.chain.end(third, RequestStatus.RETURNED)
    world.ask(Kind.RETIREMENT, 7)
    world.chain.now = 2_001
    return first, second


def execute(world: World, request_id: str) -> object:
    """The act alone; its signatures are kept in a second step, which changes no serial."""
    return executed(world.ledger, request_id, world.chain.requests[request_id].settled, "receiver")


REQUESTS = [hex32(0xF00 + n) for n in range(4)]
ACTS: dict[str, Act] = {
    "issue": lambda w: w.ledger.issue("new", serials(1001, 1100), BALE.id, "depositor"),
    "transfer": lambda w: w.ledger.transfer("t", serials(600, 650), "depositor", "receiver"),
    "retire": lambda w: w.ledger.retire("r", serials(600, 650), "depositor", "Kinaxis Inc."),
    "override": lambda w: w.ledger.override("o", serials(290, 310), SerialState.CANCELLED, "court order"),
    "record": lambda w: w.ledger.record(
        BATCH, serials(1, 9, BATCH), BIOLITE, "depositor", SerialState.RETIRED, {"beneficiary": "Kinaxis Inc."}
    ),
    "lock": lambda w: one_lock(w.registry, hex32(4), hex32(4)),
    "release": lambda w: w.registry.release(hex32(3)),
    "reserve": lambda w: answered(w.registry.reserve([REQUESTS[3]])),
    "execute a retirement": lambda w: execute(w, REQUESTS[0]),
    "execute a redemption": lambda w: execute(w, REQUESTS[1]),
    "withdraw": lambda w: answered(w.registry.withdraw([REQUESTS[2]])),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_crash_at_any_write_leaves_nothing_and_the_repetition_completes(world: World, act: Act) -> None:
    prepared(world)
    before = contents(world)
    number = 1
    while True:
        with dying_at_write(world.engine, number) as writes:
            try:
                act(world)
                break
            except Crash:
                assert contents(world) == before
        number += 1
    assert len(writes) == number - 1 >= 3
    assert world.ledger.audit() == ()
    after = contents(world)
    assert after != before
    act(world)
    assert contents(world) == after


def test_a_crash_before_the_signatures_are_kept_is_made_good_by_repeating(world: World) -> None:
    first, _ = prepared(world)
    executed(world.registry.ledger, first, world.chain.requests[first].settled, "")
    before = contents(world)["blocks"]
    with dying_at_write(world.engine, 1), pytest.raises(Crash):
        answered(world.registry.execute([first]))
    assert answered(world.registry.execute([first])) == world.registry.receipt(first)
    assert contents(world)["blocks"] == before


def test_two_who_want_the_same_serials_at_once_are_served_one_after_the_other(world: World) -> None:
    for number in range(1, 9):
        world.instruct(number, 50, 60)

    def lock(number: int) -> bool:
        try:
            one_lock(world.registry, hex32(number), hex32(number))
        except RegistryRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lock, range(1, 9))) == 1
    assert world.states(50, 60) == {"locked": ["50-60"]}


def test_the_same_call_from_many_sides_at_once_acts_once(world: World) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    with ThreadPoolExecutor(4) as pool:
        decisions = list(pool.map(lambda _: answered(world.registry.reserve([request_id])), range(8)))
    assert len({str(decision) for decision in decisions}) == 1
    assert world.states(101, 200) == {"reserved": ["101-110"], "locked": ["111-200"]}


def test_a_refused_act_leaves_nothing_behind_either(world: World) -> None:
    prepared(world)
    before = contents(world)
    refused: list[Act] = [
        lambda w: w.ledger.transfer("t", serials(999, 1001), "depositor", "receiver"),
        lambda w: w.ledger.issue("again", serials(1000, 1010), BALE.id, "depositor"),
        lambda w: w.ledger.record(VER, serials(101, 1100), BALE, "depositor", SerialState.RETIRED, {}),
        lambda w: w.registry.release(hex32(1)),
    ]
    for act in refused:
        with pytest.raises(BridgeError):
            act(world)
    rows = contents(world)
    rows["locks"] = before["locks"]  # the witness has seen lock 1 minted, and that may be kept
    assert rows == before
    assert world.ledger.unminted_locks(HERE, BALE.id) == (hex32(3),)
