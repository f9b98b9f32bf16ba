"""A registry's file → one canonical statement: read block by block, checked for law L3, kept in a folder until it is
saved. No file is too long: rows are never all in memory."""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from heapq import merge
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.canonical import CanonicalRow, Head, RejectedRow
from bridge.registry.statements.columns import BlockReader, Read
from bridge.registry.statements.csv_file import CsvFile
from bridge.registry.statements.grammar import Grammar, Layout
from bridge.registry.statements.overlaps import Overlaps, overlaps
from bridge.registry.statements.source import Block, Source
from bridge.registry.statements.storage import (
    ParquetWriter,
    batch_of,
    read_batches,
    read_head,
    read_json,
    rows_of,
    write_csv,
    write_json,
)
from bridge.registry.statements.workbook import SUFFIXES, Workbook

_WORKERS = 2
_AHEAD = 3
"""Blocks in the making; each takes some ten times its own bytes."""

Told = Callable[[int], object]
"""Up to which byte of the file rows are read."""


class How(NamedTuple):
    """`encoding` of a CSV by Python's name, `sheet` of a workbook; `as_of` in seconds since 1970, where it is known.
    `lenient` reads also what no registry writes, for people to look at: such rows can never be locked or imported."""

    encoding: str | None = None
    sheet: str | None = None
    as_of: int | None = None
    lenient: bool = False


_STRICTLY = How()


class Statement(NamedTuple):
    """What a file says. Lives as long as the context that made it."""

    head: Head
    taken: Path
    rejected: Path

    def batches(self) -> Iterator[pa.RecordBatch]:
        return read_batches(self.taken)

    def rows(self) -> Iterator[CanonicalRow]:
        """In the source's order."""
        for batch in self.batches():
            yield from rows_of(batch)

    def refused(self) -> Iterator[RejectedRow]:
        with self.rejected.open("rb") as file:
            for line in file:
                yield RejectedRow.model_validate_json(line)

    def in_order(self) -> Iterator[CanonicalRow | RejectedRow]:
        """What was taken and what was not, by line."""
        rows: tuple[Iterator[CanonicalRow | RejectedRow], ...] = (self.rows(), self.refused())
        return merge(*rows, key=lambda row: row.line)

    def save(self, out: Path) -> None:
        """As Parquet, JSON or CSV, by its suffix. Parquet and CSV hold the rows that were taken, JSON the others too.
        Raises UsageError."""
        match out.suffix.lower():
            case ".parquet":
                try:
                    shutil.copyfile(self.taken, out)
                except OSError as error:
                    raise UsageError(f"{out} cannot be written: {error.strerror}") from error
            case ".json":
                write_json(out, self.batches(), self.refused(), self.head)
            case ".csv":
                write_csv(out, (row for batch in self.batches() for row in batch.to_pylist()), CanonicalRow)
            case _:
                raise UsageError(f"{out}: a statement is written as .parquet, .json or .csv")

    def save_refused(self, out: Path) -> None:
        """As CSV. Raises UsageError."""
        write_csv(out, (row.model_dump() for row in self.refused()), RejectedRow)


@contextmanager
def read_statement(path: Path, grammar: Grammar, how: How = _STRICTLY, told: Told = int) -> Iterator[Statement]:
    """Reads a registry's export. Raises UsageError when the file cannot be read as this registry's export at all; a row
    that cannot be read is refused, with its reason, and no row is dropped."""
    source: Source = Workbook(path, how.sheet) if path.suffix.lower() in SUFFIXES else CsvFile(path, how.encoding)
    layout = _layout(grammar, source.header, path)
    with TemporaryDirectory(prefix="carbonbridge-") as name:
        folder = Path(name)
        head = Head(registry=grammar.code, kind=layout.kind, file=source.name, as_of=how.as_of, lenient=how.lenient)
        read = _read(source, BlockReader(layout, head), head, folder, told)
        yield _disjoint(read, source, folder)


@contextmanager
def open_statement(path: Path) -> Iterator[Statement]:
    """One that was saved as Parquet or JSON; what was refused only JSON remembers. Raises MalformedInput."""
    with TemporaryDirectory(prefix="carbonbridge-") as name:
        statement = Statement(
            Head(registry="X", kind="", file=""), Path(name) / "taken.parquet", Path(name) / "refused"
        )
        if path.suffix.lower() == ".parquet":
            statement.rejected.touch()
            yield statement._replace(head=read_head(path), taken=path)
        elif path.suffix.lower() == ".json":
            yield _from_json(path, statement)
        else:
            raise UsageError(f"{path}: a canonical statement is read from .parquet or .json")


