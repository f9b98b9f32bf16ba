"""A small sample of the detection matrix; `scripts/detect` runs all of it in a large house."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import ibis.expr.types as ir
import pytest

from bridge.reconcile import reconcile
from bridge.reconcile.rule import Rule
from bridge.reconcile.rules import RULES
from tests.detect.matrix import HONEST, Run, told
from tests.detect.plant import PLANTS

RANGES = 200
SAMPLE = ("retired-twice:0", "reissued-elsewhere:0", "ledger-mismatch:1", "moved-to-unlisted:2", "parent-and-split:0")


def test_every_rule_has_a_plant() -> None:
    assert set(PLANTS) == {rule.name for rule in RULES}


@pytest.mark.parametrize("words", SAMPLE)
def test_a_hidden_fault_is_found_with_exactly_its_serials(words: str) -> None:
    rule, number = words.split(":")
    result = told(Run(rule, int(number), 7, RANGES))
    assert (result.found, result.exact, result.false) == (True, True, [])


def test_an_honest_history_has_no_finding() -> None:
    result = told(Run(HONEST, 3, 7, RANGES))
    assert (result.exact, result.false) == (True, [])


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The reconciler, for a test to break; the plans that it made meanwhile are forgotten."""
    reconcile.docket_of.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    reconcile.docket_of.cache_clear()


def bent(name: str, how: Callable[[ir.Table], ir.Table]) -> list[Rule]:
    """All rules, of which one's answers are changed."""

    def bend(rule: Rule) -> Rule:
        return replace(rule, find=lambda r, limits: how(rule.find(r, limits))) if rule.name == name else rule

    return [bend(rule) for rule in RULES]


def test_a_rule_that_finds_nothing_is_missed(spoilt: pytest.MonkeyPatch) -> None:
    spoilt.setattr(reconcile, "RULES", bent("lock-reused", lambda answers: answers.limit(0)))
    result = told(Run("lock-reused", 0, 7, RANGES))
    assert (result.found, result.exact, result.false) == (False, False, ["silent: lock-reused"])


def test_a_finding_that_is_one_serial_off_is_not_exact(spoilt: pytest.MonkeyPatch) -> None:
    spoilt.setattr(reconcile, "RULES", bent("lock-reused", lambda t: t.mutate(last=(t["last"] + 1).cast("uint64"))))
    result = told(Run("lock-reused", 0, 7, RANGES))
    assert (result.found, result.exact, len(result.false)) == (True, False, 1)


def test_a_rule_that_takes_what_is_honest_for_a_break_is_not_precise(spoilt: pytest.MonkeyPatch) -> None:
    spoilt.setattr(reconcile, "RULES", bent("reissued-elsewhere", lambda answers: answers.mutate(shown=False)))
    results = [told(Run(HONEST, number, 7, RANGES)) for number in range(3)]
    assert {line.split(":")[0] for result in results for line in result.false} == {"reissued-elsewhere"}
    assert not all(result.exact for result in results)
