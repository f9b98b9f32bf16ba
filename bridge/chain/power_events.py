"""Events about powers and about who may hold units, as facts: the contract's own and its policy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.domain.observed import (
    AllowanceSet,
    AttestersSet,
    ChainEvent,
    ClassAllowanceSet,
    Frozen,
    GuardianSet,
    Listed,
    ListerSet,
    OwnershipTransferred,
    Place,
    ReserveStated,
)
from bridge.domain.values import hex32

EventReader = Callable[[Place, dict[str, Any]], list[ChainEvent]]


def _reserve_stated(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    facts = {"sequence": a["sequence"], "as_of": a["asOf"], "locked": a["locked"]}
    return [ReserveStated(place=place, class_id=hex32(a["classId"]), **facts)]


def _allowance_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [AllowanceSet(place=place, operator=a["operator"], units_per_day=a["unitsPerDay"])]


def _class_allowance_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [ClassAllowanceSet(place=place, class_id=hex32(a["classId"]), units_per_day=a["unitsPerDay"])]


def _attesters_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    sets = {"added": a["added"], "removed": a["removed"], "threshold": a["threshold"]}
    return [AttestersSet(place=place, registry=bytes(a["registry"]).rstrip(b"\0").decode("ascii"), **sets)]


def _guardian_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [GuardianSet(place=place, account=a["account"], enabled=a["enabled"])]


def _lister_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [ListerSet(place=place, account=a["account"], enabled=a["enabled"], of_policy=True)]


def _ownership_transferred(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [OwnershipTransferred(place=place, previous=a["previousOwner"], account=a["newOwner"])]


def _policys(read: EventReader) -> EventReader:
    """The same event of the policy, which has an owner and guardians of its own."""
    return lambda place, a: [event.model_copy(update={"of_policy": True}) for event in read(place, a)]


def _frozen(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [Frozen(place=place, account=a["account"], until=a["until"])]


def _listed(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [Listed(place=place, account=a["account"], listed=a["listed"])]


POWER_READERS: Mapping[str, EventReader] = {
    "ReserveStated": _reserve_stated,
    "AllowanceSet": _allowance_set,
    "ClassAllowanceSet": _class_allowance_set,
    "AttestersSet": _attesters_set,
    "GuardianSet": _guardian_set,
    "OwnershipTransferred": _ownership_transferred,
}

POLICY_READERS: Mapping[str, EventReader] = {
    "Frozen": _frozen,
    "Listed": _listed,
    "ListerSet": _lister_set,
    "GuardianSet": _policys(_guardian_set),
    "OwnershipTransferred": _policys(_ownership_transferred),
}
