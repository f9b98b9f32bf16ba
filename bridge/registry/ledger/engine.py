"""Opens the ledger's database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from bridge.database import open_database
from bridge.registry.ledger.models import Block


def open_ledger(url: str) -> Engine:
    """An engine on a migrated ledger, such as `sqlite:///registry.db` or `postgresql://user@host/registry`.

    Raises UsageError for a URL that cannot name a ledger, Unreachable when the database cannot be opened.
    """
    return open_database(url, "registry", Path(__file__).parent / "migrations", Block.__tablename__)
