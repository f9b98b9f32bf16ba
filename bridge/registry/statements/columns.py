"""Reads a block of rows, by column where their spelling is regular and row by row where it is not.

A column holds few different texts, so each is read once, by the very functions that read single rows; only the two
numbers of a serial differ in every row, and those are cut out by the layout's pattern. Whatever is not plainly right is
left to `reading.read_row`, which takes it or says why not. This module only ever says yes; tests hold that it never
does where `read_row` would not, and that both make the same of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bridge.errors import MalformedInput
from bridge.registry.statements.canonical import MOST_KG, CanonicalRow, Head, RejectedRow
from bridge.registry.statements.grammar import Cell, Layout
from bridge.registry.statements.layouts import BLANKS
from bridge.registry.statements.reading import WrongRow, facts_of, read_row
from bridge.registry.statements.serial import Serial
from bridge.registry.statements.source import Block
from bridge.registry.statements.storage import CODED, batch_of

Column = Any
"""A numpy array, one number a row."""
_WRONG = object()
_KEPT = 2**16
"""Readings that are remembered of a column."""
_FACTS = (
    *("registry", "space", "space_kind", "space_id", "kg_per_unit", "class_id", "project", "vintage"),
    *("credit_type", "country", "vintage_from", "vintage_to", "form"),
)
"""What a spelling says."""


class Read(NamedTuple):
    """What became of a block. `rows` of the source were taken, and made the rows of `batch`, in the source's order."""

    batch: pa.RecordBatch
    rows: int
    rejected: Sequence[RejectedRow]


