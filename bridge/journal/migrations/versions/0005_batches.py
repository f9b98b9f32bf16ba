"""Sagas found by their batch and by their instruction, however many have ended before."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("deposits_ordered", "deposits", ["instruction_id"])
    for table in ("deposits", "exits", "reversals"):
        op.create_index(f"{table}_signed", table, ["attestation_id"])
