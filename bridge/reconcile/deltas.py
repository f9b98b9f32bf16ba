"""How a statement's rows differ from those of the statement before it, reckoned once when it is kept.

A row is *unchanged* when exactly one row of each statement says all of the same but for its number: serials, class,
state, holder, deployment, lock, request and deadline. All others of the earlier statement are `gone`, all others of the
later one are `fresh`; so of two rows that are alike in one statement, both are. Unchanged rows may stand elsewhere:
`shifts` says by how much, from a position on, position and number are greater than they were. A registry that states
its rows in another order each time has as many shifts as rows; then there is no delta.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import compute

from bridge.reconcile.statement_tables import COLUMNS

SHIFTS = pa.schema([("begin", pa.int64()), ("position", pa.int64()), ("row", pa.int64())])
_TOLD = [name for name in COLUMNS if name not in {"position", "row"}]
_SPAN = ["space", "first", "last"]
_SHARE, _FEW = 10, 1_000
"""A delta of more than a tenth of the rows saves nobody anything, unless all are few."""


class Delta:
    def __init__(self, gone: pa.Table, fresh: pa.Table, shifts: pa.Table) -> None:
        self.gone, self.fresh, self.shifts = gone, fresh, shifts


def delta(before: Sequence[Path], after: Sequence[Path]) -> Delta | None:
    """None where the two differ so much that both had better be read."""
    with duckdb.connect() as connection:
        for name, files in (("a", before), ("b", after)):
            paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet([{paths}])")  # noqa: S608 quoted
        span = " AND ".join(f"a.{name} = b.{name}" for name in _SPAN)
        rest = " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in _TOLD if name not in _SPAN)
        connection.execute(
            'CREATE TABLE same AS SELECT a.position AS "was", b.position AS "is", b.row - a.row AS "row" '  # noqa: S608
            f"FROM a JOIN b ON {span} AND {rest} "
            "QUALIFY count(*) OVER (PARTITION BY a.position) = 1 AND count(*) OVER (PARTITION BY b.position) = 1"
        )
        gone, fresh = (
            connection.sql(
                f"SELECT {', '.join(COLUMNS)} FROM {name} ANTI JOIN same ON {name}.position = same.{at} "  # noqa: S608
                "ORDER BY position"
            ).to_arrow_table()
            for name, at in (("a", '"was"'), ("b", '"is"'))
        )
        shifts = connection.sql(
            'SELECT "was" AS begin, "is" - "was" AS position, "row" FROM same QUALIFY '
            'lag("is" - "was") OVER (ORDER BY "was") IS DISTINCT FROM "is" - "was" '
            'OR lag("row") OVER (ORDER BY "was") IS DISTINCT FROM "row" ORDER BY "was"'
        ).to_arrow_table()
        rows = connection.sql("SELECT count(*) AS rows FROM a").to_arrow_table()["rows"][0].as_py()
    if (gone.num_rows + fresh.num_rows + shifts.num_rows) * _SHARE > max(rows, _FEW):
        return None
    schema = pa.schema(list(COLUMNS.items()))
    return Delta(gone.cast(schema), fresh.cast(schema), shifts.cast(SHIFTS))


def later(rows: pa.Table, change: Delta) -> pa.Table:
    """Some rows of the earlier statement, as they stand in the later one: without those that are gone."""
    left = compute.invert(compute.is_in(rows["position"], change.gone["position"].combine_chunks()))
    rows = rows.filter(left)
    begin = change.shifts["begin"].to_numpy()
    at = np.searchsorted(begin, rows["position"].to_numpy(), "right") - 1
    for name in ("position", "row"):
        moved = rows[name].to_numpy() + change.shifts[name].to_numpy()[at] if rows.num_rows else []
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(moved, pa.int64()))
    return rows
