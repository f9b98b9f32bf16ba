"""A room's own database, on SQLite or PostgreSQL: opened, migrated, written by one at a time, guarded by triggers."""

from bridge.database.engine import is_taken, open_database, said
from bridge.database.transactions import columns_by, held_alone, parts, reading, rows_by, writing

__all__ = ["columns_by", "held_alone", "is_taken", "open_database", "parts", "reading", "rows_by", "said", "writing"]
