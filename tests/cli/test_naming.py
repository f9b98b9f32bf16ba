"""How users name classes, accounts and serials."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli.naming import address, choose, key_name, read_serial
from bridge.errors import UsageError
from bridge.settings import load
from tests.cli.office import Office

LABELS = {
    "0x1a00": "VERRA 1340 2020 VCU",
    "0x1a01": "VERRA 1340 2021 VCU",
    "0x2b00": "GS 13 2020 VER",
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0x1a00", "0x1a00"),
        ("0x2", "0x2b00"),
        ("verra 1340  2021 vcu", "0x1a01"),
        ("GS", "0x2b00"),
        ("VERRA 1340 2020", "0x1a00"),
    ],
)
def test_a_class_is_named_in_full_by_label_or_by_prefix(text: str, found: str) -> None:
    assert choose(text, LABELS, "class") == found


def test_an_ambiguous_name_lists_what_it_could_be() -> None:
    with pytest.raises(UsageError, match=r"any of 2.*2020 VCU.*2021 VCU"):
        choose("VERRA 1340", LABELS, "class")


@pytest.mark.parametrize("text", ["", " ", "0x9", "ACR"])
def test_an_unknown_name_lists_what_there_is(text: str) -> None:
    with pytest.raises(UsageError, match="there are: VERRA 1340 2020 VCU"):
        choose(text, LABELS, "class")


def test_a_label_that_begins_another_is_still_itself() -> None:
    assert choose("GS 1", {"0xa": "GS 1", "0xb": "GS 12"}, "class") == "0xa"


@pytest.mark.parametrize(
    ("text", "registry", "units"),
    [
        ("19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1", "VERRA", 425),
        ("GS1-1-UG-GS11236-16-2024-30307-1-19149", "GS", 19149),
        ("ACR-FR-1129-2025-2917-4751 to 23327", "ACR", 18577),
        ("CAR-1-US-1335-31-983-KS-2025-9205-1 to 5000", "CAR", 5000),
    ],
)
def test_a_serials_spelling_tells_its_registry(text: str, registry: str, units: int) -> None:
    read = read_serial(text, None, None)
    assert (read.space.registry, read.range.units) == (registry, units)


def test_a_cer_needs_its_vintage() -> None:
    text = "RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014"
    with pytest.raises(UsageError, match="--vintage"):
        read_serial(text, None, None)
    assert read_serial(text, None, 2018).vintage == 2018


@pytest.mark.parametrize("text", ["", "hello", "GS1-1", "1-2-VCU-3", "ACR-FR-1129-2025-2917-9 to 1"])
def test_what_no_registry_spells_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_serial(text, None, None)


@pytest.mark.parametrize("name", ["..", "a/b", "Alice", "", "-a", "x" * 33])
def test_a_key_name_is_a_plain_file_name(name: str) -> None:
    with pytest.raises(UsageError, match="no key name"):
        key_name(name)


def test_addresses_are_checked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    made = office.told("init", "--dev")["keys"]["holder"]
    config = load(tmp_path / "carbonbridge.toml")
    assert address(config, "holder") == made.lower()
    assert address(config, made) == address(config, made.lower()) == made.lower()
    wrong = made[:-1] + ("0" if made[-1] != "0" else "1")
    for text in ("0x12", "0x" + "g" * 40, "nobody", wrong if wrong[2:].lower() != wrong[2:] else "0x1"):
        with pytest.raises(UsageError):
            address(config, text)
