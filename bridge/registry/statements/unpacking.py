"""Looks at a workbook before it is unpacked into memory: a kilobyte can name a cell in the last corner of a sheet, for
which a reader makes room for 17 billion."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile, is_zipfile

from bridge.errors import MalformedInput

MOST_BYTES = 2 * 1024**3
"""Unpacked, of all parts: a full sheet of a register has a billion."""
MOST_CELLS = 64 * 1024**2
"""Of the rectangle around all cells: a full sheet of sixty columns."""

_PIECE, _OVERLAP = 2**20, 16
_CELL = re.compile(rb"""["']([A-Z]{1,3})([0-9]{1,7})["']""")
_WIDE = re.compile(rb"""["'](?:B[M-Z]|[C-Z][A-Z]|[A-Z]{3})[0-9]{1,7}["']""")
"""A cell beyond the 64th column; without one no sheet can have more cells than the most."""


def require_bounded(path: Path) -> None:
    """Raises MalformedInput. Formats that are no zip (.xls) are bounded by themselves."""
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as packed:
            left = MOST_BYTES
            for name in packed.namelist():
                left = _look(path, packed, name, left)
    except (BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise MalformedInput(f"{path} cannot be read as a workbook: {error}") from error


def _look(path: Path, packed: ZipFile, name: str, left: int) -> int:
    """What may still be unpacked after this part."""
    wide = False
    for piece in _pieces(packed, name):
        left -= len(piece)
        wide = wide or _WIDE.search(piece) is not None
        if left < 0:
            raise MalformedInput(f"{path} unpacks to more than {MOST_BYTES:,} bytes; export fewer rows at once, or CSV")
    if wide and (cells := _cells(packed, name)) > MOST_CELLS:
        raise MalformedInput(
            f"{path}, {name}: its cells lie too far apart, in a sheet of {cells:,}; export it as CSV, or delete the "
            "columns and rows beyond the table"
        )
    return left


def _cells(packed: ZipFile, name: str) -> int:
    columns = rows = 0
    for piece in _pieces(packed, name):
        for letters, digits in _CELL.findall(piece):
            columns, rows = max(columns, _column(letters)), max(rows, int(digits))
    return columns * rows


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _pieces(packed: ZipFile, name: str) -> Iterator[bytes]:
    """A little of each again at the beginning of the next, lest a cell's name be cut in two."""
    with packed.open(name) as part:
        before = b""
        while piece := part.read(_PIECE):
            yield before + piece
            before = piece[-_OVERLAP:]
