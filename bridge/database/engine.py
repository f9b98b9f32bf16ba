"""Opens a database and brings its tables up to date. What it says of a database never holds the URL's password."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, InterfaceError, OperationalError

from bridge.errors import Unreachable, UsageError

_WAIT_SECONDS = 10
_SQLITE = (
    f"busy_timeout = {_WAIT_SECONDS * 1000}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "recursive_triggers = ON",
)
_POSTGRESQL = {
    "lock_timeout": f"{_WAIT_SECONDS}s",
    # A host that vanishes lets go of its locks within a minute or so.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_WEAK_COMMITS = ("off", "local", "remote_write")
_WRITERS_TURN = 0x63617262
"""The advisory lock that a writing transaction holds; PostgreSQL keeps them apart by database."""


def open_database(url: str, room: str, migrations: Path, first_table: str) -> Engine:
    """An engine on the migrated database of a room, from `sqlite:///…` or `postgresql://…`.

    An SQLite file is its owner's alone from the start. `first_table` tells the rooms' databases apart. Raises
    UsageError for a URL that names no database for this room, Unreachable when the database cannot be opened.
    """
    engine = _engine(url, room)
    place = f"the {room} {_place(engine.url)}"
    try:
        _migrate(engine, place, migrations, first_table)
    except (OperationalError, InterfaceError) as error:
        raise Unreachable(f"{place} cannot be opened: {said(error)}") from error
    except DatabaseError as error:
        raise UsageError(f"{place} is no database of ours, or not ours to write: {said(error)}") from error
    return engine


def said(error: DatabaseError | InterfaceError) -> str:
    """The database's own words, on one line."""
    return " ".join(str(error.orig).split())


def is_taken(error: IntegrityError) -> bool:
    """Whether a unique index refused it, and no other guard."""
    words = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
    sqlite_name, postgresql_code = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
    return sqlite_name in words or postgresql_code == "23505"


def _engine(url: str, room: str) -> Engine:
    advice = f"write sqlite:///path/to/{room}.db or postgresql://user@host/{room}"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # without their words, which may hold a password
        raise UsageError(f"the {room}'s URL names no database; {advice}") from None
    if parsed.drivername == "sqlite" and not parsed.host:
        return _sqlite(parsed)
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise UsageError(f"the {room} runs on no {parsed.drivername} like this; {advice}")


def _place(url: URL) -> str:
    return f"{url.database} on {url.host}" if url.host else str(url.database)


# ------------------------------------------------------------------- SQLite


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        with suppress(OSError):  # one that is there already, or that opening will complain of
            os.close(os.open(url.database, os.O_CREAT | os.O_EXCL, 0o600))
    engine = create_engine(url)
    event.listen(engine, "connect", _on_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _on_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin by itself, and too late
    for pragma in _SQLITE:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if _reads_only(connection) else "BEGIN IMMEDIATE")


# --------------------------------------------------------------- PostgreSQL


def _postgresql(url: URL) -> Engine:
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": str(_WAIT_SECONDS)})
    # A stricter level would take its snapshot before the turn has come, and then not see what the one before wrote.
    engine = create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True)
    event.listen(engine, "connect", _on_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _on_postgresql(connection: Any, _record: object) -> None:
    """A commit is on disk when it is reported, whatever the server, the database or the role say."""
    before, connection.autocommit = connection.autocommit, True
    (commits,) = connection.execute("SELECT current_setting('synchronous_commit')").fetchone()
    settings = _POSTGRESQL | ({"synchronous_commit": "on"} if commits in _WEAK_COMMITS else {})
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    connection.autocommit = before


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return
    if _reads_only(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_TURN})")


def _reads_only(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("reads_only", False))


# --------------------------------------------------------------- migrations


def _migrate(engine: Engine, place: str, migrations: Path, first_table: str) -> None:
    """Runs the revisions that are missing, all or nothing. Raises UsageError for a database that a newer program or
    another room has written. There is no way back to an older revision."""
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with engine.execution_options(reads_only=True).begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and not inspect(connection).has_table(first_table):
            raise UsageError(f"{place} holds other tables than its own; give journal and registry a database each")
    if found == scripts.get_current_head():
        return
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise UsageError(
            f"{place} was written by a newer carbonbridge: it is at revision {found}, this program knows "
            f"{scripts.get_current_head()}; use the newer program, there is no way back"
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
