"""What the charts of a page show and where it lies: whole numbers in, whole numbers out, in the units of a drawing.

Lengths are shares of a scale, rounded down, and at least one where there is anything: they are to be looked at, while
every amount stands beside them exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bridge.domain.findings import ClassTotals, Reconciliation, SupplyPoint

BAR, PLOT, HEIGHT = 520, 520, 220
"""Widths of bars and of the plot, and the plot's height."""
MOST_CLASSES, MOST_LINES = 40, 6
OTHERS = ""
"""The class that stands for all that have no line of their own."""

_DAY = 86_400


class Segment(NamedTuple):
    """A part of a bar; `name` is a word of the report's."""

    name: str
    units: int
    x: int
    width: int


class Bars(NamedTuple):
    """One class on one deployment: what its registry holds, and what is out on chain. `apart`: by how many units the
    two differ, where no booked shortfall says why."""

    class_id: str
    deployment: str
    registry: tuple[Segment, ...]
    chain: tuple[Segment, ...]
    apart: int


class Line(NamedTuple):
    """Supply of one class: corners of a step line, from left to right; `last` is in units."""

    class_id: str
    corners: tuple[tuple[int, int], ...]
    last: int

    @property
    def path(self) -> str:
        (x, y), *rest = self.corners
        return f"M{x} {y}" + "".join(f"H{across}V{down}" for across, down in rest)


class Plot(NamedTuple):
    """Lines with what the axes say: seconds since 1970 at places from left to right, units at places from the top."""

    lines: tuple[Line, ...]
    days: tuple[tuple[int, int], ...]
    units: tuple[tuple[int, int], ...]


def backing(totals: Sequence[ClassTotals]) -> list[Bars]:
    """The classes that differ first, then the largest; no more than a page can bear."""
    drawn = [_bars(t) for t in totals if t.supply or t.pending or t.locked or t.reserved]
    return sorted(drawn, key=lambda bars: (-abs(bars.apart), -_length(bars.chain), bars.class_id))[:MOST_CLASSES]


def _bars(t: ClassTotals) -> Bars:
    registry = {"locked": t.locked, "reserved": t.reserved, "shortfall": t.shortfall}
    chain = {"supply": t.supply, "pending": t.pending}
    scale = max(sum(registry.values()), sum(chain.values()))
    apart = sum(registry.values()) - sum(chain.values())
    return Bars(t.class_id, t.deployment, _segments(registry, scale), _segments(chain, scale), apart)


def _segments(parts: dict[str, int], scale: int) -> tuple[Segment, ...]:
    segments, before = [], 0
    for name, units in parts.items():
        if units > 0:
            x = _share(before, scale, BAR)
            segments.append(Segment(name, units, x, max(1, _share(before + units, scale, BAR) - x)))
            before += units
    return tuple(segments)


def _length(segments: Sequence[Segment]) -> int:
    return sum(segment.units for segment in segments)


def _share(part: int, whole: int, length: int) -> int:
    return part * length // whole if whole else 0


def supply(result: Reconciliation) -> Plot | None:
    """None where nothing ever circulated. Of a class on several deployments the sum; the smallest classes are one."""
    if not result.supply_by_day:
        return None
    histories = _by_class(result.supply_by_day)
    first = min(day for points in histories.values() for day in points)
    end = max([day for points in histories.values() for day in points] + [_day_of(result)])
    last = end if end > first else first + _DAY
    top = max(max(points.values()) for points in histories.values()) or 1
    lines = tuple(_line(class_id, points, first, last, top) for class_id, points in histories.items())
    ticks = [first + (last - first) * n // 3 // _DAY * _DAY for n in range(4)]
    days = [(day, _share(day - first, last - first, PLOT)) for day in ticks]
    units = [(top * n // 4, HEIGHT - HEIGHT * n // 4) for n in range(5)]
    return Plot(lines, _distinct(days), _distinct(units))


def _distinct(ticks: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple({value: (value, place) for value, place in reversed(ticks)}.values())[::-1]


def _day_of(result: Reconciliation) -> int:
    return max((pin.stamp.timestamp for pin in result.blocks), default=0) // _DAY * _DAY


def _by_class(points: Sequence[SupplyPoint]) -> dict[str, dict[int, int]]:
    """Class → day → supply, the largest classes first."""
    changes: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    so_far: defaultdict[tuple[str, str], int] = defaultdict(int)
    for point in sorted(points, key=lambda p: p.day):
        changes[point.class_id][point.day] += point.supply - so_far[point.deployment, point.class_id]
        so_far[point.deployment, point.class_id] = point.supply
    largest = sorted(changes, key=lambda c: (-max(_sums(changes[c]).values()), c))
    named = largest if len(largest) <= MOST_LINES else largest[: MOST_LINES - 1]
    rest: defaultdict[int, int] = defaultdict(int)
    for class_id in largest[len(named) :]:
        for day, change in changes[class_id].items():
            rest[day] += change
    found = {class_id: _sums(changes[class_id]) for class_id in named}
    return found | ({OTHERS: _sums(rest)} if rest else {})


def _sums(changes: dict[int, int]) -> dict[int, int]:
    return dict(_running(changes))


def _running(changes: dict[int, int]) -> Iterator[tuple[int, int]]:
    total = 0
    for day in sorted(changes):
        total += changes[day]
        yield day, total


def _line(class_id: str, points: dict[int, int], first: int, last: int, top: int) -> Line:
    """It begins where the class does, and goes on to the end."""
    corners = [
        (_share(day - first, last - first, PLOT), HEIGHT - _share(max(units, 0), top, HEIGHT))
        for day, units in points.items()
    ]
    final = list(points.values())[-1]
    return Line(class_id, (*corners, (PLOT, corners[-1][1])), final)
