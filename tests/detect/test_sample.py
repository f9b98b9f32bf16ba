"""A small sample of the detection matrix; `scripts/detect` runs all of it in a large house."""

from __future__ import annotations

import pytest

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
