"""Reversals, and deposits that cover what they took."""

import sqlalchemy as sa
from alembic import op

from bridge.database.guards import listed_moves

revision = "0002"
down_revision = "0001"

ID = sa.String(66)

REVERSAL_MOVES = {
    "planned": ("attested", "reversed", "moot"),
    "attested": ("planned", "sent", "reversed", "moot"),
    "sent": ("attested", "reversed"),
}
REVERSAL_STATES = "'planned', 'attested', 'sent', 'reversed', 'moot'"


def upgrade() -> None:
    _admit_kinds()
    op.add_column("deposits", sa.Column("covers", ID))
    op.create_table(
        "reversals",
        sa.Column("event_id", ID, primary_key=True),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("class_id", ID, nullable=False),
        sa.Column("serials", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attestation_id", sa.Integer, sa.ForeignKey("attestations.id")),
        sa.Column("note", sa.Text, nullable=False),
        sa.CheckConstraint(f"state IN ({REVERSAL_STATES})", name="reversal_state"),
        sa.CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
    )
    op.create_index("reversals_open", "reversals", ["deployment", "state"])
    listed_moves("reversals", REVERSAL_MOVES).create()


def _admit_kinds() -> None:
    """SQLite has no ALTER for a CHECK; its manual's way for one that is only widened is to write the schema itself."""
    kinds = "'locks', 'outcomes', 'refusals'"
    wider = f"{kinds}, 'covers', 'reversals'"
    if op.get_context().dialect.name != "sqlite":
        op.drop_constraint("attestation_kind", "attestations")
        op.create_check_constraint("attestation_kind", "attestations", f"kind IN ({wider})")
        return
    old, new = kinds.replace("'", "''"), wider.replace("'", "''")
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') "  # noqa: S608 constants only
        "WHERE type = 'table' AND name = 'attestations'"
    )
    op.execute("PRAGMA writable_schema = RESET")
