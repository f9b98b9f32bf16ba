"""Ranges are inclusive, and their algebra is that of sets of serials."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.domain.serials import (
    MAX_SERIAL,
    SerialRange,
    SerialSpace,
    SpaceKind,
    coalesce,
    subtract,
    total_units,
)

SPACE = "0x" + "aa" * 32
OTHER = "0x" + "bb" * 32


def span(first: int, last: int, space: str = SPACE) -> SerialRange:
    return SerialRange(space=space, first=first, last=last)


ranges = st.builds(
    lambda first, size, space: span(first, first + size, space),
    st.integers(1, 60),
    st.integers(0, 12),
    st.sampled_from([SPACE, OTHER]),
)


def serials(spans: list[SerialRange]) -> set[tuple[str, int]]:
    return {(r.space, n) for r in spans for n in range(r.first, r.last + 1)}


@pytest.mark.parametrize(("first", "last"), [(5, 4), (0, 3), (1, MAX_SERIAL + 1), (-1, 1)])
def test_a_range_that_runs_backwards_or_leaves_the_contract_s_numbers_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValidationError):
        span(first, last)


def test_one_to_29251_is_29251_units() -> None:
    assert span(1, 29251).units == 29251


@given(ranges, ranges)
def test_overlap_is_common_serials(a: SerialRange, b: SerialRange) -> None:
    assert a.overlaps(b) == bool(serials([a]) & serials([b]))
    assert a.contains(b) == (serials([b]) <= serials([a]))


@given(st.lists(ranges))
def test_coalesced_ranges_hold_the_same_serials_apart_and_in_order(spans: list[SerialRange]) -> None:
    merged = coalesce(spans)
    assert serials(merged) == serials(spans)
    assert total_units(merged) == len(serials(spans))
    assert merged == sorted(merged, key=lambda r: r.key)
    assert not any(a.space == b.space and b.first <= a.last + 1 for a, b in pairwise(merged))


@given(ranges, st.lists(ranges))
def test_what_is_left_is_the_difference_of_the_sets(whole: SerialRange, parts: list[SerialRange]) -> None:
    assert serials(subtract(whole, parts)) == serials([whole]) - serials(parts)


def test_a_space_is_its_registry_kind_and_key() -> None:
    ver = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="VER")
    others = [
        SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="APX+MER"),
        SerialSpace(registry="VERRA", kind=SpaceKind.BATCH, key="VER"),
        SerialSpace(registry="GS", kind=SpaceKind.COUNTER, key="VER"),
    ]
    assert len({ver.id, *(space.id for space in others)}) == 4


@pytest.mark.parametrize("key", ["ver", " VER", "VER ", "", "VER,MER"])
def test_a_key_in_another_spelling_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key=key)
