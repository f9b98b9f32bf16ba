"""A comparison from a checkpoint says what the full one says, whatever happened since and before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.incremental import Compared, compare
from bridge.reconcile.reconcile import reconcile
from tests.detect.base import base
from tests.detect.matrix import LIMITS
from tests.detect.plant import PLANTS
from tests.detect.story import Story
from tests.reconcile.archive import collected
from tests.reconcile.test_honest_histories import Drifting
from tests.reconcile.test_quiet import Vandal

FAULTS = [f"{rule}:{number}" for rule, faults in PLANTS.items() for number in range(len(faults))]


class Days:
    """Evidence is collected into one archive day by day, and compared each time both ways."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.archive, self.checkpoint, self.limits = folder / "archive", folder / "checkpoint", limits

    def evidence(self, evidence: Evidence) -> Evidence:
        same, archive = collected(evidence, self.archive)
        found, _ = archive.evidence()
        return replace(found, reissues=same.reissues, seen_before=same.seen_before)

    def compare(self, evidence: Evidence) -> Compared:
        given = self.evidence(evidence)
        answer = compare(given, self.limits, folder=self.checkpoint)
        assert answer.found == reconcile(given, self.limits), answer.words
        return answer


def told(words: str, first: bool) -> tuple[Story, Evidence, Evidence]:
    """Two days of a house with a fault in the first or in the second, and their story, which holds their files."""
    rule, number = words.split(":")
    story = Story(base(60, 7), Random(words))
    story.honest_life()
    plant = PLANTS[rule][int(number)]
    one = plant(story).evidence if first else story.seen()
    story.wait(3600)
    story.honest_life()
    return story, one, story.seen() if first else plant(story).evidence


@pytest.mark.slow
@pytest.mark.parametrize("words", FAULTS)
@pytest.mark.parametrize("first", [False, True], ids=["second day", "first day"])
def test_every_fault_is_found_as_in_full(words: str, first: bool, tmp_path: Path) -> None:
    days = Days(tmp_path, LIMITS)
    _story, one, two = told(words, first)
    assert not days.compare(one).incremental
    days.compare(two)


class Long(Drifting):
    """A house with many quiet deposits, and a few days."""

    def day(self) -> Evidence:
        for _ in range(self.dice.randint(0, 8)):
            self.act()
        return self.evidence()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32), st.booleans())
def test_random_days_are_judged_as_in_full(seed: int, spoilt: bool) -> None:
    dice = Random(seed)
    house = Long(dice)
    change: Callable[[Evidence], Evidence] = Vandal(dice).spoilt if spoilt else lambda evidence: evidence
    with TemporaryDirectory(prefix="days-") as folder:
        days = Days(Path(folder), LIMITS)
        for _ in range(dice.randint(2, 4)):
            days.compare(change(house.day()))
