"""Serials set aside for a holder's request, and what becomes of them when it has ended on chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge.database import rows_by
from bridge.domain.attestations import NO_EVIDENCE, Attested, Deployment, Opening, Outcome, Receipt, Refusal
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import RequestOpened
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import BridgeError, Conflict, Halted, NotYet, RegistryRefused
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
from bridge.registry.ledger.movement import Books, Taking, Where, guarded, move, range_of, require
from bridge.registry.ledger.reversing import take_what_waited
from bridge.registry.port import Reservation

_Result = TypeVar("_Result")


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


class Wanted(NamedTuple):
    """A request to be decided on; `refusal` is why it cannot be served, or empty."""

    opened: RequestOpened
    refusal: str = ""


class Execution(NamedTuple):
    """What is settled of a request that has ended. `receiver` is the account that a redemption goes to; `done` what was
    done for it at the programme's own registry, where that is another."""

    request_id: Hex32
    settled: Sequence[Outcome]
    receiver: str
    note: Mapping[str, str]
    done: Done | None = None


class SetAside(NamedTuple):
    """Rising ranges, and the locks that they are under."""

    ranges: tuple[SerialRange, ...]
    locks: tuple[Hex32, ...]


class Requests(Books):
    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        with self._write() as tx:
            if tx.get(Disclosure, (request_id, opening.commitment)) is None:
                row = Disclosure(
                    request_id=request_id, commitment=opening.commitment, document=opening.model_dump_json()
                )
                tx.add(row)

    def disclosed(self, commitments: Mapping[Hex32, Hex32]) -> dict[Hex32, Opening]:
        """By request, where it matches the request's commitment."""
        with self._read() as tx:
            rows = rows_by(tx, Disclosure.request_id, list(commitments))
        return {
            row.request_id: Opening.model_validate_json(row.document)
            for row in rows
            if row.commitment == commitments[row.request_id]
        }

    def decisions(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Decision]:
        """Those that were decided on."""
        with self._read() as tx:
            return _decisions(tx, request_ids)

    def decision(self, request_id: Hex32) -> Decision | None:
        return self.decisions([request_id]).get(request_id)

    def decide(self, deployment: Deployment, wanted: Sequence[Wanted]) -> dict[Hex32, Reservation | BridgeError]:
        """Each request by itself, in one transaction: what is not refused has serials of minted locks set aside, the
        lowest for a retirement, the highest for a redemption, so that the contract takes them from an edge of its
        ranges; it is refused when the class has not as many left.

        NotYet while serials that are not yet seen minted could serve it, Conflict for another request's known id.
        """
        by_id = {one.opened.request_id: one for one in wanted}
        return self._each(list(by_id), lambda tx, request_id: self._decide(tx, deployment, by_id[request_id]))

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

    def execute(self, executions: Sequence[Execution]) -> dict[Hex32, Receipt | BridgeError]:
        """Retires or hands over the settled parts, once, and locks what else was reserved again; each request by
        itself, in one transaction. Halted for an act that is impossible."""
        by_id = {one.request_id: one for one in executions}
        return self._each(list(by_id), lambda tx, request_id: self._execute(tx, by_id[request_id]))

    def unreserve(self, request_ids: Sequence[Hex32]) -> dict[Hex32, BridgeError | None]:
        """Ends decisions that nothing was settled on, each by itself; their serials are locked again."""
        return self._each(request_ids, self._unreserve)

    def receipts(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Receipt]:
        """Those of executed requests."""
        with self._read() as tx:
            rows = rows_by(tx, ReceiptRow.request_id, request_ids)
        return {row.request_id: Receipt.model_validate_json(row.document) for row in rows}

    def keep_signed(self, signed: Sequence[Attested[Receipt]]) -> None:
        """Keeps receipts' signatures, the first quorum's for good."""
        documents = {one.items[0].request_id: one.model_dump_json() for one in signed}
        with self._write() as tx:
            known = {row.request_id for row in rows_by(tx, SignedReceipt.request_id, list(documents))}
            fresh = [
                {"request_id": request_id, "document": document}
                for request_id, document in documents.items()
                if request_id not in known
            ]
            if fresh:
                tx.execute(insert(SignedReceipt), fresh)

    def signed_receipts(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Attested[Receipt]]:
        with self._read() as tx:
            rows = rows_by(tx, SignedReceipt.request_id, request_ids)
        return {row.request_id: Attested[Receipt].model_validate_json(row.document) for row in rows}

    def still_reserved(self, request_ids: Sequence[Hex32]) -> dict[Hex32, SetAside]:
        """By request the serials now set aside for it, each under a minted lock."""
        found: dict[Hex32, list[Block]] = {request_id: [] for request_id in request_ids}
        with self._read() as tx:
            for block in _reserved(tx, request_ids):
                found[block.request_id or ""].append(block)
        return {
            request_id: SetAside(
                ranges=tuple(coalesce(map(range_of, blocks))),
                locks=tuple(sorted({block.lock_id for block in blocks if block.lock_id})),
            )
            for request_id, blocks in found.items()
        }

    def _each(
        self, request_ids: Sequence[Hex32], act: Callable[[Session, Hex32], _Result]
    ) -> dict[Hex32, _Result | BridgeError]:
        """One transaction for all, in which each stands or falls alone."""
        answers: dict[Hex32, _Result | BridgeError] = {}
        with self._write() as tx:
            for request_id in request_ids:
                try:
                    with tx.begin_nested():
                        answers[request_id] = act(tx, request_id)
                except IntegrityError as error:
                    answers[request_id] = guarded(error)
                except BridgeError as error:
                    answers[request_id] = error
        return answers

    def _decide(self, tx: Session, deployment: Deployment, wanted: Wanted) -> Reservation:
        opened = wanted.opened
        if known := self._known(tx, deployment, opened):
            return known
        if wanted.refusal:
            return _decided(tx, deployment, opened, wanted.refusal)
        picked = list(pick(opened.kind, candidates(tx, deployment, opened), opened.units))
        if sum(span.units for _, span in picked) < opened.units:
            _require_none_awaited(tx, deployment, opened)
            return _decided(tx, deployment, opened, "serials-missing")
        return self._reserve(tx, deployment, opened, picked)

    def _execute(self, tx: Session, execution: Execution) -> Receipt:
        request_id, settled = execution.request_id, execution.settled
        if known := tx.get(ReceiptRow, request_id):
            return Receipt.model_validate_json(known.document)
        decision = _required(tx, request_id)
        _require_reserved_parts(decision, settled)
        content = {"settled": [part.part for part in settled], **execution.note}
        entry = self._enter_once(tx, "execute", request_id, content, decision.deployment)
        spans = [span for part in settled for span in part.ranges]
        self._act(tx, entry, decision, spans, execution.receiver)
        _relock(tx, entry, request_id)
        take_what_waited(tx, entry, _spans_of(decision))
        return self._receipt(tx, entry, decision, spans, execution.done)

    def _unreserve(self, tx: Session, request_id: Hex32) -> None:
        decision = _required(tx, request_id)
        if decision.ended == "withdrawn":
            return
        if decision.ended:
            raise RegistryRefused(f"request {request_id} was executed; nothing is left to withdraw")
        entry = self._enter_once(tx, "unreserve", request_id, {}, decision.deployment)
        _relock(tx, entry, request_id)
        take_what_waited(tx, entry, _spans_of(decision))
        _end(tx, request_id, "withdrawn")

    def _known(self, tx: Session, deployment: Deployment, opened: RequestOpened) -> Reservation | None:
        row = tx.get(ReservationRow, opened.request_id)
        if row is None:
            return None
        found = (row.deployment, row.class_id, row.kind, row.units, row.commitment)
        asked = (str(deployment), opened.class_id, int(opened.kind), opened.units, opened.commitment)
        if found != asked:
            raise Conflict(f"request {opened.request_id} was decided with other content; stop and reconcile")
        return _required(tx, opened.request_id).reservation

    def _reserve(
        self,
        tx: Session,
        deployment: Deployment,
        opened: RequestOpened,
        picked: Sequence[tuple[Block, SerialRange]],
    ) -> Reservation:
        reservation = _decided(tx, deployment, opened, None)
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


