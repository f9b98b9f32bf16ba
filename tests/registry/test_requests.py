"""Retirements and redemptions at the embedded registry: it believes its own eyes, and acts last."""

from __future__ import annotations

import pytest

from bridge.domain.attestations import Outcome
from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.domain.values import hex32
from bridge.errors import Halted, NotYet, RegistryRefused, Unreachable
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.ledger.choice import MAX_RANGES_A_PART
from bridge.registry.port import Registry, Reservation
from tests.registry.fakes import answered

from .fakes import BALE, HERE, TONGXU, World, one_lock, opening_of, serials

RETIREMENT, REDEMPTION = Kind.RETIREMENT, Kind.REDEMPTION


@pytest.fixture
def minted(world: World) -> World:
    """Two minted locks, 101 to 200 and 201 to 300."""
    world.lock(1, 101, 200, minted=True)
    world.lock(2, 201, 300, minted=True)
    return world


def spans(reservation: Reservation) -> list[str]:
    return [str(span) for part in reservation.parts for span in part.ranges]


def test_an_operator_cannot_have_retired_what_no_holder_requested(minted: World) -> None:
    invented = hex32(0xBAD)
    for verb in (minted.registry.reserve, minted.registry.execute, minted.registry.withdraw):
        with pytest.raises(NotYet, match="not seen at a final block"):
            answered(verb([invented]))
    with pytest.raises(RegistryRefused, match="nothing was decided"):
        minted.registry.attest_outcomes([(invented, 0)])
    assert minted.states(101, 300) == {"locked": ["101-200", "201-300"]}


def test_nothing_is_reserved_before_the_holder_disclosed(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10, disclose=False)
    with pytest.raises(NotYet, match="has not disclosed"):
        answered(minted.registry.reserve([request_id]))


def test_a_disclosure_with_the_wrong_secret_is_refused(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10, disclose=False)
    false = opening_of(10).model_copy(update={"secret": hex32(1)})
    with pytest.raises(RegistryRefused, match=r"not what request .* committed to"):
        minted.registry.disclose(request_id, false)


def test_a_false_disclosure_before_finality_never_stands_in_the_true_ones_way(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10, disclose=False)
    minted.witness.unseen.add(request_id)
    minted.registry.disclose(request_id, opening_of(10, "an impostor"))
    minted.registry.disclose(request_id, opening_of(10))
    minted.witness.unseen.clear()
    assert spans(answered(minted.registry.reserve([request_id]))) == ["101-110"]


def test_an_opening_of_another_request_is_refused_for_good(minted: World) -> None:
    opening = opening_of(99)
    request_id = minted.chain.open(opening, RETIREMENT, units=10)
    minted.registry.disclose(request_id, opening)
    reservation = answered(minted.registry.reserve([request_id]))
    assert reservation.refusal is not None
    assert reservation.refusal.reason == "opening-mismatch"


