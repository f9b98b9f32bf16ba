"""The service's tables, in the ledger's own database."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from bridge.registry.ledger.models import Base


class TokenRow(Base):
    """Who may ask for what. `id` is public; of the secret only the SHA-256 is here, since 256 random bits cannot be
    guessed. Times are in seconds since 1970. Only `revoked_at` is ever written again (guard)."""

    __tablename__ = "tokens"
    __table_args__ = (
        CheckConstraint("length(secret_hash) = 64", name="token_hash"),
        CheckConstraint("deployment IS NOT NULL OR account IS NOT NULL", name="token_bound"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[str]
    scopes: Mapped[str]
    deployment: Mapped[str | None] = mapped_column(ForeignKey("accounts.deployment"))
    account: Mapped[str | None] = mapped_column(ForeignKey("accounts.name"))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]


class AnswerRow(Base):
    """The final answer to a request, by who asked and under which key; given again for a day."""

    __tablename__ = "answers"
    __table_args__ = (Index("answers_by_age", "at"),)
    token: Mapped[str] = mapped_column(ForeignKey("tokens.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int]


class AuditRow(Base):
    """One act, chained to the one before by its hash; never changed (guard). `body` is the SHA-256 of what was sent."""

    __tablename__ = "audit"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    token: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    key: Mapped[str]
    body: Mapped[str]
    status: Mapped[int]
    previous: Mapped[str]
    hash: Mapped[str]
