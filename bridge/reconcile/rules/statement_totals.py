"""A statement's lifetime totals contradict its own rows, or what the chain shows as minted and settled."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT, REDEEM, RETIRE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_CLASS = ["deployment", "class_id"]
_STATED = ("locked", "released", "retired", "handed_over")
_SHOWN = ("standing", "minted", "settled_retire", "settled_redeem", "due_retire", "due_redeem")
_HELD_FOR_US = ["locked", "reserved", "retired", "cancelled", "reversed"]


def find(r: Relations, limits: Limits) -> ir.Table:
    t = _side_by_side(r, limits)
    kept = t["locked"] - t["released"] - t["handed_over"]
    # All that is or was locked for the deployment and neither released nor handed over has a row that says so.
    rows = _wrong(t, kept != t["standing"], (kept - t["standing"]).abs(), "stated rows", kept, t["standing"])
    # A lock comes before its mint, and is never released after it.
    taken = t["locked"] - t["released"]
    unlocked = _wrong(t, t["minted"] > taken, t["minted"] - taken, "minted of locked", t["minted"], taken)
    return rows.union(unlocked, *_acted(t, "retired", RETIRE), *_acted(t, "handed_over", REDEEM))


def _acted(t: ir.Table, name: str, what: str) -> tuple[ir.Table, ir.Table]:
    """Never more than was settled, as soon as the block shows all that the registry could have acted upon; and all that
    was settled so long ago that it had to act."""
    done, settled, due = t[name], t[f"settled_{what}"], t[f"due_{what}"]
    words = name.replace("_", " ")
    over = _wrong(t, done > settled, done - settled, f"{words} of settled", done, settled, ~t["caught_up"])
    return over, _wrong(t, done < due, due - done, f"{words} of due", done, due)


def _wrong(
    t: ir.Table,
    wrong: ir.Value,
    off: ir.Value,
    words: str,
    one: ir.Value,
    two: ir.Value,
    waits: ir.Value | bool = False,
) -> ir.Table:
    bad = t.mutate(units=off, in_flight=waits, figures=text(words, ": ", one, " of ", two)).filter(wrong)
    return found(
        bad,
        text("class ", bad["class_id"], " on ", bad["deployment"]),
        class_id=bad["class_id"],
        units=bad["units"],
        statement=bad["statement"],
        figures=bad["figures"],
        in_flight=bad["in_flight"],
    )


def _side_by_side(r: Relations, limits: Limits) -> ir.Table:
    """Per deployment and class what the head says, and what its rows and the chain show at its moment."""
    heads = _heads(r, limits)
    quiet = _quiet_say(r, heads)
    figures = ibis.union(_head_says(r, heads), _rows_say(r, heads), *_chain_says(r, heads, limits), *quiet)
    sums = {name: figures["units"].sum(where=figures["figure"] == name).fill_null(0) for name in _STATED + _SHOWN}
    summed = figures.group_by([*_CLASS, "statement"]).agg(**sums)
    return r.plan.keep(summed.join(heads.select("deployment", "statement", "caught_up"), ["deployment", "statement"]))


def _heads(r: Relations, limits: Limits) -> ir.Table:
    """The statements compared, each with the deployment under which it is signed."""
    signed = r.endorsements.filter(r.endorsements["attesters"] >= r.endorsements["threshold"])
    signed = signed.select("statement", "deployment").distinct()
    h = r.statements.filter(r.statements["current"]).join(signed, "statement").join(r.chains, "deployment")
    return r.plan.keep(h.mutate(caught_up=h["block_time"] + limits.finality_seconds >= h["as_of"]))


def _head_says(r: Relations, heads: ir.Table) -> ir.Table:
    t = r.lifetime.join(heads.select("statement", "deployment"), "statement")
    return ibis.union(*(_of(t, name, t[name]) for name in _STATED))


def _rows_say(r: Relations, heads: ir.Table) -> ir.Table:
    """Rows as they were sent, since a serial stated twice is another rule's."""
    ours = heads.select("statement", row_deployment="deployment")
    rows = r.rows.join(ours, ["statement", "row_deployment"]).filter(lambda t: t["state"].isin(_HELD_FOR_US))
    rows = rows.select("statement", "first", "last", deployment="row_deployment", class_id="row_class")
    return _of(rows, "standing", units(rows))


def _quiet_say(r: Relations, heads: ir.Table) -> list[ir.Table]:
    """A quiet pair is a row that stands and was minted in time."""
    q = r.quiet.join(heads.select("deployment", "registry", "statement"), ["deployment", "registry"])
    return [_of(q, name, q["units"]) for name in ("standing", "minted")]


def _chain_says(r: Relations, heads: ir.Table, limits: Limits) -> list[ir.Table]:
    classes = r.classes.select(*_CLASS, "registry").distinct()
    moments = heads.select("deployment", "registry", "statement", "as_of")
    m = r.moves.join(classes, _CLASS).join(moments, ["deployment", "registry"])
    minted = m.filter((m["what"] == MINT) & (m["time"] <= m["as_of"]))
    found = [_of(minted, "minted", units(minted))]
    for what in (RETIRE, REDEEM):
        settled = m.filter(m["what"] == what)
        due = settled.filter(settled["time"] + limits.execution_seconds < settled["as_of"])
        found += [_of(settled, f"settled_{what}", units(settled)), _of(due, f"due_{what}", units(due))]
    return found


def _of(table: ir.Table, figure: str, amount: ir.Value) -> ir.Table:
    return table.select(*_CLASS, "statement", figure=ibis.literal(figure), units=whole(amount))


RULE = Rule(
    name="statement-totals",
    severity=Severity.BREAK,
    title="A statement's lifetime totals contradict its rows or the chain",
    waiting="Acted upon later than the block shows; a later block decides",
    advice="Have the registry check its totals against its own entries, then compare them with mints and settlements",
    find=find,
)
