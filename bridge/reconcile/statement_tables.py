"""The rows of registries' statements as one table, from memory or from Parquet. Whose they are, the reader adds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from bridge.domain.attestations import Deployment
from bridge.domain.observed import Statement, StatementRow
from bridge.domain.serials import SerialRange
from bridge.domain.values import to_bytes
from bridge.reconcile.chain_facts import hexed
from bridge.reconcile.event_tables import arrow, text
from bridge.reconcile.evidence import StatementArchive
from bridge.reconcile.plan import Files, Parts

NAME = "statement_rows"
TAKEN_BACK = ["reversed", "cancelled"]
"""States of serials that a registry took out of a lock by itself."""
_OF = {"statement": pa.int64(), "registry": pa.string(), "as_of": pa.int64(), "current": pa.bool_()}
COLUMNS = {
    "position": pa.int64(),  # 0, 1, 2 … in the statement's order; `row` is the registry's own number
    "row": pa.int64(),
    **{"space": pa.binary(), "first": pa.uint64(), "last": pa.uint64()},
    "class_id": pa.binary(),
    "state": pa.string(),
    "holder": pa.string(),
    "deployment": pa.string(),  # as `Deployment` is written; null, as what follows, where the row names none
    "lock_id": pa.binary(),
    "request_id": pa.binary(),
    "not_after": pa.int64(),
}
"""What Parquet holds; ids may be of fixed size there."""
SCHEMA = _OF | COLUMNS

AT = ("statement", "position")
_ROW_BITS = 40
"""A row's number is statement and position in one."""

Seen = Statement | StatementArchive


def moment_of(statement: Seen) -> tuple[int, int]:
    head = statement.head.items[0]
    return (head.as_of, head.sequence)


def current(statements: Iterable[Seen]) -> dict[str, Seen]:
    """The latest statement of each registry, which is the one compared."""
    return {statement.registry: statement for statement in sorted(statements, key=moment_of)}


def parts(statements: Sequence[Seen]) -> Parts:
    compared = {id(statement) for statement in current(statements).values()}
    return [_part(number, one, id(one) in compared) for number, one in enumerate(statements)]


def rows(t: ir.Table) -> ir.Table:
    """One row a block of serials, with its number."""
    names = {"row_class": "class_id", "row_lock": "lock_id", "row_request": "request_id", "space": "space"}
    return t.select(
        *("statement", "registry", "as_of", "current", "first", "last", "state", "holder", "not_after"),
        id=number_of_row(t),
        row_deployment=t["deployment"].fill_null(""),
        **{name: hexed(t[column]) for name, column in names.items()},
    )


def number_of_row(t: ir.Table) -> ir.IntegerValue:
    return t["statement"] * 2**_ROW_BITS + t["position"]


def place_of(number: int) -> tuple[int, int]:
    """Which statement's row, and at which position."""
    return number >> _ROW_BITS, number & (1 << _ROW_BITS) - 1


def number_of(row: dict[str, Any]) -> int:
    return int(row["statement"]) << _ROW_BITS | int(row["position"])


def row_of(row: dict[str, Any]) -> StatementRow:
    """The row again that stands in the table."""
    chain, _, contract = (row["deployment"] or "").partition(":")
    return StatementRow(
        row=row["row"],
        range=SerialRange(space=text(row["space"]), first=row["first"], last=row["last"]),
        class_id=text(row["class_id"]),
        state=row["state"],
        holder=row["holder"],
        deployment=Deployment(chain_id=int(chain), contract=contract) if contract else None,
        lock_id=row["lock_id"] and text(row["lock_id"]),
        request_id=row["request_id"] and text(row["request_id"]),
        not_after=row["not_after"],
    )


def table(rows: Iterable[StatementRow]) -> pa.Table:
    """Rows as they are kept in Parquet."""
    return arrow(COLUMNS, [_cells(position, row) for position, row in enumerate(rows)])


def _part(number: int, statement: Seen, compared: bool) -> pa.Table | Files:
    of = (number, statement.registry, moment_of(statement)[0], compared)
    if isinstance(statement, StatementArchive):
        return Files(tuple(statement.files), dict(zip(_OF, of, strict=True)))
    return arrow(SCHEMA, [of + _cells(position, row) for position, row in enumerate(statement.rows)])


def _cells(position: int, row: StatementRow) -> tuple[Any, ...]:
    r, deployment = row.range, str(row.deployment) if row.deployment else None
    ids = [one and to_bytes(one) for one in (row.lock_id, row.request_id)]
    what = (to_bytes(row.class_id), row.state.value, row.holder, deployment)
    return (position, row.row, to_bytes(r.space), r.first, r.last, *what, *ids, row.not_after)
