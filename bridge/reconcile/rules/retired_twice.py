"""The same serials retired for two requests, by settlements on any of the chains or by the registry's receipts."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import crowded, pieces
from bridge.reconcile.relations import STRETCH, Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    acts = _settled(r).union(_receipted(r))
    # A settlement and its receipt say the same, and are one.
    once = acts.group_by(["space", "first", "last", "key"]).agg(id=acts["id"].min())
    suspects = crowded(once.select("space", "first", "last", "id", scope=ibis.literal("")))
    cut = pieces(r.plan, suspects).join(once.select("id", "key"), "id")
    keys = cut.select(*STRETCH, "key").distinct()
    twice = keys.group_by(STRETCH).agg(
        requests=keys.count(), names=keys["key"].group_concat(" + ", order_by=keys["key"])
    )
    twice = twice.filter(twice["requests"] > 1)
    both = cut.join(twice, STRETCH).drop("key")
    both = both.join(acts.select("id", "key", "class_id", "event", "receipt"), "id")
    return found(
        both,
        text("serial space ", both["space"], " for requests ", both["names"]),
        class_id=both["class_id"],
        event=both["event"],
        receipt=both["receipt"],
        figures=text("retired for request ", both["key"]),
    )


def _settled(r: Relations) -> ir.Table:
    m = r.moves.filter(r.moves["what"] == RETIRE)
    return m.select("space", "first", "last", "key", "class_id", "event", id=m["id"] * 2, receipt=ibis.null("int64"))


def _receipted(r: Relations) -> ir.Table:
    asked = r.requests.group_by("request_id").agg(class_id=r.requests["class_id"].min())
    t = r.receipts.filter(r.receipts["what"] == RETIRE).left_join(asked, "request_id").drop("request_id_right")
    return t.select(
        *["space", "first", "last"],
        *["class_id", "receipt"],
        key="request_id",
        event=ibis.null("int64"),
        id=t["id"] * 2 + 1,
    ).select("space", "first", "last", "key", "class_id", "event", "id", "receipt")


RULE = Rule(
    name="retired-twice",
    severity=Severity.BREAK,
    title="The same serials were retired for two requests",
    waiting="",
    advice="Issue no certificate for either before the registry says for which request it retired them",
    find=find,
)
