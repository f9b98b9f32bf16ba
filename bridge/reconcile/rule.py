"""What a rule is, and the one shape in which every rule answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations

ANSWER = ibis.schema(
    {
        "subject": "string",
        "class_id": "string",
        "space": "string",
        "first": "uint64",
        "last": "uint64",
        "units": "decimal(38, 0)",
        "kg": "decimal(38, 0)",
        "event": "int64",
        "row": "int64",
        "claim": "int64",
        "lock": "int64",
        "receipt": "int64",
        "statement": "int64",
        "figures": "string",
        "mild": "boolean",
        "in_flight": "boolean",
        "shown": "boolean",
        "due": "int64",
    }
)
"""One row a stretch of serials or a total; rows of one subject make one finding. `units` and `kg` are given only where
no serials can be named. Where all rows are `mild`, a break is only a warning. What is `shown` is no difference at all.
Whatever is null says nothing."""


@dataclass(frozen=True)
class Rule:
    """`title` says what is wrong, `waiting` what the same difference is while it is explained, `advice` what to do;
    `shown` what it is when all is well and a reader must know of it. `trips`: found in our own chain and signed
    statements alone, it proves an unbacked or doubled serial, and may pause the minting door (`proof.py`)."""

    name: str
    severity: Severity
    title: str
    waiting: str
    advice: str
    find: Callable[[Relations, Limits], ir.Table]
    shown: str = ""
    trips: bool = False


def found(table: ir.Table, subject: ir.StringValue, **given: Any) -> ir.Table:
    """The rows of `table` as a rule's answer; a range is taken over when the table has one."""
    columns: dict[str, Any] = {"subject": subject, "in_flight": False, "shown": False} | given
    if "first" in table.columns and "units" not in given and "kg" not in given:
        columns = {"space": table["space"], "first": table["first"], "last": table["last"]} | columns
    return table.select(
        **{name: _typed(columns.get(name), kind) for name, kind in ANSWER.items()},
    )


def text(*parts: Any) -> ir.StringValue:
    """Values run together as text."""
    whole: ir.StringValue = ibis.literal("")
    for part in parts:
        whole = whole + (ibis.literal(part) if isinstance(part, str) else part.cast("string"))
    return whole


def whole(column: ir.Column) -> ir.DecimalColumn:
    """Sums of 64-bit amounts leave 64 bits."""
    return column.cast("decimal(38, 0)")


def _typed(value: Any, kind: Any) -> ir.Value:
    return ibis.null(kind) if value is None else ibis.literal(value).cast(kind) if _plain(value) else value.cast(kind)


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | bool)
