"""What the rules compare: evidence as tables, and the few joins of them that everybody needs.

Chains, statement rows and claims are cut into common stretches once; after that two things concern the same serials
exactly when `space` and `first` are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields

import ibis
import ibis.expr.types as ir

from bridge.reconcile import chain_facts, statement_tables
from bridge.reconcile.chain_facts import MINT, REVERSE
from bridge.reconcile.evidence import Limits
from bridge.reconcile.facts import Given, planned
from bridge.reconcile.intervals import pieces
from bridge.reconcile.plan import Plan
from bridge.reconcile.quiet import BEFORE, UNITS, Quiet, set_aside
from bridge.reconcile.statement_tables import TAKEN_BACK

STRETCH = ["space", "first"]


@dataclass(frozen=True)
class Relations:
    """The first block are the evidence's own rows (`facts`); the others are made from them. `moves` and `rows`, and all
    that is made from them, may lack quiet pairs, on which no rule has an answer (`quiet.py`); their `units` stand in
    `quiet` by deployment, class and registry. `every_mint` and `every_row` lack nothing, and take long to read.

    - `moved`: each mint, settlement and reversal, cut at the others of its deployment.
    - `on_chain`: per deployment and stretch what happened last (`live`, or ended by `request_id` or `reversal_id`) and
      who minted it.
    - `stated`, `claimed`: rows of the current statements, and claims, on the same stretches.
    - `taken_back`: serials that a statement calls reversed or cancelled, on the same stretches, and since which one.
    - `backing`: `on_chain` with the registry's row; `state` is empty without row, `as_of` null without statement.
      `circulated`: units of these serials were out at the statement's moment. `caught_up`: the block shows all that the
      registry could have acted upon by then.
    - `owed`: rows that name a deployment we read, with that deployment's own stretch.
    - `calm`: the quiet pairs themselves, by `event` and `row`, where any are set aside.
    """

    plan: Plan
    chains: ir.Table
    spaces: ir.Table
    classes: ir.Table
    moves: ir.Table
    every_mint: ir.Table
    quiet: ir.Table
    requests: ir.Table
    steps: ir.Table
    supply: ir.Table
    own: ir.Table
    transfers: ir.Table
    retired: ir.Table
    shortfalls: ir.Table
    covers: ir.Table
    quarantines: ir.Table
    recoveries: ir.Table
    statements: ir.Table
    endorsements: ir.Table
    lifetime: ir.Table
    rows: ir.Table
    every_row: ir.Table
    claims: ir.Table
    links: ir.Table
    accounts: ir.Table
    locks: ir.Table
    receipts: ir.Table
    terms: ir.Table
    reserves: ir.Table
    ends: ir.Table
    allowances: ir.Table
    spent: ir.Table
    powers: ir.Table
    callers: ir.Table
    freezes: ir.Table
    listings: ir.Table
    lists: ir.Table
    given: ir.Table
    taken: ir.Table
    runs: ir.Table
    snapshots: ir.Table
    ledger_spaces: ir.Table
    ledger: ir.Table
    reissues: ir.Table
    journal: ir.Table

    moved: ir.Table
    on_chain: ir.Table
    stated: ir.Table
    claimed: ir.Table
    taken_back: ir.Table
    backing: ir.Table
    owed: ir.Table
    calm: ir.Table | None = None


def relate(plan: Plan, limits: Limits, *, skip_quiet: bool = False) -> Relations:
    """Plans the shared joins."""
    given = planned(plan)
    quiet = set_aside(plan, given) if skip_quiet else None
    t = given.facts | _examined(plan, given, quiet)
    moved = _moved(plan, t["moves"])
    histories = plan.keep(_histories(moved, t))
    on_chain, stated, claimed, reversed_rows = _common_ground(plan, histories, t)
    backing = plan.keep(_backing(on_chain, stated, t, limits))
    owed = plan.keep(_owed(on_chain, stated, t, limits))
    return Relations(
        plan=plan,
        **{name: t[name] for name in (f.name for f in fields(Relations)) if name in t},
        moved=moved,
        on_chain=on_chain,
        stated=stated,
        claimed=claimed,
        taken_back=plan.keep(_taken_back(reversed_rows)),
        backing=backing,
        owed=owed,
        calm=quiet.calm if quiet else None,
    )


def _examined(plan: Plan, given: Given, quiet: Quiet | None) -> dict[str, ir.Table]:
    """Moves and rows but for quiet pairs, and the units of those."""
    mints, rows = given.facts["every_mint"], given.facts["every_row"]
    units = plan.given(BEFORE, UNITS)
    if quiet is not None:
        units = quiet.units.union(units)
        # Picked out as they are given, so that no id of the others is ever written out.
        mints = chain_facts.mints(_picked(given.events["Minted"], chain_facts.number, quiet.mints, "event"))
        earlier = given.rows.filter(~given.rows["current"])
        rows = earlier.union(_picked(given.rows, statement_tables.number_of_row, quiet.rows, "id"))
        rows = plan.keep(statement_tables.rows(rows))
    moves = mints.union(given.facts["ends_of_ranges"])
    in_order = ibis.window(order_by=["event", "position"])
    moves = plan.keep(moves.mutate(id=ibis.row_number().over(in_order)).drop("position"))
    return {"moves": moves, "rows": rows, "quiet": units}


def _picked(t: ir.Table, number: Callable[[ir.Table], ir.Value], wanted: ir.Table, name: str) -> ir.Table:
    return t.mutate(**{name: number(t)}).semi_join(wanted, name).drop(name)


def _moved(plan: Plan, moves: ir.Table) -> ir.Table:
    cut = pieces(plan, moves.mutate(scope=moves["deployment"]))
    return plan.keep(cut.drop("scope").join(moves.drop("space", "first", "last"), "id"))


def _histories(moved: ir.Table, t: Mapping[str, ir.Table]) -> ir.Table:
    """Per deployment and stretch the last mint and the last end. Ids rise with time, so the greatest is the last."""
    minted = moved["what"] == MINT
    last = moved.group_by(["deployment", "space", "first", "last"]).agg(
        mint=moved["id"].max(where=minted), end=moved["id"].max(where=~minted)
    )
    facts = ["event", "key", "class_id", "time"]
    mints = t["moves"].filter(t["moves"]["what"] == MINT).select(mint="id", **{f"mint_{name}": name for name in facts})
    ends = t["moves"].select(end="id", end_what="what", **{f"end_{name}": name for name in facts})
    known = t["classes"].group_by(["deployment", "class_id"]).agg(registry=t["classes"]["registry"].min())
    full = last.left_join(mints, "mint").drop("mint_right").left_join(ends, "end").drop("end_right")
    full = full.mutate(class_id=ibis.coalesce(full["mint_class_id"], full["end_class_id"]))
    full = full.left_join(known, ["deployment", "class_id"]).left_join(t["chains"], "deployment")
    return full.select(
        "deployment",
        *["space", "first", "last", "class_id", "mint_event", "mint_time", "end_event", "end_time", "block_time"],
        id=ibis.row_number().over(ibis.window(order_by=["deployment", "space", "first"])),
        registry=full["registry"].fill_null(""),
        lock_id=full["mint_key"].fill_null(""),
        request_id=(full["end_what"] == REVERSE).ifelse("", full["end_key"]).fill_null(""),
        reversal_id=(full["end_what"] == REVERSE).ifelse(full["end_key"], "").fill_null(""),
        end_what=full["end_what"].fill_null(""),
        live=(full["mint"] > full["end"].fill_null(-1)).fill_null(False),
    )


def _common_ground(plan: Plan, histories: ir.Table, t: Mapping[str, ir.Table]) -> Iterator[ir.Table]:
    """Each of the layers, cut at the ends of all."""
    rows = t["rows"].filter(t["rows"]["current"])
    claims = t["claims"].filter(t["claims"]["space"] != "")
    layers = (histories, rows, claims, t["rows"].filter(t["rows"]["state"].isin(TAKEN_BACK)))
    count = len(layers)
    marked = [table.select("space", "first", "last", id=table["id"] * count + n) for n, table in enumerate(layers)]
    ground = pieces(plan, ibis.union(*marked).mutate(scope=ibis.literal("")))
    return (
        plan.keep(
            ground.filter(ground["id"] % count == n)
            .select("space", "first", "last", id=(ground["id"] - n) // count)
            .join(table.drop("space", "first", "last"), "id")
        )
        for n, table in enumerate(layers)
    )


def _taken_back(rows: ir.Table) -> ir.Table:
    return rows.group_by([*STRETCH, "row_deployment", "row_lock"]).agg(since=rows["as_of"].min())


_ROW = ["state", "row_class", "row_deployment", "row_lock", "row_request"]


def _backing(on_chain: ir.Table, stated: ir.Table, t: Mapping[str, ir.Table], limits: Limits) -> ir.Table:
    rows = stated.select(*STRETCH, *_ROW, "not_after", row="id", row_as_of="as_of")
    current = t["statements"].filter(t["statements"]["current"]).select("registry", registry_as_of="as_of")
    b = on_chain.drop("id").left_join(rows, STRETCH).drop("space_right", "first_right")
    b = b.left_join(current, "registry").drop("registry_right")
    b = b.mutate(as_of=ibis.coalesce(b["row_as_of"], b["registry_as_of"])).drop("row_as_of", "registry_as_of")
    out = b["live"] | (b["end_time"] > b["as_of"])
    return b.mutate(
        **{name: b[name].fill_null("") for name in _ROW},
        circulated=((b["mint_time"] <= b["as_of"]) & out).fill_null(False),
        caught_up=(b["block_time"] + limits.finality_seconds >= b["as_of"]).fill_null(False),
    )


def _owed(on_chain: ir.Table, stated: ir.Table, t: Mapping[str, ir.Table], limits: Limits) -> ir.Table:
    rows = stated.rename(row="id", row_registry="registry").join(
        t["chains"], stated["row_deployment"] == t["chains"]["deployment"]
    )
    own = on_chain.drop("id", "last", "block_time", "registry")
    o = rows.left_join(own, [*STRETCH, "deployment"]).drop("space_right", "first_right", "deployment_right")
    return o.mutate(
        **{name: o[name].fill_null("") for name in ("lock_id", "request_id", "end_what")},
        live=o["live"].fill_null(False),
        caught_up=o["block_time"] + limits.finality_seconds >= o["as_of"],
    )
