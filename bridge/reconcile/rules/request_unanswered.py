"""A request is open on chain past the deadline by which the registry was to answer."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    gone = r.steps.group_by(["deployment", "request_id"]).agg(gone=whole(r.steps["units"]).sum())
    q = r.requests.left_join(gone, ["deployment", "request_id"]).drop("deployment_right", "request_id_right")
    q = q.mutate(left=whole(q["units"]) - q["gone"].fill_null(0))
    pending = q.filter(q["left"] > 0).join(r.chains, "deployment")
    return found(
        pending,
        text("request ", pending["request_id"], " on ", pending["deployment"]),
        class_id=pending["class_id"],
        units=pending["left"],
        event=pending["event"],
        in_flight=pending["block_time"] <= pending["deadline"],
        due=pending["deadline"],
    )


RULE = Rule(
    name="request-unanswered",
    severity=Severity.WARNING,
    title="A request is past its deadline without an answer",
    waiting="Requested, awaits settlement",
    advice="Ask the attesters to sign the outcome or a refusal; the holder may call the request back",
    find=find,
)