@pytest.mark.parametrize(
    ("kind", "beneficiary", "units", "reason"),
    [
        (REDEMPTION, "nobody", 10, "no-such-account"),
        (REDEMPTION, "issuance", 10, "no-such-account"),
        (REDEMPTION, f"bridge {HERE}", 10, "no-such-account"),
        (RETIREMENT, "   ", 10, "beneficiary-missing"),
        (RETIREMENT, "Kinaxis Inc.", 201, "serials-missing"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(
    minted: World, kind: Kind, beneficiary: str, units: int, reason: str
) -> None:
    request_id = minted.ask(kind, units, beneficiary)
    reservation = answered(minted.registry.reserve([request_id]))
    assert reservation.refusal is not None
    assert (reservation.refusal.reason, reservation.parts) == (reason, ())
    assert minted.registry.attest_refusals([request_id]).items == (reservation.refusal,)
    with pytest.raises(RegistryRefused, match="is refused"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_a_decision_is_never_made_twice(minted: World) -> None:
    request_id = minted.ask(REDEMPTION, 10, "newcomer")
    refused = answered(minted.registry.reserve([request_id]))
    minted.ledger.open_account("newcomer")
    assert answered(minted.registry.reserve([request_id])) == refused


def test_an_outcome_is_never_refused_as_well(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    with pytest.raises(RegistryRefused, match="is not refused"):
        minted.registry.attest_refusals([request_id])


def test_retirements_take_the_lowest_and_redemptions_the_highest_serials(minted: World) -> None:
    assert spans(answered(minted.registry.reserve([minted.ask(RETIREMENT, 10)]))) == ["101-110"]
    assert spans(answered(minted.registry.reserve([minted.ask(REDEMPTION, 10, "receiver")]))) == ["291-300"]
    assert spans(answered(minted.registry.reserve([minted.ask(RETIREMENT, 10)]))) == ["111-120"]
    assert spans(answered(minted.registry.reserve([minted.ask(REDEMPTION, 10, "receiver")]))) == ["281-290"]


def test_a_range_never_runs_across_two_locks_since_the_contract_keeps_them_apart(minted: World) -> None:
    assert spans(answered(minted.registry.reserve([minted.ask(RETIREMENT, 150)]))) == ["101-200", "201-250"]


def test_serials_of_an_unminted_lock_are_not_reservable(world: World) -> None:
    world.lock(1, 101, 200)
    world.lock(2, 201, 300, minted=True)
    assert spans(answered(world.registry.reserve([world.ask(RETIREMENT, 10)]))) == ["201-210"]
    with pytest.raises(NotYet, match="awaits mints"):
        answered(world.registry.reserve([world.ask(RETIREMENT, 91)]))


def test_another_classes_serials_are_never_used(minted: World) -> None:
    opening = opening_of(10, credit_class=TONGXU)
    request_id = minted.chain.open(opening, RETIREMENT)
    minted.registry.disclose(request_id, opening)
    refusal = answered(minted.registry.reserve([request_id])).refusal
    assert refusal is not None
    assert refusal.reason == "serials-missing"


def test_many_ranges_come_in_parts(world: World) -> None:
    for number in range(1, 26):
        world.lock(number, number * 10, number * 10 + 1, minted=True)
    reservation = answered(world.registry.reserve([world.ask(RETIREMENT, 50)]))
    assert [(part.part, len(part.ranges)) for part in reservation.parts] == [(0, MAX_RANGES_A_PART), (1, 5)]
    firsts = [span.first for part in reservation.parts for span in part.ranges]
    assert firsts == sorted(firsts)


def test_an_outcome_is_signed_only_while_the_request_is_open_in_the_attesters_own_eyes(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    for status in (RequestStatus.OPEN, RequestStatus.CALLED_BACK):
        minted.chain.end(request_id, status)
        assert len(minted.registry.attest_outcomes([(request_id, 0)]).signatures) == 2
    for status in (RequestStatus.RETURNED, RequestStatus.REFUSED, RequestStatus.SETTLED):
        minted.chain.end(request_id, status)
        with pytest.raises(RegistryRefused, match=f"has ended .{status.name}"):
            minted.registry.attest_outcomes([(request_id, 0)])


def test_attesters_whose_eyes_do_not_see_the_request_sign_nothing(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    for eyes in minted.attester_eyes[1:]:
        eyes.unseen.add(request_id)
    with pytest.raises(NotYet, match="1 of 2 attesters signed"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_attesters_who_do_not_see_the_mint_sign_nothing(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    for eyes in minted.attester_eyes[1:]:
        eyes.unseen.add(hex32(1))
    with pytest.raises(RegistryRefused, match="not minted yet"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_reserved_serials_taken_behind_the_bridges_back_are_not_attested(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    minted.ledger.override("o", serials(105, 105), SerialState.CANCELLED, "court order")
    with pytest.raises(RegistryRefused, match="no longer reserved"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_the_registry_acts_only_after_the_final_settlement(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    minted.registry.attest_outcomes([(request_id, 0)])
    with pytest.raises(NotYet, match="has not ended"):
        answered(minted.registry.execute([request_id]))
    with pytest.raises(NotYet, match="not executed"):
        minted.registry.receipt(request_id)
    assert minted.states(101, 110) == {"reserved": ["101-110"]}


def test_a_settled_retirement_is_executed_once_and_receipted(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    minted.settled(request_id)
    receipt = answered(minted.registry.execute([request_id]))
    minted.now = 9_999
    assert answered(minted.registry.execute([request_id])) == receipt
    assert minted.registry.receipt(request_id) == receipt
    assert receipt.items[0].reference == "VERRA-00000005"
    assert receipt.items[0].executed_at == 1_000
    assert minted.states(101, 300) == {"retired": ["101-110"], "locked": ["111-200", "201-300"]}
    assert minted.ledger.history(serials(1, 1).space, 105)[-1].note["beneficiary"] == "Kinaxis Inc."
    with pytest.raises(RegistryRefused, match="is executed already"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_a_settled_redemption_hands_free_serials_to_the_account_named(minted: World) -> None:
    request_id = minted.ask(REDEMPTION, 10, "receiver")
    minted.settled(request_id)
    answered(minted.registry.execute([request_id]))
    row = next(r for r in minted.registry.statement("VERRA", HERE).rows if r.holder == "receiver")
    assert (str(row.range), row.state, row.lock_id, row.request_id) == ("291-300", "held", None, request_id)
    minted.instruct(9, 291, 300, account="receiver")
    one_lock(minted.registry, hex32(9), hex32(9))
    assert minted.ledger.audit() == ()


def test_a_partial_settlement_is_executed_and_the_rest_is_locked_again(world: World) -> None:
    for number in range(1, 26):
        world.lock(number, number * 10, number * 10 + 1, minted=True)
    request_id = world.ask(RETIREMENT, 50)
    parts = answered(world.registry.reserve([request_id])).parts
    world.chain.settle(parts[:1])
    world.chain.end(request_id, RequestStatus.RETURNED)
    receipt = answered(world.registry.execute([request_id])).items[0]
    assert receipt.ranges == parts[0].ranges
    units = {b.state.value: b.units for b in world.ledger.balances() if b.account == f"bridge {HERE}"}
    assert units == {"retired": 40, "locked": 10}
    with pytest.raises(RegistryRefused, match="at least in part"):
        answered(world.registry.withdraw([request_id]))


def test_a_settlement_that_was_never_reserved_stops_everything(minted: World) -> None:
    forged = minted.ask(RETIREMENT, 10)
    minted.chain.settle([Outcome(request_id=forged, part=0, ranges=(serials(101, 110),))])
    with pytest.raises(Halted, match="keys must be held stolen"):
        answered(minted.registry.execute([forged]))
    assert minted.states(101, 300) == {"locked": ["101-200", "201-300"]}


def test_a_settlement_with_other_serials_than_reserved_stops_everything(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    minted.chain.settle([Outcome(request_id=request_id, part=0, ranges=(serials(191, 200),))])
    with pytest.raises(Halted, match="never reserved"):
        answered(minted.registry.execute([request_id]))
    assert minted.states(101, 110) == {"reserved": ["101-110"]}


def test_a_request_settled_in_part_before_it_was_reserved_stops_everything(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 20)
    minted.chain.settle([Outcome(request_id=request_id, part=0, ranges=(serials(101, 110),))])
    with pytest.raises(Halted, match="settled in part"):
        answered(minted.registry.reserve([request_id]))


def test_an_impossible_act_is_said_and_not_done_by_halves(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    minted.settled(request_id)
    minted.ledger.override("o", serials(110, 110), SerialState.CANCELLED, "court order")
    with pytest.raises(Halted, match=r"cannot be executed: .*110-110 are cancelled"):
        answered(minted.registry.execute([request_id]))
    assert minted.states(101, 110) == {"reserved": ["101-109"], "cancelled": ["110-110"]}


@pytest.mark.parametrize("status", [RequestStatus.RETURNED, RequestStatus.REFUSED])
def test_a_request_that_ended_unsettled_is_withdrawn_and_never_acted_upon(minted: World, status: RequestStatus) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    with pytest.raises(NotYet, match="has not ended"):
        answered(minted.registry.withdraw([request_id]))
    minted.chain.end(request_id, status)
    with pytest.raises(RegistryRefused, match="withdraw it"):
        answered(minted.registry.execute([request_id]))
    for _ in range(2):
        answered(minted.registry.withdraw([request_id]))
    assert minted.states(101, 110) == {"locked": ["101-110"]}
    with pytest.raises(RegistryRefused, match="has ended"):
        answered(minted.registry.reserve([request_id]))
    assert spans(answered(minted.registry.reserve([minted.ask(RETIREMENT, 100)]))) == ["101-200"]


def test_a_refused_request_is_withdrawn_too(minted: World) -> None:
    request_id = minted.ask(REDEMPTION, 10, "nobody")
    answered(minted.registry.reserve([request_id]))
    minted.chain.end(request_id, RequestStatus.REFUSED)
    answered(minted.registry.withdraw([request_id]))
    decision = minted.ledger.decision(request_id)
    assert decision is not None
    assert decision.ended == "withdrawn"


def test_a_request_that_ended_before_anybody_asked_is_never_reserved(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    minted.chain.end(request_id, RequestStatus.RETURNED)
    with pytest.raises(RegistryRefused, match="has ended"):
        answered(minted.registry.reserve([request_id]))
    answered(minted.registry.withdraw([request_id]))


def test_an_executed_act_whose_receipt_could_not_be_signed_is_signed_later(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    minted.settled(request_id)
    for eyes in minted.attester_eyes:
        eyes.blind = True
    with pytest.raises(Unreachable):
        answered(minted.registry.execute([request_id]))
    assert minted.states(101, 110) == {"retired": ["101-110"]}
    with pytest.raises(NotYet, match="signed for"):
        minted.registry.receipt(request_id)
    for eyes in minted.attester_eyes:
        eyes.blind = False
    receipt = answered(minted.registry.execute([request_id]))
    keyless = LedgerRegistry(minted.ledger, {HERE: minted.witness}, {})
    assert keyless.receipt(request_id) == receipt
    assert len(receipt.signatures) == 2


def test_a_batch_keeps_the_order_that_was_asked_for(minted: World) -> None:
    requests = [minted.ask(RETIREMENT, 10), minted.ask(RETIREMENT, 5)]
    for request_id in requests:
        answered(minted.registry.reserve([request_id]))
    batch = minted.registry.attest_outcomes([(request, 0) for request in requests[::-1]])
    assert [outcome.request_id for outcome in batch.items] == requests[::-1]


def test_the_embedded_registry_is_a_registry(minted: World) -> None:
    registry: Registry = minted.registry
    assert registry.instruction(hex32(1)).range == serials(101, 200)
    assert BALE in minted.ledger.classes()
