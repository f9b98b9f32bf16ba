"""The database itself forbids what the state table forbids: these tests write around every verb."""

from __future__ import annotations

from itertools import product
from threading import Thread
from time import sleep

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from bridge.database.guards import Guard
from bridge.domain.lifecycle import SERIAL_MOVES, Kind, SerialState
from bridge.registry.ledger import open_ledger
from bridge.registry.ledger.migrations.guards import GUARDS, REVERSAL_GUARDS, SERVICE_GUARDS
from bridge.registry.ledger.models import Base
from bridge.registry.service.answers import Answer, Answers
from bridge.registry.service.audit import Act
from bridge.registry.service.tokens import Tokens
from tests.registry.fakes import answered

from .fakes import BALE, BATCH, BIOLITE, HERE, TONGXU, VER, World, serials

BRIDGE = f"bridge {HERE}"


def insert_block(tx: Connection, **changes: object) -> None:
    row = {
        "space": VER.id,
        "first": 5001,
        "last": 5010,
        "class_id": BALE.id,
        "account": "depositor",
        "state": "held",
        "lock_id": None,
        "request_id": None,
        "parent": None,
        "opened_by": 1,
        "closed_by": None,
    } | changes
    names = ", ".join(row)
    tx.execute(text(f"INSERT INTO blocks ({names}) VALUES ({', '.join(':' + n for n in row)})"), row)


def entry(tx: Connection, verb: str) -> int:
    made = tx.execute(
        text("INSERT INTO entries (key, verb, content, made_at) VALUES (:key, :verb, '{}', 0) RETURNING id"),
        {"key": f"raw {verb}", "verb": verb},
    )
    return int(made.scalar_one())


def close(tx: Connection, verb: str, first: int) -> tuple[int, int]:
    """A raw entry that closes the live block that starts at `first`: (entry, block)."""
    by = entry(tx, verb)
    live = tx.execute(text("SELECT id FROM blocks WHERE closed_by IS NULL AND first = :first"), {"first": first})
    block = int(live.scalar_one())
    tx.execute(text("UPDATE blocks SET closed_by = :by WHERE id = :id"), {"by": by, "id": block})
    return by, block


def succeed(world: World, verb: str, old: int, **changes: object) -> None:
    """Replaces the live block that starts at `old` by a raw one of ten serials."""
    with world.engine.begin() as tx:
        by, parent = close(tx, verb, old)
        insert_block(tx, **{"first": old, "last": old + 9, "parent": parent, "opened_by": by, **changes})


def test_a_plain_new_block_is_accepted_so_that_the_refusals_below_mean_something(world: World) -> None:
    with world.engine.begin() as tx:
        insert_block(tx)


@pytest.mark.parametrize(
    ("first", "last"), [(1000, 1000), (1, 1), (1000, 2000), (400, 600), (1, 1000), (1, 5000)], ids=str
)
def test_live_blocks_never_overlap(world: World, first: int, last: int) -> None:
    with world.engine.begin() as tx, pytest.raises(IntegrityError, match="already stand in a live block"):
        insert_block(tx, first=first, last=last)


def test_a_block_around_live_ones_overlaps_too(world: World) -> None:
    with world.engine.begin() as tx:
        insert_block(tx, first=5001, last=5010)
        with pytest.raises(IntegrityError, match="already stand"):
            insert_block(tx, first=4990, last=6000)


def test_retired_serials_stand_in_the_way_as_live_ones_do(world: World) -> None:
    world.ledger.retire("r1", serials(1, 1000), "depositor", "Kinaxis Inc.")
    with world.engine.begin() as tx, pytest.raises(IntegrityError, match="already stand"):
        insert_block(tx, first=1, last=10)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"first": 0, "last": 0}, "block_range"),
        ({"last": 5000}, "block_range"),
        ({"state": "lost"}, "begin only by issue"),
        ({"state": "retired"}, "begin only by issue"),
        ({"state": "locked"}, "account of their deployment"),
        ({"account": "nobody"}, "(?i)foreign key"),
        ({"class_id": BIOLITE.id}, "different registries"),
        ({"parent": 1}, "must lie in the parent"),
    ],
    ids=str,
)
def test_serials_come_into_the_world_in_one_way_only(world: World, changes: dict[str, object], why: str) -> None:
    with pytest.raises(IntegrityError, match=why), world.engine.begin() as tx:
        insert_block(tx, **changes)


