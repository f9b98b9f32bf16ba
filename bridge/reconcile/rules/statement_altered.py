"""A statement's rows are not those that its signed head binds."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    s = r.statements.filter(~r.statements["whole"])
    return found(s, text("statement of ", s["registry"], " as of ", s["as_of"]), statement=s["statement"])


RULE = Rule(
    name="statement-altered",
    severity=Severity.BREAK,
    title="A statement's rows are not those that were signed",
    waiting="",
    advice="Find out who changed it on its way; have the registry send it anew",
    find=find,
)
