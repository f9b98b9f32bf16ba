"""What happened on chain as flat rows, one function an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.domain import observed as seen
from bridge.domain.attestations import Deployment
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import ChainEvent
from bridge.domain.values import ZERO_ADDRESS
from bridge.reconcile.evidence import ChainView

MINT, RETIRE, REDEEM, REVERSE = "mint", "retire", "redeem", "reverse"
OFFERED, TAKEN, WITHDRAWN = "offered", "taken", "withdrawn"
ORDERED, VETOED, RECOVERED = "ordered", "vetoed", "recovered"

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]


def _time(view: ChainView, event: ChainEvent) -> int:
    return view.block_times.get(event.place.block, view.stamp.timestamp)


def _space(rows: Rows, index: int, view: ChainView, event: seen.SpaceRegistered) -> None:
    rows["spaces"].append((index, str(view.deployment), event.space, event.registry, event.kind == event.kind.BATCH))


def _class(rows: Rows, index: int, view: ChainView, event: seen.ClassCreated) -> None:
    rows["classes"].append((index, str(view.deployment), event.class_id, event.registry, event.kg_per_unit))


def _mint(rows: Rows, index: int, view: ChainView, event: seen.Minted) -> None:
    r = event.range
    head = (len(rows["moves"]), index, str(view.deployment), MINT, event.lock_id, event.class_id)
    rows["moves"].append((*head, r.space, r.first, r.last, event.recipient, _time(view, event)))


def _open(rows: Rows, index: int, view: ChainView, event: seen.RequestOpened) -> None:
    head = (index, str(view.deployment), event.request_id, event.class_id)
    what, time = what_is_asked(event.kind), _time(view, event)
    rows["requests"].append((*head, what, event.units, event.deadline, event.holder, time))


def _settle(rows: Rows, index: int, view: ChainView, event: seen.OutcomeSettled) -> None:
    deployment, time = str(view.deployment), _time(view, event)
    units = sum(r.units for r in event.ranges)
    rows["steps"].append((index, deployment, event.request_id, event.class_id, "settled", units, event.remaining))
    for r in event.ranges:
        head = (len(rows["moves"]), index, deployment, what_is_asked(event.kind), event.request_id, event.class_id)
        rows["moves"].append((*head, r.space, r.first, r.last, "", time))


def _refuse(rows: Rows, index: int, view: ChainView, event: seen.RequestRefused) -> None:
    rows["steps"].append((index, str(view.deployment), event.request_id, "", "refused", 0, event.units))


def _call_back(rows: Rows, index: int, view: ChainView, event: seen.RequestCalledBack) -> None:
    rows["steps"].append((index, str(view.deployment), event.request_id, "", "called back", 0, event.units))


def _return(rows: Rows, index: int, view: ChainView, event: seen.RequestReturned) -> None:
    rows["steps"].append((index, str(view.deployment), event.request_id, "", "returned", event.units, None))


def _transfer(rows: Rows, index: int, view: ChainView, event: seen.Transferred) -> None:
    issued = event.units if event.sender == ZERO_ADDRESS else 0
    burned = event.units if event.to == ZERO_ADDRESS else 0
    if issued or burned:
        rows["supply"].append((index, str(view.deployment), event.class_id, issued, burned, _time(view, event)))
    received = event.units if event.to == view.deployment.contract else 0
    given = event.units if event.sender == view.deployment.contract else 0
    if received or given:
        rows["own"].append((index, str(view.deployment), event.class_id, received, given))


def add_transfers(rows: list[Row], events: Sequence[tuple[ChainView, ChainEvent]]) -> None:
    """Nothing forbids the others, which are most of all that happens."""
    closed: set[tuple[Deployment, str]] = set()
    for index, (view, event) in enumerate(events):
        if isinstance(event, seen.Quarantined | seen.Reversed):
            closed.add((view.deployment, event.class_id))
        elif not closed or not isinstance(event, seen.Transferred) or ZERO_ADDRESS in (event.sender, event.to):
            continue
        elif (view.deployment, event.class_id) in closed:
            rows.append((index, str(view.deployment), event.class_id, event.units, _time(view, event)))


def _retired(rows: Rows, index: int, view: ChainView, event: seen.CreditRetired) -> None:
    rows["retired"].append((index, str(view.deployment), event.class_id, event.account, event.units))


def _reverse(rows: Rows, index: int, view: ChainView, event: seen.Reversed) -> None:
    deployment, time = str(view.deployment), _time(view, event)
    units = sum(r.units for r in event.ranges)
    rows["shortfalls"].append((index, deployment, event.class_id, units, 0, event.shortfall))
    for r in event.ranges:
        head = (len(rows["moves"]), index, deployment, REVERSE, event.event_id, event.class_id)
        rows["moves"].append((*head, r.space, r.first, r.last, "", time))


def _offer(rows: Rows, index: int, view: ChainView, event: seen.CoverOffered) -> None:
    head = (index, str(view.deployment), event.cover_id, OFFERED, event.units)
    rows["covers"].append((*head, event.lock_id, event.short_class_id))


def _take(rows: Rows, index: int, view: ChainView, event: seen.CoverTaken) -> None:
    deployment = str(view.deployment)
    rows["covers"].append((index, deployment, event.cover_id, TAKEN, event.units, "", event.short_class_id))
    rows["shortfalls"].append((index, deployment, event.short_class_id, 0, event.units, event.shortfall))


def _withdraw(rows: Rows, index: int, view: ChainView, event: seen.CoverWithdrawn) -> None:
    rows["covers"].append((index, str(view.deployment), event.cover_id, WITHDRAWN, event.units, "", ""))


def _quarantine(rows: Rows, index: int, view: ChainView, event: seen.Quarantined) -> None:
    rows["quarantines"].append((index, str(view.deployment), event.class_id, event.until))


def _order(rows: Rows, index: int, view: ChainView, event: seen.RecoveryOrdered) -> None:
    head = (index, str(view.deployment), event.recovery_id, ORDERED, event.sender, event.to)
    rows["recoveries"].append((*head, event.class_id, event.units, event.matures_at, _time(view, event)))


def _veto(rows: Rows, index: int, view: ChainView, event: seen.RecoveryVetoed) -> None:
    head = (index, str(view.deployment), event.recovery_id, VETOED, "", "")
    rows["recoveries"].append((*head, "", 0, None, _time(view, event)))


def _recover(rows: Rows, index: int, view: ChainView, event: seen.Recovered) -> None:
    head = (index, str(view.deployment), event.recovery_id, RECOVERED, event.sender, event.to)
    rows["recoveries"].append((*head, "", event.units, None, _time(view, event)))


EVENTS: Mapping[type[ChainEvent], Callable[[Rows, int, ChainView, Any], None]] = {
    seen.SpaceRegistered: _space,
    seen.ClassCreated: _class,
    seen.Minted: _mint,
    seen.RequestOpened: _open,
    seen.OutcomeSettled: _settle,
    seen.RequestRefused: _refuse,
    seen.RequestCalledBack: _call_back,
    seen.RequestReturned: _return,
    seen.CreditRetired: _retired,
    seen.Reversed: _reverse,
    seen.CoverOffered: _offer,
    seen.CoverTaken: _take,
    seen.CoverWithdrawn: _withdraw,
    seen.Quarantined: _quarantine,
    seen.RecoveryOrdered: _order,
    seen.RecoveryVetoed: _veto,
    seen.Recovered: _recover,
    seen.Transferred: _transfer,
}


def what_is_asked(kind: Kind) -> str:
    return RETIRE if kind is Kind.RETIREMENT else REDEEM
