"""Each custom error is provoked, and each event expected, by at least one test in contracts/test."""

import re
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
INTERFACE = (CONTRACTS / "src" / "ICarbonBridge.sol").read_text()
TESTS = "".join(path.read_text() for path in CONTRACTS.glob("test/**/*.sol"))


@pytest.mark.parametrize("name", re.findall(r"^    error (\w+)\(", INTERFACE, re.MULTILINE))
def test_an_error_is_provoked(name: str) -> None:
    assert f"ICarbonBridge.{name}.selector" in TESTS


@pytest.mark.parametrize("name", re.findall(r"^    event (\w+)\(", INTERFACE, re.MULTILINE))
def test_an_event_is_expected(name: str) -> None:
    assert f"emit ICarbonBridge.{name}(" in TESTS
