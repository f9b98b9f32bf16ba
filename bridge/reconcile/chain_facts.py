"""What happened on chain as the flat rows that rules compare: expressions over the tables of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import ibis
import ibis.expr.types as ir

from bridge.domain.lifecycle import Kind
from bridge.domain.serials import SpaceKind
from bridge.domain.values import ZERO_ADDRESS, to_bytes
from bridge.reconcile.event_tables import BLOCK_BITS, LOG_BITS

MINT, RETIRE, REDEEM, REVERSE = "mint", "retire", "redeem", "reverse"
OFFERED, TAKEN, WITHDRAWN = "offered", "taken", "withdrawn"
ORDERED, VETOED, RECOVERED = "ordered", "vetoed", "recovered"

Tables = Mapping[str, ir.Table]
Column: TypeAlias = ir.Value | Callable[[ir.Table], ir.Value]


def facts(t: Tables) -> dict[str, ir.Table]:
    """Of all chains. `event` is the event's number, by which exhibits are found again."""
    return {
        "spaces": event_facts(
            t["SpaceRegistered"], "registry", space=_id("space"), batch=lambda e: e["kind"] == int(SpaceKind.BATCH)
        ),
        "classes": event_facts(t["ClassCreated"], "registry", "kg_per_unit", class_id=_id("class_id")),
        "every_mint": mints(t["Minted"]),
        "ends_of_ranges": ends(t),
        "requests": _requests(t["RequestOpened"]),
        "steps": _steps(t),
        "supply": _supply(t["Transferred"]),
        "own": _own(t["Transferred"]),
        "transfers": _transfers(t),
        "retired": event_facts(t["CreditRetired"], "units", class_id=_id("class_id"), holder=_id("account")),
        "shortfalls": _shortfalls(t),
        "covers": _covers(t),
        "quarantines": event_facts(
            t["Quarantined"], class_id=_id("class_id"), until=lambda e: e["until"].cast("int64")
        ),
        "recoveries": _recoveries(t),
    }


@ibis.udf.scalar.builtin(name="hex")  # type: ignore[untyped-decorator]
def _hex(value: bytes) -> str:  # type: ignore[empty-body]
    """Every engine's own."""


def hexed(value: ir.BinaryValue) -> ir.StringValue:
    """An id or account as rules write it: 0x and small digits; empty where there is none."""
    text: ir.StringValue = (ibis.literal("0x") + _hex(value).lower()).fill_null("")
    return text


def number(t: ir.Table) -> ir.IntegerValue:
    """`event_tables.number_of`."""
    block, log = t["block"].cast("int64"), t["log_index"].cast("int64")
    return t["chain"] * 2 ** (BLOCK_BITS + LOG_BITS) + block * 2**LOG_BITS + log


def time_of(t: ir.Table) -> ir.IntegerValue:
    return ibis.coalesce(t["time"], t["stamped"])


def mints(minted: ir.Table) -> ir.Table:
    """One row a minted range, without a number of its own yet: `position` is its place among its event's ranges."""
    return _move(minted.mutate(position=ibis.literal(0, "int64")), _text(MINT), "lock_id", "recipient")


def ends(t: Tables) -> ir.Table:
    """One row a settled or reversed range, of the same columns."""
    settled = _move(opened(t["OutcomeSettled"]), lambda e: what_is_asked(e["kind"]), "request_id")
    reversals = _move(opened(t["Reversed"]), _text(REVERSE), "event_id")
    return settled.union(reversals)


def what_is_asked(kind: ir.IntegerValue) -> ir.StringValue:
    return (kind == int(Kind.RETIREMENT)).ifelse(RETIRE, REDEEM)


def opened(t: ir.Table) -> ir.Table:
    """One row a range of the event."""
    e = t.mutate(position=ibis.range(t["ranges"].length()).unnest().cast("int64"))
    e = e.mutate(one=e["ranges"][e["position"]])
    return e.mutate(space=e["one"]["space"], first=e["one"]["first"], last=e["one"]["last"]).drop("one")


def _move(t: ir.Table, what: Column, key: str, recipient: str = "") -> ir.Table:
    to = (lambda e: hexed(e[recipient])) if recipient else _text("")
    columns = {"key": _id(key), "class_id": _id("class_id"), "space": _id("space"), "recipient": to, "time": time_of}
    return event_facts(t, "first", "last", "position", what=what, **columns)


def _requests(t: ir.Table) -> ir.Table:
    what, deadline = (lambda e: what_is_asked(e["kind"])), (lambda e: e["deadline"].cast("int64"))
    ids = {name: _id(name) for name in ("request_id", "class_id", "holder")}
    return event_facts(t, "units", **ids, what=what, deadline=deadline, time=time_of)


def _steps(t: Tables) -> ir.Table:
    """What leaves each request, and what the event says is left."""
    whole = opened(t["OutcomeSettled"]).union(
        t["OutcomeSettled"].mutate(
            position=_none("int64"), space=_none("binary"), first=_none("uint64"), last=_none("uint64")
        )
    )
    place = ["deployment", "chain", "block", "log_index", "request_id", "class_id", "remaining"]
    settled = whole.group_by(place).agg(units=(whole["last"] - whole["first"] + 1).cast("uint64").sum().fill_null(0))
    nothing, all_left = ibis.literal(0, "uint64"), (lambda e: e["units"])
    return ibis.union(
        _step(settled, "settled", "class_id", lambda e: e["units"].cast("uint64"), lambda e: e["remaining"]),
        _step(t["RequestRefused"], "refused", "", nothing, all_left),
        _step(t["RequestCalledBack"], "called back", "", nothing, all_left),
        _step(t["RequestReturned"], "returned", "", all_left, _none("uint64")),
    )


