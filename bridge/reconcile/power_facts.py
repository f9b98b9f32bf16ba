"""Powers, their bounds and the holders' policy as flat rows, and of the other events what these bear upon: expressions
over the tables of events.

Most deployments bound little and freeze nobody, so movements are taken over only where something is asked of them.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from bridge.domain.values import ZERO_ADDRESS, to_bytes
from bridge.reconcile.chain_facts import Column, Tables, event_facts, hexed, time_of

OPERATOR, CLASS = "operator", "class"


def facts(t: Tables, chains: ir.Table) -> dict[str, ir.Table]:
    """Of all chains.

    - `terms`: what a class copied when it was made, in seconds. `reserves`: statements that reached a chain.
    - `ends`: how requests were called back, refused and returned, and when.
    - `allowances`: `bound` says of whom: an operator, or all of them in one class. `spent`: the mints that count.
    - `powers`: `previous` is the owner before, for ownership only; `seen`: its `callers` are known.
    - `freezes`, `listings`; `lists`: deployments where only listed accounts take units.
    - `given` by accounts that were ever frozen, and `taken` where a list is kept: what a policy has to allow.
    """
    lists = chains.filter(chains["keeps_list"]).select("deployment").union(t["Listed"].select("deployment")).distinct()
    handed = _handed(t)
    frozen = t["Frozen"].select("deployment", giver=hexed(t["Frozen"]["account"])).distinct()
    return {
        "terms": _terms(t["ClassCreated"]),
        "reserves": event_facts(
            t["ReserveStated"], "locked", class_id=_id("class_id"), as_of=lambda e: e["as_of"].cast("int64")
        ),
        "ends": ibis.union(
            *(
                event_facts(t[name], request_id=_id("request_id"), step=ibis.literal(step), time=time_of)
                for name, step in _ENDS.items()
            )
        ),
        "allowances": _allowance(t["AllowanceSet"], OPERATOR, "operator").union(
            _allowance(t["ClassAllowanceSet"], CLASS, "class_id")
        ),
        "spent": _of_classes(t).union(_of_operators(t)),
        "powers": _powers(t),
        "callers": _callers(t),
        "freezes": event_facts(t["Frozen"], account=_id("account"), until=lambda e: e["until"].cast("int64")),
        "listings": event_facts(t["Listed"], "listed", account=_id("account")),
        "lists": lists,
        "given": handed.semi_join(frozen, ["deployment", "giver"]),
        "taken": handed.filter(handed["taker"] != "").semi_join(lists, "deployment"),
    }


_ENDS = {"RequestCalledBack": "called back", "RequestRefused": "refused", "RequestReturned": "returned"}


def _terms(t: ir.Table) -> ir.Table:
    known = t.filter(t["request_deadline_seconds"].notnull())
    return event_facts(
        known,
        "challenge_seconds",
        class_id=_id("class_id"),
        deadline_seconds=lambda e: e["request_deadline_seconds"],
        reserve_seconds=lambda e: e["statement_seconds"],
    )


def _allowance(t: ir.Table, bound: str, key: str) -> ir.Table:
    return event_facts(t, "units_per_day", bound=ibis.literal(bound), key=_id(key), time=time_of)


def _of_classes(t: Tables) -> ir.Table:
    bounded = t["ClassAllowanceSet"].select("chain", "class_id").distinct()
    return _spent(t["Minted"].semi_join(bounded, ["chain", "class_id"]), CLASS, "class_id")


def _of_operators(t: Tables) -> ir.Table:
    """The movement of the units, in the same transaction, names who called."""
    named = t["AllowanceSet"].select("chain").distinct()
    brought = ["chain", "transaction", "class_id"]
    moved = t["Transferred"].semi_join(named, "chain")
    moved = moved.filter((moved["sender"] == _nobody()) & moved["operator"].notnull())
    callers = moved.group_by(brought).agg(operator=moved["operator"].max())
    return _spent(t["Minted"].join(callers, brought), OPERATOR, "operator")


def _spent(t: ir.Table, bound: str, key: str) -> ir.Table:
    ids = {"class_id": _id("class_id"), "space": _id("space"), "key": _id(key)}
    return event_facts(t, "first", "last", bound=ibis.literal(bound), time=time_of, **ids)


def _powers(t: Tables) -> ir.Table:
    attesters = t["AttestersSet"]
    owner = t["OwnershipTransferred"]
    return ibis.union(
        _power(t["AllowanceSet"], "operator", _id("operator"), _a_day),
        _power(t["ClassAllowanceSet"], "allowance of class", _id("class_id"), _a_day),
        _power(t["GuardianSet"], "guardian", _id("account"), _given),
        _power(t["ListerSet"], "lister", _id("account"), _given),
        _power(owner, "owner", _id("account"), lambda e: _text("given by ", hexed(e["previous"])), _id("previous")),
        _power(_each(attesters, "added"), _of("attester of "), _id("one"), ibis.literal("given")),
        _power(_each(attesters, "removed"), _of("attester of "), _id("one"), ibis.literal("taken away")),
        _power(attesters, _of("threshold of "), lambda e: e["threshold"].cast("string"), ibis.literal("set")),
    )


def _power(
    t: ir.Table, power: str | Column, account: Column, change: Column, previous: Column | None = None
) -> ir.Table:
    named = ibis.literal(power) if isinstance(power, str) else power
    before = ibis.literal("") if previous is None else previous
    known = {"power": named, "account": account, "previous": before, "change": change, "time": time_of}
    return event_facts(t, "of_policy", **known, seen=lambda e: e["by"].length() > 0)


def _callers(t: Tables) -> ir.Table:
    return ibis.union(*(event_facts(_each(t[name], "by"), caller=_id("one")) for name in _CHANGES)).distinct()


_CHANGES = ("AllowanceSet", "ClassAllowanceSet", "AttestersSet", "GuardianSet", "ListerSet", "OwnershipTransferred")


def _handed(t: Tables) -> ir.Table:
    """`giver` is empty in a mint and a recovery, `taker` in a request. No policy is asked about settlements, nor
    about what is a holder's own and comes back to him."""
    asked = t["RequestOpened"]
    of_request = asked.select("chain", "request_id", "holder", "class_id")
    returned = t["RequestReturned"].join(of_request, ["chain", "request_id"])
    returned = returned.filter((returned["to"] != returned["holder"]) & (returned["units"] > 0))
    orders = t["RecoveryOrdered"].select("chain", "recovery_id", "class_id")
    recovered = t["Recovered"].join(orders, ["chain", "recovery_id"])
    moved = t["Transferred"].filter(_between_holders)
    moved = moved.anti_join(t["Recovered"], ["chain", "transaction", "sender", "to"])
    nobody, units = ibis.literal(""), (lambda e: e["units"])
    return ibis.union(
        _hand(t["Minted"], nobody, _id("recipient"), lambda e: (e["last"] - e["first"] + 1).cast("uint64")),
        _hand(asked, _id("holder"), nobody, units),
        _hand(returned, _id("holder"), _id("to"), units),
        _hand(recovered, nobody, _id("to"), units),
        _hand(moved, _id("sender"), _id("to"), units),
    )


