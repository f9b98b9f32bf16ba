"""A request was settled as another kind, or in another class, than it was opened."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REDEEM, RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    asked = r.requests.select("deployment", key="request_id", asked_what="what", asked_class="class_id", opened="event")
    ends = r.moves.filter(r.moves["what"].isin([RETIRE, REDEEM])).join(asked, ["deployment", "key"])
    other = ends.filter((ends["what"] != ends["asked_what"]) | (ends["class_id"] != ends["asked_class"]))
    both = other.union(other.mutate(event=other["opened"]))
    return found(
        both,
        text("request ", both["key"], " on ", both["deployment"]),
        class_id=both["asked_class"],
        event=both["event"],
        figures=text("asked to ", both["asked_what"], ", settled to ", both["what"]),
    )


RULE = Rule(
    name="settled-otherwise",
    severity=Severity.BREAK,
    title="A request was settled as another kind or class than was asked",
    waiting="",
    advice="Halt: the contract should refuse this. Compare its request with the outcome that was signed",
    find=find,
)
