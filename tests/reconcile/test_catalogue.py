"""The table of rules is made from the rules, and every rule says what it must."""

from __future__ import annotations

from bridge.reconcile.catalogue import README, refreshed
from bridge.reconcile.rules import RULES


def test_the_table_of_rules_is_fresh() -> None:
    readme = README.read_text(encoding="utf-8")
    assert refreshed(readme) == readme, "run python -m bridge.reconcile.catalogue"


def test_every_module_of_a_rule_is_listed_once_under_its_own_name() -> None:
    modules = {path.stem.replace("_", "-") for path in (README.parent / "rules").glob("[a-z]*.py")}
    assert [rule.name for rule in RULES if rule.name not in modules] == []
    assert len(RULES) == len(modules)


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    assert all(rule.title and rule.advice for rule in RULES)
