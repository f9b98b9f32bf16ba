"""Powers, their bounds and the holders' policy as flat rows, and of the other events what these bear upon.

Most deployments bound little and freeze nobody, so movements are taken over only where something is asked of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from bridge.domain import observed as seen
from bridge.domain.observed import ChainEvent
from bridge.domain.values import ZERO_ADDRESS
from bridge.reconcile.evidence import ChainView

_TEXT, _WHOLE, _TIME, _PLACE, _FLAG = pa.string(), pa.uint64(), pa.int64(), pa.int64(), pa.bool_()
_RANGE = {"space": _TEXT, "first": _WHOLE, "last": _WHOLE}

OPERATOR, CLASS = "operator", "class"

POWER_SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {
    # What a class copied when it was made, in seconds; `made` is that moment.
    "terms": {
        **{"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "deadline_seconds": _TIME},
        **{"challenge_seconds": _TIME, "reserve_seconds": _TIME},
    },
    "reserves": {"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "as_of": _TIME, "locked": _WHOLE},
    # How requests that were not settled ended, with their times.
    "ends": {"event": _PLACE, "deployment": _TEXT, "request_id": _TEXT, "step": _TEXT, "time": _TIME},
    # `bound` says of whom: an operator, or all of them in one class.
    "allowances": {
        **{"event": _PLACE, "deployment": _TEXT, "bound": _TEXT, "key": _TEXT, "units_per_day": _WHOLE, "time": _TIME},
    },
    "spent": {
        **{"event": _PLACE, "deployment": _TEXT, "bound": _TEXT, "key": _TEXT, "class_id": _TEXT, **_RANGE},
        **{"time": _TIME},
    },
    # `previous`: the owner before, for ownership only. `seen`: its callers are known.
    "powers": {
        **{"event": _PLACE, "deployment": _TEXT, "of_policy": _FLAG, "power": _TEXT, "account": _TEXT},
        **{"previous": _TEXT, "change": _TEXT, "seen": _FLAG, "time": _TIME},
    },
    "callers": {"event": _PLACE, "caller": _TEXT},
    "freezes": {"event": _PLACE, "deployment": _TEXT, "account": _TEXT, "until": _TIME},
    "listings": {"event": _PLACE, "deployment": _TEXT, "account": _TEXT, "listed": _FLAG},
    # Deployments whose policy lets only listed accounts take units.
    "lists": {"deployment": _TEXT},
    # What a policy has to allow: `giver` is empty in a mint and a recovery, `taker` in a request.
    "handed": {
        **{"event": _PLACE, "deployment": _TEXT, "class_id": _TEXT, "giver": _TEXT, "taker": _TEXT, "units": _WHOLE},
        **{"time": _TIME},
    },
}

Row = tuple[Any, ...]
Placed = tuple[int, ChainView, ChainEvent]


def add_powers(rows: dict[str, list[Row]], events: Sequence[tuple[ChainView, ChainEvent]]) -> None:
    by_view: dict[str, list[Placed]] = defaultdict(list)
    for index, (view, event) in enumerate(events):
        by_view[str(view.deployment)].append((index, view, event))
    for deployment, placed in by_view.items():
        for index, view, event in placed:
            _add_event(rows, index, deployment, _time(view, event), event)
        _add_spent(rows["spent"], deployment, placed)
        _add_handed(rows, deployment, placed)


def _time(view: ChainView, event: ChainEvent) -> int:
    return view.block_times.get(event.place.block, view.stamp.timestamp)


def _add_event(rows: dict[str, list[Row]], index: int, deployment: str, time: int, event: ChainEvent) -> None:
    at = (index, deployment)
    match event:
        case seen.ClassCreated(terms=terms) if terms:
            seconds = (terms.request_deadline_seconds, terms.challenge_seconds, terms.statement_seconds)
            rows["terms"].append((*at, event.class_id, *seconds))
        case seen.ReserveStated():
            rows["reserves"].append((*at, event.class_id, event.as_of, event.locked))
        case seen.RequestCalledBack():
            rows["ends"].append((*at, event.request_id, "called back", time))
        case seen.RequestRefused():
            rows["ends"].append((*at, event.request_id, "refused", time))
        case seen.RequestReturned():
            rows["ends"].append((*at, event.request_id, "returned", time))
        case seen.Frozen():
            rows["freezes"].append((*at, event.account, event.until))
        case seen.Listed():
            rows["listings"].append((*at, event.account, event.listed))
        case seen.PowerChanged():
            _add_power(rows, index, deployment, time, event)


def _add_power(rows: dict[str, list[Row]], index: int, deployment: str, time: int, event: seen.PowerChanged) -> None:
    for power, account, previous, change in _changes(event):
        what = (power, account, previous, change, bool(event.by), time)
        rows["powers"].append((index, deployment, event.of_policy, *what))
    rows["callers"] += [(index, caller) for caller in event.by]
    match event:
        case seen.AllowanceSet():
            rows["allowances"].append((index, deployment, OPERATOR, event.operator, event.units_per_day, time))
        case seen.ClassAllowanceSet():
            rows["allowances"].append((index, deployment, CLASS, event.class_id, event.units_per_day, time))


def _changes(event: seen.PowerChanged) -> list[tuple[str, str, str, str]]:
    match event:
        case seen.AllowanceSet():
            return [("operator", event.operator, "", f"{event.units_per_day} units a day")]
        case seen.ClassAllowanceSet():
            return [("allowance of class", event.class_id, "", f"{event.units_per_day} units a day")]
        case seen.GuardianSet():
            return [("guardian", event.account, "", _given(event.enabled))]
        case seen.ListerSet():
            return [("lister", event.account, "", _given(event.enabled))]
        case seen.OwnershipTransferred():
            return [("owner", event.account, event.previous, f"given by {event.previous}")]
        case seen.AttestersSet():
            added = [(f"attester of {event.registry}", one, "", _given(True)) for one in event.added]
            removed = [(f"attester of {event.registry}", one, "", _given(False)) for one in event.removed]
            return [*added, *removed, (f"threshold of {event.registry}", str(event.threshold), "", "set")]
        case _:
            raise AssertionError(f"{type(event).__name__} is no power")


def _given(enabled: bool) -> str:
    return "given" if enabled else "taken away"


def _add_spent(rows: list[Row], deployment: str, placed: Sequence[Placed]) -> None:
    """Mints of bounded classes; and of operators, whom the movement of the units in the same transaction names."""
    bounded = {event.class_id for _, _, event in placed if isinstance(event, seen.ClassAllowanceSet)}
    named = any(isinstance(event, seen.AllowanceSet) for _, _, event in placed)
    if not bounded and not named:
        return
    operators = _operators(placed) if named else {}
    for index, view, event in placed:
        if isinstance(event, seen.Minted):
            r = event.range
            what = (event.class_id, r.space, r.first, r.last, _time(view, event))
            if event.class_id in bounded:
                rows.append((index, deployment, CLASS, event.class_id, *what))
            if operator := operators.get((event.place.transaction, event.class_id)):
                rows.append((index, deployment, OPERATOR, operator, *what))


def _operators(placed: Sequence[Placed]) -> dict[tuple[str, str], str]:
    return {
        (event.place.transaction, event.class_id): event.operator
        for _, _, event in placed
        if isinstance(event, seen.Transferred) and event.sender == ZERO_ADDRESS and event.operator
    }


def _add_handed(rows: dict[str, list[Row]], deployment: str, placed: Sequence[Placed]) -> None:
    frozen = {event.account for _, _, event in placed if isinstance(event, seen.Frozen)}
    listed = placed[0][1].keeps_list or any(isinstance(event, seen.Listed) for _, _, event in placed)
    if listed:
        rows["lists"].append((deployment,))
    if not frozen and not listed:
        return
    known = _Known(placed)
    for index, view, event in placed:
        for class_id, giver, taker, units in known.handed(event):
            if giver in frozen or (listed and taker):
                rows["handed"].append((index, deployment, class_id, giver, taker, units, _time(view, event)))


class _Known:
    """What other events say of a movement: its request's or order's class and holder, and what a recovery moved."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        events = [event for _, _, event in placed]
        self.contract = placed[0][1].deployment.contract
        self.requests = {e.request_id: e for e in events if isinstance(e, seen.RequestOpened)}
        self.orders = {e.recovery_id: e for e in events if isinstance(e, seen.RecoveryOrdered)}
        self.recovered = {(e.place.transaction, e.sender, e.to) for e in events if isinstance(e, seen.Recovered)}

    def handed(self, event: ChainEvent) -> list[tuple[str, str, str, int]]:
        """Class, giver, taker and units of what a policy is asked about."""
        match event:
            case seen.Minted():
                return [(event.class_id, "", event.recipient, event.range.units)]
            case seen.RequestOpened():
                return [(event.class_id, event.holder, "", event.units)]
            case seen.RequestReturned() if event.request_id in self.requests:
                request = self.requests[event.request_id]
                to_another = event.to != request.holder and event.units
                return [(request.class_id, request.holder, event.to, event.units)] if to_another else []
            case seen.Recovered() if event.recovery_id in self.orders:
                return [(self.orders[event.recovery_id].class_id, "", event.to, event.units)]
            case seen.Transferred() if self._is_transfer(event):
                return [(event.class_id, event.sender, event.to, event.units)]
            case _:
                return []

    def _is_transfer(self, event: seen.Transferred) -> bool:
        own = {ZERO_ADDRESS, self.contract} & {event.sender, event.to}
        return not own and (event.place.transaction, event.sender, event.to) not in self.recovered
