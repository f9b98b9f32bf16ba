"""CAD Trust's units as a canonical statement: every row is taken, or refused with its reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.values import RegistryCode
from bridge.registry.cad_trust.client import CadTrustClient
from bridge.registry.cad_trust.place import CadTrust
from bridge.registry.cad_trust.units import Block, Placed, Unit, read_units
from bridge.registry.statements.canonical import CanonicalRow, Head, RejectedRow

_SOURCE = "/v1/units"
_STATES = {
    "Held": SerialState.HELD,
    "Buffer": SerialState.HELD,
    "Pending Export": SerialState.HELD,
    "Retired": SerialState.RETIRED,
    "Cancelled": SerialState.CANCELLED,
    "Expired": SerialState.CANCELLED,
    "Exported": SerialState.CANCELLED,
}


class StatementRead(NamedTuple):
    head: Head
    rows: Sequence[CanonicalRow]
    refused: Sequence[RejectedRow]


def read_statement(
    client: CadTrustClient, programme: RegistryCode, place: CadTrust, kg_per_unit: int, as_of: int
) -> StatementRead:
    """All units of the organisation now. Raises as the client."""
    found = client.units()
    lines = {str(row.get("warehouseUnitId")): number for number, row in enumerate(found, start=1)}
    placed, unreadable = read_units(found, programme, place.counter, place.org_uid)
    rows = []
    refused = [_refused(lines.get(one.unit_id, 0), one.reason, one.content) for one in unreadable]
    for one in placed:
        line = lines[one.unit.warehouse_unit_id]
        if one.unit.unit_status in _STATES:
            rows.append(_row(one, line, programme, kg_per_unit, as_of))
        else:
            reason = f"unit status {one.unit.unit_status!r} is none of {', '.join(_STATES)}"
            refused.append(_refused(line, reason, one.unit.model_dump_json(by_alias=True)))
    rows.sort(key=lambda row: row.line)
    refused.sort(key=lambda row: row.line)
    head = Head(
        registry=programme,
        kind="units",
        file=_SOURCE,
        sha256=_seal(found),
        as_of=as_of,
        read=len(found),
        taken=len(rows),
        refused=len(refused),
        rows=len(rows),
        units=sum(row.units for row in rows),
        kg=sum(row.kg for row in rows),
    )
    return StatementRead(head, rows, refused)


def _row(one: Placed, line: int, programme: RegistryCode, kg_per_unit: int, as_of: int) -> CanonicalRow:
    unit, block = one.unit, one.block
    project = (unit.issuance.warehouse_project_id if unit.issuance else None) or ""
    state = _STATES[unit.unit_status]
    return CanonicalRow(
        registry=programme,
        project=project,
        vintage=unit.vintage_year,
        credit_type=unit.unit_type,
        space=block.key,
        space_kind="counter",
        space_id=block.range.space,
        first=block.range.first,
        last=block.range.last,
        units=block.range.units,
        kg=block.range.units * kg_per_unit,
        kg_per_unit=kg_per_unit,
        class_id=_class_of(unit, project, programme, kg_per_unit),
        state=state,
        status=unit.unit_status,
        holder=unit.unit_owner or "",
        purpose="" if state is SerialState.HELD else unit.unit_status_reason or "",
        as_of=as_of,
        form=_form(block),
        file=_SOURCE,
        line=line,
    )


def _class_of(unit: Unit, project: str, programme: RegistryCode, kg_per_unit: int) -> str:
    """None where no project is named."""
    if not project:
        return ""
    return CreditClass(
        registry=programme,
        project=project,
        vintage=unit.vintage_year,
        credit_type=unit.unit_type,
        kg_per_unit=kg_per_unit,
    ).id


def _form(block: Block) -> str:
    letters = block.letters.replace("{", "{{").replace("}", "}}")
    digits = f":0{block.width}d" if block.width else ""
    return f"{letters}{{first{digits}}}-{letters}{{last{digits}}}"


def _refused(line: int, reason: str, content: str) -> RejectedRow:
    return RejectedRow(line=line, reason=reason, content=content, file=_SOURCE)


def _seal(rows: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
