"""Law L6: units were recovered without an order, after a veto, before the order matured, twice, or otherwise
than it says."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import ORDERED, RECOVERED, VETOED
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text

_ID = ["deployment", "recovery_id"]


def find(r: Relations, _: Limits) -> ir.Table:
    t = r.recoveries
    done = t.filter(t["step"] == RECOVERED).select(*_ID, "event", "sender", "to", "units", "time")
    done = done.mutate(earlier=done["event"].lag().over(ibis.window(group_by=_ID, order_by="event")))
    done = done.left_join(_first(r, VETOED), _ID).drop(*(f"{name}_right" for name in _ID))
    d = done.left_join(_first(r, ORDERED), _ID).drop(*(f"{name}_right" for name in _ID))
    same = (d["units"] == d["ordered_units"]) & (d["sender"] == d["ordered_sender"]) & (d["to"] == d["ordered_to"])
    in_order = (d["ordered"] < d["event"]) & (d["time"] >= d["ordered_matures_at"]) & same
    right = in_order.fill_null(False) & d["earlier"].isnull() & ~(d["vetoed"] < d["event"]).fill_null(False)
    d = d.mutate(right=right)
    shown_by = [d.mutate(exhibit=d[name]) for name in ("event", "ordered", "vetoed")]
    return ibis.union(*(_pointing(t.filter(t["exhibit"].notnull())) for t in shown_by))


def _first(r: Relations, step: str) -> ir.Table:
    t = r.recoveries.filter(r.recoveries["step"] == step)
    first = t.group_by(_ID).agg(**{step: t["event"].min()})
    told = {f"{step}_{name}": name for name in ("sender", "to", "class_id", "units", "matures_at")}
    return first.join(t.select(**{step: "event"}, **told), step)


def _pointing(d: ir.Table) -> ir.Table:
    return found(
        d,
        text("recovery ", d["recovery_id"], " on ", d["deployment"]),
        class_id=d["ordered_class_id"],
        units=d["units"],
        event=d["exhibit"],
        shown=d["right"],
    )


RULE = Rule(
    name="recovery-unordered",
    severity=Severity.BREAK,
    title="Units were recovered otherwise than a matured order allows",
    waiting="",
    shown="Units were recovered to another account, by an order that had matured",
    advice="Halt: the contract should refuse this. Compare the order in its storage, and ask the recoverer",
    find=find,
)
