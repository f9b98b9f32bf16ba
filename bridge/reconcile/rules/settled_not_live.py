"""Law L1: a settlement or reversal consumes serials that the contract does not hold live, or holds in another class."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT, REVERSE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    history = ibis.window(group_by=["deployment", "space", "first"], order_by="id")
    m = r.moved.mutate(before=r.moved["what"].lag().over(history), held_as=r.moved["class_id"].lag().over(history))
    was_live = (m["before"] == MINT).fill_null(False) & (m["held_as"] == m["class_id"])
    ends = m.filter((m["what"] != MINT) & ~was_live.fill_null(False))
    kind = (ends["what"] == REVERSE).ifelse("reversal ", "request ")
    subject = text(kind, ends["key"], " on ", ends["deployment"])
    return found(ends, subject, class_id=ends["class_id"], event=ends["event"])


RULE = Rule(
    name="settled-not-live",
    severity=Severity.BREAK,
    title="A settlement or reversal consumed serials that were not live in its class",
    waiting="",
    advice="Halt: the contract should refuse this. Compare the outcome its attesters signed with the mint",
    find=find,
)
