"""Law L3 over a whole statement: each serial has at most one row.

DuckDB sorts, and spills to disk what does not fit. It finds the rows that share a serial with any other, which are few
in an honest file; those are then swept from serial to serial.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from bridge.registry.statements.source import Lines

_MEMORY = "512MB"
_FETCHED = 2**14

# A row that shares a serial with a later-sorted one shares one with the next; with an earlier-sorted one, it begins
# before the furthest end so far. Credits without serials are one range each: all units of their id.
_SHARED = """
select registry, space, low, high, line, part from (
    select *,
        max(high) over (partition by registry, space order by low, line, part
                        rows between unbounded preceding and 1 preceding) as reached,
        lead(low) over (partition by registry, space order by low, line, part) as next
    from (
        select registry, space, line, part, coalesce(first, 1) as low, coalesce(last, units) as high
        from read_parquet(?)
    )
)
where reached >= low or next <= high
order by registry, space, low, line, part
"""


class Overlaps(NamedTuple):
    """Each of `lines`, which rise, names serials that stand in its line of `earlier` already."""

    lines: Lines
    earlier: Lines


class _Row(NamedTuple):
    registry: str
    space: str
    low: int
    high: int
    line: int
    part: int


def overlaps(rows: Path, folder: Path) -> Overlaps:
    """Every row of a Parquet file that names a serial of an earlier row, or one of its own twice. `folder` is where
    DuckDB spills."""
    with duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(folder)}) as database:
        return _swept(_fetched(database.execute(_SHARED, [str(rows)])))


def _fetched(found: duckdb.DuckDBPyConnection) -> Iterator[_Row]:
    while rows := found.fetchmany(_FETCHED):
        yield from map(_Row._make, rows)


def _swept(rows: Iterator[_Row]) -> Overlaps:
    """Keeps sixteen bytes a refused row, and the rows that reach the serial at hand."""
    lines, earlier = array("q"), array("q")
    for _, same in groupby(rows, key=lambda row: row[:2]):
        for line, first in _sweep(same):
            lines.append(line)
            earlier.append(first)
    order = np.lexsort((earlier, lines))
    refused, named = np.array(lines, np.int64)[order], np.array(earlier, np.int64)[order]
    once = np.flatnonzero(np.diff(refused, prepend=-1))
    return Overlaps(refused[once], named[once])


def _sweep(rows: Iterator[_Row]) -> Iterator[tuple[int, int]]:
    """Lines to refuse, each with an earlier one, over one space's rows in the order of their first serials."""
    early, late = _Reaching(), _Reaching()
    for row in rows:
        place = (row.line, row.part)
        if (top := early.top(row.low)) and top[0] < place:
            yield row.line, top[0][0]
        while (top := late.top(row.low)) and top[0] < (-row.line, -row.part):
            yield -top[0][0], row.line
            late.pop()
        early.push(place, row.high)
        late.push((-row.line, -row.part), row.high)


class _Reaching:
    """Rows that reach a serial, the one with the least place on top."""

    def __init__(self) -> None:
        self._heap: list[tuple[tuple[int, int], int]] = []
        self._swept_at = 1024

    def top(self, serial: int) -> tuple[tuple[int, int], int] | None:
        if len(self._heap) > self._swept_at:
            self._heap = [row for row in self._heap if row[1] >= serial]
            heapify(self._heap)
            self._swept_at = 1024 + 2 * len(self._heap)
        while self._heap and self._heap[0][1] < serial:
            heappop(self._heap)
        return self._heap[0] if self._heap else None

    def push(self, place: tuple[int, int], high: int) -> None:
        heappush(self._heap, (place, high))

    def pop(self) -> None:
        heappop(self._heap)
