"""Counted twice: one retirement for two claims, one serial for two requests, a block beside its part, a re-issue beside
its origin; and storage that says other than events. Each fault is found, and its honest look-alike is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.attestations import Receipt
from bridge.domain.findings import Reconciliation
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import ClassSnapshot, LedgerSnapshot
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.errors import UsageError
from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState, Evidence, Reissue
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import FOREST, HERE, SOLAR, SPACE, THERE, House, name, serials

BATCH = SerialSpace(registry="VERRA", kind=SpaceKind.BATCH, key="B1")


@pytest.fixture
def house() -> House:
    house = House(HERE, THERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    return house


def claim(claim_id: str, r: SerialRange, state: ClaimState, source: str = "other") -> Claim:
    return Claim(source=source, claim_id=claim_id, range=r, kg=r.units * 1000, state=state)


def found(result: Reconciliation) -> list[tuple[str, tuple[SerialRange, ...]]]:
    return [(f.rule, f.ranges) for f in result.findings if f.rule != "statement-totals"]


def settled(house: House, r: SerialRange) -> Receipt:
    request_id = house.ask(Kind.RETIREMENT, r.units)
    house.reserve(request_id, r)
    house.settle(request_id, r)
    return house.execute(request_id)


class TestRetirementUsedTwice:
    def test_retired_here_and_shown_as_retired_by_another_bridge(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 9))
        claims = [claim("m", serials(5, 20), ClaimState.RETIRED), claim("n", serials(5, 20), ClaimState.MINTED)]
        result = reconcile(replace(house.evidence(), claims=claims))
        assert found(result) == [
            ("overlapping-tokenization", (serials(10, 20),)),
            ("retirement-used-twice", (serials(5, 9),)),
        ]

    def test_shown_by_two_other_bridges(self) -> None:
        claims = [
            *(claim("m", serials(1, 9), state) for state in (ClaimState.MINTED, ClaimState.RETIRED)),
            *(claim("x", serials(9, 12), state, "third") for state in (ClaimState.MINTED, ClaimState.RETIRED)),
        ]
        claims = [c.model_copy(update={"claim_id": f"{c.claim_id}{n}"}) for n, c in enumerate(claims)]
        assert found(reconcile(Evidence(claims=claims))) == [("retirement-used-twice", (serials(9, 9),))]

    def test_one_reference_on_two_receipts(self, house: House) -> None:
        receipts = [settled(house, serials(1, 5)), settled(house, serials(6, 9))]
        receipts = [receipt.model_copy(update={"reference": "R-1"}) for receipt in receipts]
        evidence = replace(house.evidence(), receipts=[(HERE, receipt) for receipt in receipts])
        assert found(reconcile(evidence)) == [("retirement-used-twice", (serials(1, 9),))]

    def test_a_receipt_handed_in_twice_and_others_beside_it_are_honest(self, house: House) -> None:
        one, two = settled(house, serials(1, 5)), settled(house, serials(6, 9))
        evidence = replace(house.evidence(), receipts=[(HERE, one), (HERE, one), (HERE, two)])
        assert reconcile(evidence).findings == ()

    def test_a_retirement_that_serves_burns_of_more_than_its_mass(self) -> None:
        burns = [Claim(source="other", claim_id=f"t{n}", kg=3000, state=ClaimState.BURNED) for n in range(2)]
        claims = [claim("m", serials(1, 9), ClaimState.MINTED), claim("r", serials(1, 4), ClaimState.RETIRED), *burns]
        links = [ClaimLink(source="other", earlier=burn.claim_id, later="r", kg=burn.kg) for burn in burns]
        (finding,) = reconcile(Evidence(claims=claims, links=links)).findings
        assert (finding.rule, finding.kg) == ("retirement-used-twice", 2000)

    def test_two_burns_that_share_one_retirement_are_honest(self) -> None:
        burns = [Claim(source="other", claim_id=f"t{n}", kg=2000, state=ClaimState.BURNED) for n in range(2)]
        claims = [claim("m", serials(1, 9), ClaimState.MINTED), claim("r", serials(1, 4), ClaimState.RETIRED), *burns]
        links = [ClaimLink(source="other", earlier=burn.claim_id, later="r", kg=burn.kg) for burn in burns]
        assert reconcile(Evidence(claims=claims, links=links)).findings == ()


class TestRetiredTwice:
    def test_in_two_contracts(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 9))
        house.mint_unlocked(name("second"), serials(5, 9), deployment=THERE)
        house.settle(house.ask(Kind.RETIREMENT, 5, deployment=THERE), serials(5, 9))
        assert found(reconcile(house.evidence())) == [("retired-twice", (serials(5, 9),))]

    def test_by_receipts_for_two_requests(self, house: House) -> None:
        one, two = settled(house, serials(1, 5)), settled(house, serials(6, 9))
        two = two.model_copy(update={"ranges": (serials(5, 9),)})
        evidence = replace(house.evidence(), receipts=[(HERE, one), (HERE, two)])
        assert ("retired-twice", (serials(5, 5),)) in found(reconcile(evidence))

    def test_in_parts_and_with_receipts_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 9)
        house.reserve(request_id, serials(1, 9))
        house.settle(request_id, serials(1, 4))
        house.settle(request_id, serials(5, 9))
        evidence = replace(house.evidence(), receipts=[(HERE, house.execute(request_id))])
        assert reconcile(replace(house.evidence(), receipts=evidence.receipts)).findings == ()


class TestParentAndSplit:
    def with_row(self, house: House, r: SerialRange, state: SerialState = SerialState.HELD) -> Evidence:
        evidence = house.evidence()
        (statement,) = evidence.statements
        free = statement.rows[-1]
        rows = (*statement.rows, free.model_copy(update={"row": 99, "range": r, "state": state}))
        return replace(evidence, statements=[statement.model_copy(update={"rows": rows})])

    def test_a_block_beside_its_part(self, house: House) -> None:
        result = reconcile(self.with_row(house, serials(60, 70)))
        assert ("parent-and-split", (serials(60, 70),)) in found(result)
        assert "double-statement-row" not in [f.rule for f in result.findings]

    @pytest.mark.parametrize(
        ("r", "state"),
        [
            (serials(51, 100), SerialState.HELD),
            (serials(90, 110), SerialState.HELD),
            (serials(60, 70), SerialState.RETIRED),
        ],
        ids=["the same", "crossing", "not live"],
    )
    def test_what_is_no_split_is_another_rules(self, house: House, r: SerialRange, state: SerialState) -> None:
        rules = [f.rule for f in reconcile(self.with_row(house, r, state)).findings]
        assert ("double-statement-row" in rules, "parent-and-split" in rules) == (True, False)

    def test_minted_by_another_bridge_as_a_block_and_as_its_part(self) -> None:
        claims = [claim("a", serials(1, 9), ClaimState.MINTED), claim("b", serials(9, 9), ClaimState.MINTED)]
        assert found(reconcile(Evidence(claims=claims))) == [("parent-and-split", (serials(9, 9),))]

    def test_split_in_place_of_the_block_is_honest(self, house: House) -> None:
        house.split(60)
        claims = [claim("a", serials(201, 205), ClaimState.MINTED), claim("b", serials(206, 209), ClaimState.MINTED)]
        assert reconcile(replace(house.evidence(), claims=claims)).findings == ()


class TestReissuedElsewhere:
    ORIGIN, BECOMES = serials(51, 60), serials(1, 10, BATCH)

    def looked_at(self, house: House, *reissues: Reissue) -> Reconciliation:
        moved = [Reissue(source="ARB", origin=self.ORIGIN, becomes=self.BECOMES)]
        return reconcile(replace(house.evidence(), reissues=list(reissues) or moved))

    @pytest.mark.parametrize("state", [SerialState.HELD, SerialState.RETIRED])
    def test_still_good_where_they_came_from(self, house: House, state: SerialState) -> None:
        house.issue(serials(4, 10, BATCH))
        house.write(serials(51, 60), state=state)
        house.write(serials(58, 60), state=SerialState.CANCELLED)
        result = self.looked_at(house)
        assert found(result) == [("reissued-elsewhere", (serials(54, 57),))]
        assert [item.ranges for item in result.shown] == [(serials(58, 60),)]

    def test_a_finding_is_the_same_whatever_else_is_told_before_it(self, house: House) -> None:
        one = Reissue(source="ARB", origin=self.ORIGIN, becomes=self.BECOMES)
        more = one.model_copy(update={"becomes": serials(1, 900, BATCH), "source": "other"})
        honest = Reissue(source="ARB", origin=serials(900, 900), becomes=serials(2000, 2000, BATCH))
        house.issue(serials(900, 900))
        first, second = (
            {f.id for f in self.looked_at(house, *told).findings} for told in [(one, more), (honest, one, more)]
        )
        assert len(first) == 2
        assert first == second

    def test_tokenized_and_reissued(self, house: House) -> None:
        house.issue(self.BECOMES)
        one = Reissue(source="ARB", origin=serials(41, 50), becomes=self.BECOMES)
        assert found(self.looked_at(house, one)) == [("reissued-elsewhere", (serials(41, 50),))]

    def test_as_two_others_and_as_more(self, house: House) -> None:
        house.write(self.ORIGIN, state=SerialState.CANCELLED)
        two = [
            Reissue(source="ARB", origin=self.ORIGIN, becomes=serials(1, 12, BATCH)),
            Reissue(source="other", origin=serials(60, 60), becomes=serials(20, 20, BATCH)),
        ]
        result = self.looked_at(house, *two)
        assert found(result) == [("reissued-elsewhere", ()), ("reissued-elsewhere", (serials(60, 60),))]
        assert result.findings[0].units == 2

    def test_cancelled_here_first_is_shown(self, house: House) -> None:
        house.write(self.ORIGIN, state=SerialState.CANCELLED)
        assert self.looked_at(house).shown == ()
        house.issue(self.BECOMES)
        result = self.looked_at(house)
        assert (result.findings, [item.rule for item in result.shown]) == ((), ["reissued-elsewhere"])
        assert result.shown[0].ranges == (self.ORIGIN,)


class TestStorage:
    def looked_at(self, house: House, live: int = 50, **changes: int) -> Evidence:
        evidence = house.evidence()
        view = next(view for view in evidence.chains if view.deployment == HERE)
        told = {"supply": 45, "pending": 5, "shortfall": 0, "live": live} | changes
        at = {"deployment": HERE, "block": view.stamp.number}
        ledger = LedgerSnapshot(**at, space=SPACE.id, live=((FOREST.id, serials(1, 50)),))
        return replace(evidence, snapshots=[ClassSnapshot(**at, class_id=FOREST.id, **told)], ledgers=[ledger])

    @pytest.fixture
    def asked(self, house: House) -> House:
        house.ask(Kind.RETIREMENT, 5)
        return house

    def test_that_agrees_with_the_events_is_honest(self, asked: House) -> None:
        assert reconcile(self.looked_at(asked)).findings == ()

    @pytest.mark.parametrize("figure", ["supply", "pending", "shortfall", "live"])
    def test_a_figure_that_is_another(self, asked: House, figure: str) -> None:
        honest = self.looked_at(asked).snapshots[0]
        evidence = self.looked_at(asked, **{figure: getattr(honest, figure) + 7})
        (finding,) = reconcile(evidence).findings
        assert (finding.rule, finding.class_id, finding.units) == ("storage-mismatch", FOREST.id, 7)

    def test_serials_that_storage_has_in_another_class_or_not_at_all(self, asked: House) -> None:
        evidence = self.looked_at(asked)
        live = ((FOREST.id, serials(1, 40)), (SOLAR.id, serials(41, 45)), (FOREST.id, serials(61, 62)))
        wrong = evidence.ledgers[0].model_copy(update={"live": live})
        result = reconcile(replace(evidence, ledgers=[wrong]))
        assert found(result) == [("ledger-mismatch", (serials(41, 50), serials(61, 62)))]

    def test_of_another_block_is_refused(self, asked: House) -> None:
        evidence = self.looked_at(asked)
        other = evidence.snapshots[0].model_copy(update={"block": 1})
        with pytest.raises(UsageError, match="read at block 1"):
            reconcile(replace(evidence, snapshots=[other]))
