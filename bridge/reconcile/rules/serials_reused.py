"""Law L2: a contract mints serials that it holds live already, or has retired, or has reversed."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT, REDEEM
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    history = ibis.window(group_by=["deployment", "space", "first"], order_by="id")
    m = r.moved.mutate(before=r.moved["what"].lag().over(history), earlier=r.moved["event"].lag().over(history))
    again = m.filter((m["what"] == MINT) & m["before"].notnull() & (m["before"] != REDEEM))
    both = again.union(again.mutate(event=again["earlier"]))
    subject = text("lock ", both["key"], " on ", both["deployment"])
    return found(both, subject, class_id=both["class_id"], event=both["event"])


RULE = Rule(
    name="serials-reused",
    severity=Severity.BREAK,
    title="One contract minted serials that were live, retired or reversed there",
    waiting="",
    advice="Halt: the contract should refuse this. Pause it, and compare the events with its storage",
    find=find,
    trips=True,
)
