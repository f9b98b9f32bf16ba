"""Databases that many short processes open."""

from __future__ import annotations

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

        def keeping(url: str, *room: Any) -> Engine:
            if not url.startswith(f"sqlite:///{folder}/"):
                return self._honest(url, *room)
            if url not in self._known or not Path(url.removeprefix("sqlite:///")).exists():
                self._known[url] = self._honest(url, *room)
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