def _layout(grammar: Grammar, names: Iterable[str], path: Path) -> Layout:
    """Which of the registry's files this is, by its header."""
    names = list(names)
    missing = {layout.kind: [name for name in layout.needs if name not in names] for layout in grammar.layouts}
    for layout in grammar.layouts:
        if not missing[layout.kind]:
            return layout.among(names)
    kind, lacks = min(missing.items(), key=lambda item: len(item[1]))
    raise MalformedInput(f"{path} is no {grammar.code} export; a file of {kind} would also have: {', '.join(lacks)}")


def _read(source: Source, reader: BlockReader, head: Head, folder: Path, told: Told) -> Statement:
    """All but law L3."""
    statement = Statement(head, folder / "read.parquet", folder / "unread")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(_WORKERS))
        rejected = stack.enter_context(statement.rejected.open("wb"))
        writer = stack.enter_context(ParquetWriter(statement.taken))
        digest = pool.submit(_digest, source.path)
        tally = _Tally()
        for at, read in _in_turn(pool, source, reader):
            writer.write(read.batch)
            _write(rejected, read.rejected)
            tally.add(read)
            told(at)
        head = tally.complete(head.model_copy(update={"sha256": digest.result()}))
        writer.end(head)
    return statement._replace(head=head)


def _in_turn(pool: ThreadPoolExecutor, source: Source, reader: BlockReader) -> Iterator[tuple[int, Read]]:
    """Several blocks are in the making; they come out in the file's order."""
    making: deque[tuple[int, Future[Read]]] = deque()
    for at, make in source.pieces(reader.columns):
        making.append((at, pool.submit(_made, reader, make)))
        if len(making) > _AHEAD:
            place, first = making.popleft()
            yield place, first.result()
    for place, rest in making:
        yield place, rest.result()


def _made(reader: BlockReader, make: Callable[[], Block]) -> Read:
    return reader.read(make())


class _Tally:
    def __init__(self) -> None:
        self.taken = self.refused = self.rows = self.units = self.kg = 0

    def add(self, read: Read) -> None:
        self.taken += read.rows
        self.refused += len(read.rejected)
        self.weigh(read.batch)

    def weigh(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.units += _sum(batch["units"])
        self.kg += _sum(batch["kg"])

    def complete(self, head: Head) -> Head:
        return head.model_copy(update={"read": self.taken + self.refused, **vars(self)})


def _sum(column: pa.Array) -> int:
    """Exact: a sum of 64-bit numbers may need more bits than they."""
    return int(pc.sum(pc.cast(column, pa.decimal128(38, 0))).as_py() or 0)


def _disjoint(read: Statement, source: Source, folder: Path) -> Statement:
    """In one statement each serial has one row (law L3): a row that names serials of an earlier one is refused."""
    found = overlaps(read.taken, folder)
    if not len(found.lines):
        return read
    statement = Statement(read.head, folder / "taken.parquet", folder / "refused")
    tally = _Tally()
    with ParquetWriter(statement.taken) as writer, statement.rejected.open("wb") as rejected:
        for batch in read.batches():
            kept = batch.filter(pa.array(~np.isin(batch["line"].to_numpy(), found.lines)))
            tally.weigh(kept)
            writer.write(kept)
        _write(rejected, merge(read.refused(), _named_before(found, source), key=lambda row: row.line))
        tally.refused = read.head.refused + len(found.lines)
        tally.taken = read.head.taken - len(found.lines)
        head = tally.complete(read.head)
        writer.end(head)
    return statement._replace(head=head)


def _named_before(found: Overlaps, source: Source) -> Iterator[RejectedRow]:
    for line, content in source.contents(found.lines):
        earlier = int(found.earlier[np.searchsorted(found.lines, line)])
        where = f"in line {earlier} already" if earlier != line else "twice in this row"
        yield RejectedRow(line=line, reason=f"serials of this row stand {where}", content=content, file=source.name)


def _from_json(path: Path, statement: Statement) -> Statement:
    found = read_json(path)
    head: Head | None = None
    with ParquetWriter(statement.taken) as writer, statement.rejected.open("wb") as rejected:
        while some := list(islice(found, 2**14)):
            writer.write(batch_of([row for row in some if isinstance(row, CanonicalRow)]))
            _write(rejected, (row for row in some if isinstance(row, RejectedRow)))
            head = next((row for row in some if isinstance(row, Head)), head)
    if head is None:
        raise MalformedInput(f"{path} ends without its head; it was not written to its end")
    return statement._replace(head=head)


def _write(file: IO[bytes], rows: Iterable[RejectedRow]) -> None:
    for row in rows:
        file.write(orjson.dumps(row.model_dump(), option=orjson.OPT_APPEND_NEWLINE))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
