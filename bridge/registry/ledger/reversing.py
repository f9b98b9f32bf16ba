"""Serials that the registry takes back, and the events by which the chains learn of it.

Serials set aside for a request wait for the chain: what a settlement retires stays retired, and all else is taken back
when the request has ended. So the registry never has to act on what it no longer has.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from bridge.domain.attestations import Deployment, Reversal
from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange, subtract
from bridge.domain.values import Fact, Hex32, RegistryCode, keccak_hex
from bridge.errors import RegistryRefused
from bridge.registry.ledger.models import Account, Block, Class, Entry, LockRow, ReversalRow, ReversalWording
from bridge.registry.ledger.movement import Books, Taking, Where, move, named, range_of, require, standing

_TAKEN_NOW = (SerialState.HELD, SerialState.LOCKED)


class ReversalEvent(Fact):
    """One event for one deployment, as `ReversalRow` keeps it."""

    event_id: Hex32
    registry: RegistryCode
    deployment: Deployment
    class_id: Hex32
    reason: str
    range: SerialRange
    ended: bool


class Reversing(Books):
    def reverse(self, key: str, span: SerialRange, reason: str) -> tuple[ReversalEvent, ...]:
        """Takes serials back, and stores an event for each deployment that they are locked for. Those set aside for a
        request follow when it has ended. Raises RegistryRefused for serials of several classes, or that have ended."""
        with self._write() as tx:
            entry = self._enter(tx, "reverse", key, {"range": span.key, "reason": reason})
            if entry is None:
                entry = tx.scalars(select(Entry).where(Entry.key == f"reverse:{key}")).one()
                return _events(tx, select(ReversalRow).where(ReversalRow.act == entry.id))
            blocks = require(tx, span, [*_TAKEN_NOW, SerialState.RESERVED])
            if len({block.class_id for block in blocks}) != 1:
                raise RegistryRefused(f"{named(tx, span)} are of several classes; reverse each by itself")
            for deployment in _deployments(tx, blocks):
                tx.add(_first_event(entry, deployment, blocks[0].class_id, reason, span))
            _take(tx, entry, span)
            return _events(tx, select(ReversalRow).where(ReversalRow.act == entry.id))

    def reversal(self, event_id: Hex32) -> ReversalEvent:
        """Raises RegistryRefused for an unknown event."""
        with self._read() as tx:
            return _event(tx, _row(tx, event_id))

    def open_reversals(self, deployment: Deployment, class_id: Hex32 | None = None) -> tuple[ReversalEvent, ...]:
        query = select(ReversalRow).where(ReversalRow.deployment == str(deployment), ~ReversalRow.ended)
        with self._read() as tx:
            return _events(tx, query if class_id is None else query.where(ReversalRow.class_id == class_id))

    def locks_awaiting_mint(self, event_id: Hex32) -> tuple[Hex32, ...]:
        """Locks of serials taken back that nobody has seen minted, and which are not released."""
        with self._read() as tx:
            row = _row(tx, event_id)
            locks = {b.lock_id for b in standing(tx, _span(row)) if b.lock_id and b.account == _custodian(tx, row)}
            waiting = select(LockRow.id).where(LockRow.id.in_(locks), ~LockRow.minted, LockRow.released_by.is_(None))
            return tuple(tx.scalars(waiting.order_by(LockRow.id)))

    def end_reversal(self, event_id: Hex32, *, followed: bool) -> None:
        """Nothing of it will ever land any more. `followed`: other serials of the same act are live, under a new id."""
        with self._write() as tx:
            row = _row(tx, event_id)
            if row.ended:
                return
            row.ended = True
            if followed:
                tx.add(_next_event(row))

    def wording(self, event_id: Hex32) -> Reversal | None:
        """What attesters sign for the event, as it stands."""
        with self._read() as tx:
            return _wording(tx, event_id)

    def word(self, reversal: Reversal) -> None:
        """Keeps a new wording; the caller has seen that the one before cannot land."""
        with self._write() as tx:
            if _wording(tx, reversal.event_id) != reversal:
                newest = select(func.max(ReversalWording.version)).where(ReversalWording.event_id == reversal.event_id)
                last = tx.scalar(newest)
                row = ReversalWording(
                    event_id=reversal.event_id,
                    version=0 if last is None else last + 1,
                    document=reversal.model_dump_json(),
                )
                tx.add(row)

    def wanted_back(self, spans: Sequence[SerialRange]) -> list[SerialRange]:
        """What events name of these serials."""
        with self._read() as tx:
            if not tx.scalar(select(ReversalRow.event_id).limit(1)):
                return []
            return [_span(row) for span in spans for row in _rows_over(tx, span)]

    def is_taken_back(self, span: SerialRange) -> bool:
        """Whether every one of these serials is reversed, or set aside for a request and named by an event."""
        with self._read() as tx:
            blocks = standing(tx, span)
            taken = [range_of(b) for b in blocks if b.state == SerialState.REVERSED.value]
            for block in blocks:
                if block.state == SerialState.RESERVED.value:
                    taken += [_span(row) for row in _rows_over(tx, range_of(block))]
            return not subtract(span, taken)


def take_what_waited(tx: Session, entry: Entry, spans: Sequence[SerialRange]) -> None:
    """A request has ended: what was set aside for it, named by an event and not retired, is taken back now."""
    for span in spans:
        for row in _rows_over(tx, span):
            cut = SerialRange(space=span.space, first=max(span.first, row.first), last=min(span.last, row.last))
            _take(tx, entry, cut)


def _take(tx: Session, entry: Entry, span: SerialRange) -> None:
    blocks = [block for block in standing(tx, span) if SerialState(block.state) in _TAKEN_NOW]
    taking = Taking(span, blocks, lambda b: Where(b.account, SerialState.REVERSED, b.lock_id, b.request_id))
    move(tx, entry, taking)


def _deployments(tx: Session, blocks: Sequence[Block]) -> list[str]:
    accounts = {block.account for block in blocks}
    query = select(Account.deployment).where(Account.name.in_(accounts), Account.deployment.is_not(None))
    return sorted(deployment for deployment in tx.scalars(query) if deployment)


def _first_event(entry: Entry, deployment: str, class_id: Hex32, reason: str, span: SerialRange) -> ReversalRow:
    return ReversalRow(
        event_id=keccak_hex(f"{entry.key} {deployment}".encode()),
        act=entry.id,
        deployment=deployment,
        number=0,
        class_id=class_id,
        reason=reason,
        space=span.space,
        first=span.first,
        last=span.last,
        ended=False,
    )


def _next_event(row: ReversalRow) -> ReversalRow:
    return ReversalRow(
        event_id=keccak_hex(bytes.fromhex(row.event_id[2:])),
        act=row.act,
        deployment=row.deployment,
        number=row.number + 1,
        class_id=row.class_id,
        reason=row.reason,
        space=row.space,
        first=row.first,
        last=row.last,
        ended=False,
    )


def _row(tx: Session, event_id: Hex32) -> ReversalRow:
    row = tx.get(ReversalRow, event_id)
    if row is None:
        raise no_reversal(event_id)
    return row


def no_reversal(event_id: Hex32) -> RegistryRefused:
    return RegistryRefused(f"no reversal {event_id} was recorded here; ask the registry's officer")


def _rows_over(tx: Session, span: SerialRange) -> list[ReversalRow]:
    query = select(ReversalRow).where(
        ReversalRow.space == span.space, ReversalRow.first <= span.last, ReversalRow.last >= span.first
    )
    return list(tx.scalars(query.order_by(ReversalRow.act, ReversalRow.number)))


def _span(row: ReversalRow) -> SerialRange:
    return SerialRange(space=row.space, first=row.first, last=row.last)


def _custodian(tx: Session, row: ReversalRow) -> str | None:
    return tx.scalar(select(Account.name).where(Account.deployment == row.deployment))


def _wording(tx: Session, event_id: Hex32) -> Reversal | None:
    query = select(ReversalWording.document).where(ReversalWording.event_id == event_id)
    document = tx.scalar(query.order_by(ReversalWording.version.desc()).limit(1))
    return Reversal.model_validate_json(document) if document else None


def _events(tx: Session, query: Select[ReversalRow]) -> tuple[ReversalEvent, ...]:
    rows = tx.scalars(query.order_by(ReversalRow.act, ReversalRow.deployment, ReversalRow.number))
    return tuple(_event(tx, row) for row in rows)


def _event(tx: Session, row: ReversalRow) -> ReversalEvent:
    chain_id, contract = row.deployment.split(":")
    return ReversalEvent(
        event_id=row.event_id,
        registry=tx.get_one(Class, row.class_id).programme,
        deployment=Deployment(chain_id=int(chain_id), contract=contract),
        class_id=row.class_id,
        reason=row.reason,
        range=_span(row),
        ended=row.ended,
    )
