"""No function of the bridge, the office or the remedies stands before another's of the same selector."""

from itertools import combinations
from typing import Any

import pytest

BRIDGE, OFFICE, REMEDIES = CONTRACTS = ("CarbonBridge", "Office", "Remedies")
# What all three inherit; a bridge answers with its own, which is the same code on the same storage.
SHARED = ("BridgeBase", "Extended")

Described = dict[str, dict[str, Any]]


def selectors(described: Described, name: str) -> dict[str, str]:
    """Selector → signature."""
    return {selector: text for text, selector in described[name]["evm"]["methodIdentifiers"].items()}


def own(described: Described, name: str) -> dict[str, str]:
    shared = {text for base in SHARED for text in selectors(described, base).values()}
    return {selector: text for selector, text in selectors(described, name).items() if text not in shared}


@pytest.mark.parametrize(("first", "second"), list(combinations(CONTRACTS, 2)))
def test_two_of_the_three_have_no_selector_in_common(described: Described, first: str, second: str) -> None:
    a, b = own(described, first), own(described, second)
    assert {(a[selector], b[selector]) for selector in a.keys() & b.keys()} == set()


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_function_of_its_own_has_a_shared_ones_selector(described: Described, name: str) -> None:
    shared = {selector for base in SHARED for selector in selectors(described, base)}
    assert own(described, name).keys() & shared == set()


def test_each_function_of_the_specification_is_somebodys(described: Described) -> None:
    doors = selectors(described, "ICarbonBridge")
    answered = {selector for name in CONTRACTS for selector in selectors(described, name)}
    assert {doors[selector] for selector in doors.keys() - answered} == set()


@pytest.mark.parametrize(("interface", "name"), [("IDoors", BRIDGE), ("IOffice", OFFICE), ("IRemedies", REMEDIES)])
def test_each_interface_is_the_whole_of_one_contract(described: Described, interface: str, name: str) -> None:
    public_constants = {"PAUSE_SECONDS()", "QUARANTINE_SECONDS()"}
    assert set(own(described, name).values()) - public_constants == set(selectors(described, interface).values())
