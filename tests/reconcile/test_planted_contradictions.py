"""Statements that contradict an earlier one, or are too old: each fault is found, and its honest look-alike is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.findings import Reconciliation, Severity
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import Statement
from bridge.domain.serials import SerialRange
from bridge.reconcile.evidence import Evidence
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import DAY, FOREST, SOLAR, House, endorsed, looked_at, serials


@pytest.fixture
def house() -> House:
    house = House()
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    house.issue(serials(201, 220))
    house.write(serials(201, 210), state=SerialState.RETIRED)
    return house


def both(house: House, first: Statement) -> Reconciliation:
    statement = house.statement()
    return reconcile(looked_at([house.chain()], [first, statement]))


def found(result: Reconciliation) -> list[tuple[str, tuple[SerialRange, ...]]]:
    return [(f.rule, f.ranges) for f in result.findings]


class TestStatementContradicted:
    def test_rows_vanish(self, house: House) -> None:
        first = house.statement()
        house.write(serials(91, 100), state=SerialState.HELD)
        house.entries = [e for e in house.entries if e.range != serials(91, 100)]
        assert found(both(house, first)) == [("statement-contradicted", (serials(91, 100),))]

    @pytest.mark.parametrize("state", [SerialState.HELD, SerialState.CANCELLED])
    def test_retired_is_so_no_more(self, house: House, state: SerialState) -> None:
        first = house.statement()
        house.write(serials(205, 206), state=state)
        result = both(house, first)
        assert found(result) == [("statement-contradicted", (serials(205, 206),))]
        assert len(result.findings[0].evidence) == 4

    def test_serials_change_their_class(self, house: House) -> None:
        first = house.statement()
        house.write(serials(60, 70), credit_class=SOLAR)
        assert found(both(house, first)) == [("statement-contradicted", (serials(60, 70),))]

    def test_a_block_grows(self, house: House) -> None:
        first = house.statement()
        next(e for e in house.entries if e.range == serials(51, 100)).range = serials(51, 105)
        assert found(both(house, first)) == [("statement-contradicted", (serials(101, 105),))]

    def test_totals_and_numbers_fall(self, house: House) -> None:
        later = house.statement()
        head = later.head.items[0]
        (total,) = head.totals
        higher = total.model_copy(update={"locked": total.locked + 7, "released": total.released + 7})
        told = head.model_copy(update={"as_of": head.as_of - 5, "totals": (higher,), "sequence": 9})
        first = later.model_copy(update={"head": later.head.model_copy(update={"items": (told,)})})
        result = reconcile(looked_at([house.chain()], [first, later]))
        assert {(f.rule, f.class_id, f.units) for f in result.findings} == {
            ("statement-contradicted", FOREST.id, 7),
            ("statement-contradicted", None, 0),
        }

    def test_a_block_split_after_the_fact_is_shown(self, house: House) -> None:
        first = house.statement()
        house.split(80)
        result = both(house, first)
        assert (result.findings, [(s.rule, s.ranges) for s in result.shown]) == (
            (),
            [("statement-contradicted", (serials(51, 100),))],
        )

    def test_a_life_of_locks_exits_and_reversals_between_them_is_honest(self, house: House) -> None:
        first = house.statement()
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.exit(Kind.REDEMPTION, serials(6, 9))
        house.release(house.lock(serials(61, 70)))
        house.issue(serials(101, 120))
        house.take_back(serials(20, 22))
        house.reverse(serials(20, 22))
        result = both(house, first)
        assert result.findings == ()
        # What was locked and released is as it was, in three blocks.
        split = [item.ranges for item in result.shown if item.rule == "statement-contradicted"]
        assert split == [(serials(51, 100),)]

    def test_of_two_in_one_second_neither_is_the_later(self, house: House) -> None:
        first = house.statement()
        house.write(serials(205, 206), state=SerialState.HELD)
        second = house.statement()
        as_of = first.head.items[0].as_of
        head = second.head.items[0].model_copy(update={"as_of": as_of})
        second = second.model_copy(update={"head": second.head.model_copy(update={"items": (head,)})})
        assert reconcile(looked_at([house.chain()], [first, second])).findings == ()


class TestStatementStale:
    def looked_at(self, house: House, age: int) -> Evidence:
        evidence = house.evidence()
        return replace(evidence, moment=evidence.statements[0].head.items[0].as_of + age)

    def test_older_than_allowed(self, house: House) -> None:
        (finding,) = reconcile(self.looked_at(house, 2 * DAY + 1)).findings
        assert (finding.rule, finding.severity) == ("statement-stale", Severity.BREAK)

    def test_only_a_warning_where_nothing_is_ours(self) -> None:
        house = House()
        house.issue(serials(1, 100))
        (finding,) = reconcile(self.looked_at(house, 3 * DAY)).findings
        assert (finding.rule, finding.severity) == ("statement-stale", Severity.WARNING)

    def test_an_old_one_beside_a_fresh_one_is_honest(self, house: House) -> None:
        first = house.statement()
        house.wait(9 * DAY)
        evidence = self.looked_at(house, 2 * DAY)
        statements = [first, *evidence.statements]
        looked = replace(evidence, statements=statements, endorsements=[endorsed(s) for s in statements])
        assert reconcile(looked).findings == ()
