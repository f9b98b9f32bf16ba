"""A statement contradicts an earlier one of its registry: rows vanished, what was final is so no more, serials changed
their class, a block grew, or lifetime totals or the sequence fell."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import pieces
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_FINAL = ["retired", "cancelled", "reversed"]
_HERE = ["scope", "space", "first", "last"]
_SAME = ["state", "row_class", "row_deployment", "row_lock", "row_request"]
_TOLD = ["statement", "registry", "as_of", *_SAME]
_TOTALS = ("locked", "released", "retired", "handed_over")


def find(r: Relations, _: Limits) -> ir.Table:
    pairs = _pairs(r)
    before, after = _sides(r, pairs)
    return ibis.union(_gone(before, after), _grown(before, after), _changed(before, after), _fallen(r), _unordered(r))


def _pairs(r: Relations) -> ir.Table:
    """Each statement with the one before it; of one and the same second nobody knows which is the later."""
    s = r.statements
    order = ibis.window(group_by="registry", order_by=["as_of", "sequence", "statement"])
    s = s.mutate(earlier=s["statement"].lag().over(order), earlier_as_of=s["as_of"].lag().over(order))
    return r.plan.keep(s.filter(s["earlier_as_of"] < s["as_of"]).select("earlier", later="statement"))


def _sides(r: Relations, pairs: ir.Table) -> tuple[ir.Table, ir.Table]:
    """The rows of both, cut at one another's ends; the later statement names the pair."""
    rows = r.every_row.select("id", "space", "first", "last", *_TOLD)
    old = rows.join(pairs, rows["statement"] == pairs["earlier"]).mutate(n=ibis.literal(0))
    new = rows.join(pairs, rows["statement"] == pairs["later"]).mutate(n=ibis.literal(1))
    both = old.union(new)
    both = both.mutate(scope=both["later"].cast("string"), id=both["id"] * 2 + both["n"])
    cut = pieces(r.plan, both.select(*_HERE, "id"))
    sides = []
    for n, side in enumerate((old, new)):
        told = side.select(*_TOLD, "later", row="id")
        told = told.mutate(scope=told["later"].cast("string")).drop("later")
        own = cut.filter(cut["id"] % 2 == n).mutate(row=(cut["id"] - n) // 2).drop("id")
        sides.append(r.plan.keep(own.join(told, ["scope", "row"])))
    return sides[0], sides[1]


def _gone(before: ir.Table, after: ir.Table) -> ir.Table:
    return _found(before.anti_join(after, _HERE), "no later row states these serials")


def _grown(before: ir.Table, after: ir.Table) -> ir.Table:
    """A row that covers serials of before and others: a new issue has a block of its own."""
    known = after.semi_join(before, _HERE).select("scope", "row").distinct()
    new = after.anti_join(before, _HERE).semi_join(known, ["scope", "row"])
    return _found(new, "a block of before covers these serials too")


def _changed(before: ir.Table, after: ir.Table) -> ir.Table:
    later = after.select(*_HERE, new_row="row", **{f"new_{name}": name for name in _SAME})
    both = before.join(later, _HERE)
    undone = both["state"].isin(_FINAL) & (both["new_state"] != both["state"])
    for_another = (both["state"] == "retired") & (both["row_request"] != both["new_row_request"])
    other_class = both["row_class"] != both["new_row_class"]
    both = both.mutate(wrong=undone | for_another | other_class)
    wrong = both.filter(both["wrong"])
    told = text("was ", wrong["state"], ", is ", wrong["new_state"])
    told = (wrong["row_class"] != wrong["new_row_class"]).ifelse(text("was class ", wrong["row_class"]), told)
    wrong = wrong.mutate(told=told)
    shown_by = wrong.union(wrong.mutate(row=wrong["new_row"]))
    return _found(shown_by, shown_by["told"]).union(_split(both))


def _split(both: ir.Table) -> ir.Table:
    """Only cut in two: nothing else about it changed."""
    rows = both.group_by(["scope", "row"]).agg(
        parts=both["new_row"].nunique(),
        same=ibis.and_(*(both[name] == both[f"new_{name}"] for name in _SAME)).all(),
    )
    split = both.semi_join(rows.filter((rows["parts"] > 1) & rows["same"]), ["scope", "row"])
    return found(
        split,
        text("statement of ", split["registry"]),
        class_id=split["row_class"],
        statement=split["scope"].cast("int64"),
        shown=True,
    )


def _found(t: ir.Table, told: str | ir.Value) -> ir.Table:
    return found(
        t,
        text("statement of ", t["registry"]),
        class_id=t["row_class"],
        row=t["row"],
        statement=t["scope"].cast("int64"),
        figures=told,
    )


def _signed(r: Relations) -> ir.Table:
    """Statements of one registry that were signed for one deployment, in their order, each with the one before."""
    e = r.endorsements.select("statement", "deployment").distinct()
    s = r.statements.join(e, "statement")
    order = ibis.window(group_by=["registry", "deployment"], order_by=["as_of", "sequence", "statement"])
    s = s.mutate(
        earlier=s["statement"].lag().over(order),
        earlier_as_of=s["as_of"].lag().over(order),
        earlier_sequence=s["sequence"].lag().over(order),
    )
    return s.filter(s["earlier"].notnull())


def _fallen(r: Relations) -> ir.Table:
    s = _signed(r)
    old = r.lifetime.select("class_id", earlier="statement", **{f"old_{name}": name for name in _TOTALS})
    new = r.lifetime.select("class_id", "statement", *_TOTALS)
    both = s.join(old, "earlier").left_join(new, ["statement", "class_id"])
    both = both.drop("statement_right", "class_id_right")
    fell = [_less(both, name) for name in _TOTALS]
    return ibis.union(*fell)


def _less(both: ir.Table, name: str) -> ir.Table:
    t = both.mutate(now=whole(both[name].fill_null(0)), then=whole(both[f"old_{name}"]))
    t = t.filter((t["now"] < t["then"]) & (t["earlier_as_of"] < t["as_of"]))
    return found(
        t,
        text("statement of ", t["registry"], ", class ", t["class_id"], " for ", t["deployment"]),
        class_id=t["class_id"],
        units=t["then"] - t["now"],
        statement=t["statement"],
        figures=text(f"{name.replace('_', ' ')} in all: was ", t["then"], ", is ", t["now"]),
    )


def _unordered(r: Relations) -> ir.Table:
    """A later one has a greater number; of one number there is one only."""
    s = _signed(r)
    wrong = s.filter(s["sequence"] <= s["earlier_sequence"])
    return found(
        wrong,
        text("statement of ", wrong["registry"], " for ", wrong["deployment"]),
        statement=wrong["statement"],
        figures=text("number ", wrong["sequence"], " came after ", wrong["earlier_sequence"]),
    )


RULE = Rule(
    name="statement-contradicted",
    severity=Severity.BREAK,
    title="A statement contradicts an earlier one of the same registry",
    waiting="",
    shown="A block was split since the earlier statement",
    advice="Ask the registry which of its statements is true, and why the other was given; rely on neither before",
    find=find,
)
