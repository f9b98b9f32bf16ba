"""Each custom error is provoked, and each event expected, by at least one test in contracts/test."""

import re
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SOURCES = {path.stem: path.read_text() for path in sorted(CONTRACTS.glob("src/*.sol"))}
TESTS = "".join(path.read_text() for path in CONTRACTS.glob("test/**/*.sol"))


def declared(kind: str) -> list[str]:
    return [
        f"{source}.{name}"
        for source, text in SOURCES.items()
        for name in re.findall(rf"^    {kind} (\w+)\(", text, re.MULTILINE)
    ]


def test_errors_and_events_are_found_where_they_are_declared() -> None:
    for kind in ("error", "event"):
        assert {name.split(".")[0] for name in declared(kind)} == {
            *("Signals", "FreezePolicy", "AllowListPolicy", "ReportAnchor")
        }


@pytest.mark.parametrize("name", declared("error"))
def test_an_error_is_provoked(name: str) -> None:
    assert f"{name}.selector" in TESTS


@pytest.mark.parametrize("name", declared("event"))
def test_an_event_is_expected(name: str) -> None:
    assert f"emit {name}(" in TESTS
