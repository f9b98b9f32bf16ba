"""A class's own terms were not kept: minted beyond what its newest statement on chain has locked, or when that was too
old; a request opened with another deadline; or units returned before the challenge had passed."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.findings import Severity
from bridge.reconcile.chain_facts import MINT
from bridge.reconcile.evidence import Limits
from bridge.reconcile.intervals import units
from bridge.reconcile.relations import Relations
from bridge.reconcile.rule import Rule, found, text, whole

_CLASS = ["deployment", "class_id"]


def find(r: Relations, _: Limits) -> ir.Table:
    return ibis.union(_without_reserve(r), _other_deadline(r), _too_early(r))


def _without_reserve(r: Relations) -> ir.Table:
    gated = r.terms.filter(r.terms["reserve_seconds"] > 0).select(*_CLASS, "reserve_seconds").distinct()
    m = r.moves.filter(r.moves["what"] == MINT).semi_join(gated, _CLASS)
    minted = m.select(*_CLASS, "event", "time", "space", "first", "last", "key", stated=ibis.null("int64"))
    minted = minted.mutate(minted=whole(units(minted)))
    absent = {"time": "int64", "space": "string", "first": "uint64", "last": "uint64", "key": "string"}
    said = r.reserves.select(*_CLASS, "event", **{n: ibis.null(k) for n, k in absent.items()}, stated="event")
    said = said.mutate(minted=whole(ibis.literal(0)))
    until_now = ibis.window(group_by=_CLASS, order_by="event", preceding=None, following=0)
    marks = minted.union(said)
    marks = marks.mutate(life=marks["minted"].sum().over(until_now), stated=marks["stated"].max().over(until_now))
    marks = marks.filter(marks["key"].notnull()).join(gated, _CLASS)
    reserves = r.reserves.select(stated="event", locked=whole(r.reserves["locked"]), as_of="as_of")
    marks = marks.left_join(reserves, "stated").drop("stated_right")
    beyond = marks["life"] > marks["locked"].fill_null(0)
    stale = (marks["time"] > marks["as_of"] + marks["reserve_seconds"]).fill_null(True)
    bad = marks.filter(beyond | stale)
    return found(
        bad,
        text("lock ", bad["key"], " on ", bad["deployment"]),
        class_id=bad["class_id"],
        event=bad["event"],
        figures=text(
            *("minted in the class's life ", bad["life"], " units, stated as locked ", bad["locked"].fill_null(0)),
            *(" as of ", bad["as_of"].fill_null(0)),
        ),
    )


def _other_deadline(r: Relations) -> ir.Table:
    q = r.requests.join(r.terms.select(*_CLASS, "deadline_seconds").distinct(), _CLASS)
    # A block of unknown time has that of the last one, from which the deadline only looks nearer.
    wrong = q.filter(q["deadline"] > q["time"] + q["deadline_seconds"])
    return found(
        wrong,
        text("request ", wrong["request_id"], " on ", wrong["deployment"]),
        class_id=wrong["class_id"],
        units=wrong["units"],
        event=wrong["event"],
        figures=text("deadline ", wrong["deadline"], ", by its terms ", wrong["time"] + wrong["deadline_seconds"]),
    )


def _too_early(r: Relations) -> ir.Table:
    """A pause stretches the challenge and never shortens it. Refused units return at once."""
    key = ["deployment", "request_id"]
    e = r.ends
    times = {
        f"{step}_{what}": e[what].min(where=e["step"] == name)
        for step, name in (("called", "called back"), ("returned", "returned"), ("refused", "refused"))
        for what in ("time", "event")
    }
    ended = e.group_by(key).agg(**times).filter(lambda t: t["returned_event"].notnull())
    q = ended.join(r.requests.select(*key, "class_id", "units").distinct(), key)
    q = q.join(r.terms.select(*_CLASS, "challenge_seconds").distinct(), _CLASS)
    refused = (q["refused_event"] < q["returned_event"]).fill_null(False)
    due = q["called_time"] + q["challenge_seconds"]
    early = q.filter(~refused & (q["called_event"].isnull() | (q["returned_time"] < due)))
    return found(
        early,
        text("request ", early["request_id"], " on ", early["deployment"]),
        class_id=early["class_id"],
        units=early["units"],
        event=early["returned_event"],
        figures=text("returned at ", early["returned_time"], ", called back at ", early["called_time"].fill_null(0)),
    )


RULE = Rule(
    name="terms-broken",
    severity=Severity.BREAK,
    title="The terms of a class were not kept",
    waiting="",
    advice="Halt: the contract should refuse this. Compare the class's terms and its statement in storage",
    find=find,
)
