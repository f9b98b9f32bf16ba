"""One retirement stands behind two claims: two bridges show the same retired serials, two receipts bear the same
reference, or a retired block serves burns of more than its mass."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import RETIRE
from bridge.reconcile.evidence import ClaimState, Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    return ibis.union(_claimed_by_two(r), _one_reference(r), _served_beyond(r))


def _claimed_by_two(r: Relations) -> ir.Table:
    """Two of our own requests over the same serials are another rule's."""
    shown = _ours(r).union(_theirs(r))
    crowd = shown.group_by(STRETCH).agg(claimants=shown["claimant"].nunique(), others=shown["other"].max())
    crowd = crowd.filter((crowd["claimants"] > 1) & crowd["others"])
    both = shown.semi_join(crowd, STRETCH)
    return found(
        both,
        text("retired serials of space ", both["space"]),
        class_id=both["class_id"],
        event=both["event"],
        claim=both["claim"],
    )


def _ours(r: Relations) -> ir.Table:
    c = r.on_chain.filter((r.on_chain["end_what"] == RETIRE) & ~r.on_chain["live"])
    return c.select(
        *STRETCH,
        *["last", "class_id"],
        claimant="deployment",
        event="end_event",
        claim=ibis.null("int64"),
        other=ibis.literal(False),
    )


def _theirs(r: Relations) -> ir.Table:
    c = r.claimed.filter(r.claimed["state"] == ClaimState.RETIRED.value)
    return c.select(
        *STRETCH,
        "last",
        class_id=ibis.null("string"),
        claimant="source",
        event=ibis.null("int64"),
        claim="id",
        other=ibis.literal(True),
    )


def _one_reference(r: Relations) -> ir.Table:
    """A registry numbers its acts, so each of its references belongs to one request."""
    classes = r.classes.group_by(["deployment", "class_id"]).agg(registry=r.classes["registry"].min())
    asked = (
        r.requests.select("deployment", "request_id", "class_id")
        .distinct()
        .left_join(classes, ["deployment", "class_id"])
    )
    asked = asked.select("deployment", "request_id", "class_id", registry=asked["registry"].fill_null(""))
    t = r.receipts.filter(r.receipts["reference"] != "").join(asked, ["deployment", "request_id"])
    same = t.group_by(["registry", "reference"])
    reused = same.having(t["request_id"].nunique() > 1).agg(requests=t["request_id"].nunique())
    both = t.semi_join(reused, ["registry", "reference"])
    return found(
        both,
        text("receipt ", both["reference"], " of ", both["registry"]),
        class_id=both["class_id"],
        receipt=both["receipt"],
    )


def _served_beyond(r: Relations) -> ir.Table:
    served = burns_served(r)
    over = served.filter(over_served(served))
    return found(
        over,
        text(over["source"], " retired ", over["later"]),
        kg=over["linked"] - whole(over["later_kg"]),
        claim=over["later_id"],
        figures=text("retired ", over["later_kg"], " kg, serves burns of ", over["linked"], " kg"),
    )


def burns_served(r: Relations) -> ir.Table:
    """For each claimed retirement the burns that it is linked to, and their mass."""
    burned = r.claims.filter(r.claims["state"] == ClaimState.BURNED.value).select("source", earlier="claim_id")
    retired = r.claims.filter(r.claims["state"] == ClaimState.RETIRED.value)
    retired = retired.select("source", later="claim_id", later_id="id", later_kg="kg")
    links = r.links.semi_join(burned, ["source", "earlier"]).join(retired, ["source", "later"])
    return links.group_by(["source", "later", "later_id", "later_kg"]).agg(
        linked=whole(links["kg"]).sum(), burns=links["earlier"].nunique()
    )


def over_served(served: ir.Table) -> ir.BooleanValue:
    return (served["burns"] > 1) & (served["linked"] > whole(served["later_kg"]))


RULE = Rule(
    name="retirement-used-twice",
    severity=Severity.BREAK,
    title="The same retirement is used for two claims",
    waiting="",
    advice="Count it once: ask the registry for whom it retired, and each claimant for the registry's own record",
    find=find,
)
