"""Amounts. A unit is one serial; what it weighs is a property of its class. Nothing here is a float."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NewType

from bridge.errors import MalformedInput

Units = NewType("Units", int)
Kilograms = NewType("Kilograms", int)

_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+|[0-9]+")


def kilograms(units: Units, kg_per_unit: int) -> Kilograms:
    return Kilograms(units * kg_per_unit)


def tonnes(mass: Kilograms) -> Decimal:
    """Exact tonnes, for people to read: 31932 kg is 31.932 t."""
    return Decimal(mass).scaleb(-3)


def parse_units(text: str) -> Units:
    """Whole units, with or without thousands commas as registries print them. Raises MalformedInput."""
    stripped = text.strip()
    if not _GROUPED.fullmatch(stripped):
        raise MalformedInput(f"quantity {text!r} is not a whole number")
    return Units(int(stripped.replace(",", "")))


def parse_kilograms(text: str, *, per: int = 1000) -> Kilograms:
    """A decimal amount in units of `per` kilograms, such as "2.504" tonnes, as whole kilograms.

    Raises MalformedInput when it does not come out even: rounding would make or lose credit.
    """
    try:
        mass = Decimal(text.strip()) * per
    except ArithmeticError as error:
        raise MalformedInput(f"amount {text!r} is not a number") from error
    if not mass.is_finite() or mass < 0 or mass != mass.to_integral_value():
        raise MalformedInput(f"amount {text!r} is not a whole number of kilograms")
    return Kilograms(int(mass))
