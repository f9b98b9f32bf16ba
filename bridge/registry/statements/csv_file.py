"""CSV files in blocks of some megabytes, so that no file is too long.

A block whose quotes all stand as RFC 4180 has them is split by Arrow. Any other is split by Python's reader, row by row
and as strictly. For a block of the first kind both give the same (tests hold it): the first is only the faster way.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.canonical import RejectedRow
from bridge.registry.statements.source import Block, Lines, block_of, places

BLOCK_BYTES = 8 * 2**20
_MOST_BYTES = 4 * BLOCK_BYTES
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
_BEFORE_A_FIELD, _BEHIND_A_FIELD = np.zeros(256, bool), np.zeros(256, bool)
_BEFORE_A_FIELD[list(b',\n"')] = True
_BEHIND_A_FIELD[list(b',\r\n"')] = True


class _Bytes(Protocol):
    """UTF-8, from wherever."""

    def read(self, size: int, /) -> bytes: ...

    def readline(self) -> bytes: ...


class _Transcoded:
    """Another encoding as UTF-8."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text

    def read(self, size: int) -> bytes:
        return self._text.read(size).encode()

    def readline(self) -> bytes:
        return self._text.readline().encode()


class _Row(NamedTuple):
    """`trouble` is why the fields are none."""

    line: int
    fields: Sequence[str]
    content: str
    trouble: str = ""


class _Regular(NamedTuple):
    """Whole records whose quotes all stand as they should: where each begins and ends, and on which line."""

    data: bytes
    first_line: int
    next_line: int
    starts: Lines
    ends: Lines
    lines: Lines

    def content(self, at: int) -> str:
        return self.data[int(self.starts[at]) : int(self.ends[at])].decode().rstrip("\r\n")


class CsvFile:
    """`encoding`: Python's name of it. Without one the file is UTF-8, or UTF-16 with its mark. Nothing is guessed: a
    wrong guess would garble the beneficiary's name on a certificate."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path, self.name = path, path.name
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                start = file.read(4)
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from error
        self._mark = next((mark for mark in _MARKS if start.startswith(mark)), b"")
        self._encoding = _known(encoding) if encoding else _MARKS.get(self._mark, "utf-8")
        if self._mark and self._encoding.replace("-", "_").split("_")[0] != _MARKS[self._mark].split("-")[0]:
            raise MalformedInput(f"{path} begins with the mark of {_MARKS[self._mark]} and is no {encoding}")

    @cached_property
    def header(self) -> Sequence[str]:
        """Raises MalformedInput."""
        with self.path.open("rb") as file:
            feed = _Feed(b"", self._utf8(file), 1)
            try:
                head = self._head(feed)
            except UnicodeError as error:
                raise self._otherwise_encoded(feed.line) from error
        if head is None or head.trouble:
            raise MalformedInput(f"{self.path} has no header line; export it from the registry again")
        return [name.strip() for name in head.fields]

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[int, Callable[[], Block]]]:
        where = places(self.header, columns, self.path)
        for at, piece in self._pieces():
            yield at, partial(self._block, piece, where)

    def contents(self, lines: Lines) -> Iterator[tuple[int, str]]:
        for _, piece in self._pieces():
            if isinstance(piece, _Regular):
                for at in np.flatnonzero(np.isin(piece.lines, lines)):
                    yield int(piece.lines[at]), piece.content(int(at))
            else:
                wanted = set(lines[np.isin(lines, [row.line for row in piece])].tolist())
                yield from ((row.line, row.content) for row in piece if row.line in wanted)

    def _pieces(self) -> Iterator[tuple[int, _Regular | list[_Row]]]:
        """Everything behind the header."""
        with self.path.open("rb") as file:
            data = self._utf8(file)
            feed = _Feed(b"", data, 1)
            self._head(feed)
            while block := self._next(feed, data):
                if (regular := _regular(block, feed.line)) is not None:
                    feed = _Feed(block[len(regular.data) :], data, regular.next_line)
                    yield file.tell(), regular
                else:
                    feed = _Feed(block, data, feed.line)
                    yield file.tell(), self._rows(feed)

    def _next(self, feed: _Feed, data: _Bytes) -> bytes:
        try:
            return _whole(feed.left() + data.read(BLOCK_BYTES), data)
        except UnicodeError as error:
            raise self._otherwise_encoded(feed.line) from error

    def _block(self, piece: _Regular | list[_Row], where: Mapping[str, int]) -> Block:
        width = len(self.header)
        if isinstance(piece, _Regular):
            if _is_utf8(piece.data) and (columns := _columns(piece, width, where)) is not None:
                return Block(columns, piece.lines, piece.content, ())
            piece = self._rows(_Feed(piece.data, io.BytesIO(), piece.first_line))
        split, rejected = [], []
        for row in piece:
            trouble = row.trouble
            if not trouble and len(row.fields) != width:
                trouble = f"the row has {len(row.fields)} fields, the header {width}"
            if trouble:
                rejected.append(RejectedRow(line=row.line, reason=trouble, content=row.content, file=self.name))
            else:
                split.append(row)
        return block_of(
            [row.fields for row in split], where, [row.line for row in split], lambda at: split[at].content, rejected
        )

    def _head(self, feed: _Feed) -> _Row | None:
        return next(self._records(feed, once=True), None)

    def _rows(self, feed: _Feed) -> list[_Row]:
        return list(self._records(feed))

    def _records(self, feed: _Feed, once: bool = False) -> Iterator[_Row]:
        """Row by row, until what the feed was given is used up; or `once`, whatever it takes. What Python's reader
        chokes on is kept whole."""
        reader = csv.reader(feed, strict=True)
        while feed.given or once:
            feed.taken.clear()
            line = feed.line
            try:
                found, trouble = next(reader), ""
            except StopIteration:
                return
            except csv.Error as error:
                found, trouble = [], f"not CSV: {error}"
            except UnicodeError as error:
                raise self._otherwise_encoded(feed.line) from error
            if found or trouble:
                yield _Row(line, found, "".join(feed.taken).rstrip("\r\n"), trouble)

    def _otherwise_encoded(self, line: int) -> MalformedInput:
        if self._encoding == "utf-8":
            what = "is neither UTF-8 nor UTF-16; save it as CSV UTF-8, or name its --encoding, such as cp932"
        else:
            what = f"is not in {self._encoding}; name the --encoding that it is in"
        return MalformedInput(f"{self.path} {what} (line {line})")

    def _utf8(self, file: IO[bytes]) -> _Bytes:
        if self._encoding in ("utf-8", "utf-8-sig"):
            file.seek(len(self._mark))
            return file
        return _Transcoded(io.TextIOWrapper(file, encoding=self._encoding, newline=""))


class _Feed:
    """Lines for Python's reader: those of `block`, and of `data` behind it as far as a record needs them."""

    def __init__(self, block: bytes, data: _Bytes, line: int) -> None:
        whole = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        self.line = line
        self.taken: list[str] = []
        self._lines = deque(block[:whole].splitlines(keepends=True))
        self._rest, self._data = block[whole:], data

    @property
    def given(self) -> bool:
        return bool(self._lines)

    def left(self) -> bytes:
        return b"".join(self._lines) + self._rest

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if not self._lines:
            more, self._rest = self._rest + self._data.readline(), b""
            self._lines.extend(more.splitlines(keepends=True))
        if not self._lines:
            raise StopIteration
        text = self._lines.popleft().decode()
        self.line += 1
        self.taken.append(text)
        return text


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise UsageError(f"no encoding {encoding!r}; such are utf-8, utf-16, cp932, shift_jis, latin-1") from error


