"""Law L5: units circulate whose serials are free in somebody's registry account."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    b = r.backing.filter(r.backing["live"] | r.backing["circulated"])
    # Handed over for a request that never settled is another rule's; for one that did, it is an earlier life.
    unasked = (b["row_request"] == "") | (b["row_request"] == b["request_id"])
    free = b.filter((b["state"] == "held") & unasked)
    return found(
        free,
        text("lock ", free["lock_id"], " on ", free["deployment"]),
        class_id=free["class_id"],
        event=free["mint_event"],
        row=free["row"],
        in_flight=~free["circulated"] | ~free["caught_up"],
    )


RULE = Rule(
    name="free-while-circulating",
    severity=Severity.BREAK,
    title="Serials of circulating units are free in the registry",
    waiting="Locked or handed over between statement and block; the next statement decides",
    advice="Have the registry lock the serials again at once; until then their holder could sell them twice",
    find=find,
    trips=True,
)
