"""Re-issues from files: what somebody says that one registry cancelled so that another issues it anew, as CSV.

    source,origin_registry,origin_serial,becomes_registry,becomes_serial
    conversions,VERRA,9000-1-50-VCS-VCU-…,GS,GS1-1-KE-…-1-50

Each side names its serials by `registry` and `serial` (and `vintage`, where the serial does not state it), or by
`space`, `first` and `last`, each with `origin_` or `becomes_` before it. Rows are taken, or rejected with a reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from bridge.domain.serials import SerialRange
from bridge.domain.values import Fact, faults
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile.claims import require_shallow, serials_of
from bridge.reconcile.evidence import Reissue
from bridge.registry.statements import fields
from bridge.registry.statements.canonical import RejectedRow

SIDES = ("origin", "becomes")
COLUMNS = (
    "source",
    *(f"{s}_{of}" for s in SIDES for of in ("registry", "serial", "vintage", "space", "first", "last")),
)


class ReissuesFile(Fact):
    """A file, read whole."""

    reissues: tuple[Reissue, ...]
    rejected: tuple[RejectedRow, ...]


def read_reissues(path: Path) -> ReissuesFile:
    """Raises UsageError when the file cannot be read at all, or names a serial very often."""
    taken: dict[Reissue, int] = {}
    rejected: list[RejectedRow] = []
    for line, cells in _rows(path):
        try:
            found = _reissue(cells)
            if found in taken:
                raise MalformedInput(f"the same stands on line {taken[found]}")  # noqa: TRY301 one list of reasons
            taken[found] = line
        except MalformedInput as error:
            rejected.append(RejectedRow(line=line, reason=str(error), content=",".join(cells.values())))
    require_shallow(str(path), (one.origin for one in taken))
    require_shallow(str(path), (one.becomes for one in taken))
    return ReissuesFile(reissues=tuple(taken), rejected=tuple(rejected))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row's cells by column, with the line on which it ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _require_columns(path, header)
            for cells in reader:
                if any(map(str.strip, cells)):
                    yield reader.line_num, _named(header, cells)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeError, csv.Error) as error:
        raise UsageError(f"{path} is no CSV in UTF-8: {error}; save it again as such") from error


def _require_columns(path: Path, header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "source" not in header or len(set(header)) < len(header):
        raise UsageError(
            f"{path} has the columns {', '.join(header) or 'of an empty file'}; name source and others of "
            f"{', '.join(COLUMNS)}, each once"
        )


def _named(header: list[str], cells: list[str]) -> Mapping[str, str]:
    """Cells beyond the header are kept, so that the row is refused with all of its text."""
    spare = {f"cell {n + 1}": cell for n, cell in enumerate(cells) if n >= len(header)}
    return dict(zip(header, map(str.strip, cells), strict=False)) | spare


def _reissue(cells: Mapping[str, str]) -> Reissue:
    if unnamed := [name for name in cells if name not in COLUMNS]:
        raise MalformedInput(f"there is no column for {', '.join(unnamed)}")
    origin, becomes = (_side(cells, side) for side in SIDES)
    try:
        return Reissue(source=cells["source"], origin=origin, becomes=becomes)
    except ValidationError as error:
        raise MalformedInput(faults(error, "row")) from error


def _side(cells: Mapping[str, str], side: str) -> SerialRange:
    told = {name: cells.get(f"{side}_{name}", "") for name in ("registry", "serial", "vintage", "space")}
    if told["serial"]:
        vintage = fields.year(told["vintage"], f"{side}_vintage") if told["vintage"] else None
        return serials_of(told["registry"], told["serial"], vintage)
    if not told["space"]:
        raise MalformedInput(
            f"{side} names no serials: give {side}_registry and {side}_serial, or {side}_space, "
            f"{side}_first and {side}_last"
        )
    first, last = (fields.number(cells.get(f"{side}_{name}", ""), f"{side}_{name}") for name in ("first", "last"))
    try:
        return SerialRange(space=told["space"], first=first, last=last)
    except ValidationError as error:
        raise MalformedInput(faults(error, side)) from error
