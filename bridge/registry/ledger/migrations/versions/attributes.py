"""What is said of classes, each with its source and day; and their metadata as attesters signed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.registry.ledger.migrations.guards import ATTRIBUTE_GUARDS

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "class_attributes",
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stated_on", sa.Text(), nullable=False),
        sa.Column("recorded_at", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"]),
        sa.PrimaryKeyConstraint("class_id", "attribute", "number"),
        sa.CheckConstraint("source <> ''", name="attribute_source"),
        sa.CheckConstraint("length(stated_on) = 10", name="attribute_day"),
    )
    op.create_table(
        "class_metadata",
        sa.Column("class_id", sa.Text(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"]),
        sa.ForeignKeyConstraint(["deployment"], ["accounts.deployment"]),
        sa.PrimaryKeyConstraint("class_id", "deployment", "number"),
    )
    for guard in ATTRIBUTE_GUARDS:
        guard.create()
