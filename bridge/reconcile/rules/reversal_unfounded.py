"""Serials were reversed on chain which the registry still has as locked or free: its attesters signed what is
not so."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REVERSE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    b = r.backing.filter(~r.backing["live"] & (r.backing["end_what"] == REVERSE) & r.backing["as_of"].notnull())
    # Handed over for a request that never settled, they are gone from us, and the reversal is right.
    free = (b["state"] == "held") & (b["row_request"] == "")
    unfounded = free | b["state"].isin(["locked", "reserved"])
    later = b["end_time"] > b["as_of"]
    return found(
        b,
        text("reversal ", b["reversal_id"], " on ", b["deployment"]),
        class_id=b["class_id"],
        event=b["end_event"],
        row=b["row"],
        in_flight=unfounded & later,
        shown=~unfounded,
    )


RULE = Rule(
    name="reversal-unfounded",
    severity=Severity.BREAK,
    title="Serials were reversed on chain which the registry never took back",
    waiting="Reversed on chain after the statement; the next statement decides",
    shown="Attested reversal: taken back by the registry, and reversed on chain",
    advice="Quarantine the class, ask each attester what he signed, and have the admin replace the stolen keys",
    find=find,
)
