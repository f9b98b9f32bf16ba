"""How serials move: an entry closes the blocks it touches, opens their successors, and posts both legs.

Every verb of the ledger is one transaction around one entry. An entry's key makes the verb repeatable: the same key
with the same content has happened already, with other content it is a Conflict.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Engine, Integer, Text, column, func, insert, select, values
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge.database import parts, reading, rows_by, said, writing
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
            raise guarded(error) from error

    def _read(self) -> AbstractContextManager[Session]:
        return reading(self.engine, "registry")

    def _enter(
        self, tx: Session, verb: str, key: str, content: Mapping[str, object], deployment: Deployment | None = None
    ) -> Entry | None:
        """A new entry, or None when it was made before. Raises Conflict when it was made with other content."""
        known = tx.scalar(select(Entry.content).where(Entry.key == f"{verb}:{key}"))
        if known is None:
            return self._make(tx, verb, key, content, deployment)
        if known != _text(content):
            raise Conflict(f"{verb} {key!r} was done before with other content; use a new key for a new act")
        return None

    def _enter_once(self, tx: Session, verb: str, key: str, content: Mapping[str, object], to: Deployment) -> Entry:
        """For acts whose own table says whether they happened. Raises Halted when that table and the entries differ."""
        if tx.scalar(select(Entry.id).where(Entry.key == f"{verb}:{key}")) is not None:
            raise Halted(f"{verb} {key} is among the entries and nowhere else; audit the ledger")
        return self._make(tx, verb, key, content, to)

    def _make(
        self, tx: Session, verb: str, key: str, content: Mapping[str, object], deployment: Deployment | None
    ) -> Entry:
        place = str(deployment) if deployment else None
        if "now" not in tx.info:  # one time for all of a transaction, which may cost a look at the chain
            tx.info["now"] = self.clock()
        now = tx.info["now"]
        entry = Entry(key=f"{verb}:{key}", verb=verb, content=_text(content), made_at=now, deployment=place)
        tx.add(entry)
        tx.flush()
        return entry


def guarded(error: IntegrityError) -> Halted:
    return Halted(f"the ledger's own guards refused a movement ({said(error)}); audit the ledger")


def _text(content: Mapping[str, object]) -> str:
    return json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)


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


def standing_each(tx: Session, spans: Sequence[SerialRange]) -> list[list[Block]]:
    """`standing` for many spans; those that lie in one block, as most do, are found together."""
    nearest: list[int | None] = []
    for some in parts(spans):
        nearest += _nearest(tx, some)
    blocks = {block.id: block for block in rows_by(tx, Block.id, list({one for one in nearest if one}))}
    found = [(span, blocks.get(one or 0)) for span, one in zip(spans, nearest, strict=True)]
    return [[block] if block and range_of(block).contains(span) else standing(tx, span) for span, block in found]


def _nearest(tx: Session, spans: Sequence[SerialRange]) -> list[int | None]:
    """The live block that begins last before each span, or with it, by its id. A step into the index for each: of a
    join PostgreSQL thinks the worse, the less it knows of a table that grows fast."""
    rows = [(n, span.space, span.first) for n, span in enumerate(spans)]
    columns = (column("n", Integer), column("space", Text), column("first", BigInteger))
    wanted = values(*columns, name="wanted").data(rows).cte("wanted")
    below = (
        select(Block.id)
        .where(Block.space == wanted.c.space, Block.closed_by.is_(None), Block.first <= wanted.c.first)
        .order_by(Block.first.desc())
        .limit(1)
        .scalar_subquery()
    )
    return list(tx.scalars(select(below).select_from(wanted).order_by(wanted.c.n)))


def require(
    tx: Session,
    span: SerialRange,
    states: Sequence[SerialState],
    account: str | None = None,
    lock_id: str | None = None,
    request_id: str | None = None,
    blocks: list[Block] | None = None,
) -> list[Block]:
    """The blocks of these serials; `blocks` when they are read already. Raises RegistryRefused unless all are in one of
    the states, and where asked in that account, under that lock, for that request."""
    if blocks is None:
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


class Taking(NamedTuple):
    """The serials of `span`, out of the blocks that hold them, to where `to` says of each."""

    span: SerialRange
    blocks: Sequence[Block]
    to: Callable[[Block], Where]


def move(tx: Session, entry: Entry, *takings: Taking) -> None:
    """What is left of a block stays as it was. The spans are disjoint."""
    touched: dict[int, tuple[Block, list[tuple[SerialRange, Where]]]] = {}
    for span, blocks, to in takings:
        for block in blocks:
            if cut := _intersection(range_of(block), span):
                touched.setdefault(block.id, (block, []))[1].append((cut, to(block)))
    for block, _ in touched.values():
        block.closed_by = entry.id
    tx.flush()  # a block closes before its successors open, or they would overlap it
    moved: Counter[tuple[str, Where, Where]] = Counter()
    opened: list[dict[str, Any]] = []
    for block, cuts in touched.values():
        source = where_of(block)
        for rest in subtract(range_of(block), [cut for cut, _ in cuts]):
            opened.append(_opened(entry, rest, block.class_id, source, block.id))
        for cut, target in cuts:
            opened.append(_opened(entry, cut, block.class_id, target, block.id))
            moved[block.class_id, _account(source), _account(target)] += cut.units
    if opened:
        tx.execute(insert(Block), opened)
    for (class_id, source, target), units in moved.items():
        post(tx, entry, class_id, units, source, target)
    tx.flush()


def open_block(tx: Session, entry: Entry, span: SerialRange, class_id: str, where: Where) -> None:
    """Serials that were nowhere before."""
    tx.add(Block(**_opened(entry, span, class_id, where, None)))


def _opened(entry: Entry, span: SerialRange, class_id: str, where: Where, parent: int | None) -> dict[str, Any]:
    """A block's row."""
    return {
        "space": span.space,
        "first": span.first,
        "last": span.last,
        "class_id": class_id,
        "account": where.account,
        "state": where.state.value,
        "lock_id": where.lock_id,
        "request_id": where.request_id,
        "parent": parent,
        "opened_by": entry.id,
    }


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


def _account(where: Where) -> Where:
    """Postings know of accounts and states alone."""
    return Where(where.account, where.state)


def _intersection(one: SerialRange, other: SerialRange) -> SerialRange | None:
    if not one.overlaps(other):
        return None
    return SerialRange(space=one.space, first=max(one.first, other.first), last=min(one.last, other.last))
