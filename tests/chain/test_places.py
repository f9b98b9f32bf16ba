"""Where a serial belongs in the ledger, found from what was seen before, whatever has become of that since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from hypothesis import given
from hypothesis import strategies as st

from bridge.chain.places import Places
from bridge.domain.values import hex32

SPACE, PAGE = hex32(1), 4


class Ledger:
    """Range starts of one space, and how often they were read."""

    def __init__(self, *starts: int) -> None:
        self.starts = sorted(starts)
        self.pages = 0
        self.places = Places(self._following, self._page, PAGE)

    def _following(self, space: str, first: int) -> int | None:
        assert space == SPACE
        place = bisect_right(self.starts, first)
        if first and first not in self.starts:
            return None
        return self.starts[place] if place < len(self.starts) else 0

    def _page(self, space: str, above: int) -> list[int]:
        assert space == SPACE
        assert above == 0 or above in self.starts, "the contract would walk from its head"
        self.pages += 1
        place = bisect_right(self.starts, above)
        return self.starts[place : place + PAGE]

    def before(self, *serials: int) -> dict[int, int]:
        return self.places.before(SPACE, serials)

    def expected(self, *serials: int) -> dict[int, int]:
        places = {serial: bisect_left(self.starts, serial) for serial in serials}
        return {serial: self.starts[place - 1] if place else 0 for serial, place in places.items()}


starts = st.sets(st.integers(1, 60), max_size=40)
serials = st.lists(st.integers(1, 70), min_size=1, max_size=10)


@given(st.lists(st.tuples(starts, serials, st.sets(st.integers(1, 60), max_size=5)), min_size=1, max_size=5))
def test_it_is_found_however_the_ledger_has_changed(rounds: list[tuple[set[int], list[int], set[int]]]) -> None:
    ledger = Ledger()
    for now, asked, coming in rounds:
        ledger.starts = sorted(now)
        assert ledger.before(*asked) == ledger.expected(*asked)
        for first in coming:
            ledger.places.remember(SPACE, first)


def test_an_empty_ledger_has_nothing_before() -> None:
    assert Ledger().before(5, 7) == {5: 0, 7: 0}


def test_a_long_ledger_is_walked_once() -> None:
    ledger = Ledger(*range(1, 401, 2))
    assert ledger.before(400) == {400: 399}
    assert ledger.pages == 50
    ledger.before(400)
    assert ledger.pages <= 52


def test_what_is_remembered_saves_the_walk() -> None:
    ledger = Ledger(*range(1, 401, 2))
    ledger.places.remember(SPACE, 397)
    assert ledger.before(399, 401) == {399: 397, 401: 399}
    assert ledger.pages == 1


def test_many_serials_of_one_gap_cost_one_page() -> None:
    ledger = Ledger(1, 100)
    assert set(ledger.before(*range(2, 99)).values()) == {1}
    assert ledger.pages == 1
