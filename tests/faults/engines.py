"""Databases that many short processes open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bridge.database import engine
from bridge.journal import store
from bridge.registry.ledger import engine as ledgers


class Engines:
    """One for each database of a folder in all processes that are forked from this one, so that none prepares a
    statement that this one has prepared, nor looks for revisions where this one has; with connections of their own."""

    def __init__(self, folder: Path) -> None:
        self._honest, self._known = engine.open_database, dict[str, Engine]()
        self._revisions: dict[str, str | None] = {}

        def keeping(url: str, *room: Any) -> Engine:
            if not url.startswith(f"sqlite:///{folder}/"):
                return self._honest(url, *room)
            if url not in self._known or _revision(Path(url.removeprefix("sqlite:///"))) != self._revisions[url]:
                self._known[url] = self._honest(url, *room)
                self._revisions[url] = _revision(Path(url.removeprefix("sqlite:///")))
            return self._known[url]

        self._put(keeping)

    def close(self) -> None:
        for one in self._known.values():
            one.dispose()

    def forget(self) -> None:
        self.close()
        self._put(self._honest)

    def _put(self, opening: Any) -> None:
        store.open_database = ledgers.open_database = opening


def _revision(file: Path) -> str | None:
    """Of its tables; None for a file that nobody has made, or whose making was cut off."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        return str(database.execute("SELECT version_num FROM alembic_version").fetchone())
