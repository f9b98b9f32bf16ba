"""Serials live in the contract's stored ledger and not by its events, or the other way round, or there in another
class."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import pieces
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_KEYS = ["scope", "space", "first", "last", "class_id"]


def find(r: Relations, _: Limits) -> ir.Table:
    live = r.on_chain.filter(r.on_chain["live"]).semi_join(r.ledger_spaces, ["deployment", "space"])
    by_events = live.select("space", "first", "last", "class_id", scope="deployment", id=live["id"] * 2)
    stored = r.ledger.select("space", "first", "last", "class_id", scope="deployment", id=r.ledger["id"] * 2 + 1)
    cut = pieces(r.plan, by_events.drop("class_id").union(stored.drop("class_id")))
    told = cut.join(by_events.union(stored).select("id", "scope", "space", "class_id"), ["id", "scope", "space"])
    events = live.select("deployment", "space", "mint_event", id=live["id"] * 2)
    one = told.filter(told["id"] % 2 == 0).join(events, [*["id", "space"], ("scope", "deployment")])
    two = told.filter(told["id"] % 2 == 1).mutate(mint_event=ibis.null("int64"))
    only = ibis.union(
        one.select(*_KEYS, "mint_event", where=ibis.literal("live by its events only")).anti_join(two, _KEYS),
        two.select(*_KEYS, "mint_event", where=ibis.literal("live in storage only")).anti_join(one, _KEYS),
    )
    return found(
        only,
        text("serial space ", only["space"], " on ", only["scope"]),
        class_id=only["class_id"],
        event=only["mint_event"],
        figures=only["where"],
    )


RULE = Rule(
    name="ledger-mismatch",
    severity=Severity.BREAK,
    title="The contract's stored ledger is not what its events say",
    waiting="",
    advice="Halt: a node withholds events, or the contract is not ours. Read both again from another node",
    find=find,
)
