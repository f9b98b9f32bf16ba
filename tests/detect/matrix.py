"""Runs of the matrix: a fault hidden in an honest house, or nothing but honest life, and what the reconciler says."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from bridge.domain.findings import Reconciliation
from bridge.domain.serials import SerialRange, coalesce
from bridge.reconcile.evidence import Limits
from bridge.reconcile.reconcile import reconcile
from tests.detect import plants
from tests.detect.base import base
from tests.detect.honest import honest
from tests.detect.plant import PLANTS, Expected
from tests.detect.story import Story
from tests.reconcile.story import DAY

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
    """`found`: the rule spoke. `exact`: it named what was planted and nothing else. `false`: what else was said."""

    run: Run
    plant: str
    found: bool
    exact: bool
    false: list[str] = field(default_factory=list)
    seconds: float = 0.0


def told(run: Run) -> Result:
    started = time.perf_counter()
    result = _honest(run) if run.rule == HONEST else _planted(run)
    result.seconds = time.perf_counter() - started
    return result


def _planted(run: Run) -> Result:
    dice = Random(f"{run.seed} {run.words}")
    faults = PLANTS[run.rule]
    plant = faults[run.number % len(faults)]
    story = Story(base(run.ranges, run.seed), dice)
    story.honest_life()
    planted = plant(story)
    said, wanted = says(reconcile(planted.evidence, LIMITS)), {one.rule: one for one in planted.expected}
    false = [words(one) for rule, one in said.items() if wanted.get(rule) != one]
    false += [f"silent: {rule}" for rule in wanted if rule not in said]
    return Result(run, plant.__name__, run.rule in said, said.get(run.rule) == wanted[run.rule], false)


def _honest(run: Run) -> Result:
    dice = Random(f"{run.seed} {run.words}")
    # The story holds the files of its evidence for as long as it lives.
    story = Story(base(run.ranges, run.seed), dice)
    said = says(reconcile(honest(story), LIMITS))
    return Result(run, HONEST, True, not said, [words(one) for one in said.values()])


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
