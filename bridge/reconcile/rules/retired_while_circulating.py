"""Law L5: units circulate whose serials the registry has retired without a request, or cancelled as
nobody's."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REVERSE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    # A reversal has booked what went missing.
    circulating = r.backing["live"] | (r.backing["circulated"] & (r.backing["end_what"] != REVERSE))
    b = r.backing.filter(circulating)
    # Retired for a request that never settled is another rule's.
    unasked = (b["row_request"] == "") | (b["row_request"] == b["request_id"])
    # Cancelled while it was ours, it has the time of a reversal.
    elsewhere = (b["state"] == "cancelled") & ((b["row_deployment"] != b["deployment"]) | ~b["live"])
    gone = b.filter(elsewhere | ((b["state"] == "retired") & unasked))
    # Only after a redemption that the block does not show yet may their new owner have retired them.
    redeemed_since = (gone["row_deployment"] == "") & gone["circulated"] & ~gone["caught_up"]
    return found(
        gone,
        text("lock ", gone["lock_id"], " on ", gone["deployment"]),
        class_id=gone["class_id"],
        event=gone["mint_event"],
        row=gone["row"],
        in_flight=redeemed_since,
    )


RULE = Rule(
    name="retired-while-circulating",
    severity=Severity.BREAK,
    title="The registry retired or cancelled serials of circulating units",
    waiting="Perhaps redeemed and then retired by their new owner; a later block decides",
    advice="Have the registry attest a reversal, so that the shortfall is booked and covered",
    find=find,
    trips=True,
)
