"""Until when a holder's own request, signed for others to relay, can be opened by whoever has the file."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("own_requests", sa.Column("not_after", sa.BigInteger))
