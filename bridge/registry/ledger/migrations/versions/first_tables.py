"""The first tables and their guards."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from bridge.registry.ledger.migrations.guards import GUARDS, NEVER_OVERLAP

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=True),
        sa.CheckConstraint("(kind = 'bridge') = (deployment IS NOT NULL)", name="account_of_deployment"),
        sa.CheckConstraint("kind IN ('participant', 'bridge', 'issuance')", name="account_kind"),
        sa.PrimaryKeyConstraint("name"),
        sa.UniqueConstraint("deployment"),
    )
    op.create_table(
        "disclosures",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "commitment"),
    )
    op.create_table(
        "projects",
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("methodology", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("programme", "code"),
    )
    op.create_table(
        "spaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("kind", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN (0, 1)", name="space_kind"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("programme", "kind", "key"),
    )
    op.create_table(
        "classes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("vintage", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credit_type", sa.Text(), nullable=False),
        sa.Column("kg_per_unit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kg_per_unit > 0", name="class_weight"),
        sa.ForeignKeyConstraint(
            ["programme", "project"],
            ["projects.programme", "projects.code"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("programme", "project", "vintage", "credit_type"),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment"],
            ["accounts.deployment"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "instructions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.name"],
        ),
        sa.ForeignKeyConstraint(
            ["deployment"],
            ["accounts.deployment"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "statements",
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"],
            ["accounts.deployment"],
        ),
        sa.PrimaryKeyConstraint("programme", "deployment", "sequence"),
    )
    op.create_table(
        "locks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("instruction_id", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("minted", sa.Boolean(), nullable=False),
        sa.Column("released_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("NOT (minted AND released_by IS NOT NULL)", name="lock_ends_once"),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["instruction_id"],
            ["instructions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["released_by"],
            ["entries.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("instruction_id"),
    )
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_account", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_account", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "from_state IN ('held', 'locked', 'reserved', 'retired', 'cancelled')", name="posting_from_state"
        ),
        sa.CheckConstraint(
            "to_state IN ('held', 'locked', 'reserved', 'retired', 'cancelled')", name="posting_to_state"
        ),
        sa.CheckConstraint("from_account <> to_account OR from_state <> to_state", name="posting_moves"),
        sa.CheckConstraint("units > 0", name="posting_units"),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["entries.id"],
        ),
        sa.ForeignKeyConstraint(
            ["from_account"],
            ["accounts.name"],
        ),
        sa.ForeignKeyConstraint(
            ["to_account"],
            ["accounts.name"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_postings_entry_id"), "postings", ["entry_id"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("units", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.CheckConstraint("ended IN ('executed', 'withdrawn')", name="reservation_end"),
        sa.CheckConstraint("ended IS NULL OR ended <> 'executed' OR refusal IS NULL", name="refused_is_not_executed"),
        sa.CheckConstraint("kind IN (0, 1)", name="reservation_kind"),
        sa.CheckConstraint("units > 0", name="reservation_units"),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["deployment"],
            ["accounts.deployment"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lock_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("parent", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("opened_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("closed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("state <> 'held' OR lock_id IS NULL", name="block_free"),
        sa.CheckConstraint("state <> 'locked' OR request_id IS NULL", name="block_unasked"),
        sa.CheckConstraint("state <> 'reserved' OR request_id IS NOT NULL", name="block_request"),
        sa.CheckConstraint("state IN ('held', 'locked', 'reserved', 'retired', 'cancelled')", name="block_state"),
        sa.CheckConstraint("state NOT IN ('locked', 'reserved') OR lock_id IS NOT NULL", name="block_lock"),
        sa.CheckConstraint("first >= 1 AND last >= first", name="block_range"),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.name"],
        ),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["classes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"],
            ["entries.id"],
        ),
        sa.ForeignKeyConstraint(
            ["lock_id"],
            ["locks.id"],
        ),
        sa.ForeignKeyConstraint(
            ["opened_by"],
            ["entries.id"],
        ),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["blocks.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["reservations.request_id"],
        ),
        sa.ForeignKeyConstraint(
            ["space"],
            ["spaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("all_serials", "blocks", ["space", "first"], unique=False)
    op.create_index(op.f("ix_blocks_parent"), "blocks", ["parent"], unique=False)
    live: Any = {"sqlite_where": sa.text("closed_by IS NULL"), "postgresql_where": sa.text("closed_by IS NULL")}
    op.create_index("live_holdings", "blocks", ["account", "state", "class_id", "space", "first"], **live)
    op.create_index("live_locks", "blocks", ["lock_id"], **live)
    op.create_index("live_requests", "blocks", ["request_id"], **live)
    op.create_index("live_serials", "blocks", ["space", "first"], unique=True, **live)
    op.create_table(
        "part_ranges",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("part", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("part >= 0 AND first >= 1 AND last >= first", name="part_range"),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["reservations.request_id"],
        ),
        sa.ForeignKeyConstraint(
            ["space"],
            ["spaces.id"],
        ),
        sa.PrimaryKeyConstraint("request_id", "part", "position"),
    )
    op.create_table(
        "receipts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["reservations.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "signed_receipts",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["receipts.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.execute("INSERT INTO accounts (name, kind) VALUES ('issuance', 'issuance')")
    for guard in GUARDS:
        guard.create()
    if op.get_context().dialect.name == "postgresql":
        for statement in NEVER_OVERLAP:
            op.execute(statement)
