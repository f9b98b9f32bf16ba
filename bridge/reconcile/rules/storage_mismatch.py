"""Law L1 from raw storage: what the contract's own views say of a class is not what its events add up to, or supply and
pending requests there are not live serials and shortfall."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole
from bridge.reconcile.totals import by_class

_CLASS = ["deployment", "class_id"]
_FIGURES = ("supply", "pending", "live", "shortfall")


def find(r: Relations, _: Limits) -> ir.Table:
    s = r.snapshots.select(*_CLASS, **{f"{name}_stored": whole(r.snapshots[name]) for name in _FIGURES})
    t = s.left_join(by_class(r), _CLASS).drop(*(f"{name}_right" for name in _CLASS))
    t = t.mutate(**{name: t[name].fill_null(0) for name in _FIGURES})
    stored = {name: t[f"{name}_stored"] for name in _FIGURES}
    left = stored["supply"] + stored["pending"]
    right = stored["live"] + stored["shortfall"]
    return ibis.union(
        *(_off(t, f"{name} in storage", stored[name], "by its events", t[name]) for name in _FIGURES),
        _off(t, "in storage supply + pending", left, "live serials + shortfall", right),
    )


def _off(t: ir.Table, one: str, stored: ir.Value, other: str, by_events: ir.Value) -> ir.Table:
    """Live serials that nobody counted are null, and equal to anything."""
    t = t.mutate(stored=stored, by_events=by_events)
    off = t.filter((t["stored"] != t["by_events"]).fill_null(False))
    return found(
        off,
        text("class ", off["class_id"], " on ", off["deployment"]),
        class_id=off["class_id"],
        units=(off["stored"] - off["by_events"]).abs(),
        figures=text(one, " ", off["stored"], " units, ", other, " ", off["by_events"]),
    )


RULE = Rule(
    name="storage-mismatch",
    severity=Severity.BREAK,
    title="The contract's storage is not what its events add up to",
    waiting="",
    advice="Halt: a node withholds events, or the contract is not ours. Read both again from another node",
    find=find,
)
