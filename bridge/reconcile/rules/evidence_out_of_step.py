"""Block and statement are so far apart that too much must be left undecided."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, limits: Limits) -> ir.Table:
    used = r.classes.select("deployment", "registry").distinct().join(r.chains, "deployment")
    pairs = used.join(r.statements.filter(r.statements["current"]), "registry")
    apart = pairs.filter((pairs["block_time"] - pairs["as_of"]).abs() > limits.out_of_step_seconds)
    return found(
        apart,
        text("registry ", apart["registry"], " and ", apart["deployment"]),
        figures=text("statement as of ", apart["as_of"], ", block of ", apart["block_time"]),
    )


RULE = Rule(
    name="evidence-out-of-step",
    severity=Severity.WARNING,
    title="Statement and block are too far apart in time",
    waiting="",
    advice="Ask the registry for a fresh statement, then read a final block later than it",
    find=find,
)
