"""The ledger's tables. What their constraints and the guards in `migrations` refuse, no verb can do by mistake.

Ids are hex text as they travel everywhere; `programme` is the registry that issued the serials. Serials are signed
64-bit numbers: real ones fit, larger ones are refused at the door (`movement.storable`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_STATES = "('held', 'locked', 'reserved', 'retired', 'cancelled', 'reversed')"

_WHERE_LIVE: Any = {"sqlite_where": text("closed_by IS NULL"), "postgresql_where": text("closed_by IS NULL")}

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts ids by itself only in INTEGER; it has 64 bits


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, int: _NUMBER}  # noqa: RUF012 SQLAlchemy's own attribute


class Account(Base):
    """A participant, the account that stands for one deployment, or the counter-account of issuance."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("kind IN ('participant', 'bridge', 'issuance')", name="account_kind"),
        CheckConstraint("(kind = 'bridge') = (deployment IS NOT NULL)", name="account_of_deployment"),
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    deployment: Mapped[str | None] = mapped_column(unique=True)


class Project(Base):
    __tablename__ = "projects"
    programme: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    methodology: Mapped[str]


class Class(Base):
    """A credit class; `kg_per_unit` in kilograms of CO2 equivalent."""

    __tablename__ = "classes"
    __table_args__ = (
        ForeignKeyConstraint(["programme", "project"], ["projects.programme", "projects.code"]),
        UniqueConstraint("programme", "project", "vintage", "credit_type"),
        CheckConstraint("kg_per_unit > 0", name="class_weight"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    project: Mapped[str]
    vintage: Mapped[int]
    credit_type: Mapped[str]
    kg_per_unit: Mapped[int]


class ClassAttribute(Base):
    """One thing that was said of a class, as JSON, by whom, and on which day (YYYY-MM-DD); never changed (guard). The
    later day counts, then the larger number. `recorded_at` in seconds since 1970."""

    __tablename__ = "class_attributes"
    __table_args__ = (
        CheckConstraint("source <> ''", name="attribute_source"),
        CheckConstraint("length(stated_on) = 10", name="attribute_day"),
    )
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"), primary_key=True)
    attribute: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[str]
    source: Mapped[str]
    stated_on: Mapped[str]
    recorded_at: Mapped[int]


class ClassMetadataRow(Base):
    """A class's metadata as a quorum signed it for one deployment; never changed (guard)."""

    __tablename__ = "class_metadata"
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"), primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("accounts.deployment"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    document: Mapped[str]


class Space(Base):
    __tablename__ = "spaces"
    __table_args__ = (
        UniqueConstraint("programme", "kind", "key"),
        CheckConstraint("kind IN (0, 1)", name="space_kind"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    kind: Mapped[int]
    key: Mapped[str]


class Entry(Base):
    """One act. `key` makes it happen once, `content` shows whether a repetition asks for the same; both are kept."""

    __tablename__ = "entries"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(unique=True)
    verb: Mapped[str]
    content: Mapped[str]
    made_at: Mapped[int]
    deployment: Mapped[str | None] = mapped_column(ForeignKey("accounts.deployment"))


class Posting(Base):
    """Units leave one account and state and enter another: both legs in one row, so that every entry sums to zero."""

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("units > 0", name="posting_units"),
        CheckConstraint(f"from_state IN {_STATES}", name="posting_from_state"),
        CheckConstraint(f"to_state IN {_STATES}", name="posting_to_state"),
        CheckConstraint("from_account <> to_account OR from_state <> to_state", name="posting_moves"),
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entries.id"), index=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    units: Mapped[int]
    from_account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    from_state: Mapped[str]
    to_account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    to_state: Mapped[str]


class Block(Base):
    """Serials `first` to `last` with one state and one holder, from the entry that opened it until one closes it.

    Live while `closed_by` is null. `parent` is the block that it was, or was part of, before.
    """

    __tablename__ = "blocks"
    __table_args__ = (
        CheckConstraint("first >= 1 AND last >= first", name="block_range"),
        CheckConstraint(f"state IN {_STATES}", name="block_state"),
        CheckConstraint("state NOT IN ('locked', 'reserved') OR lock_id IS NOT NULL", name="block_lock"),
        CheckConstraint("state <> 'held' OR lock_id IS NULL", name="block_free"),
        CheckConstraint("state <> 'reserved' OR request_id IS NOT NULL", name="block_request"),
        CheckConstraint("state <> 'locked' OR request_id IS NULL", name="block_unasked"),
        Index("live_serials", "space", "first", unique=True, **_WHERE_LIVE),
        Index("live_holdings", "account", "state", "class_id", "space", "first", **_WHERE_LIVE),
        Index("live_locks", "lock_id", **_WHERE_LIVE),
        Index("live_requests", "request_id", **_WHERE_LIVE),
        Index("all_serials", "space", "first"),
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    space: Mapped[str] = mapped_column(ForeignKey("spaces.id"))
    first: Mapped[int]
    last: Mapped[int]
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    state: Mapped[str]
    lock_id: Mapped[str | None] = mapped_column(ForeignKey("locks.id"))
    request_id: Mapped[str | None] = mapped_column(ForeignKey("reservations.request_id"))
    parent: Mapped[int | None] = mapped_column(ForeignKey("blocks.id"), index=True)
    opened_by: Mapped[int] = mapped_column(ForeignKey("entries.id"))
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("entries.id"))


class InstructionRow(Base):
    """A depositor's order, kept word for word; never changed (guard)."""

    __tablename__ = "instructions"
    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name"))
    deployment: Mapped[str] = mapped_column(ForeignKey("accounts.deployment"))
    document: Mapped[str]


class WaitingOrder(Base):
    """An instruction that nobody has locked yet; it leaves when it is locked. `not_after` in chain seconds."""

    __tablename__ = "waiting_orders"
    __table_args__ = (Index("waiting_orders_in_time", "deployment", "not_after"),)
    instruction_id: Mapped[str] = mapped_column(ForeignKey("instructions.id"), primary_key=True)
    deployment: Mapped[str]
    not_after: Mapped[int]


class LockRow(Base):
    """An instruction carried out, once. `minted` is set when our witness has seen it used at a final block; a lock is
    minted or released, never both."""

    __tablename__ = "locks"
    __table_args__ = (
        CheckConstraint("NOT (minted AND released_by IS NOT NULL)", name="lock_ends_once"),
        Index(
            "locks_awaiting_mint",
            "class_id",
            sqlite_where=text("minted = 0 AND released_by IS NULL"),
            postgresql_where=text("NOT minted AND released_by IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    instruction_id: Mapped[str] = mapped_column(ForeignKey("instructions.id"), unique=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    minted: Mapped[bool] = mapped_column(default=False)
    released_by: Mapped[int | None] = mapped_column(ForeignKey("entries.id"))


class Disclosure(Base):
    """What somebody told us of a request, kept by commitment: a false one never stands in the true one's way."""

    __tablename__ = "disclosures"
    request_id: Mapped[str] = mapped_column(primary_key=True)
    commitment: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[str]


class ReservationRow(Base):
    """The decision on a request: `refusal`, or parts. `ended` once acted upon or withdrawn."""

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint("units > 0", name="reservation_units"),
        CheckConstraint("kind IN (0, 1)", name="reservation_kind"),
        CheckConstraint("ended IN ('executed', 'withdrawn')", name="reservation_end"),
        CheckConstraint("ended IS NULL OR ended <> 'executed' OR refusal IS NULL", name="refused_is_not_executed"),
    )
    request_id: Mapped[str] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("accounts.deployment"))
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    kind: Mapped[int]
    units: Mapped[int]
    commitment: Mapped[str]
    refusal: Mapped[str | None]
    ended: Mapped[str | None]


class LateRefusal(Base):
    """A refusal of what was reserved before; its parts stay set aside until the request has ended on chain."""

    __tablename__ = "late_refusals"
    request_id: Mapped[str] = mapped_column(ForeignKey("reservations.request_id"), primary_key=True)
    reason: Mapped[str]


class PartRange(Base):
    """One range of one part of a reservation."""

    __tablename__ = "part_ranges"
    __table_args__ = (CheckConstraint("part >= 0 AND first >= 1 AND last >= first", name="part_range"),)
    request_id: Mapped[str] = mapped_column(ForeignKey("reservations.request_id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    space: Mapped[str] = mapped_column(ForeignKey("spaces.id"))
    first: Mapped[int]
    last: Mapped[int]


class ReceiptRow(Base):
    __tablename__ = "receipts"
    request_id: Mapped[str] = mapped_column(ForeignKey("reservations.request_id"), primary_key=True)
    document: Mapped[str]


class SignedReceipt(Base):
    """A receipt with a quorum's signatures, kept so that its holder can have it without any attester's key."""

    __tablename__ = "signed_receipts"
    request_id: Mapped[str] = mapped_column(ForeignKey("receipts.request_id"), primary_key=True)
    document: Mapped[str]


class ReversalRow(Base):
    """Serials that were taken back, as an event for one deployment. A later `number` of the same act is for serials
    that became live after the one before had landed. `ended`: nothing of it is live there, or ever will be."""

    __tablename__ = "reversals"
    __table_args__ = (
        UniqueConstraint("act", "deployment", "number"),
        CheckConstraint("number >= 0 AND first >= 1 AND last >= first", name="reversal_range"),
        Index("reversals_by_serial", "space", "first"),
    )
    event_id: Mapped[str] = mapped_column(primary_key=True)
    act: Mapped[int] = mapped_column(ForeignKey("entries.id"))
    deployment: Mapped[str] = mapped_column(ForeignKey("accounts.deployment"))
    number: Mapped[int]
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    reason: Mapped[str]
    space: Mapped[str] = mapped_column(ForeignKey("spaces.id"))
    first: Mapped[int]
    last: Mapped[int]
    ended: Mapped[bool] = mapped_column(default=False)


class ReversalWording(Base):
    """What attesters are asked to sign for an event. A later version stands only where the one before cannot land."""

    __tablename__ = "reversal_wordings"
    event_id: Mapped[str] = mapped_column(ForeignKey("reversals.event_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str]


class StatementHeadRow(Base):
    """Heads of the statements given out for one programme and deployment, numbered without a gap. `entry`: the last one
    that the rows show, so that they can be read again page by page; null in older statements."""

    __tablename__ = "statements"
    programme: Mapped[str] = mapped_column(primary_key=True)
    deployment: Mapped[str] = mapped_column(ForeignKey("accounts.deployment"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[str]
    entry: Mapped[int | None]


class ForeignActRow(Base):
    """What has to be done at a registry that is not ours, stored before anything is asked there. `round` counts how
    often it was asked; `statement` names what that registry stated when an unknown was last resolved; `reference` and
    `evidence` are of the act once done. An act that ends what is on chain was seen final at `final_block`."""

    __tablename__ = "foreign_acts"
    __table_args__ = (
        UniqueConstraint("verb", "subject"),
        CheckConstraint("state IN ('planned', 'asked', 'unknown', 'done', 'void')", name="act_state"),
        CheckConstraint("verb IN ('take', 'give-back', 'retire', 'hand-over')", name="act_verb"),
        CheckConstraint("verb = 'take' OR final_block IS NOT NULL", name="act_last"),
        CheckConstraint("(state = 'done') = (reference IS NOT NULL)", name="act_reference"),
        CheckConstraint("(reference IS NULL) = (evidence IS NULL)", name="act_evidence"),
        CheckConstraint("round >= 0 AND (state NOT IN ('asked', 'unknown') OR round > 0)", name="act_round"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    programme: Mapped[str]
    verb: Mapped[str]
    subject: Mapped[str]
    document: Mapped[str]
    final_block: Mapped[int | None]
    state: Mapped[str]
    round: Mapped[int] = mapped_column(default=0)
    statement: Mapped[str | None]
    reference: Mapped[str | None]
    evidence: Mapped[str | None]


class ForeignStep(Base):
    """What an act went through: each state that it came to, when, and why."""

    __tablename__ = "foreign_steps"
    act_id: Mapped[str] = mapped_column(ForeignKey("foreign_acts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int]
    state: Mapped[str]
    words: Mapped[str]


class ConfirmationRow(Base):
    """An officer's signed word on an act. His newest of a round counts, as long as the act is not done."""

    __tablename__ = "confirmations"
    act_id: Mapped[str] = mapped_column(ForeignKey("foreign_acts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int]
    officer: Mapped[str]
    document: Mapped[str]
    signature: Mapped[str]