def test_a_batch_admits_one_class(world: World) -> None:
    other = BIOLITE.model_validate(BIOLITE.model_dump() | {"vintage": 2023})
    world.ledger.add_class(other)
    world.ledger.issue("batch", serials(1, 10, BATCH), BIOLITE.id, "depositor")
    with world.engine.begin() as tx, pytest.raises(IntegrityError, match="a batch admits one class"):
        insert_block(tx, space=BATCH.id, class_id=other.id)


@pytest.mark.parametrize("verb", ["transfer", "override"])
@pytest.mark.parametrize(("old", "new"), list(product(SerialState, SerialState)), ids=str)
def test_the_database_allows_the_moves_of_the_state_table_and_no_others(
    world: World, old: SerialState, new: SerialState, verb: str
) -> None:
    lock_id = world.lock(1, 101, 200, minted=True)
    world.lock(2, 201, 300, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 100)
    answered(world.registry.reserve([request_id]))  # the lowest: 101 to 200
    world.ledger.retire("r", serials(301, 400), "depositor", "Kinaxis Inc.")
    world.ledger.cancel("c", serials(401, 500), "depositor", "re-issued elsewhere")
    other_request = world.ask(Kind.REDEMPTION, 10, "nobody")
    answered(world.registry.reserve([other_request]))
    world.ledger.reverse("v", serials(501, 600), "fire")
    start = {"held": 1, "locked": 201, "reserved": 101, "retired": 301, "cancelled": 401, "reversed": 501}[old]
    at_bridge = new in (SerialState.LOCKED, SerialState.RESERVED)
    ended = old in (SerialState.RETIRED, SerialState.CANCELLED, SerialState.REVERSED)
    override = verb == "override" and new in (SerialState.RETIRED, SerialState.CANCELLED)
    changes = {
        "account": BRIDGE if at_bridge else "receiver",
        "state": new.value,
        "lock_id": lock_id if at_bridge else None,
        "request_id": other_request if new is SerialState.RESERVED else None,
    }
    if new in SERIAL_MOVES[old] or (override and not ended):
        succeed(world, verb, start, **changes)
    else:
        with pytest.raises(IntegrityError, match=r"cannot make this move|stay so"):
            succeed(world, verb, start, **changes)


@pytest.mark.parametrize("wrong", [{"last": 1001}, {"class_id": TONGXU.id}, {"opened_by": 1}], ids=str)
def test_a_successor_lies_in_its_parent_and_keeps_its_class(world: World, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="must lie in the parent"):
        succeed(world, "transfer", 1, **wrong)


def test_serials_of_a_lock_that_nobody_saw_minted_cannot_be_reserved(world: World) -> None:
    lock_id = world.lock(1, 1, 100)
    world.lock(2, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([request_id]))
    with pytest.raises(IntegrityError, match="only serials of a minted lock"):
        succeed(world, "reserve", 1, state="reserved", account=BRIDGE, lock_id=lock_id, request_id=request_id)


