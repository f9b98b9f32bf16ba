"""Canonical statements as files: Parquet, and JSON with one row a line. Both are written and read piece by piece, so
that no statement is too long.

The head stands in the Parquet file's own metadata, under `carbonbridge-canonical-statement-1`; a JSON file is one
document, `{"rows": [...], "refused": [...], "head": {...}}`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson
import pyarrow as pa
from pyarrow import parquet
from pydantic import BaseModel, ValidationError

from bridge.domain.values import as_cell, faults
from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.canonical import COLUMNS, FORMAT, CanonicalRow, Head, RejectedRow

SCHEMA = pa.schema([pa.field(name, pa.type_for_alias(column.type)) for name, column in COLUMNS.items()])
CODED = pa.schema(
    [pa.field(f.name, pa.dictionary(pa.int32(), f.type) if pa.types.is_string(f.type) else f.type) for f in SCHEMA]
)
"""The same, with each text kept once."""
_BATCH = 2**14


def batch_of(rows: Sequence[CanonicalRow]) -> pa.RecordBatch:
    columns = [pa.array([getattr(row, f.name) for row in rows], f.type) for f in CODED]
    return pa.RecordBatch.from_arrays(columns, schema=CODED)


class ParquetWriter:
    """Rows first, and then the head."""

    def __init__(self, path: Path) -> None:
        try:
            self._writer = parquet.ParquetWriter(path, CODED, compression="zstd", store_schema=False)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> ParquetWriter:
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write(batch)

    def end(self, head: Head) -> None:
        self._writer.add_key_value_metadata({FORMAT: head.model_dump_json()})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def read_head(path: Path) -> Head:
    """Of a Parquet file. Raises MalformedInput."""
    try:
        metadata = parquet.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise MalformedInput(f"{path} cannot be read as Parquet: {error}") from error
    if FORMAT.encode() not in metadata:
        raise MalformedInput(f"{path} is no canonical statement; make one with: carbonbridge registry statement read")
    try:
        return Head.model_validate_json(metadata[FORMAT.encode()])
    except ValidationError as error:
        raise MalformedInput(f"{path} has a wrong head: {faults(error, 'head')}") from error


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Of a Parquet file, in its order. Raises MalformedInput when a column is missing or of another type."""
    texts = [field.name for field in SCHEMA if pa.types.is_string(field.type)]
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        there = file.schema_arrow
        for field in CODED:
            if field.name not in there.names or there.field(field.name).type != field.type:
                raise MalformedInput(f"{path} lacks the column {field.name} of type {COLUMNS[field.name].type}")
        yield from file.iter_batches(_BATCH, columns=SCHEMA.names)


def rows_of(batch: pa.RecordBatch) -> Iterator[CanonicalRow]:
    """Each validated: a file may have been changed since it was written. Raises MalformedInput."""
    for fields in batch.to_pylist():
        yield _row(fields)


def write_json(path: Path, batches: Iterable[pa.RecordBatch], refused: Iterable[RejectedRow], head: Head) -> None:
    """Raises UsageError."""
    try:
        with path.open("wb") as file:
            file.write(b'{"rows": [')
            _write_list(file, (fields for batch in batches for fields in batch.to_pylist()))
            file.write(b'], "refused": [')
            _write_list(file, (row.model_dump() for row in refused))
            file.write(b'], "head": ' + head.model_dump_json().encode() + b"}\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def read_json(path: Path) -> Iterator[CanonicalRow | RejectedRow | Head]:
    """The rows, then the refused ones, then the head, as `write_json` has them. Raises MalformedInput."""
    kinds: dict[bytes, type[CanonicalRow | RejectedRow]] = {
        b'{"rows": [': CanonicalRow,
        b'], "refused": [': RejectedRow,
    }
    kind: type[CanonicalRow | RejectedRow] | None = None
    last = b'], "head": '
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip(b"\n")
            try:
                if text in kinds:
                    kind = kinds[text]
                elif text.startswith(last):
                    yield Head.model_validate_json(text[len(last) : -1])
                elif kind is not None:
                    yield kind.model_validate_json(text.rstrip(b","))
                else:
                    raise MalformedInput(f"{path} is no canonical statement; its first line says otherwise")
            except ValidationError as error:
                raise MalformedInput(f"{path}, line {number}: {faults(error, 'row')}") from error


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], kind: type[BaseModel]) -> None:
    """With nothing in it that a spreadsheet would take for a formula. Raises UsageError."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, kind.model_fields)
            writer.writeheader()
            writer.writerows({name: as_cell(value) for name, value in row.items()} for row in rows)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _row(fields: dict[str, Any]) -> CanonicalRow:
    try:
        return CanonicalRow.model_validate(fields)
    except ValidationError as error:
        raise MalformedInput(f"line {fields.get('line')}: {faults(error, 'row')}") from error


def _write_list(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> None:
    comma = b"\n"
    for row in rows:
        file.write(comma + orjson.dumps(row))
        comma = b",\n"
    file.write(b"\n")
