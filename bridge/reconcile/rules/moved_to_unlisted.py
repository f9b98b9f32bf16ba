"""Units reached an account that was not listed, in a deployment whose policy keeps a list of who may take them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_ACCOUNT = ["deployment", "account"]


def find(r: Relations, _: Limits) -> ir.Table:
    marks = r.taken.select(
        "deployment", "event", "class_id", "units", account="taker", entry=ibis.null("int64"), moved=ibis.literal(True)
    ).union(
        r.listings.select(
            "deployment",
            "event",
            "account",
            class_id=ibis.null("string"),
            units=ibis.null("uint64"),
            entry="event",
            moved=ibis.literal(False),
        ).select("deployment", "event", "class_id", "units", "account", "entry", "moved")
    )
    so_far = ibis.window(group_by=_ACCOUNT, order_by="event", preceding=None, following=0)
    m = marks.mutate(entry=marks["entry"].max().over(so_far)).filter(marks["moved"])
    m = m.left_join(r.listings.select(entry="event", listed="listed"), "entry").drop("entry_right")
    m = m.filter(~m["listed"].fill_null(False))
    total = ibis.window(group_by=[*_ACCOUNT, "class_id"])
    m = m.mutate(total=whole(m["units"]).sum().over(total))
    return found(
        m,
        text("account ", m["account"], ", class ", m["class_id"], " on ", m["deployment"]),
        class_id=m["class_id"],
        units=m["total"],
        event=m["event"],
    )


RULE = Rule(
    name="moved-to-unlisted",
    severity=Severity.BREAK,
    title="Units reached an account that is not listed",
    waiting="",
    advice="Halt: the contract should refuse this. Compare the list in the policy's storage, and find the holder",
    find=find,
)
