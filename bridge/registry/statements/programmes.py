"""The programmes whose units we know: code on chain, what one unit weighs, and their full names."""

from __future__ import annotations

from pydantic import Field

from bridge.domain.values import Fact, RegistryCode
from bridge.errors import UsageError


class Programme(Fact):
    """`kg_per_unit` in kilograms of CO2 equivalent."""

    code: RegistryCode
    name: str
    kg_per_unit: int = Field(gt=0)


PROGRAMMES = {
    programme.code: programme
    for programme in (
        Programme(code="VERRA", name="Verra, Verified Carbon Standard", kg_per_unit=1000),
        Programme(code="GS", name="Gold Standard for the Global Goals", kg_per_unit=1000),
        Programme(code="ITL", name="Kyoto units in the International Transaction Log", kg_per_unit=1000),
        Programme(code="ACR", name="American Carbon Registry", kg_per_unit=1000),
        Programme(code="CAR", name="Climate Action Reserve", kg_per_unit=1000),
    )
}


def programme(code: str) -> Programme:
    """Raises UsageError for a programme without a grammar here."""
    try:
        return PROGRAMMES[code]
    except KeyError as error:
        raise UsageError(f"no programme {code!r}; known are {', '.join(PROGRAMMES)}") from error
