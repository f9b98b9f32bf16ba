"""Ranges that were set aside for good, in files that are searched where they lie: sorted, disjoint, never read whole.

`first` and `last` rise within each serial space, so whatever touches a range is found by two binary searches; `locks`
are hashes of lock ids, sorted, with the range that each belongs to. What else is known of a range stands at its number
in `told`, an Arrow file of which only the rows that are asked for are read, and each is seen to be what was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from bridge.errors import MalformedInput

TOLD = "told.arrow"
Numbers = np.ndarray[Any, np.dtype[Any]]
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)


@dataclass(frozen=True)
class Spans:
    """Ranges of serials, by the 32 bytes of their space."""

    space: pa.Array
    first: Numbers
    last: Numbers

    @staticmethod
    def of(table: pa.Table | pa.StructArray) -> Spans:
        """Of the columns `space`, `first` and `last`."""
        if isinstance(table, pa.StructArray):
            table = pa.table({name: table.field(name) for name in ("space", "first", "last")})
        space = table["space"].cast(pa.binary()).combine_chunks()
        return Spans(space, table["first"].to_numpy(), table["last"].to_numpy())


class Calm:
    """`starts`: of each space where its ranges begin, and after the last where they end."""

    def __init__(self, folder: Path, spaces: Sequence[bytes], starts: Sequence[int]) -> None:
        self._folder, self.spaces, self.starts = folder, pa.array(spaces, pa.binary()), np.array(starts, np.int64)
        self.first, self.last = _opened(folder / "first.npy"), _opened(folder / "last.npy")
        self._locks, self._of_lock = _opened(folder / "locks.npy"), _opened(folder / "of_lock.npy")
        self._sums = _opened(folder / "sums.npy")

    def __len__(self) -> int:
        return len(self.first)

    def touched(self, spans: Spans) -> tuple[Numbers, Numbers]:
        """Of each span, the numbers of the ranges from which and up to which it shares serials; the same where none."""
        low, high = np.zeros(len(spans.first), np.int64), np.zeros(len(spans.first), np.int64)
        named = spans.space.dictionary_encode()
        places = compute.index_in(named.dictionary, self.spaces).fill_null(-1).to_numpy()
        at = places[named.indices.to_numpy()] if len(named) else low
        order = np.argsort(at, kind="stable")
        bounds = np.searchsorted(at[order], np.arange(len(self.spaces) + 1))
        for place in np.unique(at[at >= 0]):
            here = order[bounds[place] : bounds[place + 1]]
            begin, end = self.starts[place], self.starts[place + 1]
            low[here] = begin + np.searchsorted(self.last[begin:end], spans.first[here], "left")
            high[here] = begin + np.searchsorted(self.first[begin:end], spans.last[here], "right")
        return low, np.maximum(low, high)

    def numbers(self, spans: Spans) -> Numbers:
        """Of all ranges that these touch."""
        found: Numbers = np.unique(run(*self.touched(spans)))
        return found

    def locked(self, lock_ids: pa.Array) -> Numbers:
        """The ranges under these locks; of hashes that are alike both."""
        wanted = np.unique(hashes(lock_ids))
        low, high = np.searchsorted(self._locks, wanted, "left"), np.searchsorted(self._locks, wanted, "right")
        found: Numbers = self._of_lock[run(low, high)]
        return found

    def told(self, numbers: Numbers) -> pa.Table:
        """Of numbers that rise. Raises MalformedInput."""
        place = self._folder / TOLD
        try:
            with pa.memory_map(str(place)) as source:
                table = _taken(pa.ipc.open_file(source), numbers)
        except (OSError, pa.ArrowException) as error:
            raise MalformedInput(f"{place} cannot be read: {error}") from error
        if (row_sums(table) != self._sums[numbers]).any():
            raise MalformedInput(f"{place} is not what was written")
        return table


def hashes(ids: pa.Array) -> Numbers:
    """Of ids of 32 bytes. Who finds two that are alike only has both looked at."""
    ids = ids.drop_null().cast(pa.binary(32))
    words: Numbers = np.frombuffer(ids.buffers()[1] or b"", np.uint64)[4 * ids.offset : 4 * (ids.offset + len(ids))]
    found: Numbers = np.bitwise_xor.reduce(words.reshape(-1, 4) * _MIX, axis=1)
    return found


def _taken(file: pa.RecordBatchFileReader, numbers: Numbers) -> pa.Table:
    """Batch by batch: a table's rows would all be copied before some are taken."""
    found, begin = [file.schema.empty_table()], 0
    for place in range(file.num_record_batches):
        batch = file.get_batch(place)
        low, high = np.searchsorted(numbers, [begin, begin + batch.num_rows])
        if high > low:
            found.append(pa.Table.from_batches([batch.take(pa.array(numbers[low:high] - begin))]))
        begin += batch.num_rows
    return pa.concat_tables(found)


def row_sums(table: pa.Table) -> Numbers:
    """A number for each row, of all that it says."""
    found = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        for word in _words(column.combine_chunks()):
            found = (found ^ word) * _MIX[0]
            found ^= found >> np.uint64(29)
    return found


def _words(values: pa.Array) -> Iterator[Numbers]:
    yield values.is_null().to_numpy(zero_copy_only=False).astype(np.uint64)
    if pa.types.is_fixed_size_binary(values.type):
        width = values.type.byte_width // 4
        raw = np.frombuffer(values.buffers()[1] or b"", np.uint32)
        each = raw[width * values.offset : width * (values.offset + len(values))].reshape(-1, width)
        yield from (each[:, place].astype(np.uint64) for place in range(width))
    elif pa.types.is_string(values.type):
        named = values.dictionary_encode()
        texts = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in named.dictionary.to_pylist()]
        yield np.array([*texts, 0], np.uint64)[named.indices.fill_null(-1).to_numpy()]
    else:
        yield values.cast(pa.int64()).fill_null(0).to_numpy().view(np.uint64)


def run(low: Numbers, high: Numbers) -> Numbers:
    """low, low + 1 … high - 1 of each, one behind the other."""
    counts = high - low
    ends = np.cumsum(counts)
    return np.repeat(low - (ends - counts), counts) + np.arange(int(counts.sum()))


def _opened(file: Path) -> Numbers:
    found: Numbers = np.load(file, mmap_mode="r")
    return found
