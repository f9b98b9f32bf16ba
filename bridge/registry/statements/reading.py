"""Reads one row by a layout, and says of each row that it refuses which column is wrong and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from bridge.domain.credit_class import CreditClass
from bridge.domain.values import faults
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.canonical import MOST_KG, CanonicalRow
from bridge.registry.statements.grammar import Cell, Layout
from bridge.registry.statements.serial import Numbering, Serial, Unnumbered


class WrongRow(MalformedInput):
    """A row that is refused; `column` is empty where no single one is at fault."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.column = column


def read_row(
    layout: Layout, row: Mapping[str, str], about: Mapping[str, Any], lenient: bool = False
) -> list[CanonicalRow]:
    """One canonical row a serial: some registries list several in one cell. `about` is what the whole file shares, and
    the row's line. Raises WrongRow."""
    if layout.states_none:
        raise WrongRow(layout.states_none)
    found = [_serial(layout, row, text, lenient) for text in _listed(layout, row)]
    stated = _cell(layout.units, row)
    cells = {name: _cell(cell, row) for name, cell in layout.cells.items()}
    counted = [read.range.units if isinstance(read, Serial) else stated for read, _ in found]
    if sum(counted) != stated:
        which = ", ".join(str(read.range) for read, _ in found if isinstance(read, Serial))
        quantity = ", ".join(repr(row[column]) for column in layout.units.columns)
        raise WrongRow(f"quantity {quantity} is not the {sum(counted)} serials of {which}", layout.units.columns[0])
    return [
        _row(read, units, mends, cells, {**about, "part": part})
        for part, ((read, mends), units) in enumerate(zip(found, counted, strict=True), start=1)
    ]


def facts_of(read: Numbering, cells: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical columns that follow from a spelling; `cells` fill in what it does not state."""
    space = read.space
    return {
        "registry": space.registry,
        "space": space.key,
        "space_kind": space.kind.name.lower(),
        "space_id": space.id,
        "kg_per_unit": read.kg_per_unit,
        "class_id": _class_id(space.registry, read.project, read.vintage, read.credit_type, read.kg_per_unit),
        "project": read.project,
        "vintage": read.vintage,
        "credit_type": read.credit_type,
        "country": read.country or cells.get("country", ""),
        "vintage_from": read.vintage_from or cells.get("vintage_from"),
        "vintage_to": read.vintage_to or cells.get("vintage_to"),
        "form": read.form,
    }


@lru_cache(2**16)
def _class_id(registry: str, project: str, vintage: int | None, credit_type: str, kg_per_unit: int) -> str:
    if vintage is None:
        return ""
    try:
        named = CreditClass(
            registry=registry, project=project, vintage=vintage, credit_type=credit_type, kg_per_unit=kg_per_unit
        )
    except ValidationError as error:
        raise WrongRow(f"the serial names no credit class: {faults(error, 'class')}") from error
    return named.id


def _listed(layout: Layout, row: Mapping[str, str]) -> Sequence[str]:
    return fields.listed(row[layout.serial.columns[0]])


def _serial(layout: Layout, row: Mapping[str, str], text: str, lenient: bool) -> tuple[Serial | Unnumbered, str]:
    """And what was mended in it, by name."""
    rest = [row[column] for column in layout.serial.columns[1:]]
    try:
        return layout.serial.read(text, *rest), ""
    except MalformedInput as error:
        if lenient and layout.mended is not None:
            try:
                mended = layout.mended(text, *rest)
            except MalformedInput:
                pass
            else:
                return mended.guess, ", ".join(mended.mends)
        raise WrongRow(str(error), layout.serial.columns[0]) from error


def _cell(cell: Cell, row: Mapping[str, str]) -> Any:
    try:
        return cell.read(*(row[column] for column in cell.columns))
    except MalformedInput as error:
        raise WrongRow(str(error), cell.columns[0]) from error


def _row(
    read: Serial | Unnumbered, units: int, mends: str, cells: Mapping[str, Any], about: Mapping[str, Any]
) -> CanonicalRow:
    facts = facts_of(read, cells)
    kg = units * facts["kg_per_unit"]
    if not 0 < kg <= MOST_KG:
        raise WrongRow(f"{units} units of {facts['kg_per_unit']} kg are no block of credits")
    ends = (read.range.first, read.range.last) if isinstance(read, Serial) else (None, None)
    # Built, not validated: what is in it was validated when it was read, and rows are many.
    return CanonicalRow.model_construct(
        **{**cells, **facts, **about}, first=ends[0], last=ends[1], units=units, kg=kg, mends=mends
    )
