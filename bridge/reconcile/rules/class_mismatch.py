"""Serials minted as one class which the registry states as another: other project, vintage or type."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    b = r.backing.filter((r.backing["row_class"] != "") & (r.backing["row_class"] != r.backing["class_id"]))
    return found(
        b,
        text("lock ", b["lock_id"], " on ", b["deployment"]),
        class_id=b["class_id"],
        event=b["mint_event"],
        row=b["row"],
    )


RULE = Rule(
    name="class-mismatch",
    severity=Severity.BREAK,
    title="Serials were minted as a class which they are not in the registry",
    waiting="",
    advice="Pause the class and correct the mapping from the registry's projects and vintages to classes",
    find=find,
)
