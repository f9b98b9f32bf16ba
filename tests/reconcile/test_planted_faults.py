"""Law L8, the other half: each fault is found by its rule, with exactly its serials and its evidence, and its honest
look-alike is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.attestations import Lock
from bridge.domain.credit_class import CreditClass
from bridge.domain.findings import ExhibitKind, Finding, Reconciliation, Severity
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import RequestReturned, Transferred
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import ZERO_ADDRESS
from bridge.errors import UsageError
from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState, Evidence, Limits
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import ALICE, DAY, FOREST, HERE, SOLAR, THERE, House, looked_at, name, serials

BATCH = SerialSpace(registry="VERRA", kind=SpaceKind.BATCH, key="B1")


@pytest.fixture
def house() -> House:
    """A hundred serials, half of them minted here."""
    house = House(HERE, THERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    return house


def direct(result: Reconciliation) -> list[Finding]:
    """Without the totals of a class, which are wrong beside serials of it that are; they have tests of their own."""
    return [finding for finding in result.findings if finding.rule != "statement-totals"]


def only(result: Reconciliation) -> Finding:
    (finding,) = direct(result)
    assert finding.advice
    return finding


def found(result: Reconciliation, rule: str) -> list[SerialRange]:
    return [r for finding in result.findings if finding.rule == rule for r in finding.ranges]


def rules(result: Reconciliation) -> list[str]:
    return [finding.rule for finding in direct(result)]


def waiting(result: Reconciliation) -> list[str]:
    return [item.rule for item in result.in_flight]


def claim(claim_id: str, r: SerialRange | None, state: ClaimState, *, source: str = "other", kg: int = 0) -> Claim:
    return Claim(source=source, claim_id=claim_id, range=r, kg=kg or (r.units * 1000 if r else 1), state=state)


class TestOverlappingTokenization:
    def test_minted_in_two_contracts(self, house: House) -> None:
        house.mint_unlocked(name("second lock"), serials(41, 55), deployment=THERE)
        result = reconcile(house.evidence())
        assert found(result, "overlapping-tokenization") == [serials(41, 50)]
        assert found(result, "tokenized-without-lock") == [serials(41, 50)]
        assert found(result, "free-while-circulating") == [serials(51, 55)]
        (overlap,) = [f for f in result.findings if f.rule == "overlapping-tokenization"]
        assert (overlap.units, overlap.kg, overlap.class_id) == (10, 10_000, FOREST.id)
        assert [e.kind for e in overlap.evidence] == [ExhibitKind.TRANSACTION] * 2

    def test_retired_here_and_minted_there(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.mint_unlocked(name("second lock"), serials(4, 6), deployment=THERE)
        assert found(reconcile(house.evidence()), "overlapping-tokenization") == [serials(4, 6)]

    @pytest.mark.parametrize("state", list(ClaimState))
    def test_claimed_by_another_bridge(self, house: House, state: ClaimState) -> None:
        evidence = replace(house.evidence(), claims=[claim("c", serials(50, 60), state)])
        result = reconcile(evidence)
        overlap = next(f for f in result.findings if f.rule == "overlapping-tokenization")
        assert overlap.ranges == (serials(50, 50),)
        assert [e.kind for e in overlap.evidence] == [ExhibitKind.TRANSACTION, ExhibitKind.CLAIM]

    def test_claimed_by_two_other_bridges(self, house: House) -> None:
        claims = [
            claim("a", serials(60, 70), ClaimState.MINTED),
            claim("b", serials(70, 71), ClaimState.MINTED, source="third"),
        ]
        overlap = only(reconcile(replace(house.evidence(), claims=claims)))
        assert (overlap.rule, overlap.ranges) == ("overlapping-tokenization", (serials(70, 70),))

    def test_redeemed_here_and_minted_there_is_honest(self, house: House) -> None:
        house.exit(Kind.REDEMPTION, serials(1, 5))
        house.deposit(serials(1, 5), THERE)
        assert reconcile(house.evidence()).findings == ()

    def test_moved_between_the_two_blocks_is_in_flight(self, house: House) -> None:
        here = house.chain(HERE)
        house.exit(Kind.REDEMPTION, serials(1, 5))
        house.deposit(serials(1, 5), THERE)
        statement = house.statement()
        result = reconcile(looked_at(chains=[here, house.chain(THERE)], statements=[statement]))
        assert result.findings == ()
        assert "overlapping-tokenization" in waiting(result)

    def test_claims_beside_ours_are_honest(self, house: House) -> None:
        claims = [claim("a", serials(51, 70), ClaimState.MINTED), claim("b", serials(51, 52), ClaimState.RETIRED)]
        assert reconcile(replace(house.evidence(), claims=claims)).findings == ()


class TestSerialsReused:
    def test_minted_twice_in_one_contract(self, house: House) -> None:
        house.lock(serials(51, 60))
        house.mint_unlocked(name("again"), serials(45, 47))
        result = reconcile(house.evidence())
        assert found(result, "serials-reused") == [serials(45, 47)]
        reused = next(f for f in result.findings if f.rule == "serials-reused")
        assert len(reused.evidence) == 2

    def test_minted_again_after_retirement(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.mint_unlocked(name("again"), serials(5, 5))
        assert found(reconcile(house.evidence()), "serials-reused") == [serials(5, 5)]

    def test_a_redeemed_range_minted_again_is_honest(self, house: House) -> None:
        house.exit(Kind.REDEMPTION, serials(1, 5))
        house.deposit(serials(1, 5))
        house.exit(Kind.REDEMPTION, serials(2, 3))
        house.deposit(serials(2, 3))
        assert reconcile(house.evidence()).findings == ()


class TestLockReused:
    def test_one_lock_minted_in_two_contracts(self, house: House) -> None:
        lock_id = house.deposit(serials(51, 55))
        house.mint(lock_id, THERE)
        result = reconcile(house.evidence())
        assert found(result, "lock-reused") == [serials(51, 55)]

    def test_one_lock_minted_over_two_ranges(self, house: House) -> None:
        lock_id = house.lock(serials(51, 60))
        house.mint(lock_id, r=serials(51, 55))
        house.mint(lock_id, r=serials(56, 60))
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("lock-reused", (serials(51, 60),))

    def test_two_locks_over_the_same_serials_one_after_the_other_are_honest(self, house: House) -> None:
        house.deposit(serials(51, 55))
        house.exit(Kind.REDEMPTION, serials(51, 55))
        house.deposit(serials(51, 55))
        house.deposit(serials(56, 60), THERE)
        assert reconcile(house.evidence()).findings == ()


class TestTokenizedWithoutLock:
    def test_serials_unknown_to_the_registry(self, house: House) -> None:
        house.mint_unlocked(name("none"), serials(901, 910))
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges, finding.kg) == (
            "tokenized-without-lock",
            (serials(901, 910),),
            10_000,
        )
        assert [e.kind for e in finding.evidence] == [ExhibitKind.TRANSACTION]

    def test_locked_for_another_deployment(self, house: House) -> None:
        house.lock(serials(51, 60), THERE)
        house.mint_unlocked(name("none"), serials(55, 56), deployment=HERE)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("tokenized-without-lock", (serials(55, 56),))
        assert finding.evidence[1].kind is ExhibitKind.STATEMENT_ROW

    def test_minted_after_the_statement_is_in_flight(self, house: House) -> None:
        statement = house.statement()
        house.issue(serials(201, 300))
        house.deposit(serials(201, 210))
        result = reconcile(looked_at(chains=[house.chain()], statements=[statement]))
        assert result.findings == ()
        assert waiting(result) == ["tokenized-without-lock"]


class TestFreeWhileCirculating:
    def test_released_although_minted(self, house: House) -> None:
        house.write(serials(10, 19), state=SerialState.HELD, deployment=None, lock_id=None)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("free-while-circulating", (serials(10, 19),))

    def test_free_at_the_statement_and_redeemed_since(self, house: House) -> None:
        house.write(serials(1, 5), state=SerialState.HELD, deployment=None, lock_id=None)
        statement = house.statement()
        house.settle(house.ask(Kind.REDEMPTION, 5), serials(1, 5))
        finding = only(reconcile(looked_at(chains=[house.chain()], statements=[statement])))
        assert (finding.rule, finding.ranges) == ("free-while-circulating", (serials(1, 5),))

    def test_a_block_only_as_old_as_finality_hides_nothing(self, house: House) -> None:
        house.write(serials(10, 19), state=SerialState.HELD, deployment=None, lock_id=None)
        chain = house.chain()
        evidence = looked_at(chains=[chain], statements=[house.statement()])
        assert waiting(reconcile(evidence)) == ["free-while-circulating"]
        assert rules(reconcile(evidence, Limits(finality_seconds=60))) == ["free-while-circulating"]

    def test_redeemed_locked_and_minted_anew_after_the_statement_is_in_flight(self, house: House) -> None:
        house.exit(Kind.REDEMPTION, serials(10, 19))
        statement = house.statement()
        house.deposit(serials(10, 19))
        result = reconcile(looked_at(chains=[house.chain()], statements=[statement]))
        assert result.findings == ()
        assert waiting(result) == ["free-while-circulating"]


class TestRetiredWhileCirculating:
    def test_behind_the_bridges_back(self, house: House) -> None:
        house.write(serials(10, 19), state=SerialState.RETIRED)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("retired-while-circulating", (serials(10, 19),))

    def test_a_statement_later_than_the_block_excuses_nothing(self, house: House) -> None:
        chain = house.chain()
        house.wait(DAY)
        house.write(serials(10, 19), state=SerialState.RETIRED)
        result = reconcile(looked_at(chains=[chain], statements=[house.statement()]))
        assert rules(result) == ["retired-while-circulating"]

    def test_cancelled_as_nobodys(self, house: House) -> None:
        house.write(serials(10, 19), state=SerialState.CANCELLED, deployment=None, lock_id=None)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("retired-while-circulating", (serials(10, 19),))

    def test_split_blocks_partly_retired_for_a_request_are_honest(self, house: House) -> None:
        house.split(30)
        house.exit(Kind.RETIREMENT, serials(28, 33))
        house.split(31)
        assert reconcile(house.evidence()).findings == ()


class TestActedWithoutSettlement:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_executed_before_it_was_settled(self, house: House, kind: Kind) -> None:
        request_id = house.ask(kind, 5)
        house.reserve(request_id, serials(1, 5))
        house.asked[request_id].settled.append(serials(1, 5))
        house.execute(request_id)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("acted-without-settlement", (serials(1, 5),))
        assert request_id in finding.subject
        assert [e.kind for e in finding.evidence] == [ExhibitKind.TRANSACTION, ExhibitKind.STATEMENT_ROW]

    def test_executed_for_a_request_nobody_made(self, house: House) -> None:
        house.write(serials(1, 5), state=SerialState.RETIRED, request_id=name("nobody's"))
        assert found(reconcile(house.evidence()), "acted-without-settlement") == [serials(1, 5)]

    def test_executed_for_a_request_that_was_returned(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.call_back(request_id)
        house.give_back(request_id)
        chain = house.chain()
        house.write(serials(1, 5), state=SerialState.RETIRED)
        result = reconcile(looked_at(chains=[chain], statements=[house.statement()]))
        assert rules(result) == ["acted-without-settlement"]

    def test_settled_and_executed_after_the_block_is_in_flight(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        chain = house.chain()
        house.settle(request_id, serials(1, 5))
        house.execute(request_id)
        result = reconcile(looked_at(chains=[chain], statements=[house.statement()]))
        assert result.findings == ()
        assert "acted-without-settlement" in waiting(result)


class TestSettledWithoutExecution:
    def test_past_its_deadline(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.settle(request_id, serials(1, 5))
        house.wait(DAY)
        finding = only(reconcile(house.evidence(), Limits(execution_seconds=DAY)))
        assert (finding.rule, finding.ranges) == ("settled-without-execution", (serials(1, 5),))

    def test_freed_after_a_retirement_is_no_matter_of_time(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.settle(request_id, serials(1, 5))
        house.write(serials(2, 3), state=SerialState.HELD, deployment=None, lock_id=None)
        finding = only(reconcile(house.evidence(), Limits(execution_seconds=DAY)))
        assert (finding.rule, finding.ranges) == ("settled-without-execution", (serials(2, 3),))

    def test_before_its_deadline_is_in_flight(self, house: House) -> None:
        request_id = house.ask(Kind.REDEMPTION, 5)
        house.reserve(request_id, serials(1, 5))
        house.settle(request_id, serials(1, 5))
        result = reconcile(house.evidence(), Limits(execution_seconds=DAY))
        assert result.findings == ()
        (item,) = result.in_flight
        assert (item.rule, item.ranges) == ("settled-without-execution", (serials(1, 5),))
        assert item.due is not None


class TestSettledNotLive:
    def test_serials_never_minted(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.settle(request_id, serials(48, 52))
        result = reconcile(house.evidence())
        assert found(result, "settled-not-live") == [serials(51, 52)]

    def test_serials_of_another_class(self, house: House) -> None:
        house.issue(serials(201, 210), SOLAR)
        house.deposit(serials(201, 210))
        request_id = house.ask(Kind.RETIREMENT, 2)
        house.settle(request_id, serials(201, 202))
        assert found(reconcile(house.evidence()), "settled-not-live") == [serials(201, 202)]

    def test_parts_of_one_lock_settled_out_of_order_and_as_another_class_than_their_neighbours_are_honest(
        self, house: House
    ) -> None:
        house.issue(serials(201, 210), SOLAR)
        house.deposit(serials(201, 210))
        house.exit(Kind.RETIREMENT, serials(48, 50))
        house.exit(Kind.REDEMPTION, serials(1, 2), serials(46, 47))
        house.deposit(serials(1, 2))
        house.exit(Kind.RETIREMENT, serials(1, 3))
        assert reconcile(house.evidence()).findings == ()


class TestSettledOtherwise:
    def test_settled_as_another_kind_than_was_asked(self, house: House) -> None:
        request_id = house.ask(Kind.REDEMPTION, 5)
        house.reserve(request_id, serials(1, 5))
        house.asked[request_id].kind = Kind.RETIREMENT
        house.settle(request_id, serials(1, 5))
        house.execute(request_id)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("settled-otherwise", (serials(1, 5),))
        assert [e.kind for e in finding.evidence[:2]] == [ExhibitKind.TRANSACTION] * 2

    def test_settled_in_another_class_than_was_asked(self, house: House) -> None:
        house.issue(serials(201, 210), SOLAR)
        house.deposit(serials(201, 210))
        request_id = house.ask(Kind.RETIREMENT, 2)
        house.asked[request_id].credit_class = SOLAR
        house.settle(request_id, serials(201, 202))
        assert found(reconcile(house.evidence()), "settled-otherwise") == [serials(201, 202)]

    def test_requests_of_both_kinds_side_by_side_are_honest(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 5))
        house.exit(Kind.REDEMPTION, serials(6, 9))
        assert reconcile(house.evidence()).findings == ()


class TestHeldElsewhere:
    def test_locked_serials_in_somebody_elses_account(self, house: House) -> None:
        accounts = [("VERRA", HERE, "vault of HERE"), ("VERRA", THERE, "bridge")]
        finding = only(reconcile(replace(house.evidence(), accounts=accounts)))
        assert (finding.rule, finding.ranges) == ("held-elsewhere", (serials(1, 50),))
        assert ExhibitKind.STATEMENT_ROW in [e.kind for e in finding.evidence]

    def test_what_is_in_the_bridges_account_handed_over_or_free_is_honest(self, house: House) -> None:
        house.exit(Kind.REDEMPTION, serials(1, 5))
        house.reserve(house.ask(Kind.RETIREMENT, 5), serials(6, 10))
        accounts = [("VERRA", HERE, "bridge"), ("GS", HERE, "another")]
        assert reconcile(replace(house.evidence(), accounts=accounts)).findings == ()


class TestLockedWithoutMint:
    def test_past_its_deadline(self, house: House) -> None:
        lock_id = house.lock(serials(51, 60))
        house.wait(2 * DAY)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("locked-without-mint", (serials(51, 60),))
        assert lock_id in finding.subject
        assert [e.kind for e in finding.evidence] == [ExhibitKind.STATEMENT_ROW]

    def test_before_its_deadline_is_in_flight(self, house: House) -> None:
        house.lock(serials(51, 60))
        result = reconcile(house.evidence())
        assert result.findings == ()
        assert waiting(result) == ["locked-without-mint"]

    def test_until_the_block_is_past_the_deadline_a_mint_may_still_come(self, house: House) -> None:
        house.lock(serials(51, 60))
        chain = house.chain()
        house.wait(2 * DAY)
        result = reconcile(looked_at(chains=[chain], statements=[house.statement()]))
        assert waiting(result) == ["locked-without-mint"]


class TestLockMismatch:
    def test_minted_less_than_was_locked(self, house: House) -> None:
        lock_id = house.lock(serials(51, 60))
        house.mint(lock_id, r=serials(51, 58))
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("lock-mismatch", (serials(59, 60),))

    def test_minted_more_than_was_locked(self, house: House) -> None:
        lock_id = house.lock(serials(51, 60))
        house.mint(lock_id, r=serials(51, 61))
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("free-while-circulating", (serials(61, 61),))

    def test_minted_under_another_lock(self, house: House) -> None:
        house.lock(serials(51, 60))
        house.mint_unlocked(name("other"), serials(51, 60))
        result = reconcile(house.evidence())
        assert rules(result) == ["lock-mismatch"]
        assert found(result, "lock-mismatch") == [serials(51, 60)]

    def test_minted_otherwise_than_attested(self, house: House) -> None:
        signed = Lock(
            lock_id=name("signed"),
            class_id=FOREST.id,
            range=serials(51, 55),
            recipient="0x" + "b0" * 20,
            not_after=house.now + DAY,
        )
        house.write(serials(51, 55), state=SerialState.LOCKED, deployment=HERE, lock_id=signed.lock_id)
        house.wait(10)
        house.mint_unlocked(signed.lock_id, signed.range)
        finding = only(reconcile(replace(house.evidence(), locks=[(HERE, signed)])))
        assert (finding.rule, finding.ranges) == ("lock-mismatch", (serials(51, 55),))
        assert finding.evidence[1].kind is ExhibitKind.ATTESTATION

    def test_minted_as_attested_and_split_afterwards_is_honest(self, house: House) -> None:
        lock_id = house.deposit(serials(51, 60))
        house.split(55)
        evidence = replace(house.evidence(), locks=[house.locks[lock_id]])
        assert reconcile(evidence).findings == ()


class TestRequestMismatch:
    def test_reserved_for_another_request(self, house: House) -> None:
        mine, other = house.ask(Kind.RETIREMENT, 5), house.ask(Kind.RETIREMENT, 5)
        house.reserve(other, serials(1, 5))
        house.settle(mine, serials(1, 5))
        result = reconcile(house.evidence())
        assert found(result, "request-mismatch") == [serials(1, 5)]

    def test_retired_although_a_hand_over_was_settled(self, house: House) -> None:
        request_id = house.exit(Kind.REDEMPTION, serials(1, 5))
        house.write(serials(2, 3), state=SerialState.RETIRED, deployment=HERE, request_id=request_id)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("request-mismatch", (serials(2, 3),))

    def test_reserved_though_never_minted(self, house: House) -> None:
        house.lock(serials(51, 60))
        house.reserve(house.ask(Kind.RETIREMENT, 2), serials(51, 52))
        assert found(reconcile(house.evidence()), "request-mismatch") == [serials(51, 52)]

    @pytest.mark.parametrize("request_id", [name("nobody's"), None])
    def test_live_and_reserved_for_a_request_that_nobody_opened(self, house: House, request_id: str | None) -> None:
        house.write(serials(11, 20), state=SerialState.RESERVED, request_id=request_id)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("request-mismatch", (serials(11, 20),))

    def test_reserved_for_a_request_opened_after_the_block_is_in_flight(self, house: House) -> None:
        chain = house.chain()
        house.reserve(house.ask(Kind.RETIREMENT, 5), serials(1, 5))
        evidence = looked_at(chains=[chain], statements=[house.statement()])
        assert reconcile(evidence).findings == ()
        assert waiting(reconcile(evidence)) == ["request-mismatch"]
        assert rules(reconcile(evidence, Limits(finality_seconds=60))) == ["request-mismatch"]

    def test_a_receipt_for_other_serials_than_those_settled(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.settle(request_id, serials(1, 5))
        receipt = house.execute(request_id)
        wrong = receipt.model_copy(update={"ranges": (serials(3, 7),)})
        finding = only(reconcile(replace(house.evidence(), receipts=[(HERE, wrong)])))
        assert (finding.rule, finding.ranges) == ("request-mismatch", (serials(1, 2), serials(6, 7)))
        assert ExhibitKind.ATTESTATION in [e.kind for e in finding.evidence]

    def test_a_receipt_in_other_pieces_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 2), serials(3, 5))
        house.settle(request_id, serials(1, 2))
        house.settle(request_id, serials(3, 5))
        whole = house.execute(request_id).model_copy(update={"ranges": (serials(1, 5),)})
        assert reconcile(replace(house.evidence(), receipts=[(HERE, whole)])).findings == ()


class TestClassMismatch:
    def test_minted_as_another_class(self, house: House) -> None:
        lock_id = house.lock(serials(51, 60))
        house.wait(10)
        house.mint_unlocked(lock_id, serials(51, 60), SOLAR.id)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("class-mismatch", (serials(51, 60),))

    def test_each_minted_as_its_own_class_is_honest(self, house: House) -> None:
        house.issue(serials(101, 110), SOLAR)
        house.deposit(serials(101, 110))
        house.deposit(serials(91, 100))
        house.split(105)
        assert reconcile(house.evidence()).findings == ()


class TestUnknownClassOrSpace:
    def test_class_never_created(self, house: House) -> None:
        house.wait(10)
        house.mint_unlocked(name("lock"), serials(201, 210), name("no class"))
        finding = next(f for f in reconcile(house.evidence()).findings if f.rule == "unknown-class-or-space")
        assert (finding.ranges, finding.kg) == ((serials(201, 210),), None)

    def test_space_never_registered(self, house: House) -> None:
        r = serials(1, 5, BATCH)
        house.issue(r)
        house.deposit(r)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("unknown-class-or-space", (r,))

    def test_class_of_another_registry_than_the_space(self, house: House) -> None:
        foreign = CreditClass(registry="GS", project="1", vintage=2020, credit_type="VER", kg_per_unit=1000)
        house.create_class(HERE, foreign)
        house.wait(10)
        house.mint_unlocked(name("lock"), serials(201, 202), foreign.id)
        result = reconcile(house.evidence())
        assert found(result, "unknown-class-or-space") == [serials(201, 202)]

    def test_a_second_class_in_one_batch(self, house: House) -> None:
        house.register(HERE, BATCH)
        house.issue(serials(1, 5, BATCH))
        house.issue(serials(6, 9, BATCH), SOLAR)
        house.deposit(serials(1, 5, BATCH))
        house.deposit(serials(6, 9, BATCH))
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.ranges) == ("unknown-class-or-space", (serials(6, 9, BATCH),))

    def test_a_statement_of_another_registry_over_these_serials(self, house: House) -> None:
        evidence = house.evidence()
        stolen = evidence.statements[0].model_copy(update={"registry": "GS"})
        assert "unknown-class-or-space" in rules(reconcile(replace(evidence, statements=[stolen])))

    def test_many_projects_in_one_counter_are_honest(self, house: House) -> None:
        house.issue(serials(201, 210), SOLAR)
        house.deposit(serials(201, 210))
        assert reconcile(house.evidence()).findings == ()


class TestSupplyMismatch:
    @pytest.mark.parametrize(("sender", "to"), [(ZERO_ADDRESS, ALICE), (ALICE, ZERO_ADDRESS)])
    def test_units_that_appear_or_vanish_by_themselves(self, house: House, sender: str, to: str) -> None:
        house.emit(HERE, Transferred, sender=sender, to=to, class_id=FOREST.id, units=7)
        finding = only(reconcile(house.evidence()))
        assert (finding.rule, finding.class_id, finding.units, finding.kg) == ("supply-mismatch", FOREST.id, 7, 7000)

    def test_units_that_move_between_holders_are_honest(self, house: House) -> None:
        house.emit(HERE, Transferred, sender=ALICE, to="0x" + "b0" * 20, class_id=FOREST.id, units=7)
        assert reconcile(house.evidence()).findings == ()


class TestAmountMismatch:
    def test_a_settlement_that_leaves_more_than_it_should(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 3))
        house.asked[request_id].left += 1
        house.settle(request_id, serials(1, 3))
        result = reconcile(house.evidence())
        finding = next(f for f in result.findings if f.rule == "amount-mismatch")
        assert (finding.units, finding.kg) == (1, 1000)

    def test_a_return_of_less_than_was_left(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.emit(HERE, Transferred, sender=ZERO_ADDRESS, to=ALICE, class_id=FOREST.id, units=4)
        house.emit(HERE, RequestReturned, request_id=request_id, to=ALICE, units=4)
        assert "amount-mismatch" in rules(reconcile(house.evidence()))

    def test_parts_and_a_refused_rest_are_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 2), serials(4, 4))
        house.settle(request_id, serials(1, 2))
        house.settle(request_id, serials(4, 4))
        house.refuse(request_id)
        assert reconcile(house.evidence()).findings == ()


class TestRequestOverspent:
    def test_settled_beyond_its_units(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 6))
        house.settle(request_id, serials(1, 6))
        assert "request-overspent" in rules(reconcile(house.evidence()))

    def test_settled_after_it_was_returned(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.call_back(request_id)
        house.give_back(request_id)
        house.settle(request_id, serials(1, 5))
        finding = next(f for f in reconcile(house.evidence()).findings if f.rule == "request-overspent")
        assert request_id in finding.subject

    def test_settled_without_ever_being_opened(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.settle(request_id, serials(1, 5))
        del house.events[HERE][-3]
        assert "request-overspent" in rules(reconcile(house.evidence()))

    def test_settled_after_the_call_back_and_before_the_return_is_honest(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        house.call_back(request_id)
        house.settle(request_id, serials(1, 5))
        assert reconcile(house.evidence()).findings == ()

    def test_refused_and_not_yet_taken_back_is_honest(self, house: House) -> None:
        house.refuse(house.ask(Kind.RETIREMENT, 5), at_once=False)
        assert reconcile(house.evidence()).findings == ()


class TestDoubleStatementRow:
    def test_a_serial_in_two_rows(self, house: House) -> None:
        evidence = house.evidence()
        (statement,) = evidence.statements
        double = statement.rows[0].model_copy(update={"row": 99, "range": serials(50, 51)})
        doubled = statement.model_copy(update={"rows": (*statement.rows, double)})
        finding = next(
            f for f in reconcile(replace(evidence, statements=[doubled])).findings if f.rule == "double-statement-row"
        )
        assert finding.ranges == (serials(50, 51),)
        assert len(finding.evidence) == 3

    def test_the_same_serials_in_two_statements_are_honest(self, house: House) -> None:
        earlier = house.statement()
        house.exit(Kind.RETIREMENT, serials(1, 5))
        evidence = house.evidence()
        assert reconcile(replace(evidence, statements=[*evidence.statements, earlier])).findings == ()


class TestClaims:
    def test_minted_twice_by_one_bridge(self) -> None:
        claims = [claim("a", serials(1, 9), ClaimState.MINTED), claim("b", serials(9, 12), ClaimState.MINTED)]
        finding = only(reconcile(Evidence(claims=claims)))
        assert (finding.rule, finding.ranges) == ("claim-repeated", (serials(9, 9),))
        assert len(finding.evidence) == 2

    def test_retired_outside_its_blocks(self) -> None:
        claims = [claim("a", serials(1, 9), ClaimState.MINTED), claim("b", serials(9, 12), ClaimState.RETIRED)]
        finding = only(reconcile(Evidence(claims=claims)))
        assert (finding.rule, finding.ranges) == ("claim-unminted", (serials(10, 12),))

    def test_burned_more_than_retired(self) -> None:
        claims = [
            claim("a", serials(1, 9), ClaimState.MINTED),
            claim("r", serials(1, 2), ClaimState.RETIRED),
            claim("t", None, ClaimState.BURNED, kg=2504),
        ]
        links = [ClaimLink(source="other", earlier="t", later="r", kg=2000)]
        finding = only(reconcile(Evidence(claims=claims, links=links)))
        assert (finding.rule, finding.kg, finding.units) == ("claim-unretired", 504, 0)

    @pytest.mark.parametrize(
        ("earlier", "kg"),
        [("a", 1000), ("b", 2000), ("nothing", 2000)],
        ids=["other mass", "other block", "no such claim"],
    )
    def test_links_that_do_not_add_up(self, earlier: str, kg: int) -> None:
        claims = [
            claim("a", serials(1, 4), ClaimState.MINTED),
            claim("b", serials(5, 9), ClaimState.MINTED),
            claim("r", serials(1, 2), ClaimState.RETIRED),
        ]
        links = [ClaimLink(source="other", earlier=earlier, later="r", kg=kg)]
        assert set(rules(reconcile(Evidence(claims=claims, links=links)))) == {"claim-link-mismatch"}

    def test_a_retirement_out_of_two_blocks_is_honest(self) -> None:
        claims = [
            claim("a", serials(1, 4), ClaimState.MINTED),
            claim("b", serials(5, 9), ClaimState.MINTED),
            claim("r", serials(4, 6), ClaimState.RETIRED),
        ]
        links = [
            ClaimLink(source="other", earlier="a", later="r", kg=1000),
            ClaimLink(source="other", earlier="b", later="r", kg=2000),
        ]
        assert reconcile(Evidence(claims=claims, links=links)).findings == ()


class TestWhatCannotBeJudged:
    def test_no_statement_at_all(self, house: House) -> None:
        result = reconcile(looked_at(chains=[house.chain()]))
        finding = only(result)
        assert (finding.rule, finding.units, finding.kg) == ("registry-without-statement", 50, 50_000)
        assert not result.clean

    def test_no_statement_while_all_that_was_minted_is_pending(self, house: House) -> None:
        house.ask(Kind.RETIREMENT, 50)
        finding = only(reconcile(looked_at(chains=[house.chain()])))
        assert (finding.rule, finding.units, finding.severity) == ("registry-without-statement", 50, Severity.BREAK)

    def test_no_statement_where_all_is_retired_is_only_a_warning(self, house: House) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 50))
        finding = only(reconcile(looked_at(chains=[house.chain()])))
        assert (finding.rule, finding.units, finding.severity) == ("registry-without-statement", 50, Severity.WARNING)

    def test_no_statement_where_nothing_was_minted_or_all_handed_over_is_honest(self, house: House) -> None:
        house.exit(Kind.REDEMPTION, serials(1, 50))
        assert reconcile(looked_at(chains=[house.chain(HERE), house.chain(THERE)])).findings == ()

    def test_a_statement_far_from_the_block(self, house: House) -> None:
        statement = house.statement()
        house.wait(3 * DAY)
        result = reconcile(looked_at(chains=[house.chain()], statements=[statement]))
        assert rules(result) == ["evidence-out-of-step"]
        assert not result.clean

    def test_a_statement_far_from_the_block_with_nothing_but_a_lock(self) -> None:
        house = House()
        house.issue(serials(1, 10))
        house.lock(serials(1, 5), days=9)
        statement = house.statement()
        house.wait(3 * DAY)
        assert not reconcile(looked_at(chains=[house.chain()], statements=[statement])).clean

    def test_a_statement_far_from_the_block_where_nothing_is_ours_is_only_a_warning(self) -> None:
        house = House()
        house.issue(serials(1, 10))
        statement = house.statement()
        house.wait(3 * DAY)
        finding = only(reconcile(looked_at(chains=[house.chain()], statements=[statement])))
        assert (finding.rule, finding.severity) == ("evidence-out-of-step", Severity.WARNING)

    def test_a_statement_within_the_step_is_honest(self, house: House) -> None:
        statement = house.statement()
        house.wait(DAY)
        assert reconcile(looked_at(chains=[house.chain()], statements=[statement])).findings == ()

    def test_two_views_of_one_deployment_are_refused(self, house: House) -> None:
        with pytest.raises(UsageError, match="one block only"):
            reconcile(looked_at(chains=[house.chain(), house.chain()]))

    def test_no_evidence_has_no_findings(self) -> None:
        result = reconcile(Evidence())
        assert (result.findings, result.in_flight, result.totals) == ((), (), ())


def test_serials_up_to_the_last_that_a_contract_can_hold() -> None:
    top = 2**64 - 2
    house = House()
    house.issue(serials(top - 9, top))
    house.deposit(serials(top - 9, top - 5))
    house.mint_unlocked(name("none"), serials(top - 2, top))
    finding = only(reconcile(house.evidence()))
    assert (finding.rule, finding.ranges, finding.units) == ("free-while-circulating", (serials(top - 2, top),), 3)


def test_the_same_numbers_in_two_spaces_never_meet(house: House) -> None:
    house.register(THERE, BATCH)
    house.issue(serials(1, 50, BATCH))
    house.deposit(serials(1, 50, BATCH), THERE)
    assert reconcile(house.evidence()).findings == ()


def test_a_finding_keeps_its_id_from_run_to_run(house: House) -> None:
    house.write(serials(10, 19), state=SerialState.RETIRED)
    first = only(reconcile(house.evidence()))
    house.write(serials(20, 25), state=SerialState.RETIRED)
    second = only(reconcile(house.evidence()))
    assert first.id == second.id
    assert second.ranges == (serials(10, 25),)
    assert second.first_seen > first.first_seen
