"""What reading an export gives: every row is either issued or rejected with its reason; none is dropped."""

from __future__ import annotations

from typing import Literal

from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.quantity import Units, parse_units
from bridge.domain.values import Fact, RegistryCode
from bridge.errors import MalformedInput
from bridge.registry.statements.programmes import programme
from bridge.registry.statements.serial import Serial

Fate = Literal[SerialState.HELD, SerialState.RETIRED, SerialState.CANCELLED]


class IssuedRow(Fact):
    """Serials that exist, and what became of them. `line` is the file's physical line where the row starts, `date` the
    day of issuance, retirement or cancellation as ISO text."""

    line: int
    content: str
    serial: Serial
    units: Units
    state: Fate
    beneficiary: str = ""
    purpose: str = ""
    date: str = ""
    project_name: str = ""
    country: str = ""
    methodology: str = ""

    @property
    def credit_class(self) -> CreditClass:
        registry = self.serial.space.registry
        return CreditClass(
            registry=registry,
            project=self.serial.project,
            vintage=self.serial.vintage,
            credit_type=self.serial.credit_type,
            kg_per_unit=programme(registry).kg_per_unit,
            project_name=self.project_name,
            country=self.serial.country or self.country,
            methodology=self.methodology,
        )


class RejectedRow(Fact):
    """A row that was not taken, why, and all of its text."""

    line: int
    reason: str
    content: str


class Export(Fact):
    """One file, read whole. `kind` names which of the programme's files it is."""

    programme: RegistryCode
    kind: str
    rows: tuple[IssuedRow | RejectedRow, ...]

    @property
    def issued(self) -> tuple[IssuedRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, IssuedRow))

    @property
    def rejected(self) -> tuple[RejectedRow, ...]:
        return tuple(row for row in self.rows if isinstance(row, RejectedRow))


def stated_units(serial: Serial, quantity: str) -> Units:
    """The quantity column, which must be the length of the range."""
    units = parse_units(quantity)
    if units != serial.range.units:
        raise MalformedInput(f"quantity {quantity!r} is not the {serial.range.units} serials of {serial.range}")
    return units


def agreeing(serial: Serial, project: str, vintage: str) -> None:
    """Raises when the columns beside a serial contradict it."""
    if project != serial.project:
        raise MalformedInput(f"the serial names project {serial.project}, the column {project!r}")
    if vintage != str(serial.vintage):
        raise MalformedInput(f"the serial names vintage {serial.vintage}, the column {vintage!r}")