def _step(t: ir.Table, step: str, class_id: str, units: Column, remaining: Column) -> ir.Table:
    of = _id(class_id) if class_id else _text("")
    return event_facts(
        t, request_id=_id("request_id"), class_id=of, step=_text(step), gone=units, remaining=remaining
    ).rename(units="gone")


def _supply(t: ir.Table) -> ir.Table:
    nobody = ibis.literal(to_bytes(ZERO_ADDRESS), "binary")
    t = t.filter(((t["sender"] == nobody) | (t["to"] == nobody)) & (t["units"] > 0))  # a new class announces itself
    issued, burned = ((t[side] == nobody).ifelse(t["units"], 0).cast("uint64") for side in ("sender", "to"))
    return event_facts(t, class_id=_id("class_id"), issued=issued, burned=burned, time=time_of)


def _own(t: ir.Table) -> ir.Table:
    """Units that reached or left the contract's own account."""
    t = t.filter((t["sender"] == t["contract"]) | (t["to"] == t["contract"]))
    given, received = ((t[side] == t["contract"]).ifelse(t["units"], 0).cast("uint64") for side in ("sender", "to"))
    return event_facts(t, class_id=_id("class_id"), received=received, given=given)


def _transfers(t: Tables) -> ir.Table:
    """Nothing forbids the others, which are most of all that happens."""
    closings = ibis.union(*(t[name].select("chain", "class_id", closed=number(t[name])) for name in _CLOSING))
    closed = closings.group_by(["chain", "class_id"]).agg(since=closings["closed"].min())
    nobody = ibis.literal(to_bytes(ZERO_ADDRESS), "binary")
    moved = t["Transferred"].filter(lambda e: (e["sender"] != nobody) & (e["to"] != nobody))
    moved = moved.join(closed, ["chain", "class_id"])
    return event_facts(moved.filter(number(moved) > moved["since"]), "units", class_id=_id("class_id"), time=time_of)


_CLOSING = ("Quarantined", "Reversed")


def _shortfalls(t: Tables) -> ir.Table:
    taken = t["CoverTaken"]
    nothing = ibis.literal(0, "uint64")
    whole = opened(t["Reversed"])
    place = ["deployment", "chain", "block", "log_index", "class_id", "shortfall"]
    reversals = whole.group_by(place).agg(opened=(whole["last"] - whole["first"] + 1).cast("uint64").sum())
    columns = {"class_id": _id("class_id"), "covered": nothing, "stated": lambda e: e["shortfall"]}
    covers = {"class_id": _id("short_class_id"), "covered": taken["units"], "stated": taken["shortfall"]}
    return event_facts(reversals, opened=lambda e: e["opened"].cast("uint64"), **columns).union(
        event_facts(taken, opened=nothing, **covers)
    )


def _covers(t: Tables) -> ir.Table:
    def step(name: str, what: str, lock: str = "", short: str = "") -> ir.Table:
        ids = {"lock_id": _id(lock) if lock else _text(""), "short_class": _id(short) if short else _text("")}
        return event_facts(t[name], "units", cover_id=_id("cover_id"), step=_text(what), **ids)

    return ibis.union(
        step("CoverOffered", OFFERED, "lock_id", "short_class_id"),
        step("CoverTaken", TAKEN, "", "short_class_id"),
        step("CoverWithdrawn", WITHDRAWN),
    )


def _recoveries(t: Tables) -> ir.Table:
    ordered, vetoed, done = (t[name] for name in ("RecoveryOrdered", "RecoveryVetoed", "Recovered"))

    def step(e: ir.Table, what: str, **given: Column) -> ir.Table:
        silent = {
            **dict.fromkeys(("sender", "to", "class_id"), _text("")),
            **{"units": ibis.literal(0, "uint64"), "matures_at": _none("int64")},
        }
        return event_facts(e, recovery_id=_id("recovery_id"), step=_text(what), time=time_of, **(silent | given))

    parties = {"sender": _id("sender"), "to": _id("to")}
    matures = ordered["matures_at"].cast("int64")
    return ibis.union(
        step(ordered, ORDERED, **parties, class_id=_id("class_id"), units=ordered["units"], matures_at=matures),
        step(vetoed, VETOED),
        step(done, RECOVERED, **parties, units=done["units"]),
    )


def _id(name: str) -> Callable[[ir.Table], ir.StringValue]:
    return lambda t: hexed(t[name])


def _text(value: str) -> ir.StringScalar:
    return ibis.literal(value)


def _none(kind: str) -> ir.Scalar:
    return ibis.null(kind)


def event_facts(t: ir.Table, *names: str, **columns: Column) -> ir.Table:
    """Always in one order of columns, so that kinds of events can be put together."""
    named = {name: t[name] for name in names} | columns
    return t.select("deployment", event=number, **{name: named[name] for name in sorted(named)})
