"""Runs, what they saw, what people and machines said of it."""

import sqlalchemy as sa
from alembic import op

from bridge.database.guards import kept

revision = "0001"
down_revision = None

ID = sa.String(66)
TABLES = (
    *("runs", "contents", "sightings", "closings", "acknowledgements"),
    *("alerts", "deliveries", "trips", "trip_ends"),
)


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("run_id", ID, nullable=False, unique=True),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("clean", sa.Boolean, nullable=False),
        sa.Column("findings", sa.BigInteger, nullable=False),
        sa.Column("breaks", sa.BigInteger, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger, nullable=False),
        sa.Column("report_hash", ID, nullable=False, index=True),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "contents",
        sa.Column("content", ID, primary_key=True),
        sa.Column("finding_id", ID, nullable=False, index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    for table in ("sightings", "closings"):
        op.create_table(
            table,
            sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True),
            sa.Column("finding_id", ID, primary_key=True, index=True),
            *([_content()] if table == "sightings" else []),
        )
    op.create_table(
        "acknowledgements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("finding_id", ID, nullable=False, index=True),
        _content(),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("named", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("reason <> '' AND named <> ''", name="acknowledged_by_somebody_for_a_reason"),
    )
    _create_acts()
    for table in TABLES:
        for guard in kept(table, "UPDATE", "DELETE"):
            guard.create()


def _content() -> sa.Column[str]:
    return sa.Column("content", ID, sa.ForeignKey("contents.content"), nullable=False)


def _create_acts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", ID, primary_key=True),
        sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("alert_id", ID, sa.ForeignKey("alerts.alert_id"), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "trips",
        sa.Column("content", ID, primary_key=True),
        sa.Column("finding_id", ID, nullable=False),
        sa.Column("deployment", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "trip_ends",
        sa.Column("content", ID, sa.ForeignKey("trips.content"), primary_key=True),
        sa.Column("transaction_hash", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
