"""Serials that were to be cancelled for a re-issue in another registry are still good in the first, or are re-issued
twice, or as more than they were."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import ONE, crowded, pieces, units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole
from bridge.reconcile.statement_tables import TAKEN_BACK

_OUT = ["held", "locked", "reserved", "retired"]


def find(r: Relations, _: Limits) -> ir.Table:
    return ibis.union(_on_both_sides(r), _twice(r), _as_more(r))


def _on_both_sides(r: Relations) -> ir.Table:
    """In the first registry's numbers: what of each re-issue the second has out, and how it stands in the first."""
    before, after = _rows(r, "space", "first", "last"), _rows(r, "to_space", "to_first", "to_last")
    layers = (before, after)
    marked = [t.select("scope", "space", "first", "last", id=t["row"] * 2 + n) for n, t in enumerate(layers)]
    cut = pieces(r.plan, ibis.union(*marked))
    here = ["scope", "space", "first", "last"]
    sides = [
        cut.filter(cut["id"] % 2 == n).select(*here, row=(cut["id"] - n) // 2).join(t.drop(*here[1:]), ["scope", "row"])
        for n, t in enumerate(layers)
    ]
    out = sides[1].filter(sides[1]["state"].isin(_OUT))
    out = out.select(*here, new_row="row", new_as_of="as_of", new_registry="registry")
    both = sides[0].select(*here, "row", "state", "as_of", "class_id").join(out, here)
    told = r.reissues.select("source", scope=r.reissues["id"].cast("string"), what=_what(r.reissues))
    both = both.join(told, "scope")
    ended = both["state"].isin(TAKEN_BACK)
    shown_by = ibis.union(*(both.mutate(exhibit=both[name], ended=ended) for name in ("row", "new_row")))
    return found(
        shown_by,
        text(shown_by["what"], " in ", shown_by["new_registry"]),
        class_id=shown_by["class_id"],
        row=shown_by["exhibit"],
        shown=shown_by["ended"],
        # Stated before the other registry was: it may have been cancelled since.
        in_flight=~shown_by["ended"] & (shown_by["as_of"] < shown_by["new_as_of"]) & (shown_by["state"] != "retired"),
    )


def _what(t: ir.Table) -> ir.StringValue:
    """In words that do not depend on what else is told, so that a finding is the same on every run."""
    return text("re-issue of ", t["first"], "-", t["last"], " of serial space ", t["space"], " by ", t["source"])


def _rows(r: Relations, space: str, first: str, last: str) -> ir.Table:
    """Current rows within one side of each re-issue, in the numbers of its origin."""
    side = r.reissues.select(
        scope=r.reissues["id"].cast("string"),
        side=r.reissues[space],
        starts=r.reissues[first],
        ends=r.reissues[last],
        origin="space",
        base="first",
    )
    rows = r.rows.filter(r.rows["current"]).rename(row="id", class_id="row_class")
    inside = rows.join(
        side, [rows["space"] == side["side"], rows["first"] <= side["ends"], rows["last"] >= side["starts"]]
    )
    low = ibis.greatest(inside["first"], inside["starts"])
    high = ibis.least(inside["last"], inside["ends"])
    return r.plan.keep(
        inside.select(
            *["scope", "row", "state", "as_of", "class_id", "registry"],
            space="origin",
            first=(low - inside["starts"] + inside["base"]).cast("uint64"),
            last=(high - inside["starts"] + inside["base"]).cast("uint64"),
        )
    )


def _twice(r: Relations) -> ir.Table:
    """The same serials become two others."""
    spans = r.reissues.select("id", "space", "first", "last", scope=ibis.literal(""))
    cut = pieces(r.plan, crowded(spans))
    shared = cut.group_by(["space", "first"]).having(cut["id"].nunique() > 1).agg(times=cut.count())
    both = cut.semi_join(shared, ["space", "first"])
    told = r.reissues.select("id", "source", "to_space", "to_first", "to_last")
    both = both.join(told, "id")
    return found(
        both,
        text("re-issues of serial space ", both["space"]),
        figures=text(
            "by ", both["source"], " as ", both["to_first"], " to ", both["to_last"], " of ", both["to_space"]
        ),
    )


def _as_more(r: Relations) -> ir.Table:
    t = r.reissues.mutate(was=whole(units(r.reissues)))
    t = t.mutate(becomes=whole((t["to_last"] - t["to_first"] + ONE).cast("uint64")))
    more = t.filter(t["becomes"] > t["was"])
    return found(
        more,
        _what(more),
        units=more["becomes"] - more["was"],
        figures=text(more["was"], " units became ", more["becomes"]),
    )


RULE = Rule(
    name="reissued-elsewhere",
    severity=Severity.BREAK,
    title="Serials re-issued in another registry are still good in the first",
    waiting="Re-issued since the first registry's statement; its next statement decides",
    shown="Cancelled in one registry and re-issued in another",
    advice="Tell both registries: one must cancel. Until then mint nothing of either, and quarantine what is minted",
    find=find,
)
