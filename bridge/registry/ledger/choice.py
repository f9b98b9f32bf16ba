"""Which serials serve a request, and in which parts they are named.

The lowest serials of minted locks for a retirement, the highest for a redemption: the contract then takes them from an
edge of its ranges, which costs it no new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.domain.attestations import Deployment, Outcome
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import RequestOpened
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Hex32
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.models import Block, LockRow

_FEW = 4
"""Blocks that most requests need no more than."""

MAX_RANGES_A_PART = 20
"""Keeps the settlement of one part far below a transaction's cap on gas."""


def candidates(tx: Session, deployment: Deployment, opened: RequestOpened) -> Iterator[Block]:
    """Serials that back live units of the class, in the order in which they are used up."""
    order = (Block.space, Block.first) if opened.kind is Kind.RETIREMENT else (Block.space.desc(), Block.first.desc())
    query = (
        select(Block)
        .join(LockRow, LockRow.id == Block.lock_id)
        .where(
            Block.account == bridge_account(deployment),
            Block.state == SerialState.LOCKED.value,
            Block.class_id == opened.class_id,
            Block.closed_by.is_(None),
            LockRow.minted,
        )
    )
    query = query.order_by(*order)
    few = tx.scalars(query.limit(_FEW)).all()
    yield from few
    if len(few) == _FEW:
        yield from tx.scalars(query.offset(_FEW).execution_options(yield_per=100))


def pick(kind: Kind, blocks: Iterable[Block], units: int) -> Iterable[tuple[Block, SerialRange]]:
    left = units
    for block in blocks:
        take = min(left, block.last - block.first + 1)
        if kind is Kind.RETIREMENT:
            yield block, SerialRange(space=block.space, first=block.first, last=block.first + take - 1)
        else:
            yield block, SerialRange(space=block.space, first=block.last - take + 1, last=block.last)
        left -= take
        if left == 0:
            return


def by_lock(picked: Sequence[tuple[Block, SerialRange]]) -> list[SerialRange]:
    """Rising ranges that never run across two locks: the contract keeps each mint as a range of its own."""
    locks = {block.lock_id for block, _ in picked}
    joined = [r for lock in locks for r in coalesce(span for block, span in picked if block.lock_id == lock)]
    return sorted(joined, key=lambda r: r.key)


def parts_of(request_id: Hex32, ranges: Sequence[SerialRange]) -> tuple[Outcome, ...]:
    chunks = [ranges[i : i + MAX_RANGES_A_PART] for i in range(0, len(ranges), MAX_RANGES_A_PART)]
    return tuple(Outcome(request_id=request_id, part=i, ranges=tuple(chunk)) for i, chunk in enumerate(chunks))
