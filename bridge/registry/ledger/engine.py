"""Opens the ledger's database and brings its tables up to date."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from bridge.errors import Unreachable, UsageError

_BUSY_MILLISECONDS = 10_000


def open_ledger(url: str) -> Engine:
    """An engine on a migrated ledger, such as `sqlite:///ledger.db`.

    The file is its owner's alone from the start: it keeps openings and beneficiaries. Raises UsageError for a URL that
    names no SQLite file (the guards for PostgreSQL are not written yet), Unreachable when it cannot be opened.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, ImportError) as error:  # never the URL itself: it may hold a password
        raise UsageError("the registry's URL names no database here; write sqlite:///path/to/registry.db") from error
    if engine.dialect.name != "sqlite":
        raise UsageError(f"the registry does not run on {engine.dialect.name} yet; write sqlite:///path/to/registry.db")
    _make_private(engine.url.database)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    try:
        migrate(engine)
    except OperationalError as error:
        raise Unreachable(f"the registry {engine.url.database} cannot be opened: {error.orig}") from error
    except DatabaseError as error:
        raise UsageError(f"the registry {engine.url.database} is no database of ours: {error.orig}") from error
    return engine


def _make_private(file: str | None) -> None:
    """Makes a new file before SQLite does, which would let others read it."""
    if file and file != ":memory:":
        with suppress(OSError):  # one that is there already, or that opening will complain of
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def migrate(engine: Engine) -> None:
    """Runs the migrations that are missing, all or nothing."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would begin by itself, and too late
    for pragma in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    """A writer takes its turn at once, so that what it has read still holds when it writes."""
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
