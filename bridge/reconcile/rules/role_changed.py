"""Somebody was given or lost a power over the contract or its policy, and not by its owner."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.domain.values import ZERO_ADDRESS
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_CONTRACT = ["deployment", "of_policy"]


def find(r: Relations, _: Limits) -> ir.Table:
    p = _with_owner(r)
    # Whom ownership was offered takes it himself.
    right = p["owner"].isnull() | ~p["seen"] | (p["previous"] == ZERO_ADDRESS)
    p = p.mutate(right=(right | p["by_owner"] | ((p["power"] == "owner") & p["by_account"])).fill_null(True))
    p = p.cross_join(r.runs.select("seen_before"))
    # Before the first comparison everything changed.
    p = p.filter(~p["right"] | (p["time"] > p["seen_before"]).fill_null(False))
    where = p["of_policy"].ifelse(ibis.literal("policy of "), ibis.literal(""))
    return found(
        p,
        text(p["power"], " ", p["account"], " on ", where, p["deployment"]),
        event=p["event"],
        figures=text(p["change"]),
        shown=p["right"],
    )


def _with_owner(r: Relations) -> ir.Table:
    """Each change with the owner just before it, and whether he, or who is named in it, called."""
    owners = r.powers.filter(r.powers["power"] == "owner").select(owned_since="event", owner="account")
    before = ibis.window(group_by=_CONTRACT, order_by="event", preceding=(None, 1))
    since = ibis.ifelse(r.powers["power"] == "owner", r.powers["event"], ibis.null("int64")).max()
    p = r.powers.mutate(owned_since=since.over(before))
    p = p.left_join(owners, "owned_since").drop("owned_since_right")
    calls = p.select("event", "owner", "account").distinct().join(r.callers, "event")
    calls = calls.group_by(["event", "account"]).agg(
        by_owner=(calls["caller"] == calls["owner"]).any(), by_account=(calls["caller"] == calls["account"]).any()
    )
    p = p.left_join(calls, ["event", "account"]).drop("event_right", "account_right")
    return p.mutate(by_owner=p["by_owner"].fill_null(False), by_account=p["by_account"].fill_null(False))


RULE = Rule(
    name="role-changed",
    severity=Severity.BREAK,
    title="A power changed hands and not by the owner",
    waiting="",
    shown="A power was given or taken away",
    advice="Pause the contract, and find out who sent the transaction; have the owner take the power back",
    find=find,
)