def _hand(t: ir.Table, giver: Column, taker: Column, units: Column) -> ir.Table:
    moved = {"giver": giver, "taker": taker, "handed": units}
    return event_facts(t, class_id=_id("class_id"), time=time_of, **moved).rename(units="handed")


def _between_holders(e: ir.Table) -> ir.BooleanValue:
    strangers = [(e[side] != _nobody()) & (e[side] != e["contract"]) for side in ("sender", "to")]
    return strangers[0] & strangers[1]


def _each(t: ir.Table, accounts: str) -> ir.Table:
    """One row an account of the event's list."""
    return t.mutate(one=t[accounts].unnest())


def _a_day(e: ir.Table) -> ir.StringValue:
    return _text(e["units_per_day"].cast("string"), " units a day")


def _given(e: ir.Table) -> ir.StringValue:
    told: ir.StringValue = e["enabled"].ifelse("given", "taken away")
    return told


def _of(words: str) -> Column:
    return lambda e: _text(words, e["registry"])


def _text(one: str | ir.StringValue, two: str | ir.StringValue) -> ir.StringValue:
    whole: ir.StringValue = (ibis.literal(one) if isinstance(one, str) else one) + two
    return whole


def _id(name: str) -> Column:
    return lambda t: hexed(t[name])


def _nobody() -> ir.Scalar:
    return ibis.literal(to_bytes(ZERO_ADDRESS), "binary")
