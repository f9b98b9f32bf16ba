"""Reads a registry's export file. Which of the programme's files it is shows in its header."""

from __future__ import annotations

import codecs
import csv
import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements import acr, car, gold_standard, verra
from bridge.registry.statements.rows import Export, IssuedRow, RejectedRow

Columns = Mapping[str, Sequence[str]]


class Grammar(NamedTuple):
    """`columns` lists each kind of file with the columns it needs, the most particular kind first."""

    columns: Columns
    read_row: Callable[[int, str, Mapping[str, str], str], IssuedRow]


GRAMMARS = {
    verra.REGISTRY: Grammar(verra.COLUMNS, verra.read_row),
    gold_standard.REGISTRY: Grammar(gold_standard.COLUMNS, gold_standard.read_row),
    acr.REGISTRY: Grammar(acr.COLUMNS, acr.read_row),
    car.REGISTRY: Grammar(car.COLUMNS, car.read_row),
}


class _RawRow(NamedTuple):
    line: int
    fields: list[str]
    trouble: str = ""

    @property
    def content(self) -> str:
        return ",".join(self.fields)


def read_export(programme: str, path: Path) -> Export:
    """All rows of one file. Raises UsageError when the file cannot be read as this programme's export at all."""
    if programme not in GRAMMARS:
        raise UsageError(f"no export of {programme!r} can be read; known are {', '.join(GRAMMARS)}")
    grammar = GRAMMARS[programme]
    rows = _raw_rows(_text(path))
    header = next(rows, None)
    if header is None or header.trouble:
        raise MalformedInput(f"{path} has no header line; export it from the registry again")
    names = [name.strip() for name in header.fields]
    kind = _kind(programme, grammar.columns, names, path)
    read = [_read(grammar, kind, names, row) for row in rows]
    return Export(programme=programme, kind=kind, rows=tuple(_disjoint(read)))


def _text(path: Path) -> str:
    """UTF-8 with or without its mark, or UTF-16 with one. Nothing is guessed: a wrong guess would garble the
    beneficiary's name on a certificate."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise MalformedInput(f"{path} is neither UTF-8 nor UTF-16; save it as CSV UTF-8 and try again") from error


def _raw_rows(text: str) -> Iterator[_RawRow]:
    """Rows with the physical line on which each starts. What the CSV reader chokes on is kept whole."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _RawRow(line, ["".join(lines[line - 1 : reader.line_num]).rstrip("\r\n")], f"not CSV: {error}")
            continue
        if found:
            yield _RawRow(line, found)


def _kind(programme: str, columns: Columns, names: Sequence[str], path: Path) -> str:
    missing = {kind: [name for name in wanted if name not in names] for kind, wanted in columns.items()}
    for kind, lacks in missing.items():
        if not lacks:
            return kind
    kind, lacks = min(missing.items(), key=lambda item: len(item[1]))
    raise MalformedInput(f"{path} is no {programme} export; a file of {kind} would also have: {', '.join(lacks)}")


def _read(grammar: Grammar, kind: str, names: Sequence[str], raw: _RawRow) -> IssuedRow | RejectedRow:
    trouble = raw.trouble
    if not trouble and len(raw.fields) != len(names):
        trouble = f"the row has {len(raw.fields)} fields, the header {len(names)}"
    if trouble:
        return RejectedRow(line=raw.line, reason=trouble, content=raw.content)
    try:
        row = dict(zip(names, raw.fields, strict=True))
        return grammar.read_row(raw.line, raw.content, row, kind)
    except MalformedInput as error:
        return RejectedRow(line=raw.line, reason=str(error), content=raw.content)


def _disjoint(rows: Sequence[IssuedRow | RejectedRow]) -> Iterator[IssuedRow | RejectedRow]:
    """In one statement each serial has one row (law L3): a row that names serials of an earlier one is rejected."""
    earlier: dict[str, list[tuple[int, int, int]]] = {}
    for row in rows:
        if isinstance(row, RejectedRow):
            yield row
            continue
        span = row.serial.range
        taken = earlier.setdefault(span.space, [])
        at = bisect_right(taken, span.last, key=itemgetter(0))
        if at and taken[at - 1][1] >= span.first:
            reason = f"serials of {span} stand in line {taken[at - 1][2]} already"
            yield RejectedRow(line=row.line, reason=reason, content=row.content)
        else:
            taken.insert(at, (span.first, span.last, row.line))
            yield row
