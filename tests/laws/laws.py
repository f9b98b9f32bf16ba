"""The numbered laws as checks on a world. Each returns what breaks it; nothing means it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from bridge.chain.contract import LedgerRange
from bridge.domain.lifecycle import SerialState
from bridge.domain.observed import (
    Minted,
    OutcomeSettled,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    StatementRow,
)
from bridge.domain.serials import SerialRange, coalesce, subtract, total_units
from tests.flow.world import BATCH, BIOGAS, FOREST, MER, STOVES, VER, World

SPACES = (VER, MER, BATCH)
CLASSES = (FOREST, BIOGAS, STOVES)


def live_ranges(world: World) -> dict[str, list[SerialRange]]:
    """Class → its live serials, read from the contract's storage."""
    live: dict[str, list[SerialRange]] = defaultdict(list)
    for space in SPACES:
        for node in world.contract.ranges(space.id):
            if node.live_from <= node.last:
                live[node.class_id].append(SerialRange(space=space.id, first=node.live_from, last=node.last))
    return live


def l1_units_are_backed(world: World) -> Iterator[str]:
    """Per class: supply + pending retirements + pending redemptions = live serials + shortfall."""
    live = live_ranges(world)
    for credit_class in CLASSES:
        state = world.contract.class_state(credit_class.id)
        assert state is not None
        owed = state.supply + state.pending_retirement + state.pending_redemption
        backing = total_units(live[credit_class.id]) + state.shortfall
        if owed != backing:
            yield f"L1 {credit_class.label}: {owed} units owed, {backing} serials live or short"


def l2_ranges_are_disjoint(world: World) -> Iterator[str]:
    """Live and tombstone ranges of a space are sorted and pairwise disjoint."""
    for space in SPACES:
        nodes: list[LedgerRange] = world.contract.ranges(space.id)
        for before, after in pairwise(nodes):
            if after.first <= before.last:
                yield f"L2 {space.key}: {before.first}-{before.last} and {after.first}-{after.last}"
        for node in nodes:
            if not node.first <= node.live_from <= node.last + 1:
                yield f"L2 {space.key}: {node}"


def l3_a_serial_has_one_state(world: World) -> Iterator[str]:
    """The registry's books balance, and no serial stands in two live rows."""
    yield from (f"L3 {fault}" for fault in world.ledger.audit())
    rows = statement_rows(world)
    stated = [row.range for row in rows]
    if total_units(stated) != total_units(coalesce(stated)):
        yield "L3 a serial stands in two rows of the statement"


def l4_everything_once(world: World) -> Iterator[str]:
    """A lock mints once; a request ends once; its parts never exceed its units."""
    events = list(world.contract.events(0, world.chain.connection.final().number))
    locks = [event.lock_id for event in events if isinstance(event, Minted)]
    if len(locks) != len(set(locks)):
        yield "L4 a lock was minted twice"
    for opened in (event for event in events if isinstance(event, RequestOpened)):
        mine = [event for event in events if getattr(event, "request_id", None) == opened.request_id]
        settled = [event for event in mine if isinstance(event, OutcomeSettled)]
        returned = sum(event.units for event in mine if isinstance(event, RequestReturned))
        used = total_units(r for event in settled for r in event.ranges)
        if used + returned > opened.units:
            yield f"L4 request {opened.request_id}: {used} settled and {returned} returned of {opened.units}"
        if len({event.part for event in settled}) != len(settled):
            yield f"L4 request {opened.request_id}: a part settled twice"
        ends = [isinstance(event, RequestRefused) for event in mine].count(True)
        ends += bool(settled and settled[-1].remaining == 0)
        if ends > 1:
            yield f"L4 request {opened.request_id} ended {ends} times"


def l5_live_is_locked(world: World) -> Iterator[str]:
    """Every live serial is locked or reserved for this deployment; every one so locked is live or awaits a saga."""
    rows = [row for row in statement_rows(world) if row.deployment == world.contract.deployment]
    backing = [row.range for row in rows if row.state in {SerialState.LOCKED, SerialState.RESERVED}]
    live = [r for ranges in live_ranges(world).values() for r in ranges]
    for r in live:
        for bare in subtract(r, backing):
            yield f"L5 {bare} is live and not locked for this deployment"
    minted = {event.lock_id for event in world.contract.events(0, world.chain.connection.final().number, Minted)}  # type: ignore[union-attr]
    settled = [r for event in settled_events(world) for r in event.ranges]
    for row in rows:
        if row.lock_id not in minted or row.state not in {SerialState.LOCKED, SerialState.RESERVED}:
            continue
        for idle in subtract(row.range, [*live, *settled]):
            yield f"L5 {idle} is locked, minted, and neither live nor settled"


def settled_events(world: World) -> list[OutcomeSettled]:
    found = world.contract.events(0, world.chain.connection.final().number, OutcomeSettled)
    return [event for event in found if isinstance(event, OutcomeSettled)]


def statement_rows(world: World) -> list[StatementRow]:
    return [row for code in ("VERRA", "GS") for row in world.registry.statement(code, world.contract.deployment).rows]


def broken(world: World) -> list[str]:
    """What breaks L1 to L5 now."""
    laws = (
        l1_units_are_backed,
        l2_ranges_are_disjoint,
        l3_a_serial_has_one_state,
        l4_everything_once,
        l5_live_is_locked,
    )
    return [fault for law in laws for fault in law(world)]
