"""A registry's newest statement is older than allowed at the moment of the comparison; only a warning when nothing of
it circulates, is pending or is locked."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.totals import at_stake


def find(r: Relations, limits: Limits) -> ir.Table:
    stake = at_stake(r).select("registry", ours=True).distinct()
    s = r.statements.filter(r.statements["current"]).cross_join(r.runs.select("moment"))
    s = s.filter((s["moment"] - s["as_of"] > limits.statement_seconds).fill_null(False))
    s = s.left_join(stake, "registry").drop("registry_right")
    return found(
        s,
        text("statement of ", s["registry"]),
        statement=s["statement"],
        figures=text("as of ", s["as_of"], ", compared at ", s["moment"]),
        mild=s["ours"].isnull(),
    )


RULE = Rule(
    name="statement-stale",
    severity=Severity.BREAK,
    title="A registry's newest statement is too old",
    waiting="",
    advice="Ask the registry for a fresh statement and reconcile again; until then rely on nothing newer than this one",
    find=find,
)
