"""What to compute, written down once as Ibis expressions and translated for an engine; and what an engine is.

Building and translating the expressions takes longer than small evidence takes to compare, so a plan is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

Schema = Mapping[str, pa.DataType]
DUCKDB, SPARK = "duckdb", "pyspark"


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

    def __init__(self, dialect: str = DUCKDB) -> None:
        self.dialect = dialect
        self.schemas: dict[str, Schema] = {}
        self.steps: list[tuple[str, str, str]] = []
        self._kept: dict[str, str] = {}

    def given(self, name: str, schema: Schema) -> ir.Table:
        self.schemas[name] = schema
        return ibis.table(ibis.Schema.from_pyarrow(pa.schema(list(schema.items()))), name=name)

    def sql(self, expression: ir.Table) -> str:
        return str(ibis.to_sql(expression, dialect=self.dialect))

    def view(self, name: str, expression: ir.Table) -> ir.Table:
        """A name for an expression, so that those who build on it stay short."""
        self.steps.append(("VIEW", name, self.sql(expression)))
        return ibis.table(expression.schema(), name=name)

    def keep(self, expression: ir.Table) -> ir.Table:
        """Computed once, for all that builds on it, even where several ask for it anew."""
        query = self.sql(expression)
        if query not in self._kept:
            self._kept[query] = f"kept_{len(self.steps)}"
            self.steps.append(("TABLE", self._kept[query], query))
        name = self._kept[query]
        return ibis.table(expression.schema(), name=name)


class Machine(Protocol):
    """One reconciliation's tables on an engine: what is given, and every step of the plan."""

    def rows(self, query: str) -> list[dict[str, Any]]: ...

    def rows_at(self, table: str, columns: Sequence[str], places: Iterable[tuple[int, ...]]) -> list[dict[str, Any]]:
        """The rows of a table at these places, which are what the columns hold."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """What computes plans of its dialect. Answers do not depend on it."""

    @property
    def dialect(self) -> str: ...

    def machine(self, given: Mapping[str, Parts], plan: Plan) -> Machine: ...


def at_places(table: str, columns: Sequence[str]) -> str:
    """The query of `rows_at`, when the places stand in a table of that name."""
    same = " AND ".join(f"t.{name} = p.{name}" for name in columns)
    return f"SELECT t.* FROM {table} AS t JOIN places AS p ON {same}"  # noqa: S608 our own names


def places_table(columns: Sequence[str], places: Iterable[tuple[int, ...]]) -> pa.Table:
    wanted = zip(columns, zip(*places, strict=True), strict=True)
    return pa.table({name: pa.array(list(values), pa.int64()) for name, values in wanted})
