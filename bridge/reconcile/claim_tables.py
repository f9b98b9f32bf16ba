"""Other bridges' claims as one table, from memory or from Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from bridge.domain.serials import SerialRange
from bridge.domain.values import to_bytes
from bridge.reconcile.chain_facts import hexed
from bridge.reconcile.event_tables import arrow, text
from bridge.reconcile.evidence import Claim, ClaimArchive
from bridge.reconcile.plan import Files, Parts

NAME = "claim_rows"
COLUMNS = {
    "position": pa.int64(),  # 0, 1, 2 … within the archive
    "source": pa.string(),
    "claim_id": pa.string(),
    "state": pa.string(),
    **{"space": pa.binary(), "first": pa.uint64(), "last": pa.uint64()},  # null for a burn that names no serials
    "kg": pa.uint64(),
    "evidence": pa.string(),
}
"""What Parquet holds."""
SCHEMA = {"part": pa.int64()} | COLUMNS

AT = ("part", "position")
_ROW_BITS = 40


def parts(claims: Sequence[Claim], archives: Sequence[ClaimArchive]) -> Parts:
    return [
        arrow(SCHEMA, [(0, *_cells(position, claim)) for position, claim in enumerate(claims)]),
        *(Files(tuple(archive.files), {"part": n}) for n, archive in enumerate(archives, start=1)),
    ]


def claims(t: ir.Table) -> ir.Table:
    return t.select(
        *("source", "claim_id", "state", "first", "last", "kg"),
        id=t["part"] * 2**_ROW_BITS + t["position"],
        space=hexed(t["space"]),
    )


def table(claims: Sequence[Claim]) -> pa.Table:
    """Claims as they are kept in Parquet."""
    return arrow(COLUMNS, [_cells(position, claim) for position, claim in enumerate(claims)])


def place_of(number: int) -> tuple[int, int]:
    """Which part's claim, and at which position."""
    return number >> _ROW_BITS, number & (1 << _ROW_BITS) - 1


def number_of(row: dict[str, Any]) -> int:
    return int(row["part"]) << _ROW_BITS | int(row["position"])


def claim_of(row: dict[str, Any]) -> Claim:
    """The claim again that stands in the table."""
    r = None
    if row["space"] is not None:
        r = SerialRange(space=text(row["space"]), first=row["first"], last=row["last"])
    told = {name: row[name] for name in ("source", "claim_id", "state", "kg", "evidence")}
    return Claim(range=r, **told)


def _cells(position: int, claim: Claim) -> tuple[Any, ...]:
    r = claim.range
    where = (to_bytes(r.space), r.first, r.last) if r else (None, None, None)
    return (position, claim.source, claim.claim_id, claim.state.value, *where, claim.kg, claim.evidence)
