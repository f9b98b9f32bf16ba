"""Another bridge's own links do not add up to the claims they join."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text, whole
from bridge.reconcile.rules.retirement_used_twice import burns_served, over_served


def find(r: Relations, _: Limits) -> ir.Table:
    return _dangling(r).union(_overdrawn(r)).union(_elsewhere(r))


def _joined(r: Relations) -> ir.Table:
    """Links with the two claims they name, null where there is no such claim."""
    later = r.claims.select("source", later="claim_id", later_state="state", later_kg="kg", later_id="id")
    earlier = r.claims.select("source", earlier="claim_id", earlier_state="state", earlier_kg="kg", earlier_id="id")
    links = r.links.left_join(later, ["source", "later"]).drop("source_right", "later_right")
    return links.left_join(earlier, ["source", "earlier"]).drop("source_right", "earlier_right")


def _dangling(r: Relations) -> ir.Table:
    """Links to something that was never claimed."""
    j = _joined(r)
    loose = j.filter(j["later_id"].isnull() | j["earlier_id"].isnull())
    return found(
        loose,
        text(loose["source"], " link ", loose["later"], " to ", loose["earlier"]),
        kg=loose["kg"],
        claim=ibis.coalesce(loose["later_id"], loose["earlier_id"]),
        figures=text("one end of the link is not among the claims"),
    )


def _overdrawn(r: Relations) -> ir.Table:
    """A retirement that serves burns, or draws on blocks, for another mass than its own; a burn served twice."""
    j = _joined(r).filter(lambda t: t["later_id"].notnull() & t["earlier_id"].notnull())
    to = ["source", "later", "later_id", "later_kg", "earlier_state"]
    per_later = j.group_by(to).agg(linked=whole(j["kg"]).sum())
    off = per_later.filter(per_later["linked"] != whole(per_later["later_kg"]))
    # More burns than a retirement can serve are another rule's.
    served = burns_served(r)
    used_twice = served.filter(over_served(served)).select(
        "later_id", earlier_state=ibis.literal(ClaimState.BURNED.value)
    )
    off = off.anti_join(used_twice, ["later_id", "earlier_state"])
    per_earlier = j.group_by(["source", "earlier", "earlier_id", "earlier_kg"]).agg(linked=whole(j["kg"]).sum())
    over = per_earlier.filter(per_earlier["linked"] > whole(per_earlier["earlier_kg"]))
    return _weighed(off, "later").union(_weighed(over, "earlier"))


def _weighed(t: ir.Table, side: str) -> ir.Table:
    linked, stated = t["linked"], whole(t[f"{side}_kg"])
    return found(
        t,
        text(t["source"], " ", t[side]),
        kg=(linked - stated).abs(),
        claim=t[f"{side}_id"],
        figures=text("claimed ", stated, " kg, linked ", linked, " kg"),
    )


def _elsewhere(r: Relations) -> ir.Table:
    """Serials of a retirement that lie in another block than the one it is linked to, by mass."""
    c = r.claimed
    retired = c.filter(c["state"] == ClaimState.RETIRED.value).select(
        *STRETCH, "last", "source", later="claim_id", later_id="id"
    )
    blocks = c.filter(c["state"] == ClaimState.MINTED.value).select(*STRETCH, "source", earlier="claim_id")
    inside = retired.join(blocks, [*STRETCH, "source"])
    by_block = inside.group_by(["source", "later", "later_id", "earlier"]).agg(inside=whole(units(inside)).sum())
    by_block = by_block.join(_units_by_claim(r), "later_id")
    linked = r.links.group_by(["source", "later", "earlier"]).agg(linked=whole(r.links["kg"]).sum())
    to_blocks = linked.semi_join(blocks, ["source", "earlier"]).select("source", "later").distinct()
    b = by_block.semi_join(to_blocks, ["source", "later"]).left_join(linked, ["source", "later", "earlier"])
    # Masses are compared crosswise, so that nothing is divided: inside / units = linked / kg.
    wrong = b.filter(b["inside"] * whole(b["later_kg"]) != b["linked"].fill_null(0) * b["later_units"])
    return found(
        wrong,
        text(wrong["source"], " ", wrong["later"]),
        kg=wrong["later_kg"],
        claim=wrong["later_id"],
        figures=text(
            wrong["inside"], " serials lie in ", wrong["earlier"], ", linked ", wrong["linked"].fill_null(0), " kg"
        ),
    )


def _units_by_claim(r: Relations) -> ir.Table:
    c = r.claims.filter(r.claims["space"] != "")
    return c.select(later_id="id", later_kg="kg", later_units=whole(units(c)))


RULE = Rule(
    name="claim-link-mismatch",
    severity=Severity.WARNING,
    title="Another bridge's links between burns, retirements and blocks do not add up",
    waiting="",
    advice="Ask that bridge to correct its table; the serials themselves are judged by the other rules",
    find=find,
)
