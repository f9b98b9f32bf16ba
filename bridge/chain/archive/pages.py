"""Logs of one contract, page by page, several pages on their way at once, each refused whole when anything is wrong
with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bridge.chain.archive.node import Node, NodeRefused
from bridge.chain.archive.shapes import PLACE, Data, EventShape, one_a_movement
from bridge.chain.archive.words import WORD, Misfit, counts_of, fixed, quantities, seen, unhexed, unhexed_alike, whole
from bridge.domain.values import Address, Hex32
from bridge.errors import Halted, Unreachable

Emitters = Mapping[Address, Mapping[Hex32, EventShape]]
"""By contract, what it says: by topic."""
Tables = dict[str, pa.Table]

FIRST_PAGE_BLOCKS, MOST_PAGE_BLOCKS = 8, 2_000
FEW_LOGS, MANY_LOGS = 4_000, 16_000
"""Pages grow while they hold fewer, and shrink when they hold more."""
_ON_THEIR_WAY = 3


@dataclass(frozen=True)
class Page:
    """Blocks `first` to `last`, both included: all their logs by table, in the order of the chain."""

    first: int
    last: int
    logs: int
    tables: Tables


class Pages:
    """Reads the logs of a contract, and of those that belong to it. Raises Unreachable where the node fails, and Halted
    where it answers what was not asked, or what the contract cannot have said."""

    def __init__(self, node: Node, emitters: Emitters) -> None:
        self._node, self._emitters = node, emitters
        self._topics = sorted({topic for shapes in emitters.values() for topic in shapes})

    def between(self, first: int, last: int) -> Iterator[Page]:
        """All pages from `first` to `last`, in order."""
        size, at = FIRST_PAGE_BLOCKS, first
        waiting: deque[Future[Page]] = deque()
        with ThreadPoolExecutor(_ON_THEIR_WAY) as pool:
            try:
                while at <= last or waiting:
                    while at <= last and len(waiting) < _ON_THEIR_WAY:
                        end = min(at + size - 1, last)
                        waiting.append(pool.submit(self.page, at, end))
                        at = end + 1
                    page = waiting.popleft().result()
                    size = _next_size(size, page)
                    yield page
            finally:
                for rest in waiting:
                    rest.cancel()

    def page(self, first: int, last: int) -> Page:
        logs = self._logs(first, last)
        try:
            return Page(first, last, len(logs), self._tables(logs, first, last))
        except Misfit as error:
            raise Halted(
                f"a log of {', '.join(self._emitters)} in blocks {first} to {last} is not of its ABI's form ({error}): "
                "nothing of this page is taken; ask another node, and compare the contract's ABI"
            ) from error

    def _logs(self, first: int, last: int) -> pa.StructArray:
        """A page that the node refuses is asked for in halves."""
        wanted = {
            "address": list(self._emitters),
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "topics": [self._topics],
        }
        try:
            return self._node.logs(wanted)
        except NodeRefused as error:
            if first == last:
                raise Unreachable(f"the node does not give out the logs of block {first}: {error}") from error
            middle = (first + last) // 2
            return pa.concat_arrays([self._logs(first, middle), self._logs(middle + 1, last)])

    def _tables(self, logs: pa.StructArray, first: int, last: int) -> Tables:
        if not len(logs):
            return {}
        logs, place = self._placed(logs, first, last)
        found: dict[str, list[pa.Table]] = {}
        for shape, rows in self._by_event(logs):
            some, where = (logs, place) if len(rows) == len(logs) else (logs.take(rows), place.take(rows))
            found.setdefault(shape.table, []).append(_table(shape, some, where))
        return {name: _joined(tables) for name, tables in found.items()}

    def _by_event(self, logs: pa.StructArray) -> Iterator[tuple[EventShape, pa.Array]]:
        """Which rows are whose and what. Raises Halted for what was not asked."""
        topics = logs.field("topics")
        if topics.null_count or (counts_of(topics) < 1).any():
            raise Misfit("a log without topics")
        whose, what = _coded(logs.field("address")), _coded(topics.values.take(topics.offsets[:-1]))
        emitters, names = ([text.lower() for text in coded.dictionary.to_pylist()] for coded in (whose, what))
        if not set(emitters) <= self._emitters.keys():
            raise Halted(f"the node answered with a log of {', '.join(emitters)}, and was asked for others'")
        if not set(names) <= set(self._topics):
            raise Halted(f"the node answered with events that it was not asked for: {', '.join(names)}")
        kinds = seen(whose.indices).astype(np.int64) * len(names) + seen(what.indices)
        for kind in np.unique(kinds):
            shape = self._emitters[emitters[kind // len(names)]].get(names[kind % len(names)])
            if shape is not None:  # else one contract's event, asked for as another's
                yield shape, whole(np.flatnonzero(kinds == kind), pa.int64())

    def _placed(self, logs: pa.StructArray, first: int, last: int) -> tuple[pa.StructArray, pa.Table]:
        """The logs in the chain's order, and where each stands."""
        blocks, indices = quantities(logs.field("blockNumber")), quantities(logs.field("logIndex"))
        if blocks.min() < first or blocks.max() > last:
            raise Halted(f"the node answered with a log of another block than it was asked for: {first} to {last} were")
        if pc.any(logs.field("removed")).as_py():
            raise Halted(f"the node answered with a log of blocks {first} to {last} that was taken back")
        order = np.lexsort((indices, blocks))
        if (order[1:] < order[:-1]).any():
            logs, blocks, indices = logs.take(whole(order, pa.int64())), blocks[order], indices[order]
        return logs, self._where(logs, blocks, indices)

    def _where(self, logs: pa.StructArray, blocks: Any, indices: Any) -> pa.Table:
        hashes = unhexed_alike(logs.field("blockHash"), WORD)
        transactions = unhexed_alike(logs.field("transactionHash"), WORD)
        turns = quantities(logs.field("transactionIndex"))
        same_block = blocks[1:] == blocks[:-1]
        same_transaction = same_block & (turns[1:] == turns[:-1])
        if (same_block & ((indices[1:] <= indices[:-1]) | (turns[1:] < turns[:-1]))).any():
            raise Halted("the node answered with one log twice, or with logs out of their transactions' order")
        if (same_transaction != (same_block & (transactions[1:] == transactions[:-1]).all(axis=1))).any():
            raise Halted("the node answered with two transactions in one place of a block, or one in two")
        heads = np.flatnonzero(np.concatenate([[True], ~same_block]))
        times = self._times(blocks[heads], hashes[heads])
        counts = np.diff(np.concatenate([heads, [len(logs)]]))
        if (hashes != np.repeat(hashes[heads], counts, axis=0)).any():
            raise Halted("the node answered with two blocks of one number")
        columns = [
            whole(blocks, pa.uint64()),
            whole(np.repeat(times, counts), pa.int64()),
            fixed(hashes),
            fixed(transactions),
            whole(turns.astype(np.uint32), pa.uint32()),
            whole(indices.astype(np.uint32), pa.uint32()),
        ]
        return pa.Table.from_arrays(columns, schema=PLACE)

    def _times(self, blocks: Any, hashes: Any) -> Any:
        """Seconds since 1970. The blocks themselves must be those that the logs say they are of."""
        numbers = [int(block) for block in blocks]
        times = []
        for number, log_hash, stamp in zip(numbers, hashes, self._node.stamps(numbers), strict=True):
            if stamp is None or stamp.hash != "0x" + bytes(log_hash).hex():
                raise Unreachable(
                    f"the node has another block {number} than the one that it gave logs of: it has changed its mind, "
                    "or answers from several nodes; try again"
                )
            times.append(stamp.timestamp)
        return np.array(times, np.int64)


