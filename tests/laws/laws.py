"""The numbered laws as checks on a world. Each returns what breaks it; nothing means it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from bridge.chain.contract import LedgerRange, live_serials
from bridge.domain.lifecycle import SerialState
from bridge.domain.observed import (
    ChainEvent,
    Minted,
    OutcomeSettled,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    Reversed,
    StatementRow,
)
from bridge.domain.serials import SerialRange, coalesce, subtract, total_units
from tests.flow.world import BATCH, BIOGAS, FOREST, MER, STOVES, VER, World

Event = TypeVar("Event", Minted, OutcomeSettled, RequestOpened, RequestRefused, RequestReturned, Reversed)
SPACES = (VER, MER, BATCH)
CLASSES = (FOREST, BIOGAS, STOVES)


@dataclass(frozen=True)
class Seen:
    """One look at everything: contract storage, all events, the registry's rows."""

    world: World
    nodes: Mapping[str, Sequence[LedgerRange]]
    events: Sequence[ChainEvent]
    rows: Sequence[StatementRow]

    @property
    def live(self) -> dict[str, list[SerialRange]]:
        """Class → its live serials, read from the contract's storage."""
        live: dict[str, list[SerialRange]] = defaultdict(list)
        for space, nodes in self.nodes.items():
            for node in nodes:
                if serials := live_serials(space, node):
                    live[node.class_id].append(serials)
        return live

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def look(world: World) -> Seen:
    return Seen(
        world=world,
        nodes={space.id: world.contract.ranges(space.id) for space in SPACES},
        events=list(world.contract.events(0, world.chain.connection.final().number)),
        rows=[row for code in ("VERRA", "GS") for row in world.ledger.statement(code, world.contract.deployment)[1]],
    )


def l1_units_are_backed(seen: Seen) -> Iterator[str]:
    """Per class: supply + pending retirements + pending redemptions = live serials + shortfall."""
    live = seen.live
    for credit_class in CLASSES:
        state = seen.world.contract.class_state(credit_class.id)
        assert state is not None
        owed = state.supply + state.pending_retirement + state.pending_redemption
        backing = total_units(live[credit_class.id]) + state.shortfall
        if owed != backing:
            yield f"L1 {credit_class.label}: {owed} units owed, {backing} serials live or short"


def l2_ranges_are_disjoint(seen: Seen) -> Iterator[str]:
    """Live and tombstone ranges of a space are sorted and pairwise disjoint."""
    for space, nodes in seen.nodes.items():
        for before, after in pairwise(nodes):
            if after.first <= before.last:
                yield f"L2 {space}: {before.first}-{before.last} and {after.first}-{after.last}"
        for node in nodes:
            if not node.first <= node.live_from <= node.last + 1:
                yield f"L2 {space}: {node}"


def l3_a_serial_has_one_state(seen: Seen) -> Iterator[str]:
    """The registry's books balance, and no serial stands in two live rows."""
    yield from (f"L3 {fault}" for fault in seen.world.ledger.audit())
    stated = [row.range for row in seen.rows]
    if total_units(stated) != total_units(coalesce(stated)):
        yield "L3 a serial stands in two rows of the statement"


def l4_everything_once(seen: Seen) -> Iterator[str]:
    """A lock mints once; a request ends once; its parts never exceed its units."""
    locks = [event.lock_id for event in seen.of(Minted)]
    if len(locks) != len(set(locks)):
        yield "L4 a lock was minted twice"
    for opened in seen.of(RequestOpened):
        request_id = opened.request_id
        settled = [event for event in seen.of(OutcomeSettled) if event.request_id == request_id]
        returned = sum(event.units for event in seen.of(RequestReturned) if event.request_id == request_id)
        used = total_units(r for event in settled for r in event.ranges)
        if used + returned > opened.units:
            yield f"L4 request {request_id}: {used} settled and {returned} returned of {opened.units}"
        if len({event.part for event in settled}) != len(settled):
            yield f"L4 request {request_id}: a part settled twice"
        ends = [event.request_id for event in seen.of(RequestRefused)].count(request_id)
        ends += bool(settled and settled[-1].remaining == 0)
        if ends > 1:
            yield f"L4 request {request_id} ended {ends} times"


def l5_live_is_locked(seen: Seen) -> Iterator[str]:
    """Every live serial is locked or reserved for this deployment, or reversed with the reversal due; every one so
    locked is live or awaits a saga, and none that the chain has reversed is locked."""
    ours = [row for row in seen.rows if row.deployment == seen.world.contract.deployment]
    held = [row for row in ours if row.state in {SerialState.LOCKED, SerialState.RESERVED}]
    due = seen.world.ledger.open_reversals(seen.world.contract.deployment)
    taken = [
        row.range
        for row in ours
        if row.state is SerialState.REVERSED and any(event.range.contains(row.range) for event in due)
    ]
    live = [r for ranges in seen.live.values() for r in ranges]
    for r in live:
        for bare in subtract(r, [row.range for row in held] + taken):
            yield f"L5 {bare} is live and not locked for this deployment"
    buried = [r for event in seen.of(Reversed) for r in event.ranges]
    for r in buried:
        if any(r.overlaps(other) for other in live):
            yield f"L5 {r} was reversed on chain and is live"
    minted = {event.lock_id for event in seen.of(Minted)}
    settled = [r for event in seen.of(OutcomeSettled) for r in event.ranges]
    for row in held:
        # What a request has set aside goes back when the request has ended, though the chain has reversed it.
        gone = [*live, *settled, *(buried if row.state is SerialState.RESERVED else ())]
        for idle in subtract(row.range, gone) if row.lock_id in minted else ():
            yield f"L5 {idle} is locked, minted, and neither live nor settled"


LAWS = (
    l1_units_are_backed,
    l2_ranges_are_disjoint,
    l3_a_serial_has_one_state,
    l4_everything_once,
    l5_live_is_locked,
)


def broken(world: World) -> list[str]:
    """What breaks L1 to L5 now."""
    seen = look(world)
    return [fault for law in LAWS for fault in law(seen)]
