"""Another bridge burned more than it shows retirements for."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    retired = r.claims.filter(r.claims["state"] == ClaimState.RETIRED.value).select("source", later="claim_id")
    served = r.links.semi_join(retired, ["source", "later"])
    served = served.group_by(["source", "earlier"]).agg(served=whole(served["kg"]).sum())
    burned = r.claims.filter(r.claims["state"] == ClaimState.BURNED.value)
    b = burned.left_join(served, [burned["source"] == served["source"], burned["claim_id"] == served["earlier"]])
    b = b.mutate(open=whole(b["kg"]) - b["served"].fill_null(0))
    short = b.filter(b["open"] > 0)
    return found(
        short,
        text(short["source"], " burned ", short["claim_id"]),
        kg=short["open"],
        claim=short["id"],
        figures=text("burned ", short["kg"], " kg, retired for it ", short["served"].fill_null(0), " kg"),
    )


RULE = Rule(
    name="claim-unretired",
    severity=Severity.WARNING,
    title="Another bridge burned more than it shows retirements for",
    waiting="",
    advice="Ask that bridge when it will retire the rest; until then do not count it as retired",
    find=find,
)
