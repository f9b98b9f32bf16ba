"""Algebra of ranges without opening them: where do which ranges lie, in one pass over their ends."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from bridge.reconcile.plan import Plan

ONE = ibis.literal(1, "uint64")
_SPACE = ["scope", "space"]


def pieces(plan: Plan, ranges: ir.Table) -> ir.Table:
    """Cuts ranges (scope, space, first, last, id) at one another's ends, so that two pieces of one scope and space are
    either the same stretch of serials or have none in common. An `id` names one range within its scope and space.

    Returns scope, space, first, last, id: as many rows as ranges, and one more for each cut.
    """
    edges = plan.keep(_ranked(_ends(ranges)))
    spans = edges.group_by([*_SPACE, "id"]).agg(start=edges["rank"].min(), stop=edges["rank"].max())
    steps = spans.select(*_SPACE, "id", rank=ibis.range(spans["start"], spans["stop"]).unnest())
    cut = steps.join(_stretches(edges), [*_SPACE, "rank"])
    return plan.keep(cut.select(*_SPACE, "first", "last", "id"))


def crowded(ranges: ir.Table, names: Sequence[str] = ("id",)) -> ir.Table:
    """Those ranges that share a serial with another of their scope and space: usually none, by one window each way.
    `names`: what tells a range from every other."""
    order = ["first", *names]
    by_first = ibis.window(group_by=_SPACE, order_by=order)
    before = ranges["last"].max().over(ibis.window(group_by=_SPACE, order_by=order, preceding=(None, 1)))
    seen = ranges.mutate(reached=before, upcoming=ranges["first"].lead().over(by_first))
    return seen.filter((seen["reached"] >= seen["first"]) | (seen["upcoming"] <= seen["last"])).drop(
        "reached", "upcoming"
    )


def units(table: ir.Table) -> ir.IntegerValue:
    """Serials of each row; both ends count."""
    return (table["last"] - table["first"] + ONE).cast("uint64")


def _ends(ranges: ir.Table) -> ir.Table:
    starts = ranges.select(*_SPACE, "id", at=ranges["first"])
    # The last serial is at most 2^64 - 2, so the sum stays within 64 bits.
    stops = ranges.select(*_SPACE, "id", at=(ranges["last"] + ONE).cast("uint64"))
    return starts.union(stops)


def _ranked(ends: ir.Table) -> ir.Table:
    return ends.mutate(rank=ibis.dense_rank().over(ibis.window(group_by=_SPACE, order_by="at")))


def _stretches(edges: ir.Table) -> ir.Table:
    marks = edges.group_by([*_SPACE, "rank"]).agg(first=edges["at"].min())
    following = marks["first"].lead().over(ibis.window(group_by=_SPACE, order_by="rank"))
    return marks.mutate(last=(following - ONE).cast("uint64"))
