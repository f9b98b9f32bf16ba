"""Powers, bounds and the holders' policy: each fault is found, and its honest look-alike is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.findings import Finding, Reconciliation
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import (
    AllowanceSet,
    AttestersSet,
    ClassAllowanceSet,
    ClassCreated,
    Frozen,
    GuardianSet,
    Listed,
    OwnershipTransferred,
    PowerChanged,
    ReserveStated,
    Transferred,
)
from bridge.domain.serials import SerialRange
from bridge.domain.values import ZERO_ADDRESS
from bridge.reconcile.evidence import Evidence
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import ALICE, BOB, DAY, DEADLINE, FOREST, HERE, House, serials

OPERATOR, OWNER, OTHER = ("0x" + pair * 20 for pair in ("0e", "0a", "66"))
GATED = CreditClass(registry="VERRA", project="9", vintage=2021, credit_type="VCU", kg_per_unit=1000)


@pytest.fixture
def house() -> House:
    """Fifty minted serials, and some that are free."""
    house = House()
    house.issue(serials(1, 1000))
    house.deposit(serials(1, 50))
    return house


def only(result: Reconciliation) -> Finding:
    (finding,) = result.findings
    return finding


def found(result: Reconciliation) -> list[tuple[str, tuple[SerialRange, ...], int]]:
    return [(f.rule, f.ranges, f.units) for f in result.findings]


def minted(house: House, r: SerialRange, operator: str | None = None) -> None:
    lock_id = house.lock(r)
    house.mint(lock_id)
    if operator:
        last = house.events[HERE][-1]
        assert isinstance(last, Transferred)
        house.events[HERE][-1] = last.model_copy(update={"operator": operator})


class TestMovedWhileFrozen:
    def test_transfers_and_requests_of_a_frozen_account(self, house: House) -> None:
        house.emit(HERE, Frozen, account=ALICE, until=house.now + 30 * DAY)
        house.transfer(7)
        house.ask(Kind.RETIREMENT, 3)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.class_id, finding.units) == ("moved-while-frozen", FOREST.id, 10)
        assert ALICE in finding.subject
        assert len(finding.evidence) == 4

    def test_before_the_freeze_after_it_and_into_the_account_is_honest(self, house: House) -> None:
        house.transfer(1)
        house.emit(HERE, Frozen, account=ALICE, until=house.now + DAY)
        minted(house, serials(51, 60))
        recovery_id = house.order(5)
        house.wait(3 * DAY)
        house.recover(recovery_id)
        house.transfer(1)
        house.emit(HERE, Frozen, account=ALICE, until=house.now + 30 * DAY)
        house.emit(HERE, Frozen, account=ALICE, until=house.now)
        house.wait(10)
        house.transfer(1)
        assert reconcile(house.evidence()).findings == ()

    def test_what_no_policy_stops_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.emit(HERE, Frozen, account=ALICE, until=house.now + 30 * DAY)
        house.settle(request_id, serials(1, 5))
        house.execute(request_id)
        assert reconcile(house.evidence()).findings == ()

    def test_recovered_from_a_frozen_account_is_honest(self, house: House) -> None:
        house.emit(HERE, Frozen, account=ALICE, until=house.now + 30 * DAY)
        recovery_id = house.order(5)
        house.wait(3 * DAY)
        house.recover(recovery_id)
        assert reconcile(house.evidence()).findings == ()


class TestMovedToUnlisted:
    def listing(self, house: House, account: str, listed: bool = True) -> None:
        house.wait(10)
        house.emit(HERE, Listed, account=account, listed=listed)

    def test_to_somebody_who_was_struck_off(self) -> None:
        house = House()
        house.issue(serials(1, 100))
        for account in (ALICE, BOB):
            self.listing(house, account)
        house.deposit(serials(1, 50))
        house.transfer(1)
        self.listing(house, BOB, False)
        house.transfer(4)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.units) == ("moved-to-unlisted", 4)

    def test_minted_where_a_list_is_kept_and_nobody_listed(self, house: House) -> None:
        evidence = house.evidence()
        (view,) = evidence.chains
        finding = only(reconcile(replace(evidence, chains=[replace(view, keeps_list=True)])))
        assert (finding.rule, finding.units) == ("moved-to-unlisted", 50)

    def test_who_was_struck_off_gives_and_retires_what_he_has(self) -> None:
        house = House()
        house.issue(serials(1, 100))
        for account in (ALICE, BOB):
            self.listing(house, account)
        house.deposit(serials(1, 50))
        self.listing(house, ALICE, False)
        house.transfer(4)
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.refuse(house.ask(Kind.RETIREMENT, 2))
        assert reconcile(house.evidence()).findings == ()


class TestAllowanceExceeded:
    def test_beyond_a_day_at_once(self, house: House) -> None:
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=100)
        minted(house, serials(51, 150), OPERATOR)
        minted(house, serials(151, 160), OPERATOR)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("allowance-exceeded", (serials(151, 160),))
        assert OPERATOR in finding.subject

    def test_by_somebody_who_has_none(self, house: House) -> None:
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=100)
        minted(house, serials(51, 60), OTHER)
        assert found(reconcile(house.evidence())) == [("allowance-exceeded", (serials(51, 60),), 10)]

    def test_a_class_beyond_its_own(self, house: House) -> None:
        house.emit(HERE, ClassAllowanceSet, class_id=FOREST.id, units_per_day=100)
        minted(house, serials(51, 150))
        minted(house, serials(151, 155))
        assert found(reconcile(house.evidence())) == [("allowance-exceeded", (serials(151, 155),), 5)]

    def test_what_has_refilled_may_be_minted_to_the_unit(self, house: House) -> None:
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=100)
        minted(house, serials(51, 150), OPERATOR)
        house.wait(DAY // 2 - 20)
        minted(house, serials(151, 200), OPERATOR)
        assert reconcile(house.evidence()).findings == ()
        minted(house, serials(201, 201), OPERATOR)
        assert found(reconcile(house.evidence())) == [("allowance-exceeded", (serials(201, 201),), 1)]

    def test_raised_lowered_and_lifted_allowances_are_honest(self, house: House) -> None:
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=10)
        minted(house, serials(51, 60), OPERATOR)
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=100)
        minted(house, serials(61, 150), OPERATOR)
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=5)
        house.wait(DAY)
        minted(house, serials(151, 155), OPERATOR)
        house.emit(HERE, ClassAllowanceSet, class_id=FOREST.id, units_per_day=1)
        house.emit(HERE, ClassAllowanceSet, class_id=FOREST.id, units_per_day=0)
        minted(house, serials(201, 204))
        assert reconcile(house.evidence()).findings == ()

    def test_units_that_come_back_are_no_mint(self, house: House) -> None:
        house.emit(HERE, AllowanceSet, operator=OPERATOR, units_per_day=1)
        house.refuse(house.ask(Kind.RETIREMENT, 40))
        last = house.events[HERE][-2]
        house.events[HERE][-2] = last.model_copy(update={"operator": OTHER})
        assert reconcile(house.evidence()).findings == ()


class TestTermsBroken:
    def gate(self, house: House, statement_seconds: int = DAY) -> None:
        terms = Terms(
            request_deadline_seconds=DEADLINE,
            challenge_seconds=DAY,
            challenge_blocks=1,
            kg_per_unit=1000,
            statement_seconds=statement_seconds,
        )
        told = GATED.model_dump(include={"registry", "project", "vintage", "credit_type", "kg_per_unit"})
        house.emit(HERE, ClassCreated, class_id=GATED.id, terms=terms, **told)
        house.issue(serials(2001, 3000), GATED)

    def state(self, house: House, locked: int, sequence: int = 1) -> None:
        house.wait(10)
        told = {"class_id": GATED.id, "sequence": sequence, "as_of": house.now, "locked": locked}
        house.emit(HERE, ReserveStated, **told)

    def test_minted_beyond_what_is_stated_or_when_that_is_old(self, house: House) -> None:
        self.gate(house)
        self.state(house, 100)
        minted(house, serials(2001, 2100))
        minted(house, serials(2101, 2101))
        assert found(reconcile(house.evidence())) == [("terms-broken", (serials(2101, 2101),), 1)]
        self.state(house, 1000, 2)
        house.wait(DAY)
        minted(house, serials(2102, 2105))
        finding, another = reconcile(house.evidence()).findings
        assert {finding.ranges, another.ranges} == {(serials(2101, 2101),), (serials(2102, 2105),)}

    def test_minted_within_a_fresh_statement_is_honest(self, house: House) -> None:
        self.gate(house)
        self.state(house, 100)
        minted(house, serials(2001, 2100))
        house.exit(Kind.REDEMPTION, serials(1, 5))
        self.state(house, 101, 2)
        minted(house, serials(2101, 2101))
        assert reconcile(house.evidence()).findings == ()

    def test_a_request_with_a_later_deadline(self, house: House) -> None:
        self.gate(house, 0)
        minted(house, serials(2001, 2100))
        house.ask(Kind.RETIREMENT, 5, GATED)
        late = house.events[HERE][-1]
        house.events[HERE][-1] = late.model_copy(update={"deadline": house.now + DEADLINE + 1})
        assert found(reconcile(house.evidence())) == [("terms-broken", (), 5)]

    def test_returned_before_the_challenge(self, house: House) -> None:
        self.gate(house, 0)
        minted(house, serials(2001, 2100))
        request_id = house.ask(Kind.RETIREMENT, 5, GATED)
        house.call_back(request_id)
        house.wait(DAY - 1)
        house.give_back(request_id)
        assert found(reconcile(house.evidence())) == [("terms-broken", (), 5)]

    def test_returned_after_it_or_refused_is_honest(self, house: House) -> None:
        self.gate(house, 0)
        minted(house, serials(2001, 2100))
        request_id = house.ask(Kind.RETIREMENT, 5, GATED)
        house.call_back(request_id)
        house.wait(DAY)
        house.give_back(request_id)
        house.refuse(house.ask(Kind.RETIREMENT, 5, GATED))
        assert reconcile(house.evidence()).findings == ()


class TestRoleChanged:
    FORGED: tuple[tuple[type[PowerChanged], dict[str, object]], ...] = (
        (GuardianSet, {"account": OTHER, "enabled": True}),
        (AllowanceSet, {"operator": OTHER, "units_per_day": 9}),
        (AttestersSet, {"registry": "VERRA", "added": (OTHER,), "removed": (), "threshold": 1}),
        (OwnershipTransferred, {"previous": OWNER, "account": OTHER}),
    )

    @pytest.fixture
    def owned(self, house: House) -> House:
        house.emit(HERE, OwnershipTransferred, previous=ZERO_ADDRESS, account=OWNER, by=(OWNER,))
        house.wait(10)
        return house

    def looked_at_since(self, house: House, seen_before: int | None) -> Evidence:
        return replace(house.evidence(), seen_before=seen_before)

    @pytest.mark.parametrize(("kind", "facts"), FORGED, ids=lambda value: getattr(value, "__name__", ""))
    def test_by_somebody_who_is_not_the_owner(
        self, owned: House, kind: type[PowerChanged], facts: dict[str, object]
    ) -> None:
        owned.emit(HERE, kind, by=("0x" + "67" * 20, HERE.contract), **facts)
        results = reconcile(owned.evidence()).findings
        assert {finding.rule for finding in results} == {"role-changed"}

    @pytest.mark.parametrize(("kind", "facts"), FORGED[:3], ids=lambda value: getattr(value, "__name__", ""))
    def test_by_the_owner_or_through_his_timelock_is_shown_once(
        self, owned: House, kind: type[PowerChanged], facts: dict[str, object]
    ) -> None:
        before = owned.now
        owned.wait(10)
        owned.emit(HERE, kind, by=("0x" + "67" * 20, OWNER), **facts)
        result = reconcile(self.looked_at_since(owned, before))
        assert (result.findings, {item.rule for item in result.shown}) == ((), {"role-changed"})
        assert reconcile(self.looked_at_since(owned, owned.now)).shown == ()
        assert reconcile(owned.evidence()).shown == ()

    def test_ownership_taken_by_whom_it_was_offered_is_honest(self, owned: House) -> None:
        owned.emit(HERE, OwnershipTransferred, previous=OWNER, account=BOB, by=(BOB, HERE.contract))
        owned.wait(10)
        owned.emit(HERE, GuardianSet, account=ALICE, enabled=True, by=(BOB, HERE.contract))
        assert reconcile(owned.evidence()).findings == ()
        owned.emit(HERE, GuardianSet, account=ALICE, enabled=False, by=(OWNER, HERE.contract))
        assert only(reconcile(owned.evidence())).rule == "role-changed"

    def test_the_policys_owner_is_another(self, owned: House) -> None:
        theirs = {"of_policy": True, "previous": ZERO_ADDRESS, "account": BOB, "by": (BOB,)}
        owned.emit(HERE, OwnershipTransferred, **theirs)
        owned.emit(HERE, GuardianSet, account=ALICE, enabled=True, by=(BOB,), of_policy=True)
        assert reconcile(owned.evidence()).findings == ()

    def test_of_a_transaction_that_nobody_looked_at_nothing_is_said(self, owned: House) -> None:
        owned.emit(HERE, GuardianSet, account=OTHER, enabled=True)
        assert reconcile(owned.evidence()).findings == ()
