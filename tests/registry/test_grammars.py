"""Serial numbers as registries spell them, and spellings that must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import acr, car, cer, gold_standard, verra

VERRA_13 = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
VERRA_12 = "7059-367676034-367676083-VCU-005-APX-BR-14-1686-01072014-31122014-1"
VERRA_MER = "8040-449402275-449402275-VCU-042-MER-PE-14-1360-01072013-30062014-1"
GS = "GS1-1-UG-GS11236-16-2024-30307-1-19149"
PAIR = "RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014"
ACR = "ACR-FR-1129-2025-2917-30932 to 35143"
CAR = "CAR-1-US-1335-31-983-KS-2025-9205-1 to 5000"
CAR_ROC = "CAR-ROC-US-1316-105-276-CA-2025-9388-1 to 1"


def parse_pair(text: str):  # type: ignore[no-untyped-def]
    return cer.parse_serial(text, 2019)


@pytest.mark.parametrize(
    ("parse", "text", "what"),
    [
        (verra.parse_serial, VERRA_13.replace("-1340-", "-1340"), "fields"),
        (verra.parse_serial, VERRA_13.replace("VCU", "VCX"), "unit 'VCX'|fields"),
        (verra.parse_serial, VERRA_13.replace("-VER-", "-VRE-"), "counter 'VRE'"),
        (verra.parse_serial, VERRA_13.replace("-1507-", "-15-"), "verifier"),
        (verra.parse_serial, VERRA_13.replace("01012020", "32012020"), "from '32012020'"),
        (verra.parse_serial, VERRA_13.replace("01012020", "1012020"), "from '1012020'"),
        (verra.parse_serial, VERRA_13.replace("31122020", "31122019"), "period .* backwards"),
        (verra.parse_serial, VERRA_13.replace("941467431", "941467006"), "backwards"),
        (verra.parse_serial, VERRA_13.replace("941467007", "0941467007"), "leading zeros"),
        (verra.parse_serial, VERRA_13.replace("-ET-", "-ETH-"), "country"),
        (verra.parse_serial, VERRA_13.replace("941467007", "９41467007"), "outside ASCII"),
        (verra.parse_serial, VERRA_13.replace("941467007", "941 467007"), "first serial"),
        (verra.parse_serial, VERRA_13.replace("941467431", "99999999999999999999"), "beyond"),
        (verra.parse_serial, "", "fields"),
        (gold_standard.parse_serial, GS.replace("-1-19149", "-0-19149"), "first serial '0'"),
        (gold_standard.parse_serial, GS.replace("-30307-", "-030307-"), "batch '030307'"),
        (gold_standard.parse_serial, GS.replace("-2024-", "-24-"), "vintage"),
        (gold_standard.parse_serial, GS.replace("GS1-1", "GS2-1"), "scheme"),
        (gold_standard.parse_serial, GS.replace("GS11236", "GSGS11236"), "project"),
        (gold_standard.parse_serial, PAIR, "fields"),
        (parse_pair, PAIR.replace(" - ", "-"), "two ends"),
        (parse_pair, PAIR.replace(" - ", " "), "two ends"),
        (parse_pair, PAIR.replace("RW-5-1467609", "RW5-1467609"), "fields"),
        (parse_pair, PAIR.replace("- RW-5", "- KE-5"), "differ in party"),
        (parse_pair, PAIR.replace("1467609-2-2-0-7014", "1467609-2-2-0-7015"), "differ in project"),
        (parse_pair, PAIR.replace("1467609-2-2", "1467609-1-2"), "differ in original period"),
        (parse_pair, PAIR.replace("1467609-2-2-0", "1467609-2-2-1"), "differ in lulucf"),
        (parse_pair, PAIR.replace("RW-5-", "RW-6-"), "unit type"),
        (parse_pair, PAIR.replace("1463953", "1467610"), "backwards"),
        (parse_pair, PAIR.replace("1463953", "01463953"), "leading zeros"),
        (acr.parse_serial, ACR.replace(" to ", "-"), "fields"),
        (acr.parse_serial, ACR.replace(" to ", "to"), "first to last"),
        (acr.parse_serial, ACR.replace("ACR-", "AXR-"), "registry"),
        (acr.parse_serial, ACR.replace("30932 to 35143", "35143 to 30932"), "backwards"),
        (car.parse_serial, CAR.replace("CAR-1", "CAR-2"), "kind of credit '2'"),
        (car.parse_serial, CAR.replace("-KS-", "-KSX-"), "state"),
        (car.parse_serial, CAR.replace("1 to 5000", "1 to 5000 to 6000"), "first to last"),
    ],
)
def test_a_wrong_serial_is_refused_and_says_what_is_wrong(parse, text, what) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedInput, match=what):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "registry", "kind", "key", "first", "last", "project", "vintage", "credit_type"),
    [
        (verra.parse_serial, VERRA_13, "VERRA", 0, "VER", 941467007, 941467431, "1340", 2020, "VCU"),
        (verra.parse_serial, VERRA_12, "VERRA", 0, "APX+MER", 367676034, 367676083, "1686", 2014, "VCU"),
        (verra.parse_serial, VERRA_MER, "VERRA", 0, "APX+MER", 449402275, 449402275, "1360", 2013, "VCU"),
        (gold_standard.parse_serial, GS, "GS", 1, "30307", 1, 19149, "11236", 2024, "VER"),
        (parse_pair, PAIR, "ITL", 0, "RW-5", 1463953, 1467609, "7014", 2019, "CER"),
        (acr.parse_serial, ACR, "ACR", 1, "2917", 30932, 35143, "1129", 2025, "ERT"),
        (car.parse_serial, CAR, "CAR", 1, "9205", 1, 5000, "1335", 2025, "CRT"),
        (car.parse_serial, CAR_ROC, "CAR", 1, "9388", 1, 1, "1316", 2025, "ROC"),
    ],
)
def test_a_real_serial_reads_as_the_registry_means_it(  # type: ignore[no-untyped-def]
    parse, text, registry, kind, key, first, last, project, vintage, credit_type
) -> None:
    serial = parse(text)
    assert (serial.space.registry, serial.space.kind, serial.space.key) == (registry, SpaceKind(kind), key)
    assert (serial.range.first, serial.range.last, serial.range.space) == (first, last, serial.space.id)
    assert (serial.project, serial.vintage, serial.credit_type) == (project, vintage, credit_type)


@pytest.mark.parametrize(
    "parse_and_text", [(verra.parse_serial, VERRA_13), (acr.parse_serial, ACR), (parse_pair, PAIR)]
)
def test_blanks_and_letter_case_make_no_second_serial(parse_and_text) -> None:  # type: ignore[no-untyped-def]
    parse, text = parse_and_text
    assert parse(f"\u00a0{text.lower()} \n") == parse(text) == parse(text.replace(" ", "  "))


def test_the_older_form_without_the_inner_mark_names_the_same_gold_standard_serials() -> None:
    assert gold_standard.parse_serial(GS.replace("GS11236", "11236")) == gold_standard.parse_serial(GS)


def test_equal_numbers_of_the_older_and_the_newer_counter_never_collide() -> None:
    older = verra.parse_serial(VERRA_MER)
    newer = verra.parse_serial("8040-449402275-449402275-VCS-VCU-042-VER-PE-14-1360-01072013-30062014-1")
    assert (older.range.first, older.range.last) == (newer.range.first, newer.range.last)
    assert not older.range.overlaps(newer.range)


def test_the_two_older_counters_are_one_space_since_nobody_says_they_are_not() -> None:
    apx = verra.parse_serial(VERRA_MER.replace("-MER-", "-APX-"))
    assert apx.range.overlaps(verra.parse_serial(VERRA_MER).range)


def test_equal_numbers_of_two_batches_never_collide() -> None:
    one, other = gold_standard.parse_serial(GS), gold_standard.parse_serial(GS.replace("30307", "30306"))
    assert not one.range.overlaps(other.range)


def test_a_batch_number_in_two_registries_makes_two_spaces() -> None:
    assert acr.parse_serial(ACR.replace("2917", "9205")).space.id != car.parse_serial(CAR).space.id


numbers = st.integers(min_value=1, max_value=2**63)


@given(first=numbers, last=numbers, batch=numbers)
def test_any_rising_range_reads_back_and_any_other_is_refused(first: int, last: int, batch: int) -> None:
    text = f"ACR-US-500-2020-{batch}-{first} to {last}"
    if first > last:
        with pytest.raises(MalformedInput):
            acr.parse_serial(text)
    else:
        serial = acr.parse_serial(text)
        assert (serial.range.first, serial.range.last, serial.space.key) == (first, last, str(batch))


@given(
    original=st.sampled_from(
        [(verra.parse_serial, VERRA_13), (gold_standard.parse_serial, GS), (car.parse_serial, CAR)]
    ),
    at=st.integers(min_value=0, max_value=200),
    insert=st.text(max_size=2),
    drop=st.integers(min_value=0, max_value=2),
)
def test_a_mutated_serial_is_read_or_refused_and_nothing_else_happens(  # type: ignore[no-untyped-def]
    original, at, insert, drop
) -> None:
    parse, text = original
    mutated = text[:at] + insert + text[at + drop :]
    try:
        serial = parse(mutated)
    except MalformedInput:
        return
    assert serial.range.units >= 1
    assert str(serial.range.first) in mutated
