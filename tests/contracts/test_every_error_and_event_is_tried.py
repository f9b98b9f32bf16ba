"""Each custom error is provoked, and each event expected, by at least one test in contracts/test."""

import re
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SOURCES = {name: (CONTRACTS / "src" / f"{name}.sol").read_text() for name in ("Signals", "FreezePolicy")}
TESTS = "".join(path.read_text() for path in CONTRACTS.glob("test/**/*.sol"))


def declared(kind: str) -> list[str]:
    return [
        f"{source}.{name}"
        for source, text in SOURCES.items()
        for name in re.findall(rf"^    {kind} (\w+)\(", text, re.MULTILINE)
    ]


@pytest.mark.parametrize("name", declared("error"))
def test_an_error_is_provoked(name: str) -> None:
    assert f"{name}.selector" in TESTS


@pytest.mark.parametrize("name", declared("event"))
def test_an_event_is_expected(name: str) -> None:
    assert f"emit {name}(" in TESTS
