"""How serials move: an entry closes the blocks it touches, opens their successors, and posts both legs.

Every verb of the ledger is one transaction around one entry. An entry's key makes the verb repeatable: the same key
with the same content has happened already, with other content it is a Conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge.database import reading, said, writing
from bridge.domain.attestations import Deployment
from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange, subtract
from bridge.errors import Conflict, Halted, MalformedInput, RegistryRefused
from bridge.registry.ledger.models import Account, Block, Entry, Posting, Space

ISSUANCE = "issuance"
_MAX_STORED = 2**63 - 1


class Where(NamedTuple):
    """Who has serials and in which state; `lock_id` and `request_id` say for what."""

    account: str
    state: SerialState
    lock_id: str | None = None
    request_id: str | None = None


class Books:
    """The open ledger: its database, and `clock` in seconds since 1970."""

    def __init__(self, engine: Engine, clock: Callable[[], int]) -> None:
        self.engine = engine
        self.clock = clock

    @contextmanager
    def _write(self) -> Iterator[Session]:
        """All or nothing. Raises Halted when the database forbids what a verb tried, Unreachable when it is busy."""
        try:
            with writing(self.engine, "registry") as tx:
                yield tx
        except IntegrityError as error:
            raise Halted(f"the ledger's own guards refused a movement ({said(error)}); audit the ledger") from error

    def _read(self) -> AbstractContextManager[Session]:
        return reading(self.engine, "registry")

    def _enter(
        self, tx: Session, verb: str, key: str, content: Mapping[str, object], deployment: Deployment | None = None
    ) -> Entry | None:
        """A new entry, or None when it was made before. Raises Conflict when it was made with other content."""
        text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
        full_key = f"{verb}:{key}"
        known = tx.scalar(select(Entry).where(Entry.key == full_key))
        if known is None:
            place = str(deployment) if deployment else None
            entry = Entry(key=full_key, verb=verb, content=text, made_at=self.clock(), deployment=place)
            tx.add(entry)
            tx.flush()
            return entry
        if known.content != text:
            raise Conflict(f"{verb} {key!r} was done before with other content; use a new key for a new act")
        return None

    def _enter_once(self, tx: Session, verb: str, key: str, content: Mapping[str, object], to: Deployment) -> Entry:
        """For acts whose own table says whether they happened. Raises Halted when that table and the entries differ."""
        entry = self._enter(tx, verb, key, content, to)
        if entry is None:
            raise Halted(f"{verb} {key} is among the entries and nowhere else; audit the ledger")
        return entry


def range_of(block: Block) -> SerialRange:
    return SerialRange(space=block.space, first=block.first, last=block.last)


def where_of(block: Block) -> Where:
    return Where(block.account, SerialState(block.state), block.lock_id, block.request_id)


def storable(span: SerialRange) -> None:
    """The chain counts serials in unsigned 64 bits, databases in signed ones; no registry comes near either."""
    if span.last > _MAX_STORED:
        raise MalformedInput(f"serial {span.last} is above {_MAX_STORED}, which this ledger cannot store; check it")


def named(tx: Session, span: SerialRange) -> str:
    """Serials as people know them, such as `VERRA VER 101-200`."""
    space = tx.get(Space, span.space)
    return f"{space.programme} {space.key} {span}" if space else f"{span} of unknown space {span.space}"


def standing(tx: Session, span: SerialRange) -> list[Block]:
    """The live blocks that hold any of these serials, rising. They are disjoint, so one walk from the left finds
    them."""
    in_space = select(func.max(Block.first)).where(Block.space == span.space, Block.closed_by.is_(None))
    start = tx.scalar(in_space.where(Block.first <= span.first)) or span.first
    found = select(Block).where(Block.space == span.space, Block.closed_by.is_(None))
    blocks = tx.scalars(found.where(Block.first.between(start, span.last)).order_by(Block.first))
    return [block for block in blocks if block.last >= span.first]


def require(
    tx: Session,
    span: SerialRange,
    states: Sequence[SerialState],
    account: str | None = None,
    lock_id: str | None = None,
    request_id: str | None = None,
) -> list[Block]:
    """The blocks of these serials. Raises RegistryRefused unless all are in one of the states, and where asked in that
    account, under that lock, for that request."""
    blocks = standing(tx, span)
    missing = subtract(span, map(range_of, blocks))
    if missing:
        raise RegistryRefused(f"{named(tx, missing[0])} were never issued here; check the serial numbers")
    for block in blocks:
        where = where_of(block)
        asked = (account, lock_id, request_id)
        found = (where.account, where.lock_id, where.request_id)
        if where.state not in states or any(a not in (None, f) for a, f in zip(asked, found, strict=True)):
            wanted = f"{' or '.join(states)}" + (f" in {account}" if account else "")
            raise RegistryRefused(
                f"{named(tx, range_of(block))} are {where.state} in {where.account}, not {wanted}; check them"
            )
    return blocks


def participant(tx: Session, name: str) -> Account:
    """Raises RegistryRefused unless somebody holds this account."""
    account = tx.get(Account, name)
    if account is None or account.kind != "participant":
        raise RegistryRefused(f"no participant has account {name!r}; open it, or correct the name")
    return account


def move(
    tx: Session,
    entry: Entry,
    blocks: Sequence[Block],
    spans: Sequence[SerialRange],
    to: Callable[[Block], Where],
) -> None:
    """Takes the serials of `spans` out of `blocks` to where `to` says; what is left of a block stays as it was."""
    for block in blocks:
        block.closed_by = entry.id
    tx.flush()  # a block closes before its successors open, or they would overlap it
    for block in blocks:
        whole = range_of(block)
        taken = [cut for span in spans if (cut := _intersection(whole, span))]
        for rest in subtract(whole, taken):
            open_block(tx, entry, rest, block.class_id, where_of(block), block.id)
        for cut in taken:
            open_block(tx, entry, cut, block.class_id, to(block), block.id)
            post(tx, entry, block.class_id, cut.units, where_of(block), to(block))
    tx.flush()


def open_block(
    tx: Session, entry: Entry, span: SerialRange, class_id: str, where: Where, parent: int | None = None
) -> None:
    block = Block(
        space=span.space,
        first=span.first,
        last=span.last,
        class_id=class_id,
        account=where.account,
        state=where.state.value,
        lock_id=where.lock_id,
        request_id=where.request_id,
        parent=parent,
        opened_by=entry.id,
    )
    tx.add(block)


def post(tx: Session, entry: Entry, class_id: str, units: int, source: Where, target: Where) -> None:
    posting = Posting(
        entry_id=entry.id,
        class_id=class_id,
        units=units,
        from_account=source.account,
        from_state=source.state.value,
        to_account=target.account,
        to_state=target.state.value,
    )
    tx.add(posting)


def _intersection(one: SerialRange, other: SerialRange) -> SerialRange | None:
    if not one.overlaps(other):
        return None
    return SerialRange(space=one.space, first=max(one.first, other.first), last=min(one.last, other.last))
