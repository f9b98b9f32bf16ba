"""The honest majority, set aside before anything is cut or joined by name: it answers no rule.

A *quiet pair* is a mint and a row of a current statement that say the same, and whose serials nothing else touches. Of
a pair all of this holds:

1. Same serials, same lock; the row is `locked`, names the mint's deployment, class and no request, and its registry is
   the one that class and space were registered for; it lies in the account that stands for the deployment.
2. No other mint, settlement, reversal, claim or row of a current statement, and no row of any statement that calls
   serials taken back, has a serial of it (`crowded`, once among what chains and claims say, once among rows).
3. Its class and space were registered once in its contract, before the first mint of the two, and by no contract for
   another registry; a batch has this class only. Nobody reads the space's ledger from storage or tells of its
   re-issue, and the class does not lean on statements.
4. It was minted before its class was first closed, and not later than the statement was made.
5. Nothing else names its lock: no other mint, no row that is not quiet, no offer of cover.

So no rule loses an answer by not seeing it. On its stretch of serials there is one live mint and one fitting row: rules
over stretches (`on_chain`, `stated`, `backing`, `owed`) ask for a second claimant, an end, another state, lock, class,
deployment, account or time than 1, 2 and 4 leave. Rules that bring things together by lock find all of a lock's mints
and rows or none (5); those over registrations and batches cannot fail (3); those over what happened to closed classes
begin later (4); those over requests and ends have all of them, since no quiet mint was ever asked for. Whoever adds up
units adds `Relations.quiet`. A rule that asks more of mints and rows reads `every_mint` and `every_row`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from bridge.reconcile.chain_facts import hexed, number, opened, time_of
from bridge.reconcile.facts import Given
from bridge.reconcile.intervals import crowded, units
from bridge.reconcile.plan import Plan
from bridge.reconcile.statement_tables import TAKEN_BACK, number_of_row

Tables = Mapping[str, ir.Table]

BEFORE = "quiet_before"
UNITS = {
    **{"deployment": pa.string(), "class_id": pa.string(), "registry": pa.string()},
    **{"units": pa.decimal128(38, 0), "pairs": pa.int64()},
}
"""The units of quiet pairs; by this name those that are not even given (`incremental.py`)."""

_LATER_THAN_ALL = 2**63 - 1
_SPAN = ["space", "first", "last"]
_PAIR = ["kind", "first", "last", "lock_id"]


@dataclass(frozen=True)
class Quiet:
    """`mints` and `rows`: those that are not quiet, by `event` and `id`. `units`: of those that are, a row a deployment
    and class, with the registry. `calm`: they themselves."""

    mints: ir.Table
    rows: ir.Table
    units: ir.Table
    calm: ir.Table


def set_aside(plan: Plan, given: Given) -> Quiet:
    events, rows, t = given.events, given.rows, given.facts
    kinds = _kinds(plan, events, t)
    mints = plan.view("minted_kinds", _mints(events["Minted"], kinds))
    current = plan.view("stated_kinds", _rows(rows.filter(rows["current"]), kinds))
    pairs = plan.keep(_pairs(mints, current, _crowded_mints(plan, mints, given), _crowded_rows(plan, rows)))
    restless = pairs.filter(~pairs["calm"])
    named = plan.keep(_named(mints, restless, events["CoverOffered"]))
    recalled = plan.keep(mints.semi_join(named, "lock_id").select("event").distinct())
    paired = pairs.filter(pairs["calm"]).semi_join(recalled, "event")
    still = pairs.filter(pairs["calm"]).anti_join(recalled, "event")
    stirred = plan.keep(restless.select("event", "row").union(paired.select("event", "row")))
    return Quiet(
        mints=stirred.filter(stirred["event"].notnull()).select("event").distinct(),
        rows=stirred.filter(stirred["row"].notnull()).select(id="row").distinct(),
        units=plan.keep(_units(still, kinds)),
        calm=still.select("event", "row"),
    )


def _kinds(plan: Plan, events: Tables, t: Tables) -> ir.Table:
    """Contract, space and class of mints, numbered; `fit` are those of which mints can be quiet, until `closed`."""
    m = events["Minted"]
    k = m.group_by(["chain", "deployment", "space", "class_id"]).agg(since=number(m).min())
    k = plan.keep(k.mutate(of_space=hexed(k["space"]), of_class=hexed(k["class_id"])))
    alone = k.group_by(["deployment", "of_space"]).agg(classes=k.count())
    k = k.left_join(alone, ["deployment", "of_space"]).drop("deployment_right", "of_space_right")
    for name, facts in (("class", t["classes"]), ("space", t["spaces"])):
        k = _registered(k, name, facts)
    k = _asked_for(k, t)
    k = k.left_join(_closed(events), ["chain", "class_id"]).drop("chain_right", "class_id_right")
    a = (
        t["accounts"]
        .group_by(["deployment", "registry"])
        .agg(account=t["accounts"]["account"].min(), other=t["accounts"]["account"].max())
    )
    k = k.left_join(a, [k["deployment"] == a["deployment"], k["class_registry"] == a["registry"]])
    fit = (k["class_times"] == 1) & (k["space_times"] == 1) & (k["class_made"] < k["since"])
    fit = fit & (k["space_made"] < k["since"]) & (k["class_registry"] == k["space_registry"])
    fit = fit & (k["class_registry"] == k["class_other"]) & (k["space_registry"] == k["space_other"])
    fit = fit & k["asked"].isnull() & (~k["batch"] | (k["classes"] == 1)) & (k["account"] == k["other"]).fill_null(True)
    return plan.keep(
        k.select(
            *("chain", "deployment", "space", "class_id", "of_class", "account"),
            registry="class_registry",
            closed=k["closed"].fill_null(_LATER_THAN_ALL),
            fit=fit.fill_null(False),
            kind=ibis.row_number().over(ibis.window(order_by=["deployment", "of_space", "of_class"])),
        )
    )


def _asked_for(k: ir.Table, t: Tables) -> ir.Table:
    """What rules look at from beginning to end."""
    read, told, terms = t["ledger_spaces"], t["reissues"], t["terms"]
    spaces = ibis.union(
        read.select("deployment", of_space="space"),
        told.select("space").join(k.select("deployment", space="of_space"), "space").rename(of_space="space"),
        told.select(space="to_space").join(k.select("deployment", space="of_space"), "space").rename(of_space="space"),
    )
    gated = terms.filter(terms["reserve_seconds"] > 0).select("deployment", of_class="class_id")
    pairs = k.select("deployment", "of_space", "of_class")
    asked = ibis.union(
        pairs.semi_join(spaces, ["deployment", "of_space"]), pairs.semi_join(gated, ["deployment", "of_class"])
    )
    names = ["deployment", "of_space", "of_class"]
    k = k.left_join(asked.distinct().mutate(asked=ibis.literal(True)), names)
    return k.drop(*(f"{name}_right" for name in names))


def _registered(k: ir.Table, name: str, facts: ir.Table) -> ir.Table:
    """How often and when in this contract, and for which registries in any."""
    column = f"{name}_id" if name == "class" else name
    more = {"batch": facts["batch"].min()} if name == "space" else {}
    here = facts.group_by(["deployment", column]).agg(
        **{f"{name}_times": facts.count(), f"{name}_made": facts["event"].min()}, **more
    )
    here = here.rename(**{f"of_{name}": column})
    anywhere = facts.group_by(column).agg(
        **{f"{name}_registry": facts["registry"].min(), f"{name}_other": facts["registry"].max()}
    )
    anywhere = anywhere.rename(**{f"of_{name}": column})
    k = k.left_join(here, ["deployment", f"of_{name}"]).drop("deployment_right", f"of_{name}_right")
    return k.left_join(anywhere, f"of_{name}").drop(f"of_{name}_right")


def _closed(events: Tables) -> ir.Table:
    """When a class was first closed, short or covered."""
    of = {"Quarantined": "class_id", "Reversed": "class_id", "CoverTaken": "short_class_id"}
    marks = ibis.union(
        *(events[name].select("chain", class_id=column, at=number(events[name])) for name, column in of.items())
    )
    return marks.group_by(["chain", "class_id"]).agg(closed=marks["at"].min())


def _mints(m: ir.Table, kinds: ir.Table) -> ir.Table:
    of = ["chain", "space", "class_id"]
    m = m.select(*of, "first", "last", "lock_id", event=number(m), time=time_of(m))
    return m.join(kinds.select(*of, "kind", "fit", "closed"), of).drop("chain", "class_id")


def _rows(rows: ir.Table, kinds: ir.Table) -> ir.Table:
    """Rows that could be half of a pair have a kind."""
    of = ["deployment", "space", "class_id", "registry"]
    fit = kinds.filter(kinds["fit"]).select(*of, "kind", "account")
    r = rows.left_join(fit, of)
    same = (r["state"] == "locked") & r["request_id"].isnull() & (r["holder"] == r["account"]).fill_null(True)
    return r.select(
        *_SPAN, "lock_id", "as_of", row=number_of_row(r), kind=ibis.ifelse(same, r["kind"], ibis.null("int64"))
    )


def _crowded_mints(plan: Plan, mints: ir.Table, given: Given) -> ir.Table:
    """Mints that share a serial with anything that happened or is claimed, by event."""
    rows = given.rows
    ends = [opened(given.events[name]) for name in ("OutcomeSettled", "Reversed")]
    taken_back = rows.filter(~rows["current"] & rows["state"].isin(TAKEN_BACK))
    claims = given.claims.filter(given.claims["space"].notnull())
    layers = [
        mints.select(*_SPAN, id="event", part=_none()),
        *(e.select(*_SPAN, id=number(e), part=e["position"]) for e in ends),
        taken_back.select(*_SPAN, id=number_of_row(taken_back), part=_none()),
        claims.select(*_SPAN, id=claims["position"], part=claims["part"]),
    ]
    numbered = [layer.mutate(layer=ibis.literal(n, "int64")) for n, layer in enumerate(layers)]
    touching = crowded(ibis.union(*numbered).mutate(scope=ibis.literal("")), ("layer", "id", "part"))
    return plan.keep(touching.filter(touching["layer"] == 0).select(event="id", crowded=True))


def _crowded_rows(plan: Plan, rows: ir.Table) -> ir.Table:
    now = rows.filter(rows["current"])
    return plan.keep(
        crowded(now.select(*_SPAN, id=number_of_row(now), scope=ibis.literal(""))).select(row="id", crowded=True)
    )


def _pairs(mints: ir.Table, rows: ir.Table, crowded_mints: ir.Table, crowded_rows: ir.Table) -> ir.Table:
    """Every mint and every row, beside its like where it has one."""
    m = mints.mutate(kind=ibis.ifelse(mints["fit"], mints["kind"], ibis.null("int64")))
    m = m.left_join(crowded_mints, "event").drop("event_right").rename(crowd="crowded")
    r = rows.left_join(crowded_rows, "row").drop("row_right")
    both = m.outer_join(r, _PAIR)
    calm = both["event"].notnull() & both["row"].notnull() & both["crowd"].isnull() & both["crowded"].isnull()
    calm = calm & (both["time"] <= both["as_of"]) & (both["event"] < both["closed"])
    calm = calm.fill_null(False)
    return both.select(
        *("event", "row", "kind"),
        units=units(both),
        calm=calm,
        # Who is not calm has its lock looked up.
        lock_id=ibis.ifelse(calm, ibis.null("binary"), both["lock_id_right"]),
    )


def _named(mints: ir.Table, restless: ir.Table, offers: ir.Table) -> ir.Table:
    """Locks of which more is known than a quiet pair says. Two locks of one hash are looked at like one that was used
    twice, which costs a moment and hides nothing."""
    hashed = mints.select(hash=mints["lock_id"].hash())
    twice = hashed.group_by("hash").having(hashed.count() > 1).agg(times=hashed.count())
    reused = mints.mutate(hash=mints["lock_id"].hash()).semi_join(twice, "hash").select("lock_id")
    stated = restless.filter(restless["lock_id"].notnull()).select("lock_id")
    return ibis.union(reused, stated, offers.select("lock_id")).distinct()


def _units(still: ir.Table, kinds: ir.Table) -> ir.Table:
    summed = still.group_by("kind").agg(units=still["units"].cast("decimal(38, 0)").sum(), pairs=still.count())
    of = summed.join(kinds.select("kind", "deployment", "of_class", "registry"), "kind")
    return (
        of.group_by(["deployment", "of_class", "registry"])
        .agg(units=of["units"].sum().cast("decimal(38, 0)"), pairs=of["pairs"].sum())
        .rename(class_id="of_class")
    )


def _none() -> ir.IntegerScalar:
    return ibis.literal(0, "int64")
