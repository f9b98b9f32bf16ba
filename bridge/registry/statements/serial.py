"""What every grammar makes of a serial number as its registry spells it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from bridge.domain.credit_class import CreditClass
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Fact


class Numbering(Fact):
    """What all serials of one spelling share. `project`, `vintage` and `credit_type` are the parts of the credit class,
    `kg_per_unit` is in kilograms of CO2 equivalent. `form` is the registry's canonical spelling, with `{first}` and
    `{last}` for the numbers."""

    space: SerialSpace
    project: str
    vintage: int | None
    credit_type: str
    country: str = ""
    kg_per_unit: int = Field(default=1000, gt=0)
    vintage_from: date | None = None
    vintage_to: date | None = None
    form: str


class Serial(Numbering):
    """A block of serials, read strictly."""

    range: SerialRange
    vintage: int

    @property
    def credit_class(self) -> CreditClass:
        return CreditClass(
            registry=self.space.registry,
            project=self.project,
            vintage=self.vintage,
            credit_type=self.credit_type,
            kg_per_unit=self.kg_per_unit,
        )

    @property
    def spelt(self) -> str:
        """As the registry spells it: the canonical one of its spellings."""
        return self.form.format(first=self.range.first, last=self.range.last)


class Unnumbered(Numbering):
    """Credits that their registry knows by an id alone. They have no serials, so none can be locked."""

    @property
    def spelt(self) -> str:
        return self.form


class MendedSerial(Fact):
    """A guess at a spelling that no registry writes, for people to look at. It is no `Serial`, and nothing that locks
    or imports takes it. `mends` names each thing that was mended."""

    guess: Serial
    mends: tuple[str, ...] = Field(min_length=1)
