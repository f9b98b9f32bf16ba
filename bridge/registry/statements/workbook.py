"""Excel workbooks: .xlsx, .xls and what else calamine reads. One sheet is one file; numbers and days become the text
that a CSV would hold. calamine keeps a sheet in memory, which ends at 1,048,576 rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.source import Block, Lines, block_of, places
from bridge.registry.statements.unpacking import require_bounded

SUFFIXES = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_ROWS = 2**14


class Workbook:
    """`sheet` by name; without one the workbook must have a single sheet that holds anything."""

    def __init__(self, path: Path, sheet: str | None = None) -> None:
        self.path = path
        try:
            self.size = path.stat().st_size
            require_bounded(path)
            workbook = CalamineWorkbook.from_path(path)
            self._sheet = _chosen(workbook, sheet, path)
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        except CalamineError as error:
            raise MalformedInput(f"{path} cannot be read as a workbook: {error}") from error
        self.name = f"{path.name}#{self._sheet.name}"

    @cached_property
    def header(self) -> Sequence[str]:
        """Raises MalformedInput."""
        head = next(self._rows(), None)
        if head is None:
            raise MalformedInput(f"{self.path} has no header line; export it from the registry again")
        return [name.strip() for name in head[1]]

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[int, Callable[[], Block]]]:
        where = places(self.header, columns, self.path)
        rows, done = islice(self._rows(), 1, None), 0
        while some := list(islice(rows, _ROWS)):
            done += len(some)
            lines, texts = [line for line, _ in some], [fields for _, fields in some]
            at = self.size * done // max(1, self._sheet.height)
            yield at, partial(block_of, texts, where, lines, partial(_content, texts), ())

    def contents(self, lines: Lines) -> Iterator[tuple[int, str]]:
        wanted = set(lines.tolist())
        yield from ((line, ",".join(fields)) for line, fields in self._rows() if line in wanted)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every row that is not blank, with the sheet's own number of it."""
        above = self._sheet.start[0] if self._sheet.start else 0
        for line, row in enumerate(self._sheet.to_python(skip_empty_area=True), start=above + 1):
            fields = [_text(value) for value in row]
            if any(fields):
                yield line, fields


def _chosen(workbook: CalamineWorkbook, name: str | None, path: Path) -> CalamineSheet:
    if name is not None:
        if name not in workbook.sheet_names:
            raise UsageError(f"{path} has no sheet {name!r}; it has {', '.join(workbook.sheet_names)}")
        return workbook.get_sheet_by_name(name)
    sheets = [sheet for one in workbook.sheet_names if (sheet := workbook.get_sheet_by_name(one)).height]
    if len(sheets) > 1:
        raise UsageError(f"{path} has several sheets; name one by --sheet: {', '.join(s.name for s in sheets)}")
    if not sheets:
        raise MalformedInput(f"{path} has no header line; export it from the registry again")
    return sheets[0]


def _content(rows: Sequence[Sequence[str]], at: int) -> str:
    return ",".join(rows[at])


def _text(value: Any) -> str:
    """As a CSV would have it. Excel keeps every number as a float: a whole one is written whole."""
    match value:
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)
