"""What an event says is left of a request is not what the request's own events leave."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    asked = r.requests.select("deployment", "request_id", asked="units", asked_class="class_id")
    s = r.steps.join(asked, ["deployment", "request_id"])
    until_now = ibis.window(group_by=["deployment", "request_id"], order_by="event", preceding=None, following=0)
    s = s.mutate(left=whole(s["asked"]) - whole(s["units"]).sum().over(until_now))
    wrong = s.filter((whole(s["remaining"]) != s["left"]).fill_null((s["step"] == "returned") & (s["left"] != 0)))
    return found(
        wrong,
        text("request ", wrong["request_id"], " on ", wrong["deployment"]),
        class_id=wrong["asked_class"],
        units=(whole(wrong["remaining"].fill_null(0)) - wrong["left"]).abs(),
        event=wrong["event"],
        figures=text(wrong["step"], ": by its events ", wrong["left"], " units should be left"),
    )


RULE = Rule(
    name="amount-mismatch",
    severity=Severity.BREAK,
    title="A request's amounts do not add up",
    waiting="",
    advice="Halt: compare the request in the contract's storage with the ranges that were settled",
    find=find,
)
