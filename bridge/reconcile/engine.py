"""The machine on which relations live. Rules see only Ibis expressions."""

from __future__ import annotations

import itertools

import ibis
import ibis.expr.types as ir
import pyarrow as pa


class Engine:
    """DuckDB in memory, one per reconciliation, so that nothing of one run is seen by another."""

    def __init__(self) -> None:
        self._connection = ibis.duckdb.connect()
        self._names = (f"relation_{number}" for number in itertools.count())

    def load(self, table: pa.Table) -> ir.Table:
        # Not create_table(arrow): with sqlglot 30.18 and later Ibis 12 drops its temporary view without naming it.
        return self.keep(ibis.memtable(table))

    def keep(self, expression: ir.Table) -> ir.Table:
        """Computes an expression once, for all rules that build on it."""
        return self._connection.create_table(next(self._names), expression)

    def rows(self, expression: ir.Table) -> pa.Table:
        return self._connection.to_pyarrow(expression)

    def close(self) -> None:
        self._connection.disconnect()
