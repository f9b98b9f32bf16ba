"""Units of each class, by deployment: what circulates, what is pending, what lives, what the registry holds for it."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.reconcile.chain_facts import RETIRE
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import whole

_CLASS = ["deployment", "class_id"]


def by_class(r: Relations) -> ir.Table:
    """The columns of `findings.ClassTotals`, one row a deployment and class."""
    pending = [
        _of(r.requests, "pending", whole(r.requests["units"])),
        _of(_given(r), "pending", -whole(_given(r)["units"])),
    ]
    live = r.on_chain.filter(r.on_chain["live"])
    retired = r.on_chain.filter(r.on_chain["end_what"] == RETIRE).filter(lambda t: ~t["live"])
    figures = [
        _of(r.supply, "supply", whole(r.supply["issued"]) - whole(r.supply["burned"])),
        *pending,
        _of(live, "live", whole(units(live))),
        # A quiet pair is a live mint and a locked row.
        *(_of(r.quiet, name, r.quiet["units"]) for name in ("live", "locked")),
        _of(retired, "retired", whole(units(retired))),
        _of(r.shortfalls, "reversed", whole(r.shortfalls["opened"])),
        _of(r.shortfalls, "shortfall", whole(r.shortfalls["opened"]) - whole(r.shortfalls["covered"])),
        _of(r.own, "cover", whole(r.own["received"]) - whole(r.own["given"])),
        *(_held(r, state, name) for state, name in _STATES.items()),
    ]
    t = ibis.union(*figures)
    sums = {name: whole(t["units"]).sum(where=t["figure"] == name).fill_null(0) for name in _FIGURES}
    return r.plan.keep(t.group_by(_CLASS).agg(**sums).order_by(_CLASS))


def at_stake(r: Relations) -> ir.Table:
    """The deployments and registries between which something lives, is pending, or is locked or reserved."""
    held = r.owed.filter(r.owed["state"].isin(["locked", "reserved"]))
    classes = r.classes.select(*_CLASS, "registry").distinct()
    t = by_class(r)
    out = t.filter((t["supply"] > 0) | (t["pending"] > 0) | (t["live"] > 0)).join(classes, _CLASS)
    locked = held.select("deployment", registry="row_registry").union(r.quiet.select("deployment", "registry"))
    return r.plan.keep(out.select("deployment", "registry").union(locked).distinct())


_FIGURES = (
    *("supply", "pending", "live", "retired", "locked", "reserved", "executed"),
    *("reversed", "shortfall", "cover"),
)
_STATES = {"locked": "locked", "reserved": "reserved", "retired": "executed"}


def _given(r: Relations) -> ir.Table:
    """What left each request, under the request's own class; a request that was never opened is another rule's."""
    classes = r.requests.select("deployment", "request_id", "class_id").distinct()
    return r.steps.drop("class_id").join(classes, ["deployment", "request_id"])


def _held(r: Relations, state: str, name: str) -> ir.Table:
    rows = r.owed.filter(r.owed["state"] == state).mutate(class_id=r.owed["row_class"])
    return _of(rows, name, whole(units(rows)))


def _of(table: ir.Table, figure: str, amount: ir.Value) -> ir.Table:
    return table.select(*_CLASS, figure=ibis.literal(figure), units=amount)
