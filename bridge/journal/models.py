"""The journal's tables. Lock ids and request ids are the keys, so that a restored backup repeats nothing.

What the state tables of `bridge.domain.lifecycle` forbid, triggers forbid here too (see the migrations).
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bridge.domain.lifecycle import DepositState, ExitState, ReversalState


def _one_of(states: type[DepositState] | type[ExitState] | type[ReversalState]) -> str:
    return "state IN (" + ", ".join(f"'{state.value}'" for state in states) + ")"


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {str: Text, int: BigInteger}


class Identity(Base):
    """One row: a random name from which lock ids are made, and how many were made."""

    __tablename__ = "identity"
    __table_args__ = (CheckConstraint('"only" = 1', name="one_identity"),)

    only: Mapped[int] = mapped_column(Integer, primary_key=True)
    uid: Mapped[str] = mapped_column(String(66))
    locks_made: Mapped[int]


class Attestation(Base):
    """A signed batch, as `Attested` JSON."""

    __tablename__ = "attestations"
    __table_args__ = (
        CheckConstraint("kind IN ('locks', 'outcomes', 'refusals', 'covers', 'reversals')", name="attestation_kind"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str]
    body: Mapped[str]


class Deposit(Base):
    """One saga: lock, attest, mint. `lock` is the registry's answer as JSON; `covers` the class that it is to cover."""

    __tablename__ = "deposits"
    __table_args__ = (
        CheckConstraint(_one_of(DepositState), name="deposit_state"),
        CheckConstraint("state IN ('planned', 'failed') OR lock IS NOT NULL", name="locked_has_lock"),
        CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
        Index("deposits_open", "deployment", "state"),
        Index(
            "deposits_instruction",
            "instruction_id",
            unique=True,
            sqlite_where=text("state <> 'failed'"),
            postgresql_where=text("state <> 'failed'"),
        ),
        Index("deposits_ordered", "instruction_id"),
        Index("deposits_signed", "attestation_id"),
    )

    lock_id: Mapped[str] = mapped_column(String(66), primary_key=True)
    instruction_id: Mapped[str] = mapped_column(String(66))
    deployment: Mapped[str]
    registry_code: Mapped[str] = mapped_column("registry")
    state: Mapped[str]
    lock: Mapped[str | None]
    attestation_id: Mapped[int | None] = mapped_column(ForeignKey("attestations.id"))
    note: Mapped[str] = mapped_column(default="")
    covers: Mapped[str | None] = mapped_column(String(66))


class Exit(Base):
    """One saga: reserve, attest, settle, execute. `opened`, `reservation` and `receipt` are facts as JSON."""

    __tablename__ = "exits"
    __table_args__ = (
        CheckConstraint(_one_of(ExitState), name="exit_state"),
        CheckConstraint("state <> 'executed' OR receipt IS NOT NULL", name="executed_has_receipt"),
        CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
        Index("exits_open", "deployment", "state"),
        Index("exits_signed", "attestation_id"),
    )

    request_id: Mapped[str] = mapped_column(String(66), primary_key=True)
    deployment: Mapped[str]
    registry_code: Mapped[str] = mapped_column("registry")
    state: Mapped[str]
    opened: Mapped[str]
    reservation: Mapped[str | None]
    receipt: Mapped[str | None]
    attestation_id: Mapped[int | None] = mapped_column(ForeignKey("attestations.id"))
    note: Mapped[str] = mapped_column(default="")


class ReversalSaga(Base):
    """One saga: attest, bring to the chain. `serials` is the range that the registry has taken back, as JSON."""

    __tablename__ = "reversals"
    __table_args__ = (
        CheckConstraint(_one_of(ReversalState), name="reversal_state"),
        CheckConstraint(
            "state NOT IN ('attested', 'sent') OR attestation_id IS NOT NULL", name="attested_has_signatures"
        ),
        Index("reversals_open", "deployment", "state"),
        Index("reversals_signed", "attestation_id"),
    )

    event_id: Mapped[str] = mapped_column(String(66), primary_key=True)
    deployment: Mapped[str]
    registry_code: Mapped[str] = mapped_column("registry")
    class_id: Mapped[str] = mapped_column(String(66))
    serials: Mapped[str]
    state: Mapped[str]
    attestation_id: Mapped[int | None] = mapped_column(ForeignKey("attestations.id"))
    note: Mapped[str] = mapped_column(default="")


class Transaction(Base):
    """A signed transaction, stored before it is sent. `attempt` counts those that were signed for one nonce, of which
    one can land; `purpose` is the contract's function; `signed_at` the chain's time then."""

    __tablename__ = "transactions"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'final', 'dropped')", name="transaction_state"),
        Index(
            "transactions_nonce",
            "chain_id",
            "sender",
            "nonce",
            "attempt",
            unique=True,
            sqlite_where=text("state <> 'dropped'"),
            postgresql_where=text("state <> 'dropped'"),
        ),
        Index("transactions_open", "chain_id", "state"),
    )

    hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    chain_id: Mapped[int]
    sender: Mapped[str] = mapped_column(String(42))
    nonce: Mapped[int]
    raw: Mapped[str]
    state: Mapped[str]
    attestation_id: Mapped[int | None] = mapped_column(ForeignKey("attestations.id"))
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    purpose: Mapped[str] = mapped_column(default="")
    signed_at: Mapped[int] = mapped_column(default=0)


class Cursor(Base):
    """The last final block whose events are all in the journal."""

    __tablename__ = "cursors"

    deployment: Mapped[str] = mapped_column(Text, primary_key=True)
    block: Mapped[int]
    block_hash: Mapped[str] = mapped_column(String(66))


class Move(Base):
    """Every change of state, the first one from nothing, for people who ask what happened. `at`: this machine's clock
    in seconds; zero where it was not noted yet."""

    __tablename__ = "moves"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    subject: Mapped[str] = mapped_column(String(66), index=True)
    old: Mapped[str]
    new: Mapped[str]
    note: Mapped[str]
    at: Mapped[int] = mapped_column(default=0)


class OwnRequest(Base):
    """A holder's own request with its opening, stored before it is sent: without the opening nobody can serve it.
    `not_after`: until when (chain seconds) whoever has it signed may open it."""

    __tablename__ = "own_requests"
    __table_args__ = (UniqueConstraint("deployment", "request_id"),)

    request_id: Mapped[str] = mapped_column(String(66), primary_key=True)
    deployment: Mapped[str]
    request: Mapped[str]
    opening: Mapped[str]
    transaction_hash: Mapped[str | None] = mapped_column(String(66))
    not_after: Mapped[int | None]
