"""Units of a class moved, were minted or asked for in its quarantine, or while it was short; or it settled,
or let cover go, while it was short."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT, OFFERED, REDEEM, RETIRE, WITHDRAWN
from bridge.reconcile.evidence import Limits
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_CLASS = ["deployment", "class_id"]
_MOVEMENT = {
    **{"what": "string", "key": "string", "event": "int64", "deployment": "string", "class_id": "string"},
    **{"space": "string", "first": "uint64", "last": "uint64", "units": "decimal(38, 0)", "time": "int64"},
}


def find(r: Relations, _: Limits) -> ir.Table:
    closings = _closings(r)
    movements = ibis.union(*_movements(r)).semi_join(closings, _CLASS)
    marks = movements.mutate(step=whole(ibis.literal(0)), quarantine=ibis.null("int64")).union(
        closings.select(
            **{name: _absent(closings, name, kind) for name, kind in _MOVEMENT.items()},
            step="step",
            quarantine="quarantine",
        )
    )
    # Places rise with time, so the greatest quarantine up to here is the one in force.
    until_now = ibis.window(group_by=_CLASS, order_by="event", preceding=None, following=0)
    m = marks.mutate(short=marks["step"].sum().over(until_now), quarantine=marks["quarantine"].max().over(until_now))
    m = m.filter(m["what"].notnull()).left_join(r.quarantines.select(quarantine="event", until="until"), "quarantine")
    stopped = (m["until"] > m["time"]).fill_null(False) & ~m["what"].isin(_THROUGH_QUARANTINE)
    return _named(m.filter(stopped | (m["short"] > 0)))


# A settlement is not stopped by a quarantine, and cover is let go when the other class is short no more.
_THROUGH_QUARANTINE = ["settlement", "cover"]


def _closings(r: Relations) -> ir.Table:
    s, q = r.shortfalls, r.quarantines
    steps = s.select(*_CLASS, "event", step=whole(s["opened"]) - whole(s["covered"]), quarantine=ibis.null("int64"))
    return steps.union(q.select(*_CLASS, "event", step=whole(ibis.literal(0)), quarantine=q["event"]))


def _movements(r: Relations) -> list[ir.Table]:
    settled = r.moves["what"].isin([RETIRE, REDEEM])
    ranges = r.moves.filter(settled | (r.moves["what"] == MINT))
    ranges = ranges.mutate(what=ranges["what"].isin([RETIRE, REDEEM]).ifelse("settlement", "lock"))
    offers = r.covers.filter(r.covers["step"] == OFFERED).select("deployment", "cover_id", class_id="short_class")
    gone = r.covers.filter(r.covers["step"] == WITHDRAWN).join(offers, ["deployment", "cover_id"])
    return [
        _movement(ranges, what=ranges["what"], key=ranges["key"]),
        _movement(r.requests, what="request", key=r.requests["request_id"]),
        _movement(r.transfers, what="transfers", key=""),
        _movement(gone, what="cover", key=gone["cover_id"], time=ibis.null("int64")),
    ]


def _movement(table: ir.Table, **given: ir.Value | str) -> ir.Table:
    return table.select(**{name: _absent(table, name, kind, given) for name, kind in _MOVEMENT.items()})


def _absent(table: ir.Table, name: str, kind: str, given: Mapping[str, ir.Value | str] | None = None) -> ir.Value:
    """A column as it is given, or as the table has it, or null."""
    value = (given or {}).get(name, table[name] if name in table.columns else ibis.null(kind))
    return (ibis.literal(value) if isinstance(value, str) else value).cast(kind)


def _named(m: ir.Table) -> ir.Table:
    """Transfers have no name of their own and are added up by class."""
    nameless = m["what"] == "transfers"
    total = m["units"].sum().over(ibis.window(group_by=[*_CLASS, "what", "key"]))
    m = m.mutate(
        subject=nameless.ifelse(text("transfers of class ", m["class_id"]), text(m["what"], " ", m["key"])),
        total=total,
    )
    return found(
        m,
        text(m["subject"], " on ", m["deployment"]),
        class_id=m["class_id"],
        space=m["space"],
        first=m["first"],
        last=m["last"],
        units=m["total"],
        event=m["event"],
        figures=(m["short"] > 0).ifelse(text("short by ", m["short"], " units"), text("closed until ", m["until"])),
    )


RULE = Rule(
    name="moved-while-closed",
    severity=Severity.BREAK,
    title="Units moved although their class was quarantined or short",
    waiting="",
    advice="Halt: the contract should refuse this. Compare the class in its storage with what moved",
    find=find,
)
