"""Small facts of the archive as Parquet: each file is named by what is in it, and never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from bridge.chain.archive.files import keep
from bridge.domain.serials import SerialRange
from bridge.errors import MalformedInput

ID, ADDRESS, TEXT, WHOLE, TIME = pa.binary(32), pa.binary(20), pa.string(), pa.uint64(), pa.int64()
RANGE = {"space": ID, "first": WHOLE, "last": WHOLE}
_NAMED = 16

Row = Mapping[str, Any]


def put(folder: Path, rows: Iterable[Row], schema: Mapping[str, pa.DataType]) -> str:
    """Keeps rows in a file of their own, whose name is returned. The same rows are the same file."""
    found = [{name: _inward(row.get(name), kind) for name, kind in schema.items()} for row in rows]
    return put_table(folder, pa.Table.from_pylist(found, pa.schema(list(schema.items()))))


def put_table(folder: Path, table: pa.Table, plain: tuple[str, ...] = ()) -> str:
    """As `put`. Columns of `plain` repeat nothing."""
    sink = pa.BufferOutputStream()
    coded = [name for name in table.column_names if name not in plain]
    parquet.write_table(table, sink, compression="zstd", use_dictionary=coded)
    content = sink.getvalue()
    name = f"{hashlib.sha256(memoryview(content)).hexdigest()[:_NAMED]}.parquet"
    if not (folder / name).exists():
        keep(folder, name, content, table.num_rows)
    return name


def verified(folder: Path, name: str, schema: Mapping[str, pa.DataType]) -> Path:
    """Where a file is, for those who read it without us. Raises MalformedInput as `take`."""
    place = folder / name
    try:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _gone(place, error) from error
    if found[:_NAMED] != place.stem:
        raise _changed(place)
    if lacking := sorted(schema.keys() - set(parquet.read_schema(place).names)):
        raise MalformedInput(f"{place} is of an earlier form, without {', '.join(lacking)}; hand the claims in anew")
    return place


def take(folder: Path, name: str, schema: Mapping[str, pa.DataType]) -> list[dict[str, Any]]:
    """Rows again, ids as text. Raises MalformedInput where the file is not what its name says."""
    place = folder / name
    try:
        content = place.read_bytes()
    except OSError as error:
        raise _gone(place, error) from error
    if hashlib.sha256(content).hexdigest()[:_NAMED] != place.stem:
        raise _changed(place)
    try:
        table = parquet.read_table(pa.BufferReader(content)).select(list(schema))
    except (pa.ArrowException, KeyError) as error:
        raise MalformedInput(f"{place} cannot be read as Parquet: {error}") from error
    return [{name: _outward(value) for name, value in row.items()} for row in table.to_pylist()]


def take_all(folder: Path, schema: Mapping[str, pa.DataType]) -> list[dict[str, Any]]:
    """Of all files of a shelf, in the order of their names."""
    return [row for path in sorted(folder.glob("*.parquet")) for row in take(folder, path.name, schema)]


def _gone(place: Path, error: OSError) -> MalformedInput:
    return MalformedInput(f"{place} cannot be read: {error.strerror}; put it back from a copy")


def _changed(place: Path) -> MalformedInput:
    return MalformedInput(f"{place} was changed since it was archived; put it back from a copy")


def spread(r: SerialRange | None) -> dict[str, Any]:
    return {"space": r.space, "first": r.first, "last": r.last} if r else {}


def required(row: Row) -> SerialRange:
    return SerialRange(space=row["space"], first=row["first"], last=row["last"])


def gathered(row: Row) -> SerialRange | None:
    return None if row["space"] is None else required(row)


def _inward(value: Any, kind: pa.DataType) -> Any:
    return bytes.fromhex(value[2:]) if value is not None and pa.types.is_fixed_size_binary(kind) else value


def _outward(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value
