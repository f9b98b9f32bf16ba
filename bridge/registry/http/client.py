"""The port over HTTP: each answer is parsed, and refused when it is not about what was asked.

Signatures are the contract's to check, and of receipts and statements the reader's; a service that signed nonsense gets
nothing minted or settled by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from bridge.domain.attestations import (
    Attested,
    Cover,
    Deployment,
    Lock,
    Message,
    Opening,
    Outcome,
    Receipt,
    Refusal,
    Reversal,
)
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import ClassMetadata
from bridge.domain.observed import Statement, StatementRow, rows_hash
from bridge.domain.serials import SerialSpace
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import BridgeError, RegistryRefused, Unreachable
from bridge.registry import wire
from bridge.registry.http.line import Line, StaleCursor
from bridge.registry.port import Instruction, Locked, LockOrder, Reservation, TakenBack

_BEGIN_AGAIN = 3
"""Times that a list which changed while it was read is read from its beginning."""

_MOST_PAGES = 1000
_Many = TypeVar("_Many", bound=wire.ManyAnswers)


class HttpRegistry:
    """Implements `port.Registry`, for the deployment that the line's token is for. Raises as the port says; UsageError
    when the token is not taken."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def about(self) -> wire.About:
        """Who we are there, and the attesters."""
        return self._line.get(wire.About, "/v1/token")

    def instruction(self, instruction_id: Hex32) -> Instruction:
        found = self._line.get(Instruction, f"/v1/instructions/{instruction_id}")
        _require("instruction", [instruction_id], [found.instruction_id])
        return found

    def instruct(self, instruction: Instruction) -> None:
        """A depositor's order, with his own token."""
        kept = self._line.post(Instruction, "/v1/instructions", instruction)
        _require("instruction", [instruction], [kept])

    def waiting(self, deployment: Deployment) -> tuple[Instruction, ...]:
        found = tuple(order for page in self._orders() for order in page.items)
        _require("orders for deployment", {deployment} if found else set(), {order.deployment for order in found})
        return found

    def lock(self, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        answers: list[Lock | BridgeError] = []
        for start in range(0, len(orders), wire.AT_ONCE):
            some = orders[start : start + wire.AT_ONCE]
            asked = wire.LockOrders(
                orders=tuple(wire.LockOrderOf(lock_id=one, instruction_id=other) for one, other in some)
            )
            told = self._line.post(wire.LockAnswers, "/v1/locks", asked).answers
            if len(told) != len(some):
                raise RegistryRefused(f"the registry answered {len(told)} of {len(some)} orders; ask again")
            answers += [_lock(order, answer) for order, answer in zip(some, told, strict=True)]
        return answers

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        return self._line.get(wire.LockedAs, f"/v1/instructions/{instruction_id}/lock").lock_id

    def attest_locks(self, lock_ids: Sequence[Hex32]) -> Attested[Lock]:
        signed = self._line.post(Attested[Lock], "/v1/attestations/locks", wire.LockIds(lock_ids=tuple(lock_ids)))
        return _about(signed, lock_ids, [lock.lock_id for lock in signed.items])

    def attest_covers(self, lock_ids: Sequence[Hex32]) -> Attested[Cover]:
        signed = self._line.post(Attested[Cover], "/v1/attestations/covers", wire.LockIds(lock_ids=tuple(lock_ids)))
        return _about(signed, lock_ids, [cover.lock.lock_id for cover in signed.items])

    def release(self, lock_id: Hex32) -> None:
        self._line.post(wire.Done, f"/v1/locks/{lock_id}/release")

    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        self._line.post(wire.Done, f"/v1/requests/{request_id}/disclosure", opening)

    def reserve(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return self._decisions(request_ids, "/v1/reservations")

    def reconsider(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return self._decisions(request_ids, "/v1/reconsiderations")

    def attest_outcomes(self, parts: Sequence[tuple[Hex32, int]]) -> Attested[Outcome]:
        asked = wire.Parts(parts=tuple(wire.PartOf(request_id=one, part=number) for one, number in parts))
        signed = self._line.post(Attested[Outcome], "/v1/attestations/outcomes", asked)
        return _about(signed, list(parts), [(outcome.request_id, outcome.part) for outcome in signed.items])

    def attest_refusals(self, request_ids: Sequence[Hex32]) -> Attested[Refusal]:
        asked = wire.RequestIds(request_ids=tuple(request_ids))
        signed = self._line.post(Attested[Refusal], "/v1/attestations/refusals", asked)
        return _about(signed, request_ids, [refusal.request_id for refusal in signed.items])

    def reversals(self, deployment: Deployment) -> tuple[TakenBack, ...]:  # noqa: ARG002 the token's own
        for _ in range(_BEGIN_AGAIN):
            try:
                return tuple(event for page in self._events() for event in page.items)
            except StaleCursor:
                continue
        raise Unreachable("the registry's list of reversals changed while it was read; ask again")

    def attest_reversal(self, event_id: Hex32) -> Attested[Reversal]:
        signed = self._line.post(Attested[Reversal], "/v1/attestations/reversals", wire.EventId(event_id=event_id))
        return _about(signed, [event_id], [reversal.event_id for reversal in signed.items])

    def execute(self, request_ids: Sequence[Hex32]) -> list[Attested[Receipt] | BridgeError]:
        told = self._each(request_ids, wire.ReceiptAnswers, "/v1/executions")
        return [_receipt(one, answer) for one, answer in zip(request_ids, told, strict=True)]

    def receipt(self, request_id: Hex32) -> Attested[Receipt]:
        signed = self._line.get(Attested[Receipt], f"/v1/requests/{request_id}/receipt")
        return _about(signed, [request_id], [one.request_id for one in signed.items])

    def withdraw(self, request_ids: Sequence[Hex32]) -> list[BridgeError | None]:
        told = self._each(request_ids, wire.WithdrawalAnswers, "/v1/withdrawals")
        return [None if answer.done else _problem(one, answer) for one, answer in zip(request_ids, told, strict=True)]

    def statement(self, registry: RegistryCode, deployment: Deployment) -> Statement:
        """Its rows are read page by page, as they stood when it was made, and checked against what was signed."""
        made = self._line.post(wire.Stated, "/v1/statements", wire.Stating(registry=registry))
        _require("statement", [(registry, deployment)], [(made.registry, made.deployment)])
        (head,) = _about(made.head, [1], [1] * len(made.head.items)).items
        rows = tuple(self._rows(registry, head.sequence, made.rows))
        if rows_hash(rows) != head.rows_hash:
            raise RegistryRefused(f"rows of statement {head.sequence} of {registry} are not those that were signed")
        return Statement(registry=registry, head=made.head, rows=rows)

    def locks(self, lock_ids: Sequence[Hex32]) -> tuple[Locked, ...]:
        found: list[Locked] = []
        for some in _some(lock_ids):
            told = self._line.get(wire.Locks, "/v1/locks", {"lock_id": some}).items
            _require_of(some, [one.lock.lock_id for one in told])
            found += told
        return tuple(found)

    def credit_class(self, class_id: Hex32) -> CreditClass | None:
        found = self._line.get(wire.OneClass, f"/v1/classes/{class_id}").found
        _require("class", {class_id} if found else set(), {found.id} if found else set())
        return found

    def metadata(self, class_id: Hex32) -> ClassMetadata | None:
        found = self._line.get(wire.OneMetadata, f"/v1/classes/{class_id}/metadata").found
        signed = {pin.class_id for one in found.pins for pin in one.signed.items} if found else set()
        _require("class", {class_id} if found else set(), {found.class_id} | signed if found else set())
        return found

    def space(self, space_id: Hex32) -> SerialSpace | None:
        found = self._line.get(wire.OneSpace, f"/v1/spaces/{space_id}").found
        _require("serial space", {space_id} if found else set(), {found.id} if found else set())
        return found

    def receipts(self, request_ids: Sequence[Hex32]) -> tuple[Attested[Receipt], ...]:
        found: list[Attested[Receipt]] = []
        for some in _some(request_ids):
            told = self._line.get(wire.Receipts, "/v1/receipts", {"request_id": some}).items
            _require_of(some, [receipt.request_id for one in told for receipt in one.items])
            found += told
        return tuple(found)

    def _decisions(self, request_ids: Sequence[Hex32], path: str) -> list[Reservation | BridgeError]:
        told = self._each(request_ids, wire.ReservationAnswers, path)
        return [_reservation(one, answer) for one, answer in zip(request_ids, told, strict=True)]

    def _each(self, request_ids: Sequence[Hex32], kind: type[_Many], path: str) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(request_ids), wire.AT_ONCE):
            some = request_ids[start : start + wire.AT_ONCE]
            told = self._line.post(kind, path, wire.RequestIds(request_ids=tuple(some))).answers
            if len(told) != len(some):
                raise RegistryRefused(f"the registry answered {len(told)} of {len(some)} requests; ask again")
            answers += told
        return answers

    def _orders(self) -> Iterator[wire.Orders]:
        page = self._line.get(wire.Orders, "/v1/instructions")
        yield page
        for _ in _pages():
            if page.next is None:
                return
            page = self._line.get(wire.Orders, "/v1/instructions", {"cursor": _onward(page.next, page.items)})
            yield page

    def _events(self) -> Iterator[wire.Events]:
        page = self._line.get(wire.Events, "/v1/reversals")
        yield page
        for _ in _pages():
            if page.next is None:
                return
            page = self._line.get(wire.Events, "/v1/reversals", {"cursor": _onward(page.next, page.items)})
            yield page

    def _rows(self, registry: RegistryCode, sequence: int, count: int) -> Iterator[StatementRow]:
        """Page by page, each whole: of a count that is a lie, one page is read."""
        for cursor in range(0, count, wire.AT_ONCE):
            path, due = f"/v1/statements/{registry}/{sequence}/rows", min(wire.AT_ONCE, count - cursor)
            items = self._line.get(wire.Rows, path, {"cursor": cursor, "limit": wire.AT_ONCE}).items
            if len(items) != due:
                raise RegistryRefused(
                    f"statement {sequence} of {registry} has {count:,} rows, and of those from {cursor + 1:,} on "
                    f"{len(items)} came instead of {due}"
                )
            yield from items


def _pages() -> Iterator[int]:
    """Raises RegistryRefused when a list has no end: what was read of it is kept in memory."""
    yield from range(_MOST_PAGES)
    raise RegistryRefused(f"the registry's list goes on after {_MOST_PAGES * wire.AT_ONCE:,} items; it was given up")


def _some(ids: Sequence[Hex32]) -> Iterator[Sequence[Hex32]]:
    return (ids[start : start + wire.KNOWN_AT_ONCE] for start in range(0, len(ids), wire.KNOWN_AT_ONCE))


def _lock(order: LockOrder, answer: wire.LockAnswer) -> Lock | BridgeError:
    if answer.lock is not None:
        _require("lock", [order.lock_id], [answer.lock.lock_id])
        return answer.lock
    return _problem(order.lock_id, answer)


def _reservation(request_id: Hex32, answer: wire.ReservationAnswer) -> Reservation | BridgeError:
    found = answer.reservation
    if found is None:
        return _problem(request_id, answer)
    named = {found.request_id} | {part.request_id for part in found.parts}
    named |= {found.refusal.request_id} if found.refusal else set()
    _require("request", {request_id}, named)
    return found


def _receipt(request_id: Hex32, answer: wire.ReceiptAnswer) -> Attested[Receipt] | BridgeError:
    if answer.receipt is None:
        return _problem(request_id, answer)
    return _about(answer.receipt, [request_id], [one.request_id for one in answer.receipt.items])


def _problem(asked: Hex32, answer: wire.OneAnswer) -> BridgeError:
    error = wire.error_of(answer.problem) if answer.problem else None
    return error or RegistryRefused(f"the registry answered nothing about {asked}")


def _about(signed: Attested[Message], asked: Sequence[object], named: Sequence[object]) -> Attested[Message]:
    """Signed by somebody, and about what was asked, in that order."""
    _require("signatures", list(asked), list(named))
    if not signed.signers or len(signed.signers) != len(signed.signatures):
        raise RegistryRefused(
            f"the registry names {len(signed.signers)} signers of {len(signed.signatures)} signatures"
        )
    return signed


def _onward(cursor: Hex32, items: Sequence[object]) -> Hex32:
    """Raises RegistryRefused for a page that leads nowhere: it could be asked for for ever."""
    if not items:
        raise RegistryRefused(f"the registry names a next page {cursor} after an empty one")
    return cursor


def _require(what: str, asked: object, named: object) -> None:
    if asked != named:
        raise RegistryRefused(f"the registry answered about another {what}: {named} instead of {asked}")


def _require_of(asked: Sequence[Hex32], named: Sequence[Hex32]) -> None:
    if strange := [one for one in named if one not in asked]:
        raise RegistryRefused(f"the registry answered about {strange[0]}, which nobody asked for")
