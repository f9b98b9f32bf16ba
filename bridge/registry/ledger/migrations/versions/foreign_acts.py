"""Acts at registries that are not ours, and what officers confirmed of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.registry.ledger.migrations.guards import FOREIGN_GUARDS

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "foreign_acts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("final_block", _NUMBER, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", _NUMBER, nullable=False),
        sa.Column("statement", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('planned', 'asked', 'unknown', 'done', 'void')", name="act_state"),
        sa.CheckConstraint("verb IN ('take', 'give-back', 'retire', 'hand-over')", name="act_verb"),
        sa.CheckConstraint("verb = 'take' OR final_block IS NOT NULL", name="act_last"),
        sa.CheckConstraint("(state = 'done') = (reference IS NOT NULL)", name="act_reference"),
        sa.CheckConstraint("(reference IS NULL) = (evidence IS NULL)", name="act_evidence"),
        sa.CheckConstraint("round >= 0 AND (state NOT IN ('asked', 'unknown') OR round > 0)", name="act_round"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("verb", "subject"),
    )
    op.create_table(
        "foreign_steps",
        sa.Column("act_id", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("at", _NUMBER, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["foreign_acts.id"]),
        sa.PrimaryKeyConstraint("act_id", "number"),
    )
    op.create_table(
        "confirmations",
        sa.Column("act_id", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("round", _NUMBER, nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["foreign_acts.id"]),
        sa.PrimaryKeyConstraint("act_id", "number"),
    )
    for guard in FOREIGN_GUARDS:
        guard.create()
