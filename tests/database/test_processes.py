"""Eight processes at once, on one database: nothing is spent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import pytest

from bridge.domain.values import hex32
from bridge.errors import NotYet
from bridge.journal.store import Journal, Work, open_journal
from bridge.registry.ledger import open_ledger
from tests.database import processes
from tests.databases import Databases
from tests.journal.test_journal import opened
from tests.registry.fakes import BALE, HERE, World

pytestmark = pytest.mark.slow

EIGHT = 8
ROUNDS = 20
Answer = TypeVar("Answer")
_SPAWN = get_context("spawn")


_READY = _SPAWN.Barrier(EIGHT)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with _SPAWN.Pool(EIGHT, processes.start, (_READY,)) as pool:
        yield pool


def all_at_once(pool: Pool, act: Callable[..., Answer], arguments: Callable[[int], tuple[Any, ...]]) -> list[Answer]:
    """Each of the eight processes takes one call: a call waits until all are taken."""
    try:
        return pool.starmap(act, [arguments(number) for number in range(EIGHT)], chunksize=1)
    finally:
        _READY.reset()  # one that failed may have left the others waiting


def test_the_same_instruction_planned_by_eight_gets_one_lock_id(
    pool: Pool, tmp_path: Path, databases: Databases
) -> None:
    url = databases.empty(tmp_path, "journal")
    planned = all_at_once(pool, processes.plan_at_once, lambda _: (url, HERE, ROUNDS))
    assert {tuple(one) for one in planned} == {tuple(planned[0])}
    assert len(set(planned[0])) == ROUNDS
    assert len({lock_id[:-2] for lock_id in planned[0]}) == 1, "eight made one identity"


def test_a_nonce_is_kept_once_and_the_losers_take_the_next(pool: Pool, tmp_path: Path, databases: Databases) -> None:
    url = databases.url(tmp_path, "journal")
    kept = all_at_once(pool, processes.keep_a_transaction, lambda number: (url, number))
    assert sorted(nonce for nonce, _ in kept) == list(range(EIGHT))
    assert sum(1 for _, lost in kept if lost == 0) == 1
    journal = open_journal(url)
    assert [row.nonce for (row,) in journal.open_transactions(1)] == list(range(EIGHT))
    journal.close()


def test_of_two_moves_from_one_state_one_happens(pool: Pool, tmp_path: Path, databases: Databases) -> None:
    url = databases.url(tmp_path, "journal")
    journal = open_journal(url)
    for request in range(ROUNDS):
        journal.see_exits([(opened(hex32(request)), "VERRA")], HERE)
    told = all_at_once(pool, processes.move_exits, lambda number: (url, number, ROUNDS))
    for request, row in enumerate(journal.exits(HERE)):
        (_, move) = journal.moves(row.request_id)
        assert move.new == row.state
        assert sorted(one[request] for one in told) == sorted(["halted"] * 4 + [row.state] * 4)
    journal.close()


def test_one_process_at_a_time_turns_the_wheel(pool: Pool, tmp_path: Path, databases: Databases) -> None:
    url = databases.url(tmp_path, "journal")
    assert sum(all_at_once(pool, processes.be_alone, lambda _: (url,))) == 1


def test_who_dies_lets_go_of_the_wheel(tmp_path: Path, databases: Databases) -> None:
    url = databases.url(tmp_path, "journal")
    dying = _SPAWN.Process(target=processes.die_alone, args=(url,))
    dying.start()
    dying.join(60)
    assert dying.exitcode == -9
    journal = open_journal(url)
    _enter_in_the_end(journal)
    journal.close()


def _enter_in_the_end(journal: Journal) -> None:
    """A server notices a death by itself, a moment later."""
    until = monotonic() + 60
    while True:
        try:
            with journal.exclusive(Work.TURN):
                return
        except NotYet:
            assert monotonic() < until, "the dead hold it still"
            sleep(0.05)


@pytest.fixture
def ledger_url(tmp_path: Path, databases: Databases) -> str:
    return databases.url(tmp_path, "registry")


def test_a_serial_is_locked_for_one_lock_only(pool: Pool, ledger_url: str) -> None:
    world = World(open_ledger(ledger_url))
    for turn in range(ROUNDS):
        for number in range(EIGHT):  # no two ask for the same range, and all for its middle
            world.instruct(100 * (turn + 1) + number, 40 * turn + 1 + number, 40 * turn + 31 + number)
    locked = all_at_once(pool, processes.lock, lambda number: (ledger_url, number, ROUNDS))
    assert sum(map(len, locked)) == ROUNDS
    assert sorted(int(name, 16) // 100 for one in locked for name in one) == list(range(1, ROUNDS + 1))
    assert world.ledger.audit() == ()
    world.engine.dispose()


def test_a_serial_is_reserved_for_one_request_only(pool: Pool, ledger_url: str) -> None:
    """Two hundred serials for eight requests of thirty: two of them are refused."""
    world = World(open_ledger(ledger_url))
    world.lock(1, 101, 300, minted=True)
    world.ledger.mark_minted([hex32(1)])
    reserved = all_at_once(pool, processes.reserve, lambda number: (ledger_url, HERE, BALE.id, number))
    serials = [serial for spans in reserved for first, last in spans for serial in range(first, last + 1)]
    assert len(serials) == len(set(serials)) == 180
    assert sum(1 for spans in reserved if not spans) == 2
    assert world.ledger.audit() == ()
    world.engine.dispose()
