"""Runs of the matrix: a fault hidden in an honest house, or nothing but honest life, and what the reconciler says."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from bridge.domain.findings import InFlight, Reconciliation, Shown
from bridge.domain.serials import SerialRange, coalesce
from bridge.reconcile.duckdb_engine import DuckDB
from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.reconcile import reconcile
from tests.detect import plants
from tests.detect.base import OURS, PLOT, Base, base
from tests.detect.honest import Living, honest
from tests.detect.plant import PLANTS, Expected
from tests.detect.story import Story
from tests.reconcile.story import DAY, House

assert plants.__all__

LIMITS = Limits(
    release_seconds=DAY,
    execution_seconds=DAY,
    reversal_seconds=DAY,
    out_of_step_seconds=5 * DAY,
    statement_seconds=2 * DAY,
)
HONEST = "honest"


@dataclass(frozen=True)
class Run:
    """One history, named so that it can be told again."""

    rule: str
    number: int
    seed: int
    ranges: int

    @property
    def words(self) -> str:
        return f"{self.rule}:{self.number}"


@dataclass
class Result:
    """`found`: the rule spoke. `exact`: it named what was planted and nothing else. `false`: what else was said.
    `seen`: of an honest history its moods, and the rules that had it in flight or to show. `seconds` of a processor."""

    run: Run
    plant: str
    found: bool
    exact: bool
    false: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    seconds: float = 0.0


def told(run: Run) -> Result:
    made, started = base(run.ranges, run.seed), time.process_time()
    result = _honest(run, made) if run.rule == HONEST else _planted(run, made)
    result.seconds = time.process_time() - started
    return result


def _planted(run: Run, made: Base) -> Result:
    faults = PLANTS[run.rule]
    plant = faults[run.number % len(faults)]
    story = Story(made, _dice(run))
    story.honest_life()
    planted = plant(story)
    said, wanted = says(_judged(planted.evidence)), {one.rule: one for one in planted.expected}
    false = [words(one) for rule, one in said.items() if wanted.get(rule) != one]
    false += [f"silent: {rule}" for rule in wanted if rule not in said]
    return Result(run, plant.__name__, run.rule in said, said.get(run.rule) == wanted[run.rule], false)


def _honest(run: Run, made: Base) -> Result:
    # The house holds the files of its evidence for as long as it lives.
    house = Living(Story(made, _dice(run)))
    result = _judged(honest(house))
    said = says(result)
    seen = [*house.moods, *(f"in flight: {rule}" for rule in theirs(result.in_flight, house))]
    seen += [f"shown: {rule}" for rule in theirs(result.shown, house)]
    return Result(run, HONEST, True, not said, [words(one) for one in said.values()], seen)


def _dice(run: Run) -> Random:
    return Random(f"{run.seed} {run.words}")


def _judged(evidence: Evidence) -> Reconciliation:
    """On one thread, since histories are judged side by side."""
    return reconcile(evidence, LIMITS, engine=DuckDB(threads=1))


def theirs(some: Iterable[InFlight | Shown], house: House) -> set[str]:
    """The rules by which something of the story is in flight or shown, and not only of the house around it."""
    ids = [*house.locks, *house.asked]
    return {
        one.rule
        for one in some
        if any((r.first - 1) % PLOT >= OURS for r in one.ranges) or any(known in one.subject for known in ids)
    }


def says(result: Reconciliation) -> dict[str, Expected]:
    """Every finding, by rule: all the serials that it names, and all the totals of those that name none."""
    ranges: defaultdict[str, list[SerialRange]] = defaultdict(list)
    totals: defaultdict[str, set[tuple[str | None, int]]] = defaultdict(set)
    for finding in result.findings:
        ranges[finding.rule] += finding.ranges
        if not finding.ranges:
            amount = int(finding.units or (finding.kg or 0 if finding.class_id is None else 0))
            totals[finding.rule].add((finding.class_id, amount))
    return {
        rule: Expected(rule, tuple(coalesce(ranges[rule])), tuple(sorted(totals[rule], key=str))) for rule in ranges
    }


def words(one: Expected) -> str:
    named = [str(r) for r in one.ranges[:4]] + [f"{c or 'no class'} {units}" for c, units in one.totals[:4]]
    return f"{one.rule}: {', '.join(named)}"
