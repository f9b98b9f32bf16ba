"""Law L1: supply and pending requests of a class are not its live serials and its shortfall."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.totals import by_class


def find(r: Relations, _: Limits) -> ir.Table:
    t = by_class(r)
    off = t.mutate(over=t["supply"] + t["pending"] - t["live"] - t["shortfall"])
    off = off.filter(off["over"] != 0)
    return found(
        off,
        text("class ", off["class_id"], " on ", off["deployment"]),
        class_id=off["class_id"],
        units=off["over"].abs(),
        figures=text(
            *("supply ", off["supply"], " + pending ", off["pending"]),
            *(" is not live serials ", off["live"], " + shortfall ", off["shortfall"]),
        ),
    )


RULE = Rule(
    name="supply-mismatch",
    severity=Severity.BREAK,
    title="Supply and pending requests do not add up to live serials and shortfall",
    waiting="",
    advice="Halt: read supply and ledger from storage at the same block, and find the event that one of them lacks",
    find=find,
    trips=True,
)
