"""The registry retired or handed over for a request whose settlement the chain does not show: it must act last."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REVERSE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, limits: Limits) -> ir.Table:
    acted = r.stated.filter(r.stated["state"].isin(["held", "retired"]) & (r.stated["row_request"] != ""))
    settled = r.on_chain.select(*STRETCH, row_request="request_id")
    unsettled = acted.anti_join(settled, [*STRETCH, "row_request"])
    # A reversal has booked what went missing.
    reversed_here = r.on_chain.filter(~r.on_chain["live"] & (r.on_chain["end_what"] == REVERSE))
    unsettled = unsettled.anti_join(reversed_here, STRETCH)
    u = _judged(unsettled, r)
    # A request that is open, or was opened later than the block, may have been settled later than the block.
    possible = u["open_units"].fill_null(1) > 0
    behind = u["block_time"] + limits.finality_seconds < u["as_of"]
    return found(
        u,
        text("request ", u["row_request"]),
        class_id=u["row_class"],
        event=u["event"],
        row=u["id"],
        in_flight=possible & behind,
    )


def _judged(acted: ir.Table, r: Relations) -> ir.Table:
    """With the request as the chain has it, and the block of the deployment concerned; rows of deployments that nobody
    reads are left out."""
    live = r.on_chain.filter(r.on_chain["live"]).select(*STRETCH, live_on="deployment", mint_event="mint_event")
    a = acted.left_join(_open(r), acted["row_request"] == _open(r)["request_id"])
    a = a.left_join(live, STRETCH).drop("space_right", "first_right")
    a = a.mutate(concerned=ibis.coalesce(a["asked_on"], a["live_on"], a["row_deployment"]))
    a = a.mutate(event=ibis.coalesce(a["request_event"], a["mint_event"]))
    return a.join(r.chains, a["concerned"] == r.chains["deployment"])


def _open(r: Relations) -> ir.Table:
    gone = r.steps.group_by(["deployment", "request_id"]).agg(gone=whole(r.steps["units"]).sum())
    q = r.requests.left_join(gone, ["deployment", "request_id"])
    return q.select(
        "request_id",
        request_event="event",
        asked_on="deployment",
        open_units=whole(q["units"]) - q["gone"].fill_null(0),
    )


RULE = Rule(
    name="acted-without-settlement",
    severity=Severity.BREAK,
    title="The registry retired or handed over serials without a settlement on chain",
    waiting="Acted upon later than the block shows; a later block decides",
    advice="Submit the signed outcome if there is one; if not, have the registry attest a reversal",
    find=find,
)
