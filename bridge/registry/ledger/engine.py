"""Opens the ledger's database and brings its tables up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bridge.errors import UsageError

_BUSY_MILLISECONDS = 10_000


def open_ledger(url: str) -> Engine:
    """An engine on a migrated ledger, such as `sqlite:///ledger.db`.

    Raises UsageError for a URL that names no SQLite file: the guards for PostgreSQL are not written yet.
    """
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise UsageError(f"{url!r} is no database URL; write sqlite:///path/to/ledger.db") from error
    if backend != "sqlite":
        raise UsageError(f"the ledger does not run on {backend} yet; write sqlite:///path/to/ledger.db")
    engine = create_engine(url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    migrate(engine)
    return engine


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