def _whole(block: bytes, data: _Bytes) -> bytes:
    """With at least one end of a line, unless the file ends or a line is endless; a line's two end letters are not
    parted."""
    while block and len(block) < _MOST_BYTES and (b"\n" not in block or block.endswith(b"\r")):
        if not (more := data.readline() or data.read(1)):
            return block if block.endswith((b"\n", b"\r")) else block + b"\n"
        block += more
    return block


def _regular(block: bytes, line: int) -> _Regular | None:
    """The whole records of a block; None where the rules of RFC 4180 do not tell where they end, or where none ends."""
    letters = np.frombuffer(block, np.uint8)
    newlines = np.flatnonzero(letters == _NEWLINE)
    returns = np.flatnonzero(letters == _RETURN)
    if len(returns) and (returns[-1] + 1 == len(block) or (letters[returns + 1] != _NEWLINE).any()):
        return None
    quotes = np.flatnonzero(letters == _QUOTE)
    outside = np.searchsorted(quotes, newlines) % 2 == 0
    ends = newlines[outside] + 1
    if not len(ends):
        return None
    quotes = quotes[: np.searchsorted(quotes, ends[-1])]
    opening, closing = quotes[0::2], quotes[1::2]
    before = letters[opening - 1]
    before[opening == 0] = _NEWLINE
    if not (_BEFORE_A_FIELD[before].all() and _BEHIND_A_FIELD[letters[closing + 1]].all()):
        return None
    starts = np.concatenate([[0], ends[:-1]])
    lines = line + np.concatenate([[0], np.flatnonzero(outside)[:-1] + 1])
    return _Regular(block[: ends[-1]], line, line + int(np.searchsorted(newlines, ends[-1])), starts, ends, lines)


def _columns(piece: _Regular, width: int, where: Mapping[str, int]) -> dict[str, pa.Array] | None:
    """By Arrow; None where it does not find as many rows of `width` fields as there are."""
    names = [str(place) for place in range(width)]
    wanted = [str(place) for place in where.values()]
    table = arrow_csv.read_csv(
        pa.BufferReader(piece.data),
        arrow_csv.ReadOptions(use_threads=False, block_size=len(piece.data) + 1, column_names=names),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip"),
        arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )
    if table.num_rows != len(piece.lines):
        return None
    return {name: table[str(place)].combine_chunks() for name, place in where.items()}


def _is_utf8(data: bytes) -> bool:
    text = pa.LargeStringArray.from_buffers(1, pa.array([0, len(data)], pa.int64()).buffers()[1], pa.py_buffer(data))
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
