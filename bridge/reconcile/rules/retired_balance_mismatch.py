"""The retired balance that a holder was given is not the units that were retired for his requests."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_HOLDER = ["deployment", "holder", "class_id"]


def find(r: Relations, _: Limits) -> ir.Table:
    given = r.retired.select(*_HOLDER, "event", given=whole(r.retired["units"]), due=whole(ibis.literal(0)))
    both = given.union(_settled(r))
    t = both.group_by(_HOLDER).agg(given=both["given"].sum(), due=both["due"].sum(), event=both["event"].max())
    off = t.filter(t["given"] != t["due"])
    return found(
        off,
        text("class ", off["class_id"], " of ", off["holder"], " on ", off["deployment"]),
        class_id=off["class_id"],
        units=(off["given"] - off["due"]).abs(),
        event=off["event"],
        figures=text("retired balance ", off["given"], " units, settled retirements ", off["due"]),
    )


def _settled(r: Relations) -> ir.Table:
    """Of a request that nobody opened there is no holder."""
    holders = r.requests.group_by(["deployment", "request_id"]).agg(holder=r.requests["holder"].min())
    retired = r.moves.filter(r.moves["what"] == RETIRE).mutate(request_id=lambda m: m["key"])
    s = retired.left_join(holders, ["deployment", "request_id"]).drop("deployment_right", "request_id_right")
    s = s.mutate(holder=s["holder"].fill_null("nobody"), given=whole(ibis.literal(0)), due=whole(units(s)))
    return s.select(*_HOLDER, "event", "given", "due")


RULE = Rule(
    name="retired-balance-mismatch",
    severity=Severity.BREAK,
    title="A holder's retired balance is not what was retired for him",
    waiting="",
    advice="Halt: compare the holder's retired balance in storage with the settlements of his requests",
    find=find,
)
