"""DuckDB: one machine, any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from bridge.reconcile.plan import DUCKDB, Files, Parts, Plan, Schema, at_places, places_table


@dataclass(frozen=True)
class DuckDB:
    """The default. `memory` bounds what it holds, such as `4GB`, by default four fifths of the machine's; what is more
    is put into files under `spill`, by default where temporary files go. `threads`: all cores where none are named."""

    memory: str | None = None
    spill: Path | None = None
    threads: int | None = None

    @property
    def dialect(self) -> str:
        return DUCKDB

    def machine(self, given: Mapping[str, Parts], plan: Plan) -> DuckDBMachine:
        return DuckDBMachine(given, plan, self)


class DuckDBMachine:
    """In memory, one per reconciliation, so that nothing of one run is seen by another."""

    def __init__(self, given: Mapping[str, Parts], plan: Plan, engine: DuckDB | None = None) -> None:
        engine = engine or DuckDB()
        self._folder = TemporaryDirectory(prefix="carbonbridge-", dir=engine.spill)
        limits = {"memory_limit": engine.memory, "threads": engine.threads}
        known = {name: value for name, value in limits.items() if value}
        self._connection = duckdb.connect(config={"temp_directory": self._folder.name, **known})
        # It is drawn into standard output, where a user's own answer goes.
        self._connection.execute("SET enable_progress_bar = false")
        for name, schema in plan.schemas.items():
            self._give(name, schema, given.get(name, ()))
        for kind, name, query in plan.steps:
            self._connection.execute(f'CREATE TEMP {kind} "{name}" AS {query}')

    def rows(self, query: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return answer

    def batches(self, query: str) -> pa.RecordBatchReader:
        return self._connection.sql(query).to_arrow_reader(_BATCH)

    def give(self, name: str, table: pa.Table) -> None:
        """One more table, by a name that no plan has."""
        self._connection.register(name, table)

    def keep(self, name: str, query: str) -> None:
        self._connection.execute(f'CREATE TEMP TABLE "{name}" AS {query}')

    def rows_at(self, table: str, columns: Sequence[str], places: Iterable[tuple[int, ...]]) -> list[dict[str, Any]]:
        self._connection.register("places", places_table(columns, places))
        return self.rows(f"{at_places(table, columns)} ORDER BY ALL")

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def _give(self, name: str, schema: Schema, parts: Parts) -> None:
        queries = []
        for number, part in enumerate(parts):
            if isinstance(part, Files):
                queries.append(_scan(schema, part))
            else:
                self._connection.register(f"{name} {number}", part)
                queries.append(f'SELECT {", ".join(map(_quoted, schema))} FROM "{name} {number}"')  # noqa: S608
        whole = " UNION ALL ".join(queries) or _nothing(schema)
        self._connection.execute(f'CREATE TEMP VIEW "{name}" AS {whole}')


_BATCH = 1_000_000
_TYPES = {pa.int64(): "BIGINT", pa.uint64(): "UBIGINT", pa.uint32(): "UINTEGER", pa.uint8(): "UTINYINT"}
_TYPES |= {pa.decimal128(38, 0): "DECIMAL(38, 0)"}
_TYPES |= {pa.string(): "VARCHAR", pa.binary(): "BLOB", pa.bool_(): "BOOLEAN"}


def _scan(schema: Schema, files: Files) -> str:
    columns = [
        f"{_literal(files.constants[name]) if name in files.constants else _quoted(name)}::{_type(kind)} AS "
        + _quoted(name)
        for name, kind in schema.items()
    ]
    paths = ", ".join(_literal(str(path)) for path in files.paths)
    only = "" if files.upto is None else f" WHERE block <= {files.upto}"
    return f"SELECT {', '.join(columns)} FROM read_parquet([{paths}]){only}"  # noqa: S608 paths are quoted


def _nothing(schema: Schema) -> str:
    columns = ", ".join(f"NULL::{_type(kind)} AS {_quoted(name)}" for name, kind in schema.items())
    return f"SELECT {columns} WHERE false"


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_quoted(member.name)} {_type(member.type)}' for member in kind)})"
    return _TYPES[kind]


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"from_hex('{value.hex()}')"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return f'"{name}"'
