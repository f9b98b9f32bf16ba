"""What is said of a credit class beyond its identity: who may use its credits, and for what.

"unknown" is a value of its own. It satisfies nothing that asks for more, and it never means yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import iso3166
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.domain.credit_class import CreditClass
from bridge.domain.values import Fact

UNKNOWN: Final = "unknown"


def _country(text: str) -> str:
    if text != UNKNOWN and text not in iso3166.countries_by_alpha2:
        raise ValueError(f"{text!r} is no country of ISO 3166-1, in two capitals such as UG, nor {UNKNOWN!r}")
    return text


Country = Annotated[str, AfterValidator(_country)]
"""ISO 3166-1 alpha-2, or unknown."""

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]


class Use(StrEnum):
    """For which use the host country has authorised the credits under Article 6 of the Paris Agreement."""

    UNKNOWN = UNKNOWN
    NONE = "not-authorised"
    NDC = "ndc"  # towards another country's nationally determined contribution
    OTHER = "oimp"  # other international mitigation purposes, CORSIA among them
    BOTH = "both"

    @property
    def is_granted(self) -> bool:
        return self in (Use.NDC, Use.OTHER, Use.BOTH)


class Article6(Fact):
    """`by`: the country that gave the authorisation, and `reference` where it can be read."""

    authorised_for: Use = Use.UNKNOWN
    by: Country = UNKNOWN
    reference: Words = UNKNOWN

    @model_validator(mode="after")
    def _complete(self) -> Article6:
        if self.authorised_for.is_granted and UNKNOWN in (self.by, self.reference):
            raise ValueError("an authorisation needs the country that gave it, and a reference to its letter")
        if self.authorised_for is Use.UNKNOWN and (self.by, self.reference) != (UNKNOWN, UNKNOWN):
            raise ValueError("a country or a reference stands without the use that was authorised")
        return self


class Declaration(StrEnum):
    """Of a corresponding adjustment; the words are CAD Trust's."""

    UNKNOWN = UNKNOWN
    COMMITTED = "committed"
    NOT_REQUIRED = "not-required"


class Progress(StrEnum):
    """Of a corresponding adjustment; the words are CAD Trust's, and unknown."""

    UNKNOWN = UNKNOWN
    NOT_STARTED = "not-started"
    PENDING = "pending"
    COMPLETED = "completed"


class Adjustment(Fact):
    """The corresponding adjustment in the host country's accounts."""

    declaration: Declaration = Declaration.UNKNOWN
    status: Progress = Progress.UNKNOWN


class Phase(StrEnum):
    """Of CORSIA: 2021 to 2023, 2024 to 2026, 2027 to 2035."""

    PILOT = "pilot"
    FIRST = "first"
    SECOND = "second"


class Corsia(Fact):
    """Whether airlines may use the credits, in which phases, and of which vintages, both included."""

    eligible: Literal["unknown", "yes", "no"] = UNKNOWN
    phases: tuple[Phase, ...] = ()
    first_vintage: int | None = Field(default=None, ge=1990, le=2200)
    last_vintage: int | None = Field(default=None, ge=1990, le=2200)

    @model_validator(mode="after")
    def _complete(self) -> Corsia:
        first, last = self.first_vintage, self.last_vintage
        if self.eligible != "yes" and (self.phases or first or last):
            raise ValueError("phases and vintages are of eligible credits")
        if self.eligible == "yes" and (not self.phases or first is None or last is None):
            raise ValueError("eligible credits are so in named phases, and from a vintage to a vintage")
        if first is not None and last is not None and first > last:
            raise ValueError(f"vintages {first} to {last} do not rise")
        return self

    def admits(self, phase: Phase, vintage: int) -> bool:
        """Whether credits of this vintage are stated to be usable in this phase."""
        if self.first_vintage is None or self.last_vintage is None:
            return False
        return self.eligible == "yes" and phase in self.phases and self.first_vintage <= vintage <= self.last_vintage


class Attributes(Fact):
    """`category`: what its market trades it as, such as J-Credit's 再生可能エネルギー(電力), 省エネルギー or 森林."""

    host_country: Country = UNKNOWN
    methodology: Words = UNKNOWN
    category: Words = UNKNOWN
    article6: Article6 = Article6()
    adjustment: Adjustment = Adjustment()
    corsia: Corsia = Corsia()


NAMES: Final = tuple(Attributes.model_fields)


class Source(Fact):
    """Who says so, and on which day; none where nobody said when."""

    source: Words
    stated_on: date | None = None


class Said(Fact):
    """One attribute as it was stated. `recorded_at`: when the books took it up, in seconds since 1970."""

    attribute: str
    value: Any
    source: Source
    recorded_at: int


class Described(Fact):
    """A class with what is known of it, and where from, by attribute; what has no source is unknown."""

    credit_class: CreditClass
    attributes: Attributes
    sources: Mapping[str, Source]


BOOKS: Final = "the project as the registry's books first had it"


def described(credit_class: CreditClass, said: Mapping[str, Said]) -> Described:
    """`said`: the statement that counts, by attribute. Country and methodology of the project stand in where nothing
    was stated; a country that is spelt as no country of ISO 3166-1 stays unknown."""
    values: dict[str, Any] = {}
    if country := _country_named(credit_class.country):
        values["host_country"] = country
    if methodology := " ".join(credit_class.methodology.split())[:200]:
        values["methodology"] = methodology
    sources = dict.fromkeys(values, Source(source=BOOKS))
    values |= {name: one.value for name, one in said.items()}
    sources |= {name: one.source for name, one in said.items()}
    return Described(credit_class=credit_class, attributes=Attributes.model_validate(values), sources=sources)


def _country_named(text: str) -> str:
    """The two letters of a country that is named so, or by its English short name; else nothing."""
    known = iso3166.countries_by_alpha2.get(text.strip().upper())
    known = known or iso3166.countries_by_name.get(text.strip().upper())
    known = known or iso3166.countries_by_apolitical_name.get(text.strip().upper())
    return known.alpha2 if known else ""
