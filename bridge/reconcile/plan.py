"""What to compute, written down once as Ibis expressions; and the machine that computes it.

Building and translating the expressions takes longer than small evidence takes to compare, so a plan is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa


class Plan:
    """Tables that are given, and tables that are computed from them in this order, each once."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []

    def given(self, name: str, schema: Mapping[str, pa.DataType]) -> ir.Table:
        return ibis.table(ibis.Schema.from_pyarrow(pa.schema(list(schema.items()))), name=name)

    def keep(self, expression: ir.Table) -> ir.Table:
        """Computed once, for all that builds on it."""
        name = f"kept_{len(self.steps)}"
        self.steps.append((name, sql(expression)))
        return ibis.table(expression.schema(), name=name)


class Machine:
    """DuckDB in memory, one per reconciliation, so that nothing of one run is seen by another."""

    def __init__(self, tables: Mapping[str, pa.Table], plan: Plan) -> None:
        self._connection = duckdb.connect()
        for name, table in tables.items():
            self._connection.register(name, table)
        for name, query in plan.steps:
            self._connection.execute(f'CREATE TEMP TABLE "{name}" AS {query}')

    def rows(self, query: str) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return answer

    def close(self) -> None:
        self._connection.close()


def sql(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))