class BlockReader:
    """`columns` are those that it needs."""

    def __init__(self, layout: Layout, head: Head) -> None:
        self.columns = layout.needs
        self._layout, self._lenient = layout, head.lenient
        self._file, self._about = head.file, {"file": head.file, "as_of": head.as_of}
        self._serial = lru_cache(_KEPT)(_or_wrong(self._serial_facts))
        self._units = lru_cache(_KEPT)(_or_wrong(layout.units.read))
        self._cells = {name: lru_cache(_KEPT)(_or_wrong(cell.read)) for name, cell in layout.cells.items()}

    def read(self, block: Block) -> Read:
        right, batch = self._regular(block)
        rows: list[CanonicalRow] = []
        rejected = list(block.rejected)
        taken = int(right.sum())
        for at in np.flatnonzero(~right).tolist():
            line = int(block.lines[at])
            try:
                rows += read_row(self._layout, block.row(at), {**self._about, "line": line}, self._lenient)
                taken += 1
            except WrongRow as error:
                found = RejectedRow(
                    line=line,
                    reason=str(error),
                    content=block.content(at),
                    column=error.column,
                    file=self._file,
                )
                rejected.append(found)
        rejected.sort(key=lambda row: row.line)
        return Read(_in_order(batch, rows), taken, rejected)

    def _regular(self, block: Block) -> tuple[Column, pa.RecordBatch]:
        """Which rows were read by column, and those."""
        size = len(block.lines)
        if self._layout.cut is None or not size:
            return np.zeros(size, bool), batch_of([])
        where, *rest = self._layout.serial.columns
        cut = pc.extract_regex(block.columns[where], self._layout.cut.pattern)
        right = cut.is_valid().to_numpy(zero_copy_only=False)
        first, last = (_numbers(cut.field(end), cut.is_valid()) for end in ("first", "last"))
        right &= first <= last
        units = last - first + np.uint64(1)

        frame = [cut.field("head"), cut.field("tail"), *(block.columns[name] for name in rest)]
        serials = _coded(size, frame, self._serial)
        stated = _coded(size, [block.columns[name] for name in self._layout.units.columns], self._units)
        cells = {name: self._cell(name, cell, block) for name, cell in self._layout.cells.items()}
        for one in (serials, stated, *cells.values()):
            right &= one.right
        weight = serials.part("kg_per_unit").numbers()
        right &= (stated.numbers() == units) & (units <= np.uint64(MOST_KG) // np.maximum(weight, np.uint64(1)))

        kept = np.flatnonzero(right)
        numbers = {"first": first, "last": last, "units": units, "kg": units * weight, "line": block.lines}
        arrays = {name: pa.array(column[kept], CODED.field(name).type) for name, column in numbers.items()}
        arrays["part"] = pa.array(np.ones(len(kept), np.int32))
        facts = {name: serials.part(name).or_else(cells.get(name)) for name in _FACTS}
        for name, column in {**self._constants(size), **cells, **facts}.items():
            arrays[name] = column.array(name, kept)
        return right, pa.RecordBatch.from_arrays([arrays[name] for name in CODED.names], schema=CODED)

    def _cell(self, name: str, cell: Cell, block: Block) -> _Coded | _Text:
        columns = [block.columns[column] for column in cell.columns]
        if cell.plain:
            return _Text(reduce(_unless_blank, map(_trimmed, columns)))
        return _coded(len(block.lines), columns, self._cells[name])

    def _serial_facts(self, head: str, tail: str, *rest: str) -> Mapping[str, Any]:
        between = self._layout.cut.between if self._layout.cut else ""
        read = self._layout.serial.read(f"{head}1{between}1{tail}", *rest)
        if not isinstance(read, Serial):
            raise MalformedInput("not one serial")
        return facts_of(read, {})

    def _constants(self, size: int) -> dict[str, _Coded]:
        """What no cell says."""
        texts = {f.name: "" if pa.types.is_dictionary(f.type) else None for f in CODED}
        codes = np.zeros(size, np.int64)
        stated = {"first", "last", "units", "kg", "line", "part", *_FACTS}
        return {name: _Coded(codes, [value]) for name, value in {**texts, **self._about}.items() if name not in stated}


class _Coded(NamedTuple):
    """A column: for each row, which of few values it has."""

    codes: Column
    values: Sequence[Any]

    @property
    def right(self) -> Column:
        return np.array([value is not _WRONG for value in self.values], bool)[self.codes]

    def numbers(self) -> Column:
        return np.array([0 if value is _WRONG else value for value in self.values], np.uint64)[self.codes]

    def part(self, name: str) -> _Coded:
        return _Coded(self.codes, [_WRONG if value is _WRONG else value[name] for value in self.values])

    def or_else(self, other: _Coded | _Text | None) -> _Coded:
        """The other's values where this one has none."""
        if other is None or all(self.values):
            return self
        if isinstance(other, _Text):
            other = _coded(len(self.codes), [other.texts], str)
        many = len(other.values)
        pairs = pa.array(self.codes * many + other.codes).dictionary_encode()
        values = [self.values[pair // many] or other.values[pair % many] for pair in pairs.dictionary.to_pylist()]
        return _Coded(pairs.indices.to_numpy(), values)

    def array(self, name: str, kept: Column) -> pa.Array:
        kind = CODED.field(name).type
        coded = pa.types.is_dictionary(kind)
        values = [("" if coded else None) if value is _WRONG else value for value in self.values]
        if coded:
            return pa.DictionaryArray.from_arrays(pa.array(self.codes[kept], pa.int32()), pa.array(values, pa.string()))
        return pa.array(values, kind).take(pa.array(self.codes[kept]))


class _Text(NamedTuple):
    """A column that is taken as it stands."""

    texts: pa.Array

    @property
    def right(self) -> Column:
        return np.True_

    def array(self, name: str, kept: Column) -> pa.Array:  # noqa: ARG002 as _Coded's
        whole = len(kept) == len(self.texts)
        return (self.texts if whole else self.texts.take(pa.array(kept))).dictionary_encode()


def _trimmed(texts: pa.Array) -> pa.Array:
    return pc.utf8_trim(texts, characters=BLANKS)


def _unless_blank(texts: pa.Array, others: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), others, texts)


def _coded(size: int, columns: Sequence[pa.Array], read: Callable[..., Any]) -> _Coded:
    """Reads each different combination of texts once."""
    codes: Column = np.zeros(size, np.int64)
    keys: list[tuple[str, ...]] = [()]
    for column in columns:
        coded = column.dictionary_encode()
        texts, own = coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
        if len(keys) == 1:
            codes, keys = own, [(*keys[0], text) for text in texts]
        else:
            pairs = pa.array(codes * len(texts) + own).dictionary_encode()
            codes = pairs.indices.to_numpy().astype(np.int64)
            keys = [(*keys[at // len(texts)], texts[at % len(texts)]) for at in pairs.dictionary.to_pylist()]
    return _Coded(codes, [read(*key) for key in keys])


def _numbers(texts: pa.Array, valid: pa.Array) -> Column:
    return pc.cast(pc.if_else(valid, texts, "0"), pa.uint64()).to_numpy()


def _or_wrong(read: Callable[..., Any]) -> Callable[..., Any]:
    def reading(*texts: str) -> Any:
        try:
            return read(*texts)
        except MalformedInput:
            return _WRONG

    return reading


def _in_order(batch: pa.RecordBatch, rows: Sequence[CanonicalRow]) -> pa.RecordBatch:
    if not rows:
        return batch
    whole = pa.Table.from_batches([batch, batch_of(rows)]).unify_dictionaries().combine_chunks()
    return whole.sort_by([("line", "ascending"), ("part", "ascending")]).to_batches()[0]
