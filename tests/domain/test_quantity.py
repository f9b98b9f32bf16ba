"""Amounts are whole; what does not come out even is refused, never rounded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.domain.quantity import Kilograms, Units, kilograms, parse_kilograms, parse_units, tonnes
from bridge.errors import MalformedInput


@pytest.mark.parametrize("text", ["", "1.5", "-3", "1,45,054", "12,34", "1 000", "ten", "1e3", "٣"])
def test_a_quantity_that_is_not_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_units(text)


@pytest.mark.parametrize(("text", "units"), [("425", 425), ("1,454,054", 1_454_054), (" 7 ", 7)])
def test_thousands_commas_are_read(text: str, units: int) -> None:
    assert parse_units(text) == units


@pytest.mark.parametrize("text", ["0.0001", "-1", "NaN", "Infinity", "x", ""])
def test_an_amount_that_is_not_whole_kilograms_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        parse_kilograms(text)


def test_tonnes_with_three_digits_are_whole_kilograms() -> None:
    assert parse_kilograms("31.932") == 31_932
    assert tonnes(Kilograms(31_932)) == Decimal("31.932")


def test_a_unit_of_one_hundred_kilograms_weighs_a_tenth_of_a_tonne() -> None:
    assert tonnes(kilograms(Units(194), 100)) == Decimal("19.4")
