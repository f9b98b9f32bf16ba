"""Several signed transactions for one nonce, what each is for, and when states changed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("transactions", sa.Column("attempt", sa.Integer, nullable=False, server_default="0"))
    op.add_column("transactions", sa.Column("purpose", sa.Text, nullable=False, server_default=""))
    op.add_column("transactions", sa.Column("signed_at", sa.BigInteger, nullable=False, server_default="0"))
    op.drop_index("transactions_nonce", "transactions")
    op.create_index(
        "transactions_nonce",
        "transactions",
        ["chain_id", "sender", "nonce", "attempt"],
        unique=True,
        sqlite_where=sa.text("state <> 'dropped'"),
        postgresql_where=sa.text("state <> 'dropped'"),
    )
    op.create_index("transactions_open", "transactions", ["chain_id", "state"])
    op.add_column("moves", sa.Column("at", sa.BigInteger, nullable=False, server_default="0"))
