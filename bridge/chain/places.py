"""Places in the contract's serial ledger: a list in order, which is entered near the place that one looks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from bridge.domain.values import Hex32


class Places:
    """Remembers one range start of each page that it has read, and enters there. What it remembers may be gone by the
    time that it looks again: then it enters earlier.

    `following`: the start of the range after one that begins at a serial; zero at the end, None when no range begins
    there. `page`: starts of the next ranges above one, rising; fewer than `size` when they are the last.
    """

    def __init__(
        self,
        following: Callable[[Hex32, int], int | None],
        page: Callable[[Hex32, int], list[int]],
        size: int,
    ) -> None:
        self._following, self._page, self._size = following, page, size
        self._known: dict[Hex32, list[int]] = {}

    def before(self, space: Hex32, serials: Iterable[int]) -> dict[int, int]:
        """By serial: the start of the last range that begins below it, zero when there is none."""
        found: dict[int, int] = {}
        start, page, more = 0, list[int](), True
        for serial in sorted(set(serials)):
            if more and (not page or page[-1] < serial):
                start, page = self._enter(space, serial, start)
                more = len(page) == self._size
            place = bisect_left(page, serial)
            found[serial] = page[place - 1] if place else start
        return found

    def remember(self, space: Hex32, first: int) -> None:
        """A range that begins there, or soon will."""
        known = self._known.setdefault(space, [])
        place = bisect_left(known, first)
        if place == len(known) or known[place] != first:
            known.insert(place, first)

    def _enter(self, space: Hex32, serial: int, reached: int) -> tuple[int, list[int]]:
        """A range start below the serial, and the page above it that reaches the serial or the end."""
        known = self._known.setdefault(space, [])
        start = self._nearest(space, known, serial, reached)
        while True:
            page = self._page(space, start) if self._following(space, start) else []
            if len(page) < self._size or page[-1] >= serial:
                return start, page
            start = page[-1]
            self.remember(space, start)

    def _nearest(self, space: Hex32, known: list[int], serial: int, reached: int) -> int:
        while (place := bisect_left(known, serial)) and known[place - 1] > reached:
            if self._following(space, known[place - 1]) is not None:
                return known[place - 1]
            del known[place - 1]
        return reached
