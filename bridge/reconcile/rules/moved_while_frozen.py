"""A frozen account gave units, or asked for their retirement or redemption, before its freeze had ended."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_ACCOUNT = ["deployment", "account"]


def find(r: Relations, _: Limits) -> ir.Table:
    given = r.given.mutate(account=r.given["giver"])
    marks = given.select(
        *_ACCOUNT, "event", "class_id", "units", "time", freeze=ibis.null("int64"), moved=ibis.literal(True)
    ).union(
        r.freezes.select(
            *_ACCOUNT,
            "event",
            class_id=ibis.null("string"),
            units=ibis.null("uint64"),
            time=ibis.null("int64"),
            freeze="event",
            moved=ibis.literal(False),
        )
    )
    # Places rise with time, so the greatest freeze up to here is the one in force.
    so_far = ibis.window(group_by=_ACCOUNT, order_by="event", preceding=None, following=0)
    m = marks.mutate(freeze=marks["freeze"].max().over(so_far)).filter(marks["moved"])
    m = m.join(r.freezes.select(freeze="event", until="until"), "freeze")
    m = m.filter(m["until"] > m["time"])
    total = ibis.window(group_by=[*_ACCOUNT, "class_id"])
    m = m.mutate(total=whole(m["units"]).sum().over(total))
    both = m.mutate(exhibit=m["event"]).union(m.mutate(exhibit=m["freeze"]))
    return found(
        both,
        text("account ", both["account"], ", class ", both["class_id"], " on ", both["deployment"]),
        class_id=both["class_id"],
        units=both["total"],
        event=both["exhibit"],
        figures=text("frozen until ", both["until"]),
    )


RULE = Rule(
    name="moved-while-frozen",
    severity=Severity.BREAK,
    title="Units of a frozen account moved",
    waiting="",
    advice="Halt: the contract should refuse this. Compare the freeze in the policy's storage, and follow the units",
    find=find,
)
