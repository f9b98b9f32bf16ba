"""The one form into which every registry's file is read: what other rooms see of a foreign statement.

A `CanonicalRow` is one block of serials in one state; `COLUMNS` is the same as a table, in Parquet and in JSON. Absent
text is empty, never null; absent numbers and days are null. Nothing is a float.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, NamedTuple

from pydantic import Field, model_validator

from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import RegistryRefused

FORMAT: Final = "carbonbridge-canonical-statement-1"
MOST_KG = 2**64 - 1
"""A block that weighs more is none: the atmosphere holds less."""


class Column(NamedTuple):
    """`type` by Arrow's name."""

    type: str
    meaning: str


COLUMNS: Mapping[str, Column] = {
    "registry": Column("string", "code of the registry that gave out the serials: VERRA, GS, ITL …"),
    "space": Column("string", "the serial space's key within the registry: a counter, or a batch"),
    "space_kind": Column("string", "counter or batch; numbering begins anew in each batch"),
    "space_id": Column("string", "the serial space as contracts and the reconciler know it: 0x and 64 hex digits"),
    "first": Column("uint64", "first serial, included; null where the registry numbers no units"),
    "last": Column("uint64", "last serial, included; null where the registry numbers no units"),
    "units": Column("uint64", "registry units: last - first + 1 where there are serials"),
    "kg": Column("uint64", "kilograms of CO2 equivalent: units × kg_per_unit"),
    "kg_per_unit": Column("uint64", "kilograms of CO2 equivalent of one unit: 1000, 100 or 1"),
    "class_id": Column("string", "the credit class as contracts know it; empty where no vintage is stated"),
    "project": Column("string", "the project's number in the registry, without prefix"),
    "vintage": Column("int32", "the year in which the reductions began; null where it is not stated"),
    "credit_type": Column("string", "VCU, VER, CER …"),
    "country": Column("string", "two letters where the serial states them, else as the file spells it"),
    "project_name": Column("string", "as the file spells it"),
    "methodology": Column("string", "as the file spells it"),
    "state": Column("string", "held, retired or cancelled"),
    "status": Column("string", "the registry's own word for the state, where it has one"),
    "holder": Column("string", "the account that holds the credits, or held them when they ended"),
    "beneficiary": Column("string", "for whom they were retired or cancelled"),
    "purpose": Column("string", "why they were retired or cancelled"),
    "issued_on": Column("date32", "day of issuance"),
    "ended_on": Column("date32", "day of retirement or cancellation"),
    "vintage_from": Column("date32", "first day in which the reductions were made"),
    "vintage_to": Column("date32", "last day in which the reductions were made"),
    "as_of": Column("int64", "seconds since 1970 at which the registry stated this; null where nobody said"),
    "form": Column("string", "the registry's canonical spelling, {first} and {last} standing for the numbers"),
    "mends": Column("string", "what a lenient reading mended, by name; empty for a strict one. Never lock such a row"),
    "file": Column("string", "the source file's name, with #sheet for a workbook"),
    "line": Column("int64", "the source's line, or a sheet's row, on which the row starts; counted from 1"),
    "part": Column("int32", "which serial of that row's list, counted from 1"),
}


class CanonicalRow(Fact):
    """One block of serials, as a registry states it. `COLUMNS` says what each field means."""

    registry: RegistryCode
    space: str
    space_kind: Literal["counter", "batch"]
    space_id: Hex32
    first: int | None = Field(ge=1)
    last: int | None = Field(ge=1)
    units: int = Field(gt=0)
    kg: int = Field(gt=0, le=MOST_KG)
    kg_per_unit: int = Field(gt=0)
    class_id: str = ""
    project: str
    vintage: int | None
    credit_type: str
    country: str = ""
    project_name: str = ""
    methodology: str = ""
    state: SerialState
    status: str = ""
    holder: str = ""
    beneficiary: str = ""
    purpose: str = ""
    issued_on: date | None = None
    ended_on: date | None = None
    vintage_from: date | None = None
    vintage_to: date | None = None
    as_of: int | None = None
    form: str
    mends: str = ""
    file: str = ""
    line: int
    part: int = 1

    @model_validator(mode="after")
    def _consistent(self) -> CanonicalRow:
        if (self.first is None) != (self.last is None):
            raise ValueError("one end of the range is missing")
        if self.first is not None and self.last is not None and self.units != self.last - self.first + 1:
            raise ValueError(f"{self.units} units are not the serials {self.first} to {self.last}")
        if self.kg != self.units * self.kg_per_unit:
            raise ValueError(f"{self.kg} kg are not {self.units} units of {self.kg_per_unit} kg")
        return self

    @property
    def serial_space(self) -> SerialSpace:
        return SerialSpace(registry=self.registry, kind=SpaceKind[self.space_kind.upper()], key=self.space)

    @property
    def range(self) -> SerialRange | None:
        """What can be locked or imported; None where the registry numbers no units. Raises RegistryRefused for serials
        that were mended: they are a guess, and could be somebody else's."""
        if self.mends:
            raise RegistryRefused(f"serial {self.serial!r} was read leniently ({self.mends}); read the file strictly")
        if self.first is None or self.last is None:
            return None
        return SerialRange(space=self.space_id, first=self.first, last=self.last)

    @property
    def serial(self) -> str:
        """As the registry spells it."""
        return self.form.format(first=self.first, last=self.last)

    @property
    def credit_class(self) -> CreditClass | None:
        """None where no vintage is stated."""
        if self.vintage is None:
            return None
        return CreditClass(
            registry=self.registry,
            project=self.project,
            vintage=self.vintage,
            credit_type=self.credit_type,
            kg_per_unit=self.kg_per_unit,
            project_name=self.project_name,
            country=self.country,
            methodology=self.methodology,
        )


class RejectedRow(Fact):
    """A row that was not taken: where it stands, the column at fault where that is known, why, and all of its text."""

    file: str = ""
    line: int
    column: str = ""
    reason: str
    content: str


class Head(Fact):
    """What a canonical statement is of. `read` is `taken` + `refused`, counted in rows of the source; a row that lists
    several serials makes several rows here.

    `kind` names which of the registry's files it is. `as_of`: seconds since 1970, None where nobody said.
    """

    format: Literal["carbonbridge-canonical-statement-1"] = FORMAT
    registry: RegistryCode
    kind: str
    file: str
    sha256: str = ""
    as_of: int | None = None
    lenient: bool = False
    read: int = 0
    taken: int = 0
    refused: int = 0
    rows: int = 0
    units: int = 0
    kg: int = 0