def _decided(tx: Session, deployment: Deployment, opened: RequestOpened, refusal: str | None) -> Reservation:
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
    reason = Refusal(request_id=opened.request_id, reason=refusal) if refusal else None
    return Reservation(request_id=opened.request_id, refusal=reason)


def _decisions(tx: Session, request_ids: Sequence[Hex32]) -> dict[Hex32, Decision]:
    rows = rows_by(tx, ReservationRow.request_id, request_ids)
    if not rows:
        return {}
    ranges: dict[Hex32, list[PartRange]] = {}
    for one in rows_by(tx, PartRange.request_id, request_ids):
        ranges.setdefault(one.request_id, []).append(one)
    late = {one.request_id: one.reason for one in rows_by(tx, LateRefusal.request_id, request_ids)}
    programmes = {one.id: one.programme for one in rows_by(tx, Class.id, list({row.class_id for row in rows}))}
    return {
        row.request_id: _decision(
            row, ranges.get(row.request_id, []), row.refusal or late.get(row.request_id), programmes[row.class_id]
        )
        for row in rows
    }


def _decision(
    row: ReservationRow, ranges: Sequence[PartRange], reason: str | None, programme: RegistryCode
) -> Decision:
    parts: dict[int, list[SerialRange]] = {}
    for r in sorted(ranges, key=lambda one: (one.part, one.position)):
        parts.setdefault(r.part, []).append(SerialRange(space=r.space, first=r.first, last=r.last))
    request_id = row.request_id
    outcomes = tuple(Outcome(request_id=request_id, part=n, ranges=tuple(spans)) for n, spans in parts.items())
    refusal = Refusal(request_id=request_id, reason=reason) if reason else None
    chain_id, contract = row.deployment.split(":")
    return Decision(
        reservation=Reservation(request_id=request_id, parts=outcomes, refusal=refusal),
        deployment=Deployment(chain_id=int(chain_id), contract=contract),
        registry=programme,
        class_id=row.class_id,
        kind=Kind(row.kind),
        units=row.units,
        commitment=row.commitment,
        ended=row.ended or "",
    )


def _required(tx: Session, request_id: Hex32) -> Decision:
    decision = _decisions(tx, [request_id]).get(request_id)
    if decision is None:
        raise undecided(request_id)
    return decision


def undecided(request_id: Hex32) -> RegistryRefused:
    return RegistryRefused(f"nothing was decided on request {request_id}; ask to reserve first")


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


def _reserved(tx: Session, request_ids: Sequence[Hex32]) -> list[Block]:
    state = Block.state == SerialState.RESERVED.value
    blocks: list[Block] = rows_by(tx, Block.request_id, request_ids, state, Block.closed_by.is_(None))
    return sorted(blocks, key=lambda block: (block.space, block.first))


def _relock(tx: Session, entry: Entry, request_id: Hex32) -> None:
    def to(block: Block) -> Where:
        return Where(block.account, SerialState.LOCKED, block.lock_id)

    move(tx, entry, *(Taking(range_of(block), [block], to) for block in _reserved(tx, [request_id])))


def _retired(block: Block) -> Where:
    return Where(block.account, SerialState.RETIRED, block.lock_id, block.request_id)


def _end(tx: Session, request_id: Hex32, how: str) -> None:
    tx.get_one(ReservationRow, request_id).ended = how
    tx.flush()
