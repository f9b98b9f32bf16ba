"""Block and statement are so far apart that too much must be left undecided; only a warning when no unit circulates or
is pending and no serial is locked there."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.totals import at_stake

_PAIR = ["deployment", "registry"]


def find(r: Relations, limits: Limits) -> ir.Table:
    stake = at_stake(r)
    used = r.classes.select(*_PAIR).union(stake).distinct().join(r.chains, "deployment")
    used = used.left_join(stake.mutate(ours=True), _PAIR).drop("deployment_right", "registry_right")
    pairs = used.join(r.statements.filter(r.statements["current"]), "registry")
    apart = pairs.filter((pairs["block_time"] - pairs["as_of"]).abs() > limits.out_of_step_seconds)
    return found(
        apart,
        text("registry ", apart["registry"], " and ", apart["deployment"]),
        figures=text("statement as of ", apart["as_of"], ", block of ", apart["block_time"]),
        mild=apart["ours"].isnull(),
    )


RULE = Rule(
    name="evidence-out-of-step",
    severity=Severity.BREAK,
    title="Statement and block are too far apart in time to show the backing",
    waiting="",
    advice="Ask the registry for a fresh statement, then read a final block later than it",
    find=find,
)