def _table(shape: EventShape, logs: pa.StructArray, place: pa.Table) -> pa.Table:
    texts, count = logs.field("topics"), shape.indexed + 1
    if (counts_of(texts) != count).any():
        raise Misfit(f"{shape.name} with other topics than its own")
    topics = unhexed_alike(texts.flatten(), WORD).reshape(len(logs), count, WORD)[:, 1:]
    content, lengths = unhexed(logs.field("data"))
    if (lengths % WORD).any():
        raise Misfit(f"{shape.name} with data of broken words")
    ends = np.cumsum(lengths // WORD)
    data = Data(content.reshape(-1, WORD), ends - lengths // WORD, ends)
    columns, where = shape.columns(topics, data), dict(zip(place.column_names, place.columns, strict=True))
    if shape.is_movement:
        columns, where = one_a_movement(columns, where)
    return pa.table(where | columns)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).sort_by([("block", "ascending"), ("log_index", "ascending"), ("item", "ascending")])


def _coded(texts: pa.StringArray) -> pa.DictionaryArray:
    if texts.null_count:
        raise Misfit("a field that is missing")
    return texts.dictionary_encode()


def _next_size(size: int, page: Page) -> int:
    if page.logs > MANY_LOGS:
        return max(1, size // 2)
    if page.logs < FEW_LOGS and page.last - page.first + 1 >= min(size, MOST_PAGE_BLOCKS):
        return min(size * 2, MOST_PAGE_BLOCKS)
    return size
