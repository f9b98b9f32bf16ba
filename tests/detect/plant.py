"""What a plant is: a fault told in a story, and all that must be found of it, known from the fault alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.domain.serials import SerialRange, coalesce
from bridge.reconcile.evidence import Evidence
from tests.detect.story import Story
from tests.reconcile.story import FOREST, HERE

Totals = tuple[tuple[str | None, int], ...]


@dataclass(frozen=True)
class Expected:
    """What one rule names: these serials, and for totals units by class (or kilograms where there is no class)."""

    rule: str
    ranges: tuple[SerialRange, ...] = ()
    totals: Totals = ()


@dataclass(frozen=True)
class Planted:
    evidence: Evidence
    expected: tuple[Expected, ...]


Plant = Callable[[Story], Planted]
PLANTS: dict[str, list[Plant]] = {}


def plants(rule: str) -> Callable[[Plant], Plant]:
    """One of the faults that `rule` is there for; a rule may have several."""

    def enlist(plant: Plant) -> Plant:
        PLANTS.setdefault(rule, []).append(plant)
        return plant

    return enlist


def names(rule: str, *ranges: SerialRange) -> Expected:
    return Expected(rule, tuple(coalesce(ranges)))


def amounts(rule: str, *totals: tuple[str | None, int]) -> Expected:
    return Expected(rule, totals=tuple(sorted(set(totals), key=str)))


def says(rule: str) -> Expected:
    """Names neither serials nor units: its subject and its evidence say all."""
    return amounts(rule, (None, 0))


def head_is_off(units: int, deployment: object = HERE, class_id: str = FOREST.id) -> list[Expected]:
    """The registry's lifetime totals for the deployment that it signs for do not fit what was planted."""
    return [amounts("statement-totals", (class_id, units))] if deployment == HERE and units else []


def seen(story: Story, *expected: Expected) -> Planted:
    return Planted(story.seen(), expected)
