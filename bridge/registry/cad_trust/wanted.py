"""What an act wants of units, and the next writes that bring it about: from what is read alone, so that the same look
always leads to the same writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bridge.domain.serials import coalesce, subtract
from bridge.errors import BridgeError, Halted, RegistryRefused
from bridge.registry.cad_trust.client import StagedRow
from bridge.registry.cad_trust.place import mark_of, marks_of
from bridge.registry.cad_trust.units import HELD, RETIRED, Placed, Unit, pieces, split_records
from bridge.registry.counterpart import ForeignAct, Verb

_COMPARED = (
    *("unitBlockStart", "unitBlockEnd", "unitCount", "unitStatus", "unitStatusReason", "unitOwner"),
    *("marketplace", "marketplaceIdentifier"),
)
Content = list[tuple[Any, ...]]


class Write(NamedTuple):
    """One row of staging: the unit that it replaces, what is sent, and what then stands staged."""

    unit_id: str
    records: Sequence[dict[str, Any]] | None  # of a split; else `body` is of an update
    body: dict[str, Any]
    staged: Content


def covering(act: ForeignAct, placed: Sequence[Placed]) -> list[Placed]:
    """The units that hold the act's serials, rising. Raises unless they hold them all: Halted where there is something
    to lose, RegistryRefused for serials that were never taken."""
    found = sorted(
        (one for one in placed if any(one.block.range.overlaps(span) for span in act.ranges)),
        key=lambda one: one.block.range.key,
    )
    for span in act.ranges:
        if missing := subtract(span, [one.block.range for one in found]):
            raise _no(act, f"serials {missing[0]} stand in no unit that can be read")
    return found


def wanted(act: ForeignAct, marketplace: str) -> dict[str, str | None]:
    """The fields that its units have when it is done."""
    match act.verb:
        case Verb.TAKE:
            return {"marketplace": marketplace, "marketplaceIdentifier": mark_of(act.deployment, act.subject)}
        case Verb.GIVE_BACK:
            return {"marketplace": None, "marketplaceIdentifier": None}
        case Verb.RETIRE:
            return {"unitStatus": RETIRED, "unitStatusReason": reason(act)}
        case Verb.HAND_OVER:
            return {"unitOwner": act.account, "marketplace": None, "marketplaceIdentifier": None}


def reason(act: ForeignAct) -> str:
    """Names the beneficiary, for whom CAD Trust has no field, and the request, which makes it ours."""
    purpose = f", {act.purpose}" if act.purpose else ""
    return f"Retired for {act.beneficiary}{purpose} (request {act.subject})"


def is_done(act: ForeignAct, unit: Unit, marketplace: str) -> bool:
    row = unit.model_dump(by_alias=True)
    if act.verb is not Verb.RETIRE and unit.unit_status != HELD:
        return False
    return all(row[name] == value for name, value in wanted(act, marketplace).items())


def next_writes(act: ForeignAct, placed: Sequence[Placed], marketplace: str) -> list[Write]:
    """At most one a unit; none when the act is done. A unit with serials beyond the act's is split first, and changed
    when the split has been confirmed. Raises as `covering`, and for units that are not as the act presumes."""
    writes = []
    for one in covering(act, placed):
        parts = pieces(one.block.range, coalesce(act.ranges))
        if len(parts) == 1 and is_done(act, one.unit, marketplace):
            continue
        if objection := _objection(act, one.unit):
            raise _no(act, f"unit {one.unit.warehouse_unit_id} ({one.block.range}) {objection}")
        writes.append(_split(one, split_records(one, parts)) if len(parts) > 1 else _update(act, one, marketplace))
    return writes


def content_of(row: StagedRow) -> Content:
    return [tuple(record.get(name) for name in _COMPARED) for record in row.change]


def is_idle(row: StagedRow, placed: Sequence[Placed]) -> bool:
    """Whether the row says what the unit already is: a late double of a write, which changes nothing."""
    own = [_content(one.unit.model_dump(by_alias=True)) for one in placed if one.unit.warehouse_unit_id == row.uuid]
    return bool(own) and content_of(row) == own


def _objection(act: ForeignAct, unit: Unit) -> str:
    """Why the act does not touch this unit."""
    mark = unit.marketplace_identifier
    if unit.unit_status != HELD:
        return f"is {unit.unit_status} ({unit.unit_status_reason or 'no reason given'})"
    if act.verb is Verb.TAKE:
        if mark:
            return f"is tokenized already, as {mark}"
        return "" if unit.unit_owner == act.account else f"belongs to {unit.unit_owner!r}, not to {act.account!r}"
    if act.verb is Verb.GIVE_BACK:
        return "" if mark == mark_of(act.deployment, act.subject) else f"is marked {mark!r}, not for this lock"
    return "" if (mark or "").startswith(marks_of(act.deployment)) else f"is marked {mark!r}, not for this deployment"


def _no(act: ForeignAct, why: str) -> BridgeError:
    if act.verb is Verb.TAKE:
        return RegistryRefused(f"{act.what}: {why}; nothing is taken")
    return Halted(f"{act.what} cannot be carried out: {why}; find out who changed it in CAD Trust")


def _split(one: Placed, records: list[dict[str, Any]]) -> Write:
    row = one.unit.model_dump(by_alias=True)
    staged = [tuple((row | record)[name] for name in _COMPARED) for record in records]
    return Write(one.unit.warehouse_unit_id, records, {}, staged)


def _update(act: ForeignAct, one: Placed, marketplace: str) -> Write:
    body = one.unit.body(**wanted(act, marketplace))
    return Write(one.unit.warehouse_unit_id, None, body, [_content(body)])


def _content(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _COMPARED)
