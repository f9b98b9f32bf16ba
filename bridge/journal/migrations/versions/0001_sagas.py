"""Sagas, their signatures and transactions."""

import sqlalchemy as sa
from alembic import op

from bridge.database.guards import listed_moves

revision = "0001"
down_revision = None

ID = sa.String(66)

DEPOSIT_MOVES = {
    "planned": ("locked", "failed"),
    "locked": ("attested", "minted", "released"),
    "attested": ("locked", "sent", "minted", "released"),
    "sent": ("attested", "minted", "released"),
}
EXIT_MOVES = {
    "seen": ("reserved", "settled", "refused", "returned"),
    "reserved": ("attested", "settled", "refused", "returned"),
    "attested": ("reserved", "sent", "settled", "refused", "returned"),
    "sent": ("reserved", "attested", "settled", "refused", "returned"),
    "settled": ("executed",),
    "refused": ("executed", "withdrawn"),
    "returned": ("executed", "withdrawn"),
}
DEPOSIT_STATES = "'planned', 'locked', 'attested', 'sent', 'minted', 'released', 'failed'"
EXIT_STATES = "'seen', 'reserved', 'attested', 'sent', 'settled', 'refused', 'returned', 'executed', 'withdrawn'"


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("only", sa.Integer, primary_key=True),
        sa.Column("uid", ID, nullable=False),
        sa.Column("locks_made", sa.BigInteger, nullable=False),
        sa.CheckConstraint('"only" = 1', name="one_identity"),
    )
    op.create_table(
        "attestations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.CheckConstraint("kind IN ('locks', 'outcomes', 'refusals')", name="attestation_kind"),
    )
    op.create_table(
        "deposits",
        sa.Column("lock_id", ID, primary_key=True),
        sa.Column("instruction_id", ID, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("lock", sa.Text),
        sa.Column("attestation_id", sa.Integer, sa.ForeignKey("attestations.id")),
        sa.Column("note", sa.Text, nullable=False),
        sa.CheckConstraint(f"state IN ({DEPOSIT_STATES})", name="deposit_state"),
        sa.CheckConstraint("state IN ('planned', 'failed') OR lock IS NOT NULL", name="locked_has_lock"),
        sa.CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
    )
    op.create_index("deposits_open", "deposits", ["deployment", "state"])
    op.create_index(
        "deposits_instruction",
        "deposits",
        ["instruction_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'failed'"),
        postgresql_where=sa.text("state <> 'failed'"),
    )
    op.create_table(
        "exits",
        sa.Column("request_id", ID, primary_key=True),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened", sa.Text, nullable=False),
        sa.Column("reservation", sa.Text),
        sa.Column("receipt", sa.Text),
        sa.Column("attestation_id", sa.Integer, sa.ForeignKey("attestations.id")),
        sa.Column("note", sa.Text, nullable=False),
        sa.CheckConstraint(f"state IN ({EXIT_STATES})", name="exit_state"),
        sa.CheckConstraint("state <> 'executed' OR receipt IS NOT NULL", name="executed_has_receipt"),
        sa.CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
    )
    op.create_index("exits_open", "exits", ["deployment", "state"])
    op.create_table(
        "transactions",
        sa.Column("hash", ID, primary_key=True),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("sender", sa.String(42), nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attestation_id", sa.Integer, sa.ForeignKey("attestations.id")),
        sa.CheckConstraint("state IN ('open', 'final', 'dropped')", name="transaction_state"),
    )
    op.create_index(
        "transactions_nonce",
        "transactions",
        ["chain_id", "sender", "nonce"],
        unique=True,
        sqlite_where=sa.text("state <> 'dropped'"),
        postgresql_where=sa.text("state <> 'dropped'"),
    )
    op.create_table(
        "cursors",
        sa.Column("deployment", sa.Text, primary_key=True),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", ID, nullable=False),
    )
    op.create_table(
        "moves",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("subject", ID, nullable=False),
        sa.Column("old", sa.Text, nullable=False),
        sa.Column("new", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("ix_moves_subject", "moves", ["subject"])
    op.create_table(
        "own_requests",
        sa.Column("request_id", ID, primary_key=True),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("opening", sa.Text, nullable=False),
        sa.Column("transaction_hash", ID),
        sa.UniqueConstraint("deployment", "request_id"),
    )
    listed_moves("deposits", DEPOSIT_MOVES).create()
    listed_moves("exits", EXIT_MOVES).create()
