"""Serials locked or reserved for a deployment lie in another account than the one that stands for it there."""

from __future__ import annotations

import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text


def find(r: Relations, _: Limits) -> ir.Table:
    held = r.owed.filter(r.owed["state"].isin(["locked", "reserved"]))
    accounts = r.accounts.select("deployment", "account", row_registry="registry")
    o = held.join(accounts, ["deployment", "row_registry"])
    o = o.filter(o["holder"] != o["account"])
    return found(
        o,
        text("account of ", o["row_registry"], " for ", o["deployment"]),
        class_id=o["row_class"],
        event=o["mint_event"],
        row=o["row"],
        figures=text("should be in account ", o["account"]),
    )


RULE = Rule(
    name="held-elsewhere",
    severity=Severity.BREAK,
    title="Locked serials lie in an account that is not the bridge's",
    waiting="",
    advice="Ask the registry who can move them there, and have them moved into the bridge's account at once",
    find=find,
)
