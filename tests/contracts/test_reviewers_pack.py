"""What reviewers read is true: tests that are named exist, every event and function has its line, slots are today's."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
PACK = {name: (CONTRACTS / name).read_text() for name in ("README.md", "THREATS.md")}
SOURCES = {path.stem: path.read_text() for path in sorted((CONTRACTS / "src").glob("*.sol"))}
TESTS = "".join(path.read_text() for path in [*CONTRACTS.glob("test/**/*.sol"), *(ROOT / "tests").rglob("*.py")])

NAMED = sorted(set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", "".join(PACK.values()))))
EVENTS = sorted({name for text in SOURCES.values() for name in re.findall(r"^    event (\w+)\(", text, re.MULTILINE)})
DOORS = sorted(
    {
        match.group(1)
        for match in re.finditer(r"function (\w+)\([^;]*?\)([^;]*);", SOURCES["ICarbonBridge"], re.DOTALL)
        if "view" not in match.group(2)
    }
)


def test_there_is_something_to_look_for() -> None:
    assert len(NAMED) > 100
    assert len(EVENTS) > 25
    assert {"mint", "reverse", "recover", "stateReserves"} <= set(DOORS)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name: str) -> None:
    assert re.search(rf"(function|def) test_{name}\(", TESTS)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_has_its_line(name: str) -> None:
    assert f"`{name}`" in PACK["README.md"].split("## Events")[1]


@pytest.mark.parametrize("name", DOORS)
def test_a_door_has_its_documentation(name: str) -> None:
    """A notice of its own, or that of the function just above it."""
    assert re.search(rf"@notice(?:(?!\n\n).)*function {name}\(", SOURCES["ICarbonBridge"], re.DOTALL)


def test_the_slots_are_todays(described: dict[str, dict[str, Any]]) -> None:
    from storage import PAGE, page

    assert PAGE.read_text() == page(described["CarbonBridge"]["storageLayout"])
