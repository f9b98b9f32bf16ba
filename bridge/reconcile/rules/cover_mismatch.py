"""The contract does not hold the units of cover that its events leave, or gave more of a cover than was offered."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT, OFFERED, TAKEN, WITHDRAWN
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole


def find(r: Relations, _: Limits) -> ir.Table:
    covers = _covers(r)
    return ibis.union(_overdrawn(covers), _not_held(r, covers), _offered(covers))


def _covers(r: Relations) -> ir.Table:
    """One row a cover, with the class that its lock was minted in, empty when it was not."""
    c = r.covers
    sums = {name: whole(c["units"]).sum(where=c["step"] == name).fill_null(0) for name in (OFFERED, TAKEN, WITHDRAWN)}
    covers = c.group_by(["deployment", "cover_id"]).agg(
        event=c["event"].min(), last=c["event"].max(), lock_id=c["lock_id"].max(), short=c["short_class"].max(), **sums
    )
    mints = r.moves.filter(r.moves["what"] == MINT).select(
        "deployment", lock_id="key", minted="event", class_id="class_id"
    )
    before = mints.join(covers.select("deployment", "lock_id", "event"), ["deployment", "lock_id"])
    before = before.filter(before["minted"] < before["event"])
    latest = before.group_by(["deployment", "event"]).agg(
        class_id=before["class_id"].argmax(before["minted"]),
    )
    covers = covers.left_join(latest, ["deployment", "event"]).drop("deployment_right", "event_right")
    return r.plan.keep(
        covers.mutate(
            class_id=covers["class_id"].fill_null(""),
            left=covers[OFFERED] - covers[TAKEN] - covers[WITHDRAWN],
        )
    )


def _overdrawn(covers: ir.Table) -> ir.Table:
    """A withdrawal takes all that is left."""
    bad = covers.filter((covers["left"] < 0) | ((covers[WITHDRAWN] > 0) & (covers["left"] != 0)))
    return _of(bad, units=bad["left"].abs(), event=bad["last"])


def _not_held(r: Relations, covers: ir.Table) -> ir.Table:
    held = r.own.select(
        "deployment", "class_id", left=whole(ibis.literal(0)), held=whole(r.own["received"]) - whole(r.own["given"])
    )
    both = covers.select("deployment", "class_id", left=whole(covers["left"]), held=whole(ibis.literal(0))).union(held)
    t = both.group_by(["deployment", "class_id"]).agg(left=both["left"].sum(), held=both["held"].sum())
    off = t.filter(t["left"] != t["held"])
    return found(
        off,
        text("cover of class ", off["class_id"], " on ", off["deployment"]),
        class_id=off["class_id"].nullif(""),
        units=(off["left"] - off["held"]).abs(),
        figures=text("cover left ", off["left"], " units, held by the contract ", off["held"]),
    )


def _offered(covers: ir.Table) -> ir.Table:
    return _of(covers, units=covers[OFFERED], event=covers["event"], shown=True)


def _of(covers: ir.Table, **given: ir.Value | bool) -> ir.Table:
    return found(
        covers,
        text("cover ", covers["cover_id"], " on ", covers["deployment"]),
        class_id=covers["class_id"].nullif(""),
        figures=text(
            *("for class ", covers["short"], ": offered ", covers[OFFERED]),
            *(", taken ", covers[TAKEN], ", withdrawn ", covers[WITHDRAWN], " units"),
        ),
        **given,
    )


RULE = Rule(
    name="cover-mismatch",
    severity=Severity.BREAK,
    title="The contract does not hold the cover that is left",
    waiting="",
    shown="Cover for a class that is or was short",
    advice="Halt: compare the cover in the contract's storage with its own balance and what holders took",
    find=find,
)
