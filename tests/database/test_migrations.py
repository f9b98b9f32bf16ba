"""Databases of every older revision, with rows in them, come up to date: the rows are kept, and all guards stand.

A new revision adds the rows that only it can hold to its room's table here. There is no way down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from bridge.cases.models import Base as Cases
from bridge.database import open_database
from bridge.database.guards import kept
from bridge.domain.attestations import Deployment
from bridge.domain.serials import SerialRange
from bridge.domain.values import hex32
from bridge.journal.store import open_journal
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.ledger.migrations.guards import (
    ATTRIBUTE_GUARDS,
    FOREIGN_GUARDS,
    GUARDS,
    REVERSAL_GUARDS,
    SERVICE_GUARDS,
)
from bridge.registry.port import Instruction
from tests.databases import ROOMS, Databases

Row = dict[str, Any]
HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
PLACE = str(HERE)
SPACE = hex32(4)
SAGA = {"deployment": PLACE, "registry": "VERRA", "note": "", "attestation_id": 1}

POSTING = ("entry_id", "units", "from_account", "from_state", "to_account", "to_state")
BLOCK = ("first", "last", "account", "state", "lock_id", "request_id", "parent", "opened_by", "closed_by")

ORDER = Instruction(
    instruction_id=hex32(11),
    registry="VERRA",
    account="alice",
    range=SerialRange(space=SPACE, first=61, last=100),
    deployment=HERE,
    recipient="0x" + "12" * 20,
    not_after=2**40,
)
ROWS: dict[str, dict[str, list[tuple[str, Row]]]] = {
    "journal": {
        "0001": [
            ("identity", {"only": 1, "uid": hex32(77), "locks_made": 258}),
            *(
                ("attestations", {"id": n, "kind": k, "body": k})
                for n, k in enumerate(("locks", "outcomes", "refusals"), 1)
            ),
            *(
                ("deposits", SAGA | {"lock_id": f"lock-{state}", "instruction_id": state, "state": state, "lock": "{}"})
                for state in ("planned", "locked", "attested", "sent", "minted", "released", "failed")
            ),
            *(
                ("exits", SAGA | {"request_id": f"exit-{state}", "state": state, "opened": "{}", "receipt": "{}"})
                for state in ("seen", "reserved", "attested", "sent", "settled", "refused", "returned", "executed")
            ),
            *(
                (
                    "transactions",
                    {"hash": state, "chain_id": 1, "sender": "0x1", "nonce": 4, "raw": "0x", "state": state}
                    | {"attestation_id": None},
                )
                for state in ("open", "dropped")
            ),
            ("cursors", {"deployment": PLACE, "block": 2**40, "block_hash": hex32(5)}),
            ("moves", {"id": 1, "subject": "lock-locked", "old": "planned", "new": "locked", "note": "東京"}),
            ("own_requests", {"request_id": hex32(9), "deployment": PLACE, "request": "{}", "opening": "{}"}),
        ],
        "0002": [
            ("attestations", {"id": 4, "kind": "reversals", "body": ""}),
            ("reversals", SAGA | {"event_id": hex32(6), "class_id": hex32(2), "serials": "{}", "state": "sent"}),
        ],
        "0003": [
            (
                "transactions",
                {"hash": "dearer", "chain_id": 1, "sender": "0x1", "nonce": 4, "raw": "0x", "state": "open"}
                | {"attestation_id": None, "attempt": 1, "purpose": "mint", "signed_at": 2**40},
            ),
            ("moves", {"id": 2, "subject": "exit-seen", "old": "", "new": "seen", "note": "", "at": 2**40}),
        ],
        "0004": [
            (
                "own_requests",
                {"request_id": hex32(10), "deployment": PLACE, "request": "{}", "opening": "{}", "not_after": 2**40},
            ),
        ],
        "0005": [],
    },
    "registry": {
        "0001": [
            *(("accounts", {"name": name, "kind": "participant"}) for name in ("alice", "bob")),
            ("accounts", {"name": "bridge", "kind": "bridge", "deployment": PLACE}),
            ("projects", {"programme": "VERRA", "code": "1", "name": "", "country": "", "methodology": ""}),
            ("spaces", {"id": SPACE, "programme": "VERRA", "kind": 0, "key": "VER"}),
            (
                "classes",
                {"id": hex32(2), "programme": "VERRA", "project": "1", "vintage": 2020, "credit_type": "VCU"}
                | {"kg_per_unit": 1000},
            ),
            *(
                ("entries", {"key": f"{n}", "verb": verb, "content": "{}", "made_at": n, "deployment": None})
                for n, verb in enumerate(("issue", "lock", "reserve", "retire"), 1)
            ),
            (
                "instructions",
                {"id": "order", "programme": "VERRA", "account": "alice", "deployment": PLACE, "document": "{}"},
            ),
            (
                "instructions",
                {"id": "unlocked", "programme": "VERRA", "account": "alice", "deployment": PLACE}
                | {"document": ORDER.model_dump_json()},
            ),
            ("locks", {"id": "lock", "instruction_id": "order", "class_id": hex32(2), "minted": True}),
            (
                "reservations",
                {"request_id": "request", "deployment": PLACE, "class_id": hex32(2), "kind": 0, "units": 10}
                | {"commitment": "", "refusal": None},
            ),
            (
                "part_ranges",
                {"request_id": "request", "part": 0, "position": 0, "space": SPACE, "first": 1, "last": 10},
            ),
            *(
                (
                    "postings",
                    {"class_id": hex32(2)} | dict(zip(POSTING, posting, strict=True)),
                )
                for posting in (
                    (1, 100, "issuance", "held", "alice", "held"),
                    (2, 60, "alice", "held", "bridge", "locked"),
                    (3, 10, "bridge", "locked", "bridge", "reserved"),
                    (4, 40, "alice", "held", "alice", "retired"),
                )
            ),
            *(
                ("blocks", dict(zip(BLOCK, block, strict=True)) | {"space": SPACE, "class_id": hex32(2)})
                for block in (
                    (1, 100, "alice", "held", None, None, None, 1, 2),
                    (1, 60, "bridge", "locked", "lock", None, 1, 2, 3),
                    (61, 100, "alice", "held", None, None, 1, 2, 4),
                    (1, 10, "bridge", "reserved", "lock", "request", 2, 3, None),
                    (11, 60, "bridge", "locked", "lock", None, 2, 3, None),
                    (61, 100, "alice", "retired", None, None, 3, 4, None),
                )
            ),
            ("statements", {"programme": "VERRA", "deployment": PLACE, "sequence": 1, "document": "{}"}),
            ("disclosures", {"request_id": "request", "commitment": "", "document": "{}"}),
            ("receipts", {"request_id": "request", "document": "{}"}),
            ("signed_receipts", {"request_id": "request", "document": "{}"}),
        ],
        "0002": [
            (
                "reversals",
                {"event_id": "event", "act": 1, "deployment": PLACE, "number": 0, "class_id": hex32(2), "reason": ""}
                | {"space": SPACE, "first": 1, "last": 10, "ended": False},
            ),
            ("reversal_wordings", {"event_id": "event", "version": 0, "document": "{}"}),
            ("late_refusals", {"request_id": "request", "reason": "short"}),
        ],
        "0003": [],
        "0004": [
            (
                "foreign_acts",
                {"id": "act", "programme": "JC", "verb": "retire", "subject": "request", "document": "{}"}
                | {"final_block": 2**40, "state": "planned", "round": 0},
            ),
            ("foreign_steps", {"act_id": "act", "number": 0, "at": 2**40, "state": "planned", "words": "移転"}),
            (
                "confirmations",
                {"act_id": "act", "number": 0, "round": 0, "officer": "0x1", "document": "{}", "signature": "0x"},
            ),
        ],
        "0005": [
            ("statements", {"programme": "VERRA", "deployment": PLACE, "sequence": 2, "document": "{}", "entry": 4}),
            (
                "tokens",
                {"id": "token", "name": "", "secret_hash": "0" * 64, "scopes": "bridge", "deployment": PLACE}
                | {"created_at": 1, "expires_at": 2**40, "revoked_at": None},
            ),
            (
                "answers",
                {"token": "token", "key": "key", "fingerprint": "", "status": 200, "body": b"{}", "at": 2**40},
            ),
            (
                "audit",
                {"sequence": 1, "at": 1, "token": "token", "method": "", "path": "", "key": "", "body": ""}
                | {"status": 200, "previous": "", "hash": "1"},
            ),
        ],
        "0006": [
            (
                "class_attributes",
                {
                    "class_id": hex32(2),
                    "attribute": "host_country",
                    "number": 1,
                    "value": '"日本"',
                    "source": "a letter",
                }
                | {"stated_on": "2024-02-29", "recorded_at": 2**40},
            ),
            (
                "class_metadata",
                {"class_id": hex32(2), "deployment": PLACE, "number": 1, "body": "{}", "document": "{}"},
            ),
        ],
    },
    "compliance": {
        "0001": [
            (
                "runs",
                {"number": 1, "run_id": hex32(1), "begun_at": 2**40, "ended_at": 2**40, "scope": "[]", "clean": False}
                | {"findings": 1, "breaks": 1, "opened": 1, "closed": 0, "report_hash": hex32(2), "report": b"\x00"},
            ),
            ("contents", {"content": hex32(3), "finding_id": hex32(4), "body": '{"title": "二重"}'}),
            ("sightings", {"run": 1, "finding_id": hex32(4), "content": hex32(3)}),
            ("closings", {"run": 1, "finding_id": hex32(5)}),
            (
                "acknowledgements",
                {"id": 1, "finding_id": hex32(4), "content": hex32(3), "reason": "known", "named": "Sato", "at": 2**40},
            ),
            ("alerts", {"alert_id": hex32(6), "run": 1, "channel": "desk", "body": "{}"}),
            ("deliveries", {"alert_id": hex32(6), "at": 2**40}),
            ("trips", {"content": hex32(3), "finding_id": hex32(4), "deployment": PLACE, "at": 2**40}),
            ("trip_ends", {"content": hex32(3), "transaction_hash": "", "at": 2**40}),
        ],
    },
}


def scripts(room: str) -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", str(ROOMS[room][0]))
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def revisions(room: str) -> list[str]:
    """Rising."""
    return [script.revision for script in scripts(room)[1].walk_revisions()][::-1]


def insert(connection: Connection, table: str, row: Row) -> None:
    quoted = ", ".join(f'"{name}"' for name in row)
    connection.execute(text(f"INSERT INTO {table} ({quoted}) VALUES ({', '.join(':' + name for name in row)})"), row)


def write(connection: Connection, table: str, row: Row) -> None:
    """A closed block was live first, and its successors stand in it."""
    insert(connection, table, row | ({"closed_by": None} if table == "blocks" else {}))


def build(url: str, room: str, upto: str) -> None:
    """A database as the program of that revision left it."""
    config, _ = scripts(room)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    for revision in revisions(room):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            blocks = [row for table, row in ROWS[room][revision] if table == "blocks"]
            for table, row in ROWS[room][revision]:
                if table == "blocks":
                    for number, earlier in enumerate(blocks, 1):
                        if earlier["closed_by"] == row["opened_by"]:
                            close = "UPDATE blocks SET closed_by = :by WHERE id = :id AND closed_by IS NULL"
                            connection.execute(text(close), {"by": row["opened_by"], "id": number})
                write(connection, table, row)
        if revision == upto:
            break
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            go_on_counting(connection)
    engine.dispose()


def go_on_counting(connection: Connection) -> None:
    """Rows were written with their numbers here, which the program leaves to the database."""
    columns = "SELECT table_name FROM information_schema.columns WHERE column_name = 'id'"
    for (table,) in connection.execute(text(f"{columns} AND column_default LIKE 'nextval(%'")).all():
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        last = f"SELECT setval({sequence}, (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
        connection.execute(text(last))


def rows_of(connection: Connection, table: str, names: list[str]) -> list[tuple[Any, ...]]:
    quoted = ", ".join(f'"{name}"' for name in names)
    return [tuple(row) for row in connection.execute(text(f"SELECT {quoted} FROM {table}"))]


def triggers(engine: Engine) -> set[str]:
    kept = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'",
    }
    with engine.connect() as connection:
        return set(connection.scalars(text(kept[engine.dialect.name])))


GUARDS_OF = {
    "journal": {"deposits_moves", "exits_moves", "reversals_moves"},
    "registry": {
        guard.name for guard in (*GUARDS, *REVERSAL_GUARDS, *FOREIGN_GUARDS, *SERVICE_GUARDS, *ATTRIBUTE_GUARDS)
    },
    "compliance": {guard.name for table in Cases.metadata.tables for guard in kept(table, "UPDATE", "DELETE")},
}
AGES = [(room, revision) for room in ROOMS for revision in revisions(room)]


@pytest.fixture
def aged(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Iterator[tuple[str, str, Engine]]:
    """(room, revision, the database after it was opened by this program)"""
    room, revision = request.param
    url = databases.empty(tmp_path, room)
    build(url, room, revision)
    engine = open_database(url, room, *ROOMS[room])
    yield room, revision, engine
    engine.dispose()


@pytest.mark.parametrize("aged", AGES, indirect=True, ids="-".join)
def test_every_row_of_an_older_database_is_kept(aged: tuple[str, str, Engine]) -> None:
    room, revision, engine = aged
    with engine.connect() as connection:
        for old in revisions(room)[: revisions(room).index(revision) + 1]:
            for table, row in ROWS[room][old]:
                assert tuple(row.values()) in rows_of(connection, table, list(row)), (table, row)
        if engine.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


@pytest.mark.parametrize("aged", AGES, indirect=True, ids="-".join)
def test_every_guard_stands_in_an_older_database(aged: tuple[str, str, Engine]) -> None:
    room, _, engine = aged
    extra = {name for name in triggers(engine) - GUARDS_OF[room] if name.endswith("_truncate")}
    assert triggers(engine) - extra == GUARDS_OF[room]
    deletes = {name.replace("_delete", "_truncate") for name in GUARDS_OF[room] if name.endswith("_delete")}
    assert extra == (deletes if engine.dialect.name == "postgresql" else set())


@pytest.mark.parametrize(
    ("aged", "change"),
    [
        (age, change)
        for age in AGES
        for change in {
            "journal": (
                "UPDATE deposits SET state = 'planned' WHERE state = 'minted'",
                "UPDATE exits SET state = 'seen' WHERE state = 'executed'",
                "INSERT INTO attestations (id, kind, body) VALUES (99, 'others', '')",
            ),
            "registry": (
                "UPDATE blocks SET closed_by = 4 WHERE state = 'retired'",
                "UPDATE blocks SET last = 99 WHERE first = 1",
                "DELETE FROM entries",
                "INSERT INTO blocks (space, first, last, class_id, account, state, opened_by) "
                f"VALUES ('{SPACE}', 100, 100, '{hex32(2)}', 'alice', 'held', 1)",
            ),
            "compliance": (
                "UPDATE contents SET body = ''",
                "DELETE FROM sightings",
                "INSERT INTO acknowledgements (id, finding_id, content, reason, named, at) "
                f"VALUES (9, '{hex32(4)}', '{hex32(3)}', '', 'Sato', 1)",
            ),
        }[age[0]]
    ],
    indirect=["aged"],
    ids=str,
)
def test_what_older_rows_forbid_stays_forbidden(aged: tuple[str, str, Engine], change: str) -> None:
    with pytest.raises(IntegrityError), aged[2].begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize("revision", revisions("journal"))
def test_an_older_journal_goes_on_where_it_was(tmp_path: Path, databases: Databases, revision: str) -> None:
    url = databases.empty(tmp_path, "journal")
    build(url, "journal", revision)
    journal = open_journal(url)
    span = SerialRange(space=hex32(1), first=1, last=9)
    journal.see_reversal(hex32(8), "VERRA", HERE, hex32(2), span)
    assert [row.state for row in journal.reversals(HERE)][-1] == "planned"
    assert journal.plan_deposit(hex32(3), "VERRA", HERE, covers=hex32(2)).lock_id.endswith("02"), "the 259th"
    assert journal.next_nonce(1, "0x1", 0) == 5
    journal.close()


@pytest.mark.parametrize("revision", revisions("registry"))
def test_an_older_ledger_goes_on_where_it_was(tmp_path: Path, databases: Databases, revision: str) -> None:
    url = databases.empty(tmp_path, "registry")
    build(url, "registry", revision)
    ledger = Ledger(open_ledger(url), lambda: 9)
    assert ledger.audit() == ()
    assert ledger.waiting(HERE) == (ORDER,)
    more = SerialRange(space=SPACE, first=101, last=110)
    ledger.issue("more", more, hex32(2), "alice")
    ledger.reverse("more", more, "fire")
    assert ledger.is_taken_back(more)
    assert ledger.audit() == ()
    ledger.engine.dispose()


@pytest.mark.parametrize("room", ROOMS)
def test_there_is_no_way_down(tmp_path: Path, databases: Databases, room: str) -> None:
    engine = open_database(databases.url(tmp_path, room), room, *ROOMS[room])
    config, _ = scripts(room)
    with engine.begin() as connection:
        before = set(inspect(connection).get_table_names())
        config.attributes["connection"] = connection
        with pytest.raises((NotImplementedError, CommandError, AttributeError)):
            command.downgrade(config, "base")
        assert set(inspect(connection).get_table_names()) == before
    engine.dispose()
