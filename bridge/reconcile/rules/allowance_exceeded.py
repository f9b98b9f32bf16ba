"""More was minted than an operator's or a class's daily allowance lets through, or by somebody who has none."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.power_facts import CLASS, OPERATOR
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_DAY = 86_400
_BOUND = ["deployment", "bound", "key"]
_RANGE = {"class_id": "string", "space": "string", "first": "uint64", "last": "uint64"}


def find(r: Relations, _: Limits) -> ir.Table:
    """The contract's allowance drains evenly over a day. What is left of earlier mints when one lands is the greatest
    sum, over all starts, of what was minted since less what drained since; so one running minimum tells it."""
    over = _over(_levels(r))
    return found(
        over,
        text(over["bound"], " ", over["key"], " on ", over["deployment"]),
        class_id=over["class_id"],
        event=over["event"],
        figures=text("allowance of ", over["cap"].fill_null(0), " units a day"),
    )


def _over(m: ir.Table) -> ir.Table:
    up_to = ibis.window(group_by=[*_BOUND, "epoch"], order_by=["event", "rank"], preceding=None, following=0)
    m = m.mutate(lowest=(m["level"] - m["minted"]).min().over(up_to))
    over = m.filter((m["rank"] == 1) & ((m["level"] - m["lowest"]) > m["cap"].fill_null(0) * _DAY))
    # A class without an allowance is bounded by nothing; an operator without one may mint nothing.
    return over.filter((over["bound"] == OPERATOR) | (over["cap"].fill_null(0) > 0))


def _levels(r: Relations) -> ir.Table:
    """Each mark with what was minted up to it in its epoch, less what drained."""
    m = _in_force(r)
    epoch = ibis.window(group_by=[*_BOUND, "epoch"], order_by=["event", "rank"])
    up_to = ibis.window(group_by=[*_BOUND, "epoch"], order_by=["event", "rank"], preceding=None, following=0)
    elapsed = (m["time"] - m["time"].lag().over(epoch)).fill_null(0)
    m = m.mutate(grown=m["minted"] - elapsed * m["cap_before"].fill_null(0))
    return m.mutate(level=m["grown"].sum().over(up_to))


def counting(r: Relations) -> ir.Table:
    """The mints that may still bear upon what is found: all of a bound that was broken; of others those of the present
    epoch from where the running minimum was last reached. What came before has drained, whatever follows: without some
    of it every earlier level is lower by at most as much as that minimum is."""
    m = _levels(r)
    broken = m.filter(m["rank"] == 1).semi_join(_over(m), _BOUND)
    m = m.mutate(floor=m["level"] - m["minted"])
    now = m.group_by(_BOUND).agg(epoch=m["epoch"].max())
    here = m.semi_join(now, [*_BOUND, "epoch"])
    lowest = here.group_by(_BOUND).agg(lowest=here["floor"].min())
    at = here.join(lowest, _BOUND)
    since = at.filter(at["floor"] == at["lowest"]).group_by(_BOUND).agg(since=lambda t: t["event"].max())
    mints = here.filter(here["rank"] == 1).join(since, _BOUND)
    mints = mints.filter(mints["event"] >= mints["since"])
    return mints.select("event").union(broken.select("event")).distinct()


def _in_force(r: Relations) -> ir.Table:
    """Mints and settings of each bound in their order, with the allowance in force at and before each. Where it is
    lowered, what was spent is cut down to it: from there it is counted anew."""
    sets = r.allowances.select(*_BOUND, "event", "time", cap=whole(r.allowances["units_per_day"]))
    lowered = sets["cap"] < sets["cap"].lag().over(ibis.window(group_by=_BOUND, order_by="event"))
    sets = sets.mutate(lowered=lowered.fill_null(False).cast("int64"), rank=ibis.literal(0), minted=_none())
    sets = sets.mutate(**{name: ibis.null(kind) for name, kind in _RANGE.items()})
    s = r.spent
    spent = s.select(
        *[*_BOUND, "event", "time", *_RANGE],
        cap=ibis.null("decimal(38, 0)"),
        lowered=ibis.literal(0, "int64"),
        rank=ibis.literal(1),
        minted=whole(s["last"] - s["first"]) + 1,
    )
    names = [*_BOUND, "event", "time", *_RANGE, "cap", "lowered", "rank", "minted"]
    marks = spent.select(names).mutate(minted=whole(spent["minted"] * _DAY)).union(sets.select(names))
    until_now = ibis.window(group_by=_BOUND, order_by=["event", "rank"], preceding=None, following=0)
    marks = marks.mutate(
        epoch=marks["lowered"].sum().over(until_now),
        last_set=ibis.ifelse(marks["rank"] == 0, marks["event"], ibis.null("int64")).max().over(until_now),
    )
    before = ibis.window(group_by=_BOUND, order_by=["event", "rank"])
    marks = marks.mutate(set_before=marks["last_set"].lag().over(before)).drop("cap")
    caps = r.allowances.select(*_BOUND, last_set="event", cap=whole(r.allowances["units_per_day"]))
    marks = marks.left_join(caps, [*_BOUND, "last_set"]).drop(*(f"{name}_right" for name in [*_BOUND, "last_set"]))
    earlier = caps.select(*_BOUND, set_before="last_set", cap_before="cap")
    marks = marks.left_join(earlier, [*_BOUND, "set_before"])
    marks = marks.drop(*(f"{name}_right" for name in [*_BOUND, "set_before"]))
    unbounded = (marks["bound"] == CLASS) & (marks["cap"].fill_null(0) == 0)
    return marks.mutate(minted=unbounded.ifelse(_none(), marks["minted"]))


def _none() -> ir.DecimalColumn:
    return whole(ibis.literal(0))


RULE = Rule(
    name="allowance-exceeded",
    severity=Severity.BREAK,
    title="More was minted than an allowance lets through",
    waiting="",
    advice="Halt: the contract should refuse this. Take the operator's allowance away, and compare it in storage",
    find=find,
)
