"""Units circulate or are pending whose registry gave no statement, so that nothing shows their backing; only a warning
when all of them are retired."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.totals import by_class


def find(r: Relations, _: Limits) -> ir.Table:
    known = r.classes.group_by(["deployment", "class_id"]).agg(registry=r.classes["registry"].min())
    t = by_class(r).left_join(known, ["deployment", "class_id"]).drop("deployment_right", "class_id_right")
    t = t.mutate(registry=t["registry"].fill_null("")).anti_join(r.statements, "registry")
    t = t.mutate(out=ibis.greatest(t["live"], t["supply"] + t["pending"]))
    bare = t.filter((t["out"] > 0) | (t["retired"] > 0))
    return found(
        bare,
        text("class ", bare["class_id"], " on ", bare["deployment"]),
        class_id=bare["class_id"],
        units=(bare["out"] > 0).ifelse(bare["out"], bare["retired"]),
        figures=text("no statement of ", bare["registry"]),
        mild=bare["out"] <= 0,
    )


RULE = Rule(
    name="registry-without-statement",
    severity=Severity.BREAK,
    title="Backing is not shown: the registry gave no statement",
    waiting="",
    advice="Ask the registry for a statement and reconcile again; until then nothing vouches for these units",
    find=find,
)
