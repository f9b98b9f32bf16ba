"""What to compute, written down once as Ibis expressions; and the machine that computes it.

Building and translating the expressions takes longer than small evidence takes to compare, so a plan is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

Schema = Mapping[str, pa.DataType]


@dataclass(frozen=True)
class Files:
    """Parquet files; each row gets the constants. Of blocks later than `upto` nothing is read."""

    paths: tuple[Path, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    upto: int | None = None


Parts = Sequence[pa.Table | Files]
"""A table that is given in pieces: from memory, from files, or none at all."""


class Plan:
    """Tables that are given, and tables that are computed from them in this order: views anew for each that asks, kept
    ones once."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self.steps: list[tuple[str, str, str]] = []
        self._kept: dict[str, str] = {}

    def given(self, name: str, schema: Schema) -> ir.Table:
        self.schemas[name] = schema
        return ibis.table(ibis.Schema.from_pyarrow(pa.schema(list(schema.items()))), name=name)

    def view(self, name: str, expression: ir.Table) -> ir.Table:
        """A name for an expression, so that those who build on it stay short."""
        self.steps.append(("VIEW", name, sql(expression)))
        return ibis.table(expression.schema(), name=name)

    def keep(self, expression: ir.Table) -> ir.Table:
        """Computed once, for all that builds on it, even where several ask for it anew."""
        query = sql(expression)
        if query not in self._kept:
            self._kept[query] = f"kept_{len(self.steps)}"
            self.steps.append(("TABLE", self._kept[query], query))
        name = self._kept[query]
        return ibis.table(expression.schema(), name=name)


class Machine:
    """DuckDB in memory, one per reconciliation, so that nothing of one run is seen by another."""

    def __init__(self, given: Mapping[str, Parts], plan: Plan) -> None:
        self._connection = duckdb.connect()
        for name, parts in given.items():
            self._give(name, plan.schemas[name], parts)
        for kind, name, query in plan.steps:
            self._connection.execute(f'CREATE TEMP {kind} "{name}" AS {query}')

    def rows(self, query: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return answer

    def rows_at(self, table: str, columns: Sequence[str], places: Iterable[tuple[int, ...]]) -> list[dict[str, Any]]:
        """The rows of a table at these places, which are what the columns hold."""
        wanted = {name: list(values) for name, values in zip(columns, zip(*places, strict=True), strict=True)}
        self._connection.register("places", pa.table(wanted))
        same = " AND ".join(f't."{name}" = p."{name}"' for name in columns)
        return self.rows(f'SELECT t.* FROM "{table}" AS t JOIN places AS p ON {same} ORDER BY ALL')  # noqa: S608 our names

    def close(self) -> None:
        self._connection.close()

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


def sql(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))


_TYPES = {pa.int64(): "BIGINT", pa.uint64(): "UBIGINT", pa.uint32(): "UINTEGER", pa.uint8(): "UTINYINT"}
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
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return f'"{name}"'
