"""Law L4: a request gave more than its units, or went on after its end, or was never opened."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    asked = r.requests.group_by(["deployment", "request_id"]).agg(
        asked=whole(r.requests["units"]).min(), asked_class=r.requests["class_id"].min()
    )
    s = r.steps.left_join(asked, ["deployment", "request_id"]).drop("deployment_right", "request_id_right")
    history = ibis.window(group_by=["deployment", "request_id"], order_by="event", preceding=None, following=0)
    ends = s["step"].isin(["refused", "returned"]).ifelse(s["event"], ibis.null("int64"))
    s = s.mutate(
        gone=whole(s["units"]).sum().over(history),
        ended_at=ends.min().over(ibis.window(group_by=["deployment", "request_id"])),
    )
    over = s["gone"] > s["asked"].fill_null(0)
    too_late = ((s["step"] == "settled") & (s["event"] > s["ended_at"])).fill_null(False)
    bad = s.filter(over | too_late)
    return found(
        bad,
        text("request ", bad["request_id"], " on ", bad["deployment"]),
        class_id=ibis.coalesce(bad["asked_class"], bad["class_id"]).nullif(""),
        units=bad["units"],
        event=bad["event"],
        figures=text("asked for ", bad["asked"].fill_null(0), " units, given ", bad["gone"]),
    )


RULE = Rule(
    name="request-overspent",
    severity=Severity.BREAK,
    title="A request was settled beyond its units or after its end",
    waiting="",
    advice="Halt: the contract should refuse this. Compare its request with the outcomes that were signed",
    find=find,
)