def test_locked_serials_stand_with_their_deployment(world: World) -> None:
    lock_id = world.lock(1, 1, 100)
    with pytest.raises(IntegrityError, match="account of their deployment"):
        succeed(world, "lock", 101, state="locked", account="depositor", lock_id=lock_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blocks SET state = 'retired' WHERE first = 1",
        "UPDATE blocks SET last = 2000 WHERE first = 1",
        "UPDATE blocks SET account = 'receiver' WHERE first = 1",
        "UPDATE blocks SET closed_by = NULL WHERE closed_by IS NOT NULL",
        "DELETE FROM blocks",
        "UPDATE entries SET content = '{}'",
        "DELETE FROM entries WHERE id = 1",
        "UPDATE postings SET units = units + 1",
        "DELETE FROM postings",
        "UPDATE instructions SET document = '{}'",
        "DELETE FROM instructions",
        "UPDATE locks SET instruction_id = 'other'",
        "UPDATE locks SET class_id = 'other'",
        "UPDATE locks SET minted = FALSE",
        "UPDATE locks SET released_by = 1",
        "DELETE FROM locks",
        "UPDATE reservations SET units = units + 1",
        "UPDATE reservations SET refusal = 'changed'",
        "UPDATE reservations SET ended = 'forgotten'",
        "DELETE FROM reservations",
        "UPDATE part_ranges SET last = last + 1",
        "DELETE FROM part_ranges",
        "UPDATE statements SET document = '{}'",
        "DELETE FROM statements",
        "UPDATE disclosures SET document = '{}'",
        "UPDATE reversals SET last = last + 1",
        "UPDATE reversals SET ended = FALSE",
        "DELETE FROM reversals",
        "UPDATE reversal_wordings SET document = '{}'",
        "DELETE FROM reversal_wordings",
        "UPDATE late_refusals SET reason = 'other'",
        "DELETE FROM late_refusals",
        "INSERT INTO postings SELECT 9999, entry_id, class_id, 0, from_account, from_state, to_account, to_state"
        " FROM postings LIMIT 1",
        "INSERT INTO postings SELECT 9999, entry_id, class_id, 1, to_account, to_state, to_account, to_state"
        " FROM postings LIMIT 1",
        "INSERT INTO locks SELECT '0x99', instruction_id, class_id, minted, NULL FROM locks LIMIT 1",
        "INSERT INTO part_ranges SELECT request_id, 1, 0, space, 1, 1 FROM part_ranges LIMIT 1",
        "INSERT INTO accounts VALUES ('another', 'bridge', (SELECT deployment FROM accounts WHERE kind = 'bridge'))",
        "INSERT INTO accounts VALUES ('another', 'bridge', NULL)",
    ],
)
def test_what_is_written_stays_written(world: World, statement: str) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([request_id]))
    (event,) = world.ledger.reverse("fire", serials(101, 120), "fire")
    world.registry.attest_reversal(event.event_id)
    answered(world.registry.reconsider([request_id]))
    world.registry.statement("VERRA", HERE)
    with pytest.raises(IntegrityError), world.engine.begin() as tx:
        tx.execute(text(statement))


def test_a_refused_request_gets_no_parts(world: World) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.REDEMPTION, 10, "nobody")
    answered(world.registry.reserve([request_id]))
    with world.engine.begin() as tx, pytest.raises(IntegrityError, match="gets no parts"):
        tx.execute(
            text("INSERT INTO part_ranges VALUES (:request, 0, 0, :space, 101, 110)"),
            {"request": request_id, "space": VER.id},
        )


def test_serials_that_vanish_by_hand_are_found_by_the_audit(world: World) -> None:
    with world.engine.begin() as tx:
        close(tx, "transfer", 1)
    found = " ".join(world.ledger.audit())
    assert "postings and serials differ" in found
    assert "not all in its successors" in found


def test_the_migrations_make_the_tables_that_the_models_describe(engine: Engine) -> None:
    with engine.connect() as tx:
        assert compare_metadata(MigrationContext.configure(tx), Base.metadata) == []


def test_opening_twice_migrates_once(engine: Engine) -> None:
    open_ledger(str(engine.url)).dispose()


def furnished(world: World) -> World:
    """At least one row in every table that is kept for good, and a request that was refused."""
    world.lock(1, 101, 200, minted=True)
    executed = world.ask(Kind.RETIREMENT, 10)
    world.settled(executed)
    answered(world.registry.execute([executed]))
    reserved = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([reserved]))
    answered(world.registry.reserve([world.ask(Kind.REDEMPTION, 10, "nobody")]))
    (event,) = world.ledger.reverse("fire", serials(111, 120), "fire")
    world.registry.attest_reversal(event.event_id)
    answered(world.registry.reconsider([reserved]))
    world.registry.statement("VERRA", HERE)
    token, _ = Tokens(world.engine, world.clock).create("a bridge", ["bridge"], HERE)
    act = Act(token=token.id, method="POST", path="/v1/locks", key="a first key")
    Answers(world.engine, world.clock).once(act, "", lambda: Answer(status=200, body=b"{}"))
    return world


def kept_actions(dialect: str) -> list[tuple[Guard, str]]:
    """Each guard of rows that are kept for good, with a change that it refuses; TRUNCATE is PostgreSQL's."""
    found = []
    for guard in (*GUARDS, *REVERSAL_GUARDS, *SERVICE_GUARDS):
        if guard.message.endswith("kept for good"):
            same = (
                f"UPDATE {guard.table} SET {KEY.get(guard.table, 'request_id')} = {KEY.get(guard.table, 'request_id')}"
            )
            found.append((guard, same if guard.action == "UPDATE" else f"DELETE FROM {guard.table}"))
            if guard.action == "DELETE" and dialect == "postgresql":
                found.append((guard, f"TRUNCATE {guard.table} CASCADE"))
    return found


