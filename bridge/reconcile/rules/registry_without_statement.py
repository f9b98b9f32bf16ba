"""Units circulate whose registry gave no statement, so that nothing shows their backing."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    b = r.backing.filter(r.backing["live"] & r.backing["as_of"].isnull())
    bare = b.group_by(["deployment", "registry", "class_id"]).agg(live=whole(units(b)).sum())
    return found(
        bare,
        text("class ", bare["class_id"], " on ", bare["deployment"]),
        class_id=bare["class_id"],
        units=bare["live"],
        figures=text("no statement of ", bare["registry"]),
    )


RULE = Rule(
    name="registry-without-statement",
    severity=Severity.WARNING,
    title="Backing cannot be checked: the registry gave no statement",
    waiting="",
    advice="Ask the registry for a statement and reconcile again",
    find=find,
)
