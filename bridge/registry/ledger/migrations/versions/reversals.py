"""Serials that a registry takes back, the events that say so, and requests refused for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.registry.ledger.migrations.guards import ENDS, MOVE, REVERSAL_GUARDS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _admit_reversed_serials()
    op.create_table(
        "late_refusals",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["reservations.request_id"]),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "reversals",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("act", _NUMBER, nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("first", _NUMBER, nullable=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.CheckConstraint("number >= 0 AND first >= 1 AND last >= first", name="reversal_range"),
        sa.ForeignKeyConstraint(["act"], ["entries.id"]),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"]),
        sa.ForeignKeyConstraint(["deployment"], ["accounts.deployment"]),
        sa.ForeignKeyConstraint(["space"], ["spaces.id"]),
        sa.PrimaryKeyConstraint("event_id"),
        sa.UniqueConstraint("act", "deployment", "number"),
    )
    op.create_index("reversals_by_serial", "reversals", ["space", "first"], unique=False)
    op.create_table(
        "reversal_wordings",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("version", _NUMBER, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["reversals.event_id"]),
        sa.PrimaryKeyConstraint("event_id", "version"),
    )
    for guard in REVERSAL_GUARDS:
        guard.create()


def _admit_reversed_serials() -> None:
    if op.get_context().dialect.name == "sqlite":
        _widen_checks_of_sqlite()
    else:
        _widen_checks()
    for guard in (MOVE, ENDS):
        guard.drop()
        guard.create()


def _widen_checks() -> None:
    for table, name, column in (
        ("blocks", "block_state", "state"),
        ("postings", "posting_from_state", "from_state"),
        ("postings", "posting_to_state", "to_state"),
    ):
        states = "'held', 'locked', 'reserved', 'retired', 'cancelled', 'reversed'"
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, f"{column} IN ({states})")


def _widen_checks_of_sqlite() -> None:
    """SQLite has no ALTER for a CHECK. Its manual's way for one that is only widened is to write the schema itself;
    building the tables anew would have to switch off the guards and foreign keys that keep them."""
    for table in ("blocks", "postings"):
        op.execute("PRAGMA writable_schema = ON")
        op.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '''cancelled'')', '''cancelled'', ''reversed'')') "  # noqa: S608 constants only
            f"WHERE type = 'table' AND name = '{table}'"
        )
        op.execute("PRAGMA writable_schema = RESET")
