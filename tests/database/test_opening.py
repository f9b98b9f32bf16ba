"""What is said when a database cannot be opened, and what holds of every one that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from bridge.cases.store import open_cases
from bridge.database import held_alone, open_database, reading, writing
from bridge.errors import NotYet, Unreachable, UsageError
from bridge.journal.store import Work, open_journal
from bridge.registry.ledger import open_ledger
from tests.databases import ROOMS, Databases, PostgresServer

SECRET = "s3cret-w0rd"
OPEN: dict[str, Callable[[str], object]] = {
    "journal": open_journal,
    "registry": open_ledger,
    "compliance": open_cases,
}


def opened(url: str) -> Engine:
    return open_database(url, "journal", *ROOMS["journal"])


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "ledger.db",
        f"nonsense {SECRET}",
        f"sqlite://u:{SECRET}@host/x",
        f"sqlite+aiosqlite:///{SECRET}.db",
        f"mysql://u:{SECRET}@host/x",
        f"postgresql+asyncpg://u:{SECRET}@host/x",
        f"postgresql://u:{SECRET}/x",  # the host is forgotten, and the password read as a port
    ],
)
def test_a_url_that_names_no_database_is_refused_with_advice_and_without_its_password(room: str, url: str) -> None:
    with pytest.raises(UsageError, match=f"sqlite:///path/to/{room}.db or postgresql://") as refused:
        OPEN[room](url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////no/such/folder/x.db",
        f"postgresql://u:{SECRET}@127.0.0.1:1/x",
        f"postgresql+psycopg://u@127.0.0.1:1/x?password={SECRET}",
    ],
)
def test_a_database_that_does_not_answer_is_unreachable_and_its_password_unsaid(room: str, url: str) -> None:
    with pytest.raises(Unreachable, match=f"the {room} .* cannot be opened") as refused:
        OPEN[room](url)
    assert SECRET not in str(refused.value)


def test_a_wrong_option_is_refused_without_the_password() -> None:
    with pytest.raises(UsageError, match="journal") as refused:
        open_journal(f"postgresql://u:{SECRET}@127.0.0.1:1/x?nonsense=1")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("mine", "other"), [("journal", "registry"), ("registry", "journal")])
def test_one_room_s_database_is_refused_to_the_other(
    tmp_path: Path, databases: Databases, mine: str, other: str
) -> None:
    with pytest.raises(UsageError, match="a database each"):
        OPEN[other](databases.url(tmp_path, mine) if isinstance(databases, PostgresServer) else made(tmp_path, mine))


def made(folder: Path, room: str) -> str:
    url = f"sqlite:///{folder}/{room}.db"
    open_database(url, room, *ROOMS[room]).dispose()
    return url


@pytest.mark.parametrize("room", ROOMS)
def test_a_database_that_is_newer_than_the_program_is_refused(tmp_path: Path, databases: Databases, room: str) -> None:
    url = databases.url(tmp_path, room)
    engine = open_database(url, room, *ROOMS[room])
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UsageError, match=r"newer carbonbridge: it is at revision 9999.*no way back"):
        OPEN[room](url)


def test_a_reader_sees_one_snapshot_and_cannot_write(tmp_path: Path, databases: Databases) -> None:
    engine = opened(databases.url(tmp_path, "journal"))
    count = text("SELECT count(*) FROM attestations")
    add = text("INSERT INTO attestations (kind, body) VALUES ('locks', '')")
    with reading(engine, "journal") as session:
        assert session.scalar(count) == 0
        with writing(engine, "journal") as other:
            other.execute(add)
        assert session.scalar(count) == 0
        if engine.dialect.name == "postgresql":
            with pytest.raises(DBAPIError, match="read-only"):
                session.execute(add)
    engine.dispose()


def test_a_writer_that_waits_too_long_is_told_to_repeat(tmp_path: Path, databases: Databases) -> None:
    url = databases.url(tmp_path, "journal")
    one, other = opened(url), opened(url)
    impatient = "SET lock_timeout = '10ms'" if other.dialect.name == "postgresql" else "PRAGMA busy_timeout = 10"
    other.dispose()

    @event.listens_for(other, "connect")
    def hurry(connection: Any, _record: object) -> None:
        connection.execute(impatient)
        connection.commit()

    first = text("SELECT 1")  # a turn is taken with the first word
    with writing(one, "journal") as session:
        session.execute(first)
        with pytest.raises(Unreachable, match="repeat"), writing(other, "journal") as late:
            late.execute(first)
    one.dispose()
    other.dispose()


def test_a_commit_is_on_disk_when_it_is_reported(tmp_path: Path, databases: Databases) -> None:
    """Whatever the server's own settings are."""
    url = databases.url(tmp_path, "journal")
    engine = opened(url)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    else:
        with engine.begin() as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"))
        engine.dispose()
        with create_engine(engine.url).connect() as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == "off"
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == "on"
            assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
            assert connection.scalar(text("SHOW lock_timeout")) == "10s"
    engine.dispose()


def test_a_stronger_promise_of_the_server_is_kept(tmp_path: Path, databases: Databases) -> None:
    if not isinstance(databases, PostgresServer):
        pytest.skip("SQLite has no replicas to wait for")
    engine = opened(databases.url(tmp_path, "journal"))
    with engine.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply"))
    engine.dispose()
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "remote_apply"
    engine.dispose()


def test_a_journal_is_let_go_of_and_one_at_a_time_has_it(tmp_path: Path, databases: Databases) -> None:
    journal = open_journal(databases.url(tmp_path, "journal"))
    for _ in range(50):
        with journal.exclusive(Work.TURN):
            pass
    with pytest.raises(ZeroDivisionError), journal.exclusive(Work.TURN):
        raise ZeroDivisionError
    with journal.exclusive(Work.TURN), pytest.raises(NotYet, match="another process"), journal.exclusive(Work.TURN):
        pytest.fail("two at once")
    journal.close()


def test_a_server_is_told_that_a_journal_is_free(tmp_path: Path, databases: Databases) -> None:
    """It notices a closed connection by itself, but later: whoever came next would be sent away."""
    engine, said = opened(databases.url(tmp_path, "journal")), list[str]()
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite's lock is a file's")
    event.listen(engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    with held_alone(engine, "journal", "0x" + "11" * 32, Work.TURN) as alone:
        assert alone
    assert "pg_advisory_unlock" in said[-1]
    engine.dispose()
