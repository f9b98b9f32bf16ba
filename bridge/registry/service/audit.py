"""The audit trail: one row an act, each with the hash of the one before, so that none can be changed or left out
without breaking the chain. What is at its end can be cut off all the same: keep the last hash elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bridge.database import reading
from bridge.domain.values import Fact
from bridge.registry.service.models import AuditRow
from bridge.registry.wire import canonical

_AT_ONCE = 1000


class Act(Fact):
    """What was asked, and by whom. `body` is the SHA-256 of what was sent."""

    token: str
    method: str
    path: str
    key: str = ""
    body: str = ""


class Link(Fact):
    """A row of the trail. `hash` is the SHA-256 of all the others in canonical JSON."""

    sequence: int
    at: int
    token: str
    method: str
    path: str
    key: str
    body: str
    status: int
    previous: str
    hash: str

    @property
    def right_hash(self) -> str:
        return _hash(self.model_dump(exclude={"hash"}))


class Verified(Fact):
    """`broken`: the first row that does not fit, and why; empty when all do. `last` is the hash to keep elsewhere."""

    rows: int
    last: str
    broken: str = ""


def append(tx: Session, at: int, act: Act, status: int) -> None:
    """One writer at a time: the row before stays the last until this one is written."""
    sequence = (tx.scalar(select(func.max(AuditRow.sequence))) or 0) + 1
    before = tx.get(AuditRow, sequence - 1)
    fields = {
        "sequence": sequence,
        "at": at,
        **act.model_dump(),
        "status": status,
        "previous": before.hash if before else "",
    }
    tx.add(AuditRow(**fields, hash=_hash(fields)))


def trail(engine: Engine) -> Iterator[Link]:
    """All rows, in order."""
    after = 0
    while True:
        query = select(AuditRow).where(AuditRow.sequence > after).order_by(AuditRow.sequence).limit(_AT_ONCE)
        with reading(engine, "registry") as tx:
            links = [_link(row) for row in tx.scalars(query)]
        yield from links
        if len(links) < _AT_ONCE:
            return
        after = links[-1].sequence


def verify(engine: Engine, kept: str | None = None) -> Verified:
    """`kept`: a hash that was the last one once, and must still be in the chain."""
    rows, last, seen = 0, "", kept is None
    for link in trail(engine):
        rows += 1
        if link.sequence != rows:
            return Verified(rows=rows, last=last, broken=f"row {rows} is missing: row {link.sequence} follows")
        if link.previous != last:
            return Verified(rows=rows, last=last, broken=f"row {rows} does not go on from row {rows - 1}")
        if link.hash != link.right_hash:
            return Verified(rows=rows, last=last, broken=f"row {rows} was changed: its hash is another")
        last = link.hash
        seen = seen or last == kept
    if not seen:
        return Verified(
            rows=rows, last=last, broken=f"no row of {rows} has the hash that was kept: the end was cut off"
        )
    return Verified(rows=rows, last=last)


def _hash(fields: dict[str, object]) -> str:
    return hashlib.sha256(canonical(fields)).hexdigest()


def _link(row: AuditRow) -> Link:
    return Link.model_validate({name: getattr(row, name) for name in Link.model_fields})
