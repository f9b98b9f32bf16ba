"""Units as CAD Trust has them, and the serials that they stand for.

Its block numbers are free text and its counts are compared with nothing, so each row is checked here: a row whose
block, count and numbering do not agree, or that shares serials with another, is a finding and is never acted upon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind, subtract
from bridge.domain.values import Fact, RegistryCode
from bridge.errors import MalformedInput
from bridge.registry.statements import fields

HELD, RETIRED = "Held", "Retired"
_NUMBER = re.compile(r"(?P<letters>.*?)(?P<digits>[0-9]{1,20})")


class _FromAbroad(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Issuance(_FromAbroad):
    id: str | None = None
    warehouse_project_id: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    verification_approach: str | None = None
    verification_body: str | None = None
    verification_report_date: str | None = None


class Unit(_FromAbroad):
    """A row of `/v1/units`. What is not named here is not read, and cannot be written either."""

    warehouse_unit_id: str = Field(min_length=1, max_length=200)
    org_uid: str | None = None
    project_location_id: str | None = None
    unit_owner: str | None = None
    country_jurisdiction_of_owner: str
    in_country_jurisdiction_of_owner: str | None = None
    unit_block_start: str
    unit_block_end: str
    unit_count: int = Field(strict=True)
    vintage_year: int
    unit_type: str
    marketplace: str | None = None
    marketplace_link: str | None = None
    marketplace_identifier: str | None = None
    unit_tags: str | None = None
    unit_status: str
    unit_status_reason: str | None = None
    unit_registry_link: str
    corresponding_adjustment_declaration: str
    corresponding_adjustment_status: str
    issuance: Issuance | None = None
    labels: tuple[dict[str, Any], ...] = ()

    def body(self, **changes: str | None) -> dict[str, Any]:
        """The whole row as `PUT /v1/units` takes it, which replaces all of it: with what is left out the issuance and
        labels would be lost."""
        row = self.model_dump(by_alias=True, exclude={"org_uid", "issuance", "labels"}) | changes
        if self.issuance is not None:
            row["issuance"] = self.issuance.model_dump(by_alias=True, exclude_none=True)
        if self.labels:
            row["labels"] = [
                {name: label[name] for name in _LABEL if label.get(name) is not None} for label in self.labels
            ]
        return row


_LABEL = (
    *("id", "label", "labelType", "creditingPeriodStartDate", "creditingPeriodEndDate"),
    *("validityPeriodStartDate", "validityPeriodEndDate", "unitQuantity", "labelLink"),
)


class Block(Fact):
    """A unit's serials, and how their numbers are spelt: letters before them, and digits with leading zeros or without
    (`width` zero). `key` names the numbering."""

    key: str
    letters: str
    width: int
    range: SerialRange

    def spelt(self, number: int) -> str:
        return f"{self.letters}{number:0{self.width}d}" if self.width else f"{self.letters}{number}"


class Placed(NamedTuple):
    """A unit whose serials are known."""

    unit: Unit
    block: Block


class Unreadable(Fact):
    """A row that stands for no serials that can be told."""

    unit_id: str
    reason: str
    content: str


def block_of(unit: Unit, programme: RegistryCode, counter: str) -> Block:
    """Raises MalformedInput when start, end and count do not name the same serials."""
    start, end = (_NUMBER.fullmatch(text.strip()) for text in (unit.unit_block_start, unit.unit_block_end))
    if start is None or end is None:
        raise MalformedInput(f"block {unit.unit_block_start!r} to {unit.unit_block_end!r} ends in no number")
    if start["letters"] != end["letters"]:
        raise MalformedInput(f"block {unit.unit_block_start!r} to {unit.unit_block_end!r} is of two numberings")
    padded = any(one["digits"].startswith("0") for one in (start, end))
    if padded and len(start["digits"]) != len(end["digits"]):
        raise MalformedInput(f"block {unit.unit_block_start!r} to {unit.unit_block_end!r} is padded in two ways")
    key = fields.canonical(start["letters"]).strip("-. ") or counter
    if not re.fullmatch(r"[A-Z0-9][A-Z0-9+.-]*", key):
        raise MalformedInput(f"the letters of block {unit.unit_block_start!r} name no numbering")
    space = SerialSpace(registry=programme, kind=SpaceKind.COUNTER, key=key)
    numbers = (one["digits"].lstrip("0") for one in (start, end))
    block = Block(
        key=key,
        letters=start["letters"],
        width=len(start["digits"]) if padded else 0,
        range=fields.serial_range(space, *numbers),
    )
    if unit.unit_count != block.range.units:
        raise MalformedInput(f"it counts {unit.unit_count} units and names {block.range.units} serials")
    return block


def read_units(
    rows: Iterable[Mapping[str, Any]], programme: RegistryCode, counter: str, org_uid: str
) -> tuple[list[Placed], list[Unreadable]]:
    """Every row is placed or unreadable. Rows that share serials are all unreadable: nobody can say which is right."""
    placed: list[Placed] = []
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            unit = _unit_of(row, org_uid)
            placed.append(Placed(unit, block_of(unit, programme, counter)))
        except (MalformedInput, ValidationError) as error:
            unreadable.append(_unreadable(row, error))
    shared = _sharing(placed)
    unreadable += [
        Unreadable(
            unit_id=one.unit.warehouse_unit_id,
            reason=f"serials of {one.block.range} stand in another unit too",
            content=one.unit.model_dump_json(by_alias=True),
        )
        for one in shared
    ]
    return [one for one in placed if one not in shared], unreadable


def _unit_of(row: Mapping[str, Any], org_uid: str) -> Unit:
    unit = Unit.model_validate(row)
    if unit.org_uid != org_uid:
        raise MalformedInput(f"it is of organisation {unit.org_uid!r}")
    return unit


def _sharing(placed: Sequence[Placed]) -> list[Placed]:
    ordered = sorted(placed, key=lambda one: one.block.range.key)
    found: list[Placed] = []
    reach: Placed | None = None
    for one in ordered:
        if reach and reach.block.range.overlaps(one.block.range):
            found += [each for each in (reach, one) if each not in found]
        if (
            reach is None
            or one.block.range.space != reach.block.range.space
            or (one.block.range.last > reach.block.range.last)
        ):
            reach = one
    return found


def _unreadable(row: Mapping[str, Any], error: MalformedInput | ValidationError) -> Unreadable:
    if isinstance(error, ValidationError):
        reason = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    else:
        reason = str(error)
    return Unreadable(unit_id=str(row.get("warehouseUnitId", ""))[:200], reason=reason, content=repr(row)[:2000])


# ------------------------------------------------------------------------------------------------- splitting


def pieces(block: SerialRange, wanted: Iterable[SerialRange]) -> list[SerialRange]:
    """The block cut where the wanted serials begin and end: rising, disjoint, and complete."""
    inside = [
        SerialRange(space=block.space, first=max(block.first, one.first), last=min(block.last, one.last))
        for one in wanted
        if one.overlaps(block)
    ]
    return sorted([*inside, *subtract(block, inside)], key=lambda one: one.key)


def split_records(placed: Placed, parts: Sequence[SerialRange]) -> list[dict[str, Any]]:
    """The records of `/v1/units/split`. CAD Trust compares sums of counts alone, so the parts are compared here. Raises
    MalformedInput unless they are disjoint and complete."""
    whole, after = placed.block.range, placed.block.range.first
    for part in sorted(parts, key=lambda one: one.key):
        if part.space != whole.space or part.first != after:
            raise MalformedInput(f"parts of {whole} leave out or repeat serials at {min(after, part.first)}")
        after = part.last + 1
    if after != whole.last + 1 or len(parts) < 2:
        raise MalformedInput(f"parts of {whole} end at {after - 1}")
    return [
        {
            "unitCount": part.units,
            "unitBlockStart": placed.block.spelt(part.first),
            "unitBlockEnd": placed.block.spelt(part.last),
        }
        for part in parts
    ]
