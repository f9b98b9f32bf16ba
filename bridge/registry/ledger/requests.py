"""Serials set aside for a holder's request, and what becomes of them when it has ended on chain."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.domain.attestations import NO_EVIDENCE, Attested, Deployment, Opening, Outcome, Receipt, Refusal
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import RequestOpened
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import Conflict, Halted, NotYet, RegistryRefused
from bridge.registry.counterpart import Done
from bridge.registry.ledger.choice import by_lock, candidates, parts_of, pick
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.models import (
    Block,
    Class,
    Disclosure,
    Entry,
    LateRefusal,
    PartRange,
    ReceiptRow,
    ReservationRow,
    SignedReceipt,
)
from bridge.registry.ledger.movement import Books, Taking, Where, move, range_of, require
from bridge.registry.ledger.reversing import take_what_waited
from bridge.registry.port import Reservation


class Decision(Fact):
    """A reservation with what it was decided for. `ended` is empty until it is executed or withdrawn."""

    reservation: Reservation
    deployment: Deployment
    registry: RegistryCode
    class_id: Hex32
    kind: Kind
    units: int
    commitment: Hex32
    ended: str = ""


class Requests(Books):
    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        with self._write() as tx:
            if tx.get(Disclosure, (request_id, opening.commitment)) is None:
                row = Disclosure(
                    request_id=request_id, commitment=opening.commitment, document=opening.model_dump_json()
                )
                tx.add(row)

    def disclosed(self, request_id: Hex32, commitment: Hex32) -> Opening | None:
        with self._read() as tx:
            row = tx.get(Disclosure, (request_id, commitment))
            return Opening.model_validate_json(row.document) if row else None

    def decision(self, request_id: Hex32) -> Decision | None:
        with self._read() as tx:
            row = tx.get(ReservationRow, request_id)
            return _decision(tx, row) if row else None

    def reserve(self, deployment: Deployment, opened: RequestOpened) -> Reservation:
        """Sets serials of minted locks aside: the lowest for a retirement, the highest for a redemption, so that the
        contract takes them from an edge of its ranges. Refuses when the class has not as many left.

        Raises NotYet while serials that are not yet seen minted could serve it.
        """
        with self._write() as tx:
            if known := self._known(tx, deployment, opened):
                return known
            blocks = candidates(tx, deployment, opened)
            picked = list(pick(opened.kind, blocks, opened.units))
            if sum(span.units for _, span in picked) < opened.units:
                _require_none_awaited(tx, deployment, opened)
                return _decide(tx, deployment, opened, "serials-missing")
            return self._reserve(tx, deployment, opened, picked)

    def refuse(self, deployment: Deployment, opened: RequestOpened, reason: str) -> Reservation:
        with self._write() as tx:
            return self._known(tx, deployment, opened) or _decide(tx, deployment, opened, reason)

    def refuse_late(self, request_id: Hex32, reason: str) -> Reservation:
        """Refuses what was reserved, once. Its serials stay set aside: its parts may be signed and land yet."""
        with self._write() as tx:
            decision = _required(tx, request_id)
            if decision.ended or decision.reservation.refusal:
                return decision.reservation
            tx.add(LateRefusal(request_id=request_id, reason=reason))
            tx.flush()
            return _required(tx, request_id).reservation

    def require_executable(self, request_id: Hex32, settled: Sequence[Outcome]) -> None:
        """Raises Halted when `execute` would: asked before anything is done elsewhere that cannot be taken back."""
        with self._read() as tx:
            _require_reserved_parts(_required(tx, request_id), settled)
            for span in (span for part in settled for span in part.ranges):
                _require_reserved(tx, request_id, span)

    def execute(
        self,
        request_id: Hex32,
        settled: Sequence[Outcome],
        receiver: str,
        note: dict[str, str],
        done: Done | None = None,
    ) -> Receipt:
        """Retires or hands over the settled parts, once, and locks what else was reserved again. `receiver` is the
        account that a redemption goes to; `done` what was done for it at the programme's own registry, where that is
        another. Raises Halted when the act is impossible."""
        with self._write() as tx:
            if known := tx.get(ReceiptRow, request_id):
                return Receipt.model_validate_json(known.document)
            decision = _required(tx, request_id)
            _require_reserved_parts(decision, settled)
            content = {"settled": [part.part for part in settled], **note}
            entry = self._enter_once(tx, "execute", request_id, content, decision.deployment)
            spans = [span for part in settled for span in part.ranges]
            self._act(tx, entry, decision, spans, receiver)
            _relock(tx, entry, request_id)
            take_what_waited(tx, entry, _spans_of(decision))
            return self._receipt(tx, entry, decision, spans, done)

    def unreserve(self, request_id: Hex32) -> None:
        """Ends a decision that nothing was settled on; its serials are locked again."""
        with self._write() as tx:
            decision = _required(tx, request_id)
            if decision.ended == "withdrawn":
                return
            if decision.ended:
                raise RegistryRefused(f"request {request_id} was executed; nothing is left to withdraw")
            entry = self._enter_once(tx, "unreserve", request_id, {}, decision.deployment)
            _relock(tx, entry, request_id)
            take_what_waited(tx, entry, _spans_of(decision))
            _end(tx, request_id, "withdrawn")

    def receipt(self, request_id: Hex32) -> Receipt | None:
        with self._read() as tx:
            row = tx.get(ReceiptRow, request_id)
            return Receipt.model_validate_json(row.document) if row else None

    def keep_signed(self, signed: Attested[Receipt]) -> None:
        """Keeps a receipt's signatures, the first quorum's for good."""
        (receipt,) = signed.items
        with self._write() as tx:
            if tx.get(SignedReceipt, receipt.request_id) is None:
                tx.add(SignedReceipt(request_id=receipt.request_id, document=signed.model_dump_json()))

    def signed_receipt(self, request_id: Hex32) -> Attested[Receipt] | None:
        with self._read() as tx:
            row = tx.get(SignedReceipt, request_id)
            return Attested[Receipt].model_validate_json(row.document) if row else None

    def still_reserved(self, request_id: Hex32) -> tuple[SerialRange, ...]:
        """The serials now set aside for the request, each under a minted lock."""
        with self._read() as tx:
            return tuple(coalesce(map(range_of, _reserved(tx, request_id))))

    def locks_of(self, request_id: Hex32) -> tuple[Hex32, ...]:
        with self._read() as tx:
            return tuple(sorted({block.lock_id for block in _reserved(tx, request_id) if block.lock_id}))

    def _known(self, tx: Session, deployment: Deployment, opened: RequestOpened) -> Reservation | None:
        row = tx.get(ReservationRow, opened.request_id)
        if row is None:
            return None
        found = (row.deployment, row.class_id, row.kind, row.units, row.commitment)
        asked = (str(deployment), opened.class_id, int(opened.kind), opened.units, opened.commitment)
        if found != asked:
            raise Conflict(f"request {opened.request_id} was decided with other content; stop and reconcile")
        return _decision(tx, row).reservation

    def _reserve(
        self,
        tx: Session,
        deployment: Deployment,
        opened: RequestOpened,
        picked: Sequence[tuple[Block, SerialRange]],
    ) -> Reservation:
        reservation = _decide(tx, deployment, opened, None)
        entry = self._enter_once(tx, "reserve", opened.request_id, {}, deployment)
        account = bridge_account(deployment)

        def to(block: Block) -> Where:
            return Where(account, SerialState.RESERVED, block.lock_id, opened.request_id)

        move(tx, entry, *(Taking(span, [block], to) for block, span in picked))
        parts = parts_of(opened.request_id, by_lock(picked))
        for part in parts:
            _write_part(tx, part)
        tx.flush()
        return reservation.model_copy(update={"parts": parts})

    def _act(self, tx: Session, entry: Entry, decision: Decision, spans: Sequence[SerialRange], receiver: str) -> None:
        request_id = decision.reservation.request_id
        for span in spans:
            blocks = _require_reserved(tx, request_id, span)
            if decision.kind is Kind.RETIREMENT:
                move(tx, entry, Taking(span, blocks, _retired))
            else:
                move(tx, entry, Taking(span, blocks, lambda _: Where(receiver, SerialState.HELD, None, request_id)))

    def _receipt(
        self, tx: Session, entry: Entry, decision: Decision, spans: Sequence[SerialRange], done: Done | None
    ) -> Receipt:
        receipt = Receipt(
            request_id=decision.reservation.request_id,
            kind=decision.kind,
            ranges=tuple(spans),
            reference=done.reference if done else f"{decision.registry}-{entry.id:08d}",
            executed_at=entry.made_at,
            evidence=done.evidence if done else NO_EVIDENCE,
        )
        tx.add(ReceiptRow(request_id=receipt.request_id, document=receipt.model_dump_json()))
        _end(tx, receipt.request_id, "executed")
        return receipt


def _write_part(tx: Session, part: Outcome) -> None:
    for position, span in enumerate(part.ranges):
        row = PartRange(
            request_id=part.request_id,
            part=part.part,
            position=position,
            space=span.space,
            first=span.first,
            last=span.last,
        )
        tx.add(row)


def _require_none_awaited(tx: Session, deployment: Deployment, opened: RequestOpened) -> None:
    """Raises NotYet when the locked serials would do, were all seen minted."""
    locked = select(func.coalesce(func.sum(Block.last - Block.first + 1), 0)).where(
        Block.account == bridge_account(deployment),
        Block.state == SerialState.LOCKED.value,
        Block.class_id == opened.class_id,
        Block.closed_by.is_(None),
    )
    if int(tx.scalar(locked) or 0) >= opened.units:
        raise NotYet(f"request {opened.request_id} awaits mints that are not final yet; repeat later")


def _decide(tx: Session, deployment: Deployment, opened: RequestOpened, refusal: str | None) -> Reservation:
    row = ReservationRow(
        request_id=opened.request_id,
        deployment=str(deployment),
        class_id=opened.class_id,
        kind=int(opened.kind),
        units=opened.units,
        commitment=opened.commitment,
        refusal=refusal,
    )
    tx.add(row)
    tx.flush()
    return _decision(tx, row).reservation


def _decision(tx: Session, row: ReservationRow) -> Decision:
    parts: dict[int, list[SerialRange]] = {}
    of_request = select(PartRange).where(PartRange.request_id == row.request_id)
    for r in tx.scalars(of_request.order_by(PartRange.part, PartRange.position)):
        parts.setdefault(r.part, []).append(SerialRange(space=r.space, first=r.first, last=r.last))
    request_id = row.request_id
    outcomes = tuple(Outcome(request_id=request_id, part=n, ranges=tuple(ranges)) for n, ranges in parts.items())
    late = tx.get(LateRefusal, request_id)
    reason = row.refusal or (late.reason if late else None)
    refusal = Refusal(request_id=request_id, reason=reason) if reason else None
    chain_id, contract = row.deployment.split(":")
    return Decision(
        reservation=Reservation(request_id=request_id, parts=outcomes, refusal=refusal),
        deployment=Deployment(chain_id=int(chain_id), contract=contract),
        registry=tx.get_one(Class, row.class_id).programme,
        class_id=row.class_id,
        kind=Kind(row.kind),
        units=row.units,
        commitment=row.commitment,
        ended=row.ended or "",
    )


def _required(tx: Session, request_id: Hex32) -> Decision:
    row = tx.get(ReservationRow, request_id)
    if row is None:
        raise RegistryRefused(f"nothing was decided on request {request_id}; ask to reserve first")
    return _decision(tx, row)


def _spans_of(decision: Decision) -> list[SerialRange]:
    return [span for part in decision.reservation.parts for span in part.ranges]


def _require_reserved_parts(decision: Decision, settled: Sequence[Outcome]) -> None:
    for part in settled:
        if part not in decision.reservation.parts:
            spans = json.dumps([str(span) for span in part.ranges])
            raise Halted(
                f"part {part.part} of request {part.request_id} is settled with serials {spans} that were never "
                "reserved for it: its attesters' keys must be held stolen"
            )


def _require_reserved(tx: Session, request_id: Hex32, span: SerialRange) -> list[Block]:
    try:
        return require(tx, span, [SerialState.RESERVED], request_id=request_id)
    except RegistryRefused as error:
        raise Halted(f"request {request_id} is settled and cannot be executed: {error}") from error


def _reserved(tx: Session, request_id: Hex32) -> list[Block]:
    query = select(Block).where(
        Block.request_id == request_id, Block.state == SerialState.RESERVED.value, Block.closed_by.is_(None)
    )
    return list(tx.scalars(query.order_by(Block.space, Block.first)))


def _relock(tx: Session, entry: Entry, request_id: Hex32) -> None:
    def to(block: Block) -> Where:
        return Where(block.account, SerialState.LOCKED, block.lock_id)

    move(tx, entry, *(Taking(range_of(block), [block], to) for block in _reserved(tx, request_id)))


def _retired(block: Block) -> Where:
    return Where(block.account, SerialState.RETIRED, block.lock_id, block.request_id)


def _end(tx: Session, request_id: Hex32, how: str) -> None:
    tx.get_one(ReservationRow, request_id).ended = how
    tx.flush()
