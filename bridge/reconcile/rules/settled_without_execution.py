"""Settled on chain, but the registry has not retired or handed over in time, or has let the serials go elsewhere."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import REDEEM, RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, limits: Limits) -> ir.Table:
    b = r.backing.filter(~r.backing["live"] & r.backing["end_what"].isin([RETIRE, REDEEM]))
    b = b.filter(b["as_of"].notnull())
    kept = b["state"].isin(["locked", "reserved"]) & (b["row_deployment"] == b["deployment"])
    # After a redemption the serials may be locked anew, which is a new lock's life.
    kept = kept & ((b["row_lock"] == "") | (b["row_lock"] == b["lock_id"]))
    stated_before = b["end_time"] > b["as_of"]
    let_go = (b["end_what"] == RETIRE) & (b["state"] != "retired") & ~kept & ~stated_before
    # What the registry has taken back it can never execute.
    let_go = let_go | ((b["state"] == "reversed") & (b["row_lock"] == b["lock_id"]))
    due = b["end_time"] + limits.execution_seconds
    late = b.mutate(let_go=let_go, due=ibis.ifelse(let_go, ibis.null("int64"), due)).filter(kept | let_go)
    return found(
        late,
        text("request ", late["request_id"]),
        class_id=late["class_id"],
        event=late["end_event"],
        row=late["row"],
        in_flight=~late["let_go"] & (late["as_of"] <= late["due"]),
        due=late["due"],
    )


RULE = Rule(
    name="settled-without-execution",
    severity=Severity.BREAK,
    title="A settled request was not executed in the registry in time",
    waiting="Settled on chain, awaits execution in the registry",
    advice="Ask the registry to execute the request; the certificate cannot be issued before",
    find=find,
)
