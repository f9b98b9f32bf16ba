"""The kept figures of `scripts/bench gas` are of the verbs that it measures; `--check` compares them."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "benches"))

gas = pytest.importorskip("gas")


def test_each_verb_and_floor_has_a_kept_figure_and_no_other_has() -> None:
    kept = json.loads(gas.SNAPSHOT.read_text())
    columns = {verb.name: {gas.OURS, *(gas.FLOORS if verb.floor else ())} for verb in gas.VERBS}
    assert {verb: set(row) for verb, row in kept.items()} == columns


def test_the_kept_file_is_as_update_writes_it() -> None:
    text = gas.SNAPSHOT.read_text()
    assert gas.snapshot_text(json.loads(text)) == text


def test_a_figure_that_moved_came_or_went_is_named() -> None:
    kept = {"mint": {"ours": 10, "Solady": 5}, "gone": {"ours": 1}}
    assert gas.drift(kept, kept) == []
    assert gas.drift(kept, {"mint": {"ours": 9, "Solady": 5}, "new": {"ours": 2}}) == [
        "gone, ours: 1 kept, None measured",
        "mint, ours: 10 kept, 9 measured",
        "new, ours: None kept, 2 measured",
    ]


def test_a_verb_with_a_target_says_what_would_bring_it_back() -> None:
    assert [verb.name for verb in gas.VERBS if verb.target and not verb.remedy] == []
