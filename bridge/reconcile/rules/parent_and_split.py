"""A block and a part of it are both live: a registry or another bridge split the block and kept the whole beside it."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.intervals import crowded, pieces
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_LIVE = ["held", "locked", "reserved"]


def find(r: Relations, _: Limits) -> ir.Table:
    return _stated(r).union(_claimed(r))


def _stated(r: Relations) -> ir.Table:
    rows = nested_rows(r).join(r.rows.select("id", "registry", "as_of", "row_class"), "id")
    return found(
        rows,
        text("statement of ", rows["registry"], " as of ", rows["as_of"], ", space ", rows["space"]),
        class_id=rows["row_class"],
        row=rows["id"],
    )


def _claimed(r: Relations) -> ir.Table:
    claims = nested_claims(r).join(r.claims.select("id", "source"), "id")
    return found(claims, text(claims["source"], " in serial space ", claims["space"]), claim=claims["id"])


def nested_rows(r: Relations) -> ir.Table:
    """Stretches of one statement that lie in a live row and in live parts of it."""
    rows = r.rows.mutate(scope=r.rows["statement"].cast("string"), live=r.rows["state"].isin(_LIVE))
    return nested(r, rows)


def nested_claims(r: Relations) -> ir.Table:
    claims = r.claims.filter((r.claims["space"] != "") & (r.claims["state"] == ClaimState.MINTED.value))
    return nested(r, claims.mutate(scope=claims["source"], live=ibis.literal(True)))


def nested(r: Relations, ranges: ir.Table) -> ir.Table:
    """Pieces (scope, space, first, last, id) where several ranges meet, all live and each within the one before."""
    ranges = ranges.select("scope", "space", "first", "last", "id", "live")
    cut = pieces(r.plan, crowded(ranges.drop("live")))
    whole = ranges.select("id", "live", begins="first", ends="last")
    cut = cut.join(whole, "id")
    here = ["scope", "space", "first"]
    order = [cut["begins"], ibis.desc(cut["ends"]), cut["id"]]
    outer = ibis.window(group_by=here, order_by=order)
    cut = cut.mutate(outer_begins=cut["begins"].lag().over(outer), outer_ends=cut["ends"].lag().over(outer))
    inside = (cut["ends"] <= cut["outer_ends"]) & ~(
        (cut["begins"] == cut["outer_begins"]) & (cut["ends"] == cut["outer_ends"])
    )
    cut = cut.mutate(fits=(cut["outer_ends"].isnull() | inside) & cut["live"])
    good = cut.group_by(here).agg(several=cut.count() > 1, fit=cut["fits"].all())
    good = good.filter(good["several"] & good["fit"])
    return r.plan.keep(cut.semi_join(good, here).select("scope", "space", "first", "last", "id"))


RULE = Rule(
    name="parent-and-split",
    severity=Severity.BREAK,
    title="A block and its parts are both live",
    waiting="",
    advice="Have the registry or the bridge withdraw the block or its parts, and mint nothing of either before",
    find=find,
)
