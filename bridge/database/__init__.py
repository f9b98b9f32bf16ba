"""A room's own database, on SQLite or PostgreSQL: opened, migrated, written by one at a time, guarded by triggers."""

from bridge.database.engine import is_taken, open_database, said
from bridge.database.transactions import held_alone, reading, writing

__all__ = ["held_alone", "is_taken", "open_database", "reading", "said", "writing"]
