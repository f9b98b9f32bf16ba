"""What waits, apart from what has been done: orders that nobody has locked, and locks that nobody has seen minted.

What guards blocks finds a parent by its id, and keeps out of the way of queries that look for serials."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from bridge.registry.ledger.migrations.guards import NEVER_OVERLAP, PARENT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    waiting = op.create_table(
        "waiting_orders",
        sa.Column("instruction_id", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("not_after", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["instruction_id"], ["instructions.id"]),
        sa.PrimaryKeyConstraint("instruction_id"),
    )
    op.create_index("waiting_orders_in_time", "waiting_orders", ["deployment", "not_after"])
    op.create_index(
        "locks_awaiting_mint",
        "locks",
        ["class_id"],
        sqlite_where=sa.text("minted = 0 AND released_by IS NULL"),
        postgresql_where=sa.text("NOT minted AND released_by IS NULL"),
    )
    orders = op.get_bind().execute(
        sa.text(
            "SELECT id, deployment, document FROM instructions "
            "WHERE NOT EXISTS (SELECT 1 FROM locks WHERE locks.instruction_id = instructions.id)"
        )
    )
    rows = [
        {"instruction_id": id_, "deployment": deployment, "not_after": json.loads(document)["not_after"]}
        for id_, deployment, document in orders
    ]
    op.bulk_insert(waiting, rows)
    PARENT.drop()
    PARENT.create()
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE blocks DROP CONSTRAINT block_never_overlaps")
        for statement in NEVER_OVERLAP:
            op.execute(statement)