KEY = {
    "entries": "id",
    "postings": "id",
    "instructions": "id",
    "statements": "sequence",
    "reversal_wordings": "version",
    "tokens": "id",
    "audit": "sequence",
}


def test_no_row_that_is_kept_for_good_is_changed_or_goes(world: World) -> None:
    furnished(world)
    for guard, change in kept_actions(world.engine.dialect.name):
        with world.engine.connect() as tx:
            with pytest.raises(IntegrityError, match="are kept for good"):
                tx.execute(text(change))
            tx.rollback()
            assert tx.scalar(text(f"SELECT count(*) FROM {guard.table}")), "an empty table would show nothing"


FORBIDDEN = {
    "block_closes_once": ("UPDATE blocks SET account = 'receiver' WHERE state = 'held'", "only ever closes, once"),
    "block_ends": ("UPDATE blocks SET closed_by = opened_by WHERE state = 'retired'", "stay so"),
    "lock_content": ("UPDATE locks SET minted = FALSE", "a lock never changes"),
    "reservation_content": ("UPDATE reservations SET units = units + 1", "a decision never changes"),
    "reversal_content": ("UPDATE reversals SET last = last + 1", "an event never changes"),
    "part_of_refused": (
        "INSERT INTO part_ranges SELECT request_id, 9, 0, (SELECT id FROM spaces LIMIT 1), 1, 1 FROM reservations"
        " WHERE refusal IS NOT NULL",
        "gets no parts",
    ),
    "parts_within_request": (
        "INSERT INTO part_ranges SELECT request_id, 9, 0, (SELECT id FROM spaces LIMIT 1), 1, 1 FROM reservations"
        " WHERE refusal IS NULL AND ended IS NULL",
        "parts exceed their request",
    ),
    "token_content": ("UPDATE tokens SET scopes = 'reader'", "a token never changes"),
    "answer_content": ("UPDATE answers SET status = 500", "an answer never changes"),
    "audit_chain": (
        "INSERT INTO audit SELECT sequence + 1, at, token, method, path, key, body, status, previous, hash FROM audit"
        " WHERE sequence = 2",
        "goes on where it ends",
    ),
}
OF_NEW_BLOCKS = {"disjoint", "issued", "parent", "move", "minted", "custody", "registry", "batch"}
"""Tested one by one at the head of this file."""


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_decided_stays_decided(world: World, name: str) -> None:
    change, words = FORBIDDEN[name]
    with pytest.raises(IntegrityError, match=words), furnished(world).engine.begin() as tx:
        tx.execute(text(change))


def test_every_guard_is_tested_here() -> None:
    others = {g.name for g in (*GUARDS, *REVERSAL_GUARDS, *SERVICE_GUARDS) if not g.message.endswith("kept for good")}
    assert others == set(FORBIDDEN) | {f"block_{name}" for name in OF_NEW_BLOCKS}


def test_the_database_holds_what_is_live_apart_even_between_writers_who_take_no_turns(
    world: World,
) -> None:
    """PostgreSQL's trigger does not see what another has not yet committed; its exclusion constraint waits for it."""
    if world.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer, whoever he is")
    engine = create_engine(world.engine.url)  # takes no turns
    refusals: list[str] = []

    def late() -> None:
        try:
            with engine.begin() as tx:
                insert_block(tx, first=5005, last=5020)
        except IntegrityError as error:
            refusals.append(str(error))

    with engine.begin() as tx:
        insert_block(tx, first=5001, last=5010)
        other = Thread(target=late)
        other.start()
        while other.is_alive() and not _waits(world.engine):
            sleep(0.01)
    other.join(60)
    engine.dispose()
    assert [True for refusal in refusals if "block_never_overlaps" in refusal]


def _waits(engine: Engine) -> bool:
    with engine.connect() as tx:
        return bool(tx.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_the_largest_serial_can_be_stored_and_overlaps_as_others_do(world: World) -> None:
    with world.engine.begin() as tx:
        insert_block(tx, first=2**63 - 10, last=2**63 - 1)
        with pytest.raises(IntegrityError, match="already stand"):
            insert_block(tx, first=2**63 - 1, last=2**63 - 1)
