"""Law L5: units circulate whose serials the registry does not state at all, or holds for another deployment or none."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    b = r.backing.filter(r.backing["as_of"].notnull() & (r.backing["live"] | r.backing["circulated"]))
    elsewhere = b["state"].isin(["locked", "reserved", "reversed"]) & (b["row_deployment"] != b["deployment"])
    bare = b.filter((b["state"] == "") | elsewhere)
    return found(
        bare,
        text("lock ", bare["lock_id"], " on ", bare["deployment"]),
        class_id=bare["class_id"],
        event=bare["mint_event"],
        row=bare["row"],
        in_flight=~bare["circulated"] | ~bare["caught_up"],
    )


RULE = Rule(
    name="tokenized-without-lock",
    severity=Severity.BREAK,
    title="Minted serials are not locked for this deployment in the registry",
    waiting="Minted, redeemed or locked between statement and block; the next statement decides",
    advice="Pause minting of the class and ask the registry's attesters what they signed for this lock",
    find=find,
    trips=True,
)
