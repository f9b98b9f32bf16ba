"""What travels between the registry's service and its clients: questions, answers, and problems (RFC 9457).

Every body is canonical JSON (RFC 8785), so that the same content is the same bytes whoever writes it. Whole numbers
that not every JSON reader keeps (beyond 2^53) travel as decimal text, which the models read as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

from bridge.domain.attestations import Attested, Deployment, Lock, Receipt, StatementHead
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import ClassMetadata, PinnedMetadata
from bridge.domain.observed import StatementRow
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Address, Fact, Hex32, RegistryCode
from bridge.errors import (
    BridgeError,
    Conflict,
    Halted,
    MalformedInput,
    NotYet,
    Refused,
    RegistryRefused,
    Unreachable,
    UsageError,
)
from bridge.registry.port import Instruction, Locked, Reservation, TakenBack

AT_ONCE = 1000
"""Items in one question, and in one page."""

KNOWN_AT_ONCE = 50
"""Ids in the address of a question: some proxies take eight kilobytes of it."""

MOST_BYTES = 1024 * 1024
"""Of a question."""

_EXACT = 2**53 - 1

Scope = Literal["bridge", "depositor", "holder", "reader"]


def canonical(value: BaseModel | Mapping[str, Any]) -> bytes:
    return rfc8785.dumps(_portable(value.model_dump(mode="json") if isinstance(value, BaseModel) else value))


def _portable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _portable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_portable(inner) for inner in value]
    if isinstance(value, int) and abs(value) > _EXACT:
        return str(value)
    return value


# ------------------------------------------------------------------- problems


class Problem(BaseModel):
    """`type` names the kind for programs, `detail` says it to people."""

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str


class Kind(Fact):
    """A kind of problem. `final`: the same request has this answer for good; else it may be repeated."""

    name: str
    title: str
    status: int
    final: bool = True

    @property
    def type(self) -> str:
        return f"urn:carbonbridge:{self.name}"

    def about(self, detail: str) -> Problem:
        return Problem(type=self.type, title=self.title, status=self.status, detail=detail)


_KINDS: tuple[tuple[type[BridgeError], Kind], ...] = (
    (MalformedInput, Kind(name="malformed", title="Not what is asked for here", status=422)),
    (UsageError, Kind(name="usage", title="Not to be asked like this", status=400)),
    (Conflict, Kind(name="conflict", title="The same id was used with other content", status=409)),
    (RegistryRefused, Kind(name="refused", title="The registry says no", status=422)),
    (Refused, Kind(name="refused-elsewhere", title="A counterpart says no", status=422)),
    (NotYet, Kind(name="not-yet", title="Repeat later", status=409, final=False)),
    (Unreachable, Kind(name="unreachable", title="A counterpart did not answer", status=503, final=False)),
    (Halted, Kind(name="halted", title="People must decide", status=409, final=False)),
)
"""The errors that cross over. The first that fits is told, and raised again on the other side."""

TOKEN_UNKNOWN = Kind(name="token", title="No token that is good here", status=401, final=False)
FORBIDDEN = Kind(name="forbidden", title="Not with this token", status=403, final=False)
NOWHERE = Kind(name="nowhere", title="Nothing is here", status=404, final=False)
IN_USE = Kind(name="key-in-use", title="The same request is being answered", status=409, final=False)
STALE = Kind(name="stale-cursor", title="The list has changed; begin again", status=410, final=False)
TOO_LARGE = Kind(name="too-large", title="More than is read at once", status=413, final=False)
KEY_REUSED = Kind(name="key-reused", title="Another request had this key", status=422, final=False)
TOO_MANY = Kind(name="too-many", title="Too many requests", status=429, final=False)
FAULT = Kind(name="fault", title="A fault of the registry's", status=500, final=False)


def kind_of(error: BridgeError) -> Kind:
    return next((kind for known, kind in _KINDS if isinstance(error, known)), FAULT)


def problem_of(error: BridgeError) -> Problem:
    return kind_of(error).about(str(error))


def error_of(problem: Problem) -> BridgeError | None:
    """The error that was raised there; None for a problem between the two of us."""
    found = next((known for known, kind in _KINDS if kind.type == problem.type), None)
    return found(problem.detail) if found else None


# ------------------------------------------------------------------ questions


class LockOrderOf(Fact):
    lock_id: Hex32
    instruction_id: Hex32


class LockOrders(Fact):
    orders: tuple[LockOrderOf, ...] = Field(max_length=AT_ONCE)


class LockIds(Fact):
    lock_ids: tuple[Hex32, ...] = Field(max_length=AT_ONCE)


class PartOf(Fact):
    request_id: Hex32
    part: int = Field(ge=0, lt=2**16)


class Parts(Fact):
    parts: tuple[PartOf, ...] = Field(max_length=AT_ONCE)


class RequestIds(Fact):
    request_ids: tuple[Hex32, ...] = Field(max_length=AT_ONCE)


class EventId(Fact):
    event_id: Hex32


class Stating(Fact):
    registry: RegistryCode


# -------------------------------------------------------------------- answers


class OneAnswer(Fact):
    """One of many, or why there is none."""

    problem: Problem | None = None


class ManyAnswers(Fact):
    """In the order of what was asked."""

    answers: tuple[OneAnswer, ...]


class LockAnswer(OneAnswer):
    lock: Lock | None = None


class LockAnswers(ManyAnswers):
    answers: tuple[LockAnswer, ...]


class ReservationAnswer(OneAnswer):
    reservation: Reservation | None = None


class ReservationAnswers(ManyAnswers):
    answers: tuple[ReservationAnswer, ...]


class ReceiptAnswer(OneAnswer):
    receipt: Attested[Receipt] | None = None


class ReceiptAnswers(ManyAnswers):
    answers: tuple[ReceiptAnswer, ...]


class WithdrawalAnswer(OneAnswer):
    done: bool = False


class WithdrawalAnswers(ManyAnswers):
    answers: tuple[WithdrawalAnswer, ...]


class LockedAs(Fact):
    lock_id: Hex32 | None


class Done(Fact):
    """That it is so now."""

    done: Literal[True] = True


class Orders(Fact):
    """`next`: the cursor of the page after this; without one this is the last."""

    items: tuple[Instruction, ...]
    next: Hex32 | None = None


class Events(Fact):
    items: tuple[TakenBack, ...]
    next: Hex32 | None = None


class Stated(Fact):
    """A statement's signed head, and how many rows it has; they are read page by page."""

    registry: RegistryCode
    deployment: Deployment
    head: Attested[StatementHead]
    rows: int


class Rows(Fact):
    items: tuple[StatementRow, ...]
    next: int | None = None


class OneClass(Fact):
    found: CreditClass | None


class OneMetadata(Fact):
    found: ClassMetadata | None


class Pins(Fact):
    """What attesters signed of a class's metadata, and the metadata as it was then."""

    pins: tuple[PinnedMetadata, ...]


class OneSpace(Fact):
    found: SerialSpace | None


class Locks(Fact):
    items: tuple[Locked, ...]


class Receipts(Fact):
    items: tuple[Attested[Receipt], ...]


class Holding(Fact):
    class_id: Hex32
    range: SerialRange


class Holdings(Fact):
    items: tuple[Holding, ...]
    next: str | None = None


class Quorum(Fact):
    """A programme's attesters."""

    threshold: int
    attesters: tuple[Address, ...]


class About(Fact):
    """Who a token is here, and what the registry has for him. `expires_at` is in seconds since 1970."""

    token: str
    scopes: tuple[Scope, ...]
    deployment: Deployment | None
    account: str | None
    expires_at: int | None
    served: bool
    programmes: dict[RegistryCode, Quorum]
