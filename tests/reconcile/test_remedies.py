"""Law L8 for what should not happen: reversals, cover, recoveries, quarantines, and the retired balance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.findings import Finding, Reconciliation, Severity, Shown
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import CoverTaken, CreditRetired, Recovered, Reversed, Transferred
from bridge.domain.serials import SerialRange
from bridge.domain.values import ZERO_ADDRESS
from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import (
    ALICE,
    BOB,
    DAY,
    FOREST,
    HERE,
    RECOVERY,
    SOLAR,
    THERE,
    House,
    looked_at,
    name,
    serials,
)

THAT_LONG = Limits(reversal_seconds=DAY, out_of_step_seconds=30 * DAY)


@pytest.fixture
def house() -> House:
    """A hundred serials of the forest, half of them minted, and twenty free ones of the sun."""
    house = House(HERE, THERE)
    house.issue(serials(1, 100))
    house.issue(serials(201, 220), SOLAR)
    house.deposit(serials(1, 50))
    return house


@pytest.fixture
def short(house: House) -> House:
    """Ten of the minted serials are taken back, and the chain has it."""
    house.take_back(serials(11, 20))
    house.reverse(serials(11, 20))
    return house


def breaks(result: Reconciliation) -> list[str]:
    return [finding.rule for finding in result.findings if finding.severity is Severity.BREAK]


def finding(result: Reconciliation, rule: str) -> Finding:
    (found,) = [f for f in result.findings if f.rule == rule]
    return found


def shown(result: Reconciliation, rule: str) -> Shown:
    (item,) = [item for item in result.shown if item.rule == rule]
    return item


def waiting(result: Reconciliation) -> list[tuple[str, tuple[SerialRange, ...]]]:
    return [(item.rule, item.ranges) for item in result.in_flight]


class TestReversal:
    def test_reversed_on_both_sides_is_shown_with_the_shortfall_it_leaves(self, short: House) -> None:
        result = reconcile(short.evidence())
        assert (result.findings, result.in_flight) == ((), ())
        attested = shown(result, "reversal-unfounded")
        assert (attested.ranges, attested.class_id, attested.kg) == ((serials(11, 20),), FOREST.id, 10_000)
        assert len(attested.evidence) == 2
        assert (shown(result, "shortfall-mismatch").units, result.clean) == (10, True)
        (totals,) = result.totals
        assert (totals.supply, totals.live, totals.reversed, totals.shortfall) == (50, 40, 10, 10)

    def test_reversed_only_in_the_registry_is_in_flight_until_its_deadline(self, house: House) -> None:
        house.take_back(serials(11, 20))
        statement = house.statement()
        early = reconcile(looked_at([house.chain()], [statement]), THAT_LONG)
        assert (early.findings, waiting(early)) == ((), [("reversal-unattested", (serials(11, 20),))])
        assert early.in_flight[0].due == statement.head.items[0].as_of + DAY
        house.wait(DAY)
        late = reconcile(looked_at([house.chain()], [statement]), THAT_LONG)
        assert breaks(late) == ["reversal-unattested"]
        assert finding(late, "reversal-unattested").ranges == (serials(11, 20),)

    def test_cancelled_only_in_the_registry_has_the_time_of_a_reversal(self, house: House) -> None:
        house.write(serials(11, 20), state=SerialState.CANCELLED)
        statement = house.statement()
        early = reconcile(looked_at([house.chain()], [statement]), THAT_LONG)
        assert (early.findings, waiting(early)) == ((), [("reversal-unattested", (serials(11, 20),))])
        house.wait(DAY)
        late = reconcile(looked_at([house.chain()], [statement]), THAT_LONG)
        assert breaks(late) == ["reversal-unattested"]
        assert finding(late, "reversal-unattested").ranges == (serials(11, 20),)

    def test_a_fresh_statement_does_not_put_the_deadline_off(self, house: House) -> None:
        house.take_back(serials(11, 15))
        earlier = house.statement()
        house.wait(DAY)
        house.take_back(serials(16, 20))
        evidence = house.evidence()
        result = reconcile(replace(evidence, statements=[earlier, *evidence.statements]), THAT_LONG)
        assert finding(result, "reversal-unattested").ranges == (serials(11, 15),)
        assert waiting(result) == [("reversal-unattested", (serials(16, 20),))]

    @pytest.mark.parametrize("state", [SerialState.LOCKED, SerialState.HELD])
    def test_a_false_reversal_by_a_stolen_quorum(self, house: House, state: SerialState) -> None:
        house.take_back(serials(11, 15))
        if state is SerialState.HELD:
            house.write(serials(16, 20), state=state, deployment=None, lock_id=None)
        event_id = house.reverse(serials(11, 20))
        result = reconcile(house.evidence())
        unfounded = finding(result, "reversal-unfounded")
        assert (unfounded.ranges, unfounded.severity) == ((serials(16, 20),), Severity.BREAK)
        assert event_id in unfounded.subject
        assert shown(result, "reversal-unfounded").ranges == (serials(11, 15),)

    def test_a_false_reversal_of_reserved_serials(self, house: House) -> None:
        house.reserve(house.ask(Kind.RETIREMENT, 5), serials(11, 15))
        house.reverse(serials(11, 12))
        assert finding(reconcile(house.evidence()), "reversal-unfounded").ranges == (serials(11, 12),)

    def test_reversed_after_the_statement_is_in_flight(self, house: House) -> None:
        statement = house.statement()
        house.take_back(serials(11, 20))
        house.reverse(serials(11, 20))
        result = reconcile(looked_at([house.chain()], [statement]))
        assert (result.findings, waiting(result)) == ((), [("reversal-unfounded", (serials(11, 20),))])

    @pytest.mark.parametrize("state", [SerialState.RETIRED, SerialState.CANCELLED])
    def test_a_reversal_heals_what_the_registry_did_by_itself(self, house: House, state: SerialState) -> None:
        house.write(serials(11, 20), state=state)
        assert breaks(reconcile(house.evidence())) == (["retired-while-circulating"] if state == "retired" else [])
        statement = house.statement()
        house.reverse(serials(11, 20))
        assert reconcile(looked_at([house.chain()], [statement])).findings == ()
        assert reconcile(house.evidence()).findings == ()

    @pytest.mark.parametrize("kind", list(Kind))
    def test_a_reversal_heals_what_was_executed_without_settlement(self, house: House, kind: Kind) -> None:
        request_id = house.ask(kind, 5)
        house.reserve(request_id, serials(1, 5))
        house.asked[request_id].settled.append(serials(1, 5))
        house.execute(request_id)
        house.reverse(serials(1, 5))
        assert [rule for rule in breaks(reconcile(house.evidence())) if rule != "statement-totals"] == []

    def test_a_reversed_serial_minted_again(self, short: House) -> None:
        short.mint_unlocked(name("again"), serials(19, 21))
        result = reconcile(short.evidence())
        assert finding(result, "serials-reused").ranges == (serials(19, 21),)

    def test_a_reversed_serial_settled(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.take_back(serials(11, 20))
        house.reverse(serials(11, 20))
        house.settle(request_id, serials(8, 12))
        result = reconcile(house.evidence())
        assert finding(result, "settled-not-live").ranges == (serials(11, 12),)

    @pytest.mark.parametrize("kind", list(Kind))
    def test_serials_settled_that_the_registry_had_taken_back(self, house: House, kind: Kind) -> None:
        request_id = house.ask(kind, 5)
        house.reserve(request_id, serials(11, 15))
        house.take_back(serials(11, 12))
        statement = house.statement()
        house.settle(request_id, serials(11, 15))
        result = reconcile(looked_at([house.chain()], [statement]))
        assert finding(result, "settled-without-execution").ranges == (serials(11, 12),)

    def test_serials_reversed_that_were_not_live(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        event_id = house.reverse(serials(4, 7))
        dead = finding(reconcile(house.evidence()), "settled-not-live")
        assert dead.ranges == (serials(4, 5),)
        assert event_id in dead.subject

    def test_an_event_that_the_registry_calls_by_a_requests_id_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.REDEMPTION, 5)
        house.reserve(request_id, serials(1, 5))
        house.settle(request_id, serials(1, 5))
        receipt = house.execute(request_id)
        house.take_back(serials(11, 20))
        house.reverse(serials(11, 20), event_id=request_id)
        result = reconcile(replace(house.evidence(), receipts=[(HERE, receipt)]))
        assert (result.findings, result.in_flight) == ((), ())

    def test_minted_elsewhere_while_reversed_here(self, short: House) -> None:
        short.mint_unlocked(name("there"), serials(15, 16), deployment=THERE)
        assert finding(reconcile(short.evidence()), "tokenized-without-lock").ranges == (serials(15, 16),)


class TestShortfall:
    def test_a_reversal_that_states_another_shortfall(self, house: House) -> None:
        house.take_back(serials(11, 20))
        house.shortfalls[HERE, FOREST.id] -= 3
        house.reverse(serials(11, 20))
        result = reconcile(house.evidence())
        assert breaks(result) == ["shortfall-mismatch"]
        wrong = finding(result, "shortfall-mismatch")
        assert (wrong.class_id, wrong.units) == (FOREST.id, 3)

    def test_cover_taken_that_states_another_shortfall(self, short: House) -> None:
        cover_id = short.cover(serials(201, 210))
        short.shortfalls[HERE, FOREST.id] += 1
        short.take_cover(cover_id, 4)
        assert (breaks(reconcile(short.evidence()))) == ["shortfall-mismatch"]

    def test_a_burn_with_neither_request_nor_cover(self, short: House) -> None:
        short.take_cover(short.cover(serials(201, 210)), 4)
        short.emit(HERE, Transferred, sender=ALICE, to=ZERO_ADDRESS, class_id=FOREST.id, units=2)
        result = reconcile(short.evidence())
        assert breaks(result) == ["supply-mismatch"]
        burned = finding(result, "supply-mismatch")
        assert (burned.class_id, burned.units) == (FOREST.id, 2)

    def test_cover_taken_without_a_burn(self, short: House) -> None:
        short.take_cover(short.cover(serials(201, 210)), 4)
        (burn,) = [e for e in short.events[HERE] if isinstance(e, Transferred) and e.to == ZERO_ADDRESS]
        short.events[HERE].remove(burn)
        assert breaks(reconcile(short.evidence())) == ["supply-mismatch"]

    def test_short_covered_and_open_again_is_honest(self, short: House) -> None:
        cover_id = short.cover(serials(201, 212))
        short.take_cover(cover_id, 4)
        short.take_cover(cover_id, 6)
        short.withdraw_cover(cover_id)
        short.transfer(3)
        short.deposit(serials(51, 60))
        short.exit(Kind.RETIREMENT, serials(1, 5))
        result = reconcile(short.evidence())
        assert (result.findings, result.in_flight) == ((), ())
        assert [item.rule for item in result.shown] == ["reversal-unfounded", "cover-mismatch"]


class TestCover:
    def test_offered_taken_and_left_is_shown(self, short: House) -> None:
        cover_id = short.cover(serials(201, 210))
        short.take_cover(cover_id, 4)
        result = reconcile(short.evidence())
        assert (result.findings, result.in_flight) == ((), ())
        cover = shown(result, "cover-mismatch")
        assert (cover.subject, cover.class_id, cover.units) == (f"cover {cover_id} on {HERE}", SOLAR.id, 10)
        assert f"for class {FOREST.id}: offered 10, taken 4, withdrawn 0 units" in cover.evidence[-1].text
        assert shown(result, "shortfall-mismatch").units == 6
        by_class = {t.class_id: t for t in result.totals}
        assert (by_class[SOLAR.id].cover, by_class[SOLAR.id].supply, by_class[FOREST.id].supply) == (6, 10, 46)

    @pytest.mark.parametrize(("sender", "to"), [(HERE.contract, BOB), (ALICE, HERE.contract)])
    def test_units_that_leave_or_reach_the_contract_by_themselves(self, short: House, sender: str, to: str) -> None:
        short.take_cover(short.cover(serials(201, 210)), 4)
        short.emit(HERE, Transferred, sender=sender, to=to, class_id=SOLAR.id, units=2)
        result = reconcile(short.evidence())
        assert breaks(result) == ["cover-mismatch"]
        wrong = finding(result, "cover-mismatch")
        assert (wrong.class_id, wrong.units, wrong.kg) == (SOLAR.id, 2, 2000)

    def test_cover_that_was_never_minted(self, short: House) -> None:
        cover_id = short.cover(serials(201, 210))
        del short.events[HERE][-3:-1]
        short.release(next(reversed(short.locks)))
        wrong = finding(reconcile(short.evidence()), "cover-mismatch")
        assert (wrong.units, cover_id in short.offers) == (10, True)

    def test_more_taken_than_was_offered(self, short: House) -> None:
        first, second = short.cover(serials(201, 202)), short.cover(serials(203, 210))
        short.take_cover(first, 3)
        result = reconcile(short.evidence())
        assert breaks(result) == ["cover-mismatch"]
        wrong = finding(result, "cover-mismatch")
        assert (wrong.units, first in wrong.subject, second in wrong.subject) == (1, True, False)

    def test_cover_let_go_while_the_class_is_short(self, short: House) -> None:
        cover_id = short.cover(serials(201, 210))
        short.take_cover(cover_id, 4)
        short.withdraw_cover(cover_id)
        result = reconcile(short.evidence())
        assert breaks(result) == ["moved-while-closed"]
        gone = finding(result, "moved-while-closed")
        assert (gone.class_id, gone.units, cover_id in gone.subject) == (FOREST.id, 6, True)


class TestMovedWhileClosed:
    def test_minted_asked_and_moved_in_a_quarantine(self, house: House) -> None:
        house.quarantine()
        house.deposit(serials(51, 60))
        request_id = house.ask(Kind.RETIREMENT, 3)
        house.transfer(2)
        house.transfer(5)
        result = reconcile(house.evidence())
        assert set(breaks(result)) == {"moved-while-closed"}
        assert [(f.ranges, f.units, f.class_id) for f in result.findings] == [
            ((serials(51, 60),), 10, FOREST.id),
            ((), 3, FOREST.id),
            ((), 7, FOREST.id),
        ]
        assert request_id in result.findings[1].subject

    def test_minted_asked_moved_and_settled_while_short(self, house: House) -> None:
        before = house.ask(Kind.RETIREMENT, 3)
        house.reserve(before, serials(1, 3))
        house.take_back(serials(11, 20))
        house.reverse(serials(11, 20))
        house.deposit(serials(51, 60))
        house.ask(Kind.REDEMPTION, 2)
        house.transfer(5)
        house.settle(before, serials(1, 3))
        result = reconcile(house.evidence())
        assert set(breaks(result)) == {"moved-while-closed"}
        assert [(f.ranges, f.units) for f in sorted(result.findings, key=lambda f: f.units)] == [
            ((), 2),
            ((serials(1, 3),), 3),
            ((), 5),
            ((serials(51, 60),), 10),
        ]

    def test_before_after_and_beside_a_quarantine_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 3)
        house.reserve(request_id, serials(1, 3))
        house.transfer(1)
        house.quarantine()
        house.settle(request_id, serials(1, 3))
        house.deposit(serials(201, 205), HERE)
        house.transfer(1, SOLAR)
        house.quarantine(days=0)
        house.transfer(2)
        house.quarantine(days=2)
        house.wait(2 * DAY)
        house.transfer(3)
        assert reconcile(house.evidence()).findings == ()

    def test_refused_and_returned_while_short_and_quarantined_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 3)
        house.quarantine()
        house.take_back(serials(11, 20))
        house.reverse(serials(11, 20))
        house.refuse(request_id)
        assert reconcile(house.evidence()).findings == ()


class TestRetiredBalance:
    def test_more_than_was_retired_for_the_holder(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.emit(HERE, CreditRetired, account=ALICE, class_id=FOREST.id, units=2)
        result = reconcile(house.evidence())
        assert breaks(result) == ["retired-balance-mismatch"]
        wrong = finding(result, "retired-balance-mismatch")
        assert (wrong.class_id, wrong.units, wrong.kg) == (FOREST.id, 2, 2000)

    def test_given_to_another_than_the_holder(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        events = house.events[HERE]
        events[:] = [e.model_copy(update={"account": BOB}) if isinstance(e, CreditRetired) else e for e in events]
        result = reconcile(house.evidence())
        assert [(f.rule, f.units) for f in result.findings] == [("retired-balance-mismatch", 5)] * 2

    def test_two_parts_and_a_redemption_are_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.settle(request_id, serials(1, 2))
        house.settle(request_id, serials(3, 5))
        house.exit(Kind.REDEMPTION, serials(6, 9))
        assert reconcile(house.evidence()).findings == ()


class TestRecovery:
    def test_by_a_matured_order_is_shown(self, house: House) -> None:
        house.veto(house.order(7))
        recovery_id = house.order(8)
        house.wait(RECOVERY)
        house.recover(recovery_id)
        result = reconcile(house.evidence())
        assert result.findings == ()
        item = shown(result, "recovery-unordered")
        assert (item.class_id, item.units, recovery_id in item.subject) == (FOREST.id, 8, True)
        assert len(item.evidence) == 2

    def test_before_it_matured(self, house: House) -> None:
        recovery_id = house.order(8)
        house.recover(recovery_id)
        assert_unordered(house.evidence(), recovery_id, 8)

    def test_after_a_veto(self, house: House) -> None:
        recovery_id = house.order(8)
        house.veto(recovery_id)
        house.wait(RECOVERY)
        house.recover(recovery_id)
        assert_unordered(house.evidence(), recovery_id, 8)

    def test_by_an_order_that_nobody_gave(self, house: House) -> None:
        house.wait(10)
        house.emit(HERE, Recovered, recovery_id=name("none"), sender=ALICE, to=BOB, units=9)
        assert_unordered(house.evidence(), name("none"), 9)

    def test_by_an_order_that_was_given_afterwards(self, house: House) -> None:
        house.emit(HERE, Recovered, recovery_id=name("recovery 0"), sender=ALICE, to=BOB, units=9)
        house.order(9)
        house.wait(RECOVERY)
        evidence = house.evidence()
        untimed = [replace(chain, block_times={}) for chain in evidence.chains]
        assert_unordered(replace(evidence, chains=untimed), name("recovery 0"), 9)

    @pytest.mark.parametrize("changes", [{"units": 9}, {"to": ALICE}, {"sender": BOB}])
    def test_otherwise_than_ordered(self, house: House, changes: dict[str, object]) -> None:
        recovery_id = house.order(8)
        house.wait(RECOVERY)
        order = house.orders[recovery_id]
        house.orders[recovery_id] = replace(order, **changes)  # type: ignore[arg-type]
        house.recover(recovery_id)
        assert_unordered(house.evidence(), recovery_id, house.orders[recovery_id].units)

    def test_twice(self, house: House) -> None:
        recovery_id = house.order(8)
        house.wait(RECOVERY)
        house.recover(recovery_id)
        house.recover(recovery_id)
        assert_unordered(house.evidence(), recovery_id, 8)


def assert_unordered(evidence: Evidence, recovery_id: str, units: int) -> None:
    result = reconcile(evidence)
    assert breaks(result) == ["recovery-unordered"]
    wrong = finding(result, "recovery-unordered")
    assert (wrong.units, recovery_id in wrong.subject) == (units, True)


def test_events_without_a_known_time_delay_a_finding_and_make_none(house: House) -> None:
    house.quarantine(days=2)
    house.transfer(1)
    house.wait(3 * DAY)
    house.transfer(2)
    evidence = house.evidence()
    untimed = [replace(chain, block_times={}) for chain in evidence.chains]
    assert finding(reconcile(evidence), "moved-while-closed").units == 1
    assert breaks(reconcile(replace(evidence, chains=untimed))) == []


def test_every_figure_of_a_reversal_is_looked_up_again(short: House) -> None:
    short.take_cover(short.cover(serials(201, 210)), 4)
    kinds = [e for e in short.events[HERE] if isinstance(e, Reversed | CoverTaken)]
    assert [e.shortfall for e in kinds] == [10, 6]
    assert "shortfall 6 units" in shown(reconcile(short.evidence()), "shortfall-mismatch").evidence[0].text
