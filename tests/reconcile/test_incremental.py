"""A comparison from a checkpoint says what the full one says, whatever happened since and before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import Statement, StatementRow
from bridge.domain.serials import SerialRange
from bridge.reconcile import statement_tables
from bridge.reconcile.deltas import delta, later
from bridge.reconcile.evidence import ChainArchive, ClaimState, Evidence, Limits, StatementArchive
from bridge.reconcile.incremental import Compared, compare
from bridge.reconcile.reconcile import reconcile
from tests.detect.base import base
from tests.detect.matrix import LIMITS
from tests.detect.plant import PLANTS
from tests.detect.story import Story
from tests.reconcile.archive import collected
from tests.reconcile.story import FOREST, HERE, THERE, House, name, serials
from tests.reconcile.test_honest_histories import Drifting
from tests.reconcile.test_planted_faults import claim
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


def house_of(*deposits: SerialRange) -> House:
    house = House(HERE, THERE)
    house.issue(serials(1, 1000))
    for r in deposits:
        house.deposit(r)
    return house


TENS = [serials(first, first + 9) for first in range(1, 101, 10)]


def test_what_touches_calm_ranges_is_found(tmp_path: Path) -> None:
    """A second day, and a third upon it; a fault on serials that had been calm for both."""
    house, days = house_of(*TENS), Days(tmp_path)
    assert not days.compare(house.evidence()).incremental
    house.exit(Kind.RETIREMENT, serials(31, 40))
    house.split(55)
    assert days.compare(house.evidence()).incremental
    house.mint_unlocked(name("x"), serials(5, 6))
    house.write(serials(71, 80), state=SerialState.HELD, deployment=None, lock_id=None)
    house.mint_unlocked(f"0x{9:064x}", serials(501, 505))
    last = days.compare(house.evidence())
    assert last.incremental
    said = {finding.rule for finding in last.found.findings}
    assert {"serials-reused", "free-while-circulating", "lock-reused"} <= said
    vanished = house.evidence()
    statement = vanished.statements[0]
    assert isinstance(statement, Statement)
    rows = statement.rows[:3] + statement.rows[4:]
    again = days.compare(replace(vanished, statements=[statement.model_copy(update={"rows": rows})]))
    assert again.incremental
    assert "statement-contradicted" in {f.rule for f in again.found.findings}


def test_a_claim_on_a_calm_range_is_found(tmp_path: Path) -> None:
    house, days = house_of(*TENS), Days(tmp_path)
    days.compare(house.evidence())
    late = days.compare(replace(house.evidence(), claims=[claim("c", serials(25, 26), ClaimState.MINTED)]))
    assert late.incremental
    assert {f.rule for f in late.found.findings} == {"overlapping-tokenization"}


def with_other_accounts(evidence: Evidence, _: Days) -> Evidence:
    return replace(evidence, accounts=[("VERRA", HERE, "another")])


def with_another_history(evidence: Evidence, _: Days) -> Evidence:
    chain, *others = evidence.chains
    assert isinstance(chain, ChainArchive)
    return replace(evidence, chains=[replace(chain, pieces=["another", *chain.pieces[1:]]), *others])


def without_the_delta(evidence: Evidence, _: Days) -> Evidence:
    *earlier, last = evidence.statements
    assert isinstance(last, StatementArchive)
    return replace(evidence, statements=[*earlier, replace(last, delta=None)])


def with_a_damaged_file(evidence: Evidence, days: Days) -> Evidence:
    file = days.checkpoint / "calm" / "last.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    return evidence


def without_a_checkpoint(evidence: Evidence, days: Days) -> Evidence:
    shutil.rmtree(days.checkpoint)
    return evidence


UNFIT = {
    "other accounts stand": with_other_accounts,
    "is another than before": with_another_history,
    "not known how a statement of VERRA differs": without_the_delta,
    "is not what was written": with_a_damaged_file,
    "no checkpoint is in": without_a_checkpoint,
}


@pytest.mark.parametrize("words", UNFIT)
def test_where_the_checkpoint_does_not_fit_all_is_compared_and_said(words: str, tmp_path: Path) -> None:
    house, days = house_of(*TENS[:3]), Days(tmp_path)
    days.compare(house.evidence())
    house.deposit(serials(501, 510))
    given = UNFIT[words](days.evidence(house.evidence()), days)
    answer = compare(given, folder=days.checkpoint)
    assert (answer.incremental, answer.found) == (False, reconcile(given))
    assert words in answer.words


@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32))
def test_a_delta_makes_the_later_statement_of_the_earlier(seed: int) -> None:
    dice = Random(seed)
    before = [row_at(n, dice) for n in range(1, 60)]
    after = [row if dice.random() < 0.9 else row_at(row.range.first, dice) for row in before if dice.random() < 0.95]
    after += [row_at(dice.randint(1, 70), dice) for _ in range(dice.randint(0, 4))]
    if dice.random() < 0.3:
        dice.shuffle(after)
    after = [row.model_copy(update={"row": number}) for number, row in enumerate(after)]
    with TemporaryDirectory(prefix="delta-") as folder:
        files = [Path(folder) / "before.parquet", Path(folder) / "after.parquet"]
        tables = [statement_tables.table(rows) for rows in (before, after)]
        for table, file in zip(tables, files, strict=True):
            parquet.write_table(table, file)
        change = delta(files[:1], files[1:])
    assert change is not None
    made = pa.concat_tables([later(tables[0], change), change.fresh]).sort_by("position")
    assert made.to_pylist() == tables[1].to_pylist()


def row_at(first: int, dice: Random) -> StatementRow:
    state = dice.choice([SerialState.HELD, SerialState.RETIRED])
    return StatementRow(row=first, range=serials(first, first), class_id=FOREST.id, state=state, holder="alice")


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
