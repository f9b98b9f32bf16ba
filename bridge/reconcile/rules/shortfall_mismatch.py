"""The shortfall that a reversal or a taken cover states is not what reversals and covers leave."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    return _misstated(r).union(_open(r))


def _misstated(r: Relations) -> ir.Table:
    until_now = ibis.window(group_by=["deployment", "class_id"], order_by="event", preceding=None, following=0)
    s = r.shortfalls.mutate(step=_step(r.shortfalls))
    s = s.mutate(short=s["step"].sum().over(until_now))
    wrong = s.filter(whole(s["stated"]) != s["short"])
    return found(
        wrong,
        _subject(wrong),
        class_id=wrong["class_id"],
        units=(whole(wrong["stated"]) - wrong["short"]).abs(),
        event=wrong["event"],
        figures=text("stated ", wrong["stated"], " units, by its events ", wrong["short"]),
    )


def _open(r: Relations) -> ir.Table:
    """What is left to cover."""
    s = r.shortfalls.mutate(step=_step(r.shortfalls))
    by_class = s.group_by(["deployment", "class_id"]).agg(
        short=s["step"].sum(),
        event=s["event"].max(),
        opened=whole(s["opened"]).sum(),
        covered=whole(s["covered"]).sum(),
    )
    short = by_class.filter(by_class["short"] > 0)
    return found(
        short,
        _subject(short),
        class_id=short["class_id"],
        units=short["short"],
        event=short["event"],
        figures=text("reversed ", short["opened"], " units, covered ", short["covered"]),
        shown=True,
    )


def _step(t: ir.Table) -> ir.DecimalColumn:
    return whole(t["opened"]) - whole(t["covered"])


def _subject(t: ir.Table) -> ir.StringValue:
    return text("class ", t["class_id"], " on ", t["deployment"])


RULE = Rule(
    name="shortfall-mismatch",
    severity=Severity.BREAK,
    title="A class's stated shortfall is not what its reversals and covers leave",
    waiting="",
    shown="The class is short: reversed units that no cover has replaced yet",
    advice="Halt: compare the class in the contract's storage with its reversals and the cover that was taken",
    find=find,
)
