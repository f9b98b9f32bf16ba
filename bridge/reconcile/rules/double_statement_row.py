"""Law L3: one statement has two rows for one serial."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import crowded, pieces
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text
from bridge.reconcile.rules.parent_and_split import nested_rows


def find(r: Relations, _: Limits) -> ir.Table:
    rows = r.rows.mutate(scope=r.rows["statement"].cast("string"))
    suspects = crowded(rows.select("scope", "space", "first", "last", "id"))
    cut = pieces(r.plan, suspects)
    shared = cut.group_by(["scope", "space", "first"]).having(cut.count() > 1).agg(rows=cut.count())
    # A live block beside its live parts is another rule's.
    doubled = cut.semi_join(shared, ["scope", "space", "first"]).anti_join(nested_rows(r), ["scope", "space", "first"])
    doubled = doubled.join(r.rows.select("id", "registry", "as_of", "row_class"), "id")
    return found(
        doubled,
        text("statement of ", doubled["registry"], " as of ", doubled["as_of"], ", space ", doubled["space"]),
        class_id=doubled["row_class"],
        row=doubled["id"],
    )


RULE = Rule(
    name="double-statement-row",
    severity=Severity.BREAK,
    title="A statement has two rows for the same serials",
    waiting="",
    advice="Send the statement back to the registry: it cannot be relied on for these serials",
    find=find,
)
