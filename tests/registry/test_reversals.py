"""Serials taken back at the embedded registry: recorded first, attested while live, never over a request's head."""

from __future__ import annotations

import pytest

from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.domain.serials import subtract
from bridge.domain.values import hex32
from bridge.errors import Conflict, NotYet, RegistryRefused
from tests.registry.fakes import answered

from .fakes import HERE, TONGXU, World, one_lock, serials

RETIREMENT, REDEMPTION = Kind.RETIREMENT, Kind.REDEMPTION


@pytest.fixture
def minted(world: World) -> World:
    """Two minted locks, 101 to 200 and 201 to 300."""
    world.lock(1, 101, 200, minted=True)
    world.lock(2, 201, 300, minted=True)
    return world


def reverse(world: World, first: int, last: int) -> str:
    (event,) = world.ledger.reverse(f"{first}-{last}", serials(first, last), "fire")
    return event.event_id


def open_ids(world: World) -> list[str]:
    return [one.event_id for one in world.registry.reversals(HERE)]


def spans(world: World, event_id: str) -> list[str]:
    (reversal,) = world.registry.attest_reversal(event_id).items
    return [str(span) for span in reversal.ranges]


def test_free_serials_are_simply_reversed(world: World) -> None:
    assert world.ledger.reverse("k", serials(1, 10), "fire") == ()
    assert world.states(1, 20) == {"reversed": ["1-10"], "held": ["11-1000"]}
    assert world.registry.reversals(HERE) == ()
    assert world.ledger.audit() == ()


def test_locked_serials_keep_their_lock_and_deployment(minted: World) -> None:
    reverse(minted, 150, 160)
    row = next(r for r in minted.ledger.statement("VERRA", HERE)[1] if r.state is SerialState.REVERSED)
    assert (str(row.range), row.deployment, row.lock_id) == ("150-160", HERE, hex32(1))


def test_the_same_act_is_one_event_and_other_content_a_conflict(minted: World) -> None:
    assert reverse(minted, 150, 160) == reverse(minted, 150, 160)
    with pytest.raises(Conflict):
        minted.ledger.reverse("150-160", serials(150, 160), "error")
    assert len(minted.registry.reversals(HERE)) == 1


def test_what_has_ended_cannot_be_taken_back(minted: World) -> None:
    minted.ledger.retire("r", serials(1, 10), "depositor", "Kinaxis Inc.")
    with pytest.raises(RegistryRefused, match="are retired"):
        reverse(minted, 5, 20)
    minted.ledger.issue("other", serials(1001, 1010), TONGXU.id, "depositor")
    with pytest.raises(RegistryRefused, match="several classes"):
        reverse(minted, 990, 1005)


def test_a_reversal_names_live_serials_as_the_contract_keeps_them(minted: World) -> None:
    event_id = reverse(minted, 190, 210)
    assert spans(minted, event_id) == ["190-200", "201-210"]
    assert minted.registry.attest_reversal(event_id) == minted.registry.attest_reversal(event_id)


def test_a_wording_stays_while_it_can_land_and_leaves_out_what_was_settled(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    parts = minted.registry.attest_outcomes([(request_id, 0)]).items
    event_id = reverse(minted, 101, 120)
    assert spans(minted, event_id) == ["101-120"]
    minted.chain.live.append(serials(400, 500))
    assert spans(minted, event_id) == ["101-120"]
    minted.chain.settle(parts)
    assert spans(minted, event_id) == ["111-120"]
    answered(minted.registry.execute([request_id]))
    assert minted.states(101, 120) == {"retired": ["101-110"], "reversed": ["111-120"]}


def test_what_is_not_live_is_not_attested(world: World) -> None:
    world.lock(1, 101, 200)
    event_id = reverse(world, 101, 110)
    with pytest.raises(NotYet, match="nothing of reversal"):
        world.registry.attest_reversal(event_id)
    assert open_ids(world) == [event_id], "the lock may still be minted"
    world.chain.now = 2_001
    world.registry.release(hex32(1))
    assert open_ids(world) == []
    assert world.states(101, 200) == {"reversed": ["101-110"], "held": ["111-200"]}


def test_attesters_sign_only_what_their_own_eyes_see_live(minted: World) -> None:
    event_id = reverse(minted, 150, 160)
    for eyes in minted.attester_eyes[1:]:
        eyes.sees_nothing_live = True
    with pytest.raises(RegistryRefused, match="1 of 2 attesters signed"):
        minted.registry.attest_reversal(event_id)


def test_a_landed_event_is_not_signed_again_and_comes_to_its_end(minted: World) -> None:
    event_id = reverse(minted, 150, 160)
    minted.chain.bury(minted.registry.attest_reversal(event_id).items[0])
    with pytest.raises(Conflict, match="has landed"):
        minted.registry.attest_reversal(event_id)
    assert open_ids(minted) == []
    assert minted.ledger.open_reversals(HERE) == ()


def test_serials_minted_after_the_event_has_landed_go_on_under_the_next_id(minted: World) -> None:
    minted.lock(3, 301, 400)
    event_id = reverse(minted, 250, 350)
    assert spans(minted, event_id) == ["250-300"]
    minted.chain.bury(minted.registry.attest_reversal(event_id).items[0])
    assert open_ids(minted) == []
    minted.chain.mint(hex32(3))
    minted.chain.live.append(serials(301, 400))
    minted.registry.reversals(HERE)
    (following,) = open_ids(minted)
    assert following != event_id
    assert spans(minted, following) == ["301-350"]


# ------------------------------------------------------------- requests


def test_a_new_request_of_a_class_that_is_closing_is_refused(minted: World) -> None:
    reverse(minted, 150, 160)
    refusal = answered(minted.registry.reserve([minted.ask(RETIREMENT, 10)])).refusal
    assert refusal is not None
    assert refusal.reason == "short"


def test_no_outcome_is_signed_while_the_class_is_short_and_its_refusal_is(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    parts = answered(minted.registry.reserve([request_id])).parts
    assert answered(minted.registry.reconsider([request_id])).refusal is None
    reverse(minted, 250, 260)
    with pytest.raises(RegistryRefused, match="is short"):
        minted.registry.attest_outcomes([(request_id, 0)])
    refused = answered(minted.registry.reconsider([request_id]))
    assert (refused.parts, refused.refusal is not None) == (parts, True)
    assert minted.registry.attest_refusals([request_id]).items == (refused.refusal,)
    assert (
        answered(minted.registry.reserve([request_id])) == answered(minted.registry.reconsider([request_id])) == refused
    )
    with pytest.raises(RegistryRefused, match="is refused"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_attesters_look_for_themselves_whether_a_class_is_short(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    minted.chain.shortfall = 1
    with pytest.raises(RegistryRefused, match="is short"):
        minted.registry.attest_outcomes([(request_id, 0)])


def test_what_is_set_aside_waits_for_the_refusal_and_is_then_taken_back(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    event_id = reverse(minted, 105, 115)
    assert minted.states(101, 120) == {
        "reserved": ["101-110"],
        "reversed": ["111-115"],
        "locked": ["116-200"],
    }
    minted.chain.bury(minted.registry.attest_reversal(event_id).items[0])
    answered(minted.registry.reconsider([request_id]))
    minted.chain.end(request_id, RequestStatus.REFUSED)
    for _ in range(2):
        answered(minted.registry.withdraw([request_id]))
    assert minted.states(101, 120) == {"locked": ["101-104", "116-200"], "reversed": ["105-110", "111-115"]}
    assert minted.ledger.audit() == ()


def test_a_request_whose_serials_are_buried_is_refused_though_the_class_is_whole_again(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    minted.chain.bury(minted.registry.attest_reversal(reverse(minted, 105, 115)).items[0])
    minted.registry.reversals(HERE)
    minted.chain.shortfall = 0
    with pytest.raises(RegistryRefused, match="were taken back"):
        minted.registry.attest_outcomes([(request_id, 0)])
    assert answered(minted.registry.reconsider([request_id])).refusal is not None


def test_a_settlement_that_lands_after_the_refusal_was_decided_is_executed(minted: World) -> None:
    request_id = minted.ask(RETIREMENT, 10)
    answered(minted.registry.reserve([request_id]))
    signed = minted.registry.attest_outcomes([(request_id, 0)]).items
    reverse(minted, 105, 115)
    answered(minted.registry.reconsider([request_id]))
    minted.chain.settle(signed)
    assert answered(minted.registry.execute([request_id])).items[0].ranges == signed[0].ranges
    assert minted.states(101, 115) == {"retired": ["101-110"], "reversed": ["111-115"]}


def test_serials_handed_over_by_such_a_settlement_are_taken_back_from_their_new_holder(minted: World) -> None:
    request_id = minted.ask(REDEMPTION, 10, "receiver")
    answered(minted.registry.reserve([request_id]))
    signed = minted.registry.attest_outcomes([(request_id, 0)]).items
    reverse(minted, 295, 300)
    minted.chain.settle(signed)
    answered(minted.registry.execute([request_id]))
    row = next(r for r in minted.ledger.statement("VERRA", HERE)[1] if r.state is SerialState.REVERSED)
    assert (str(row.range), row.holder, row.lock_id) == ("295-300", "receiver", None)
    assert open_ids(minted) == []
    assert subtract(serials(291, 294), [s for _, s in minted.ledger.holdings("receiver")]) == []


# ---------------------------------------------------------------- cover


def test_cover_is_never_signed_as_a_lock_nor_a_lock_as_cover(world: World) -> None:
    world.instruct(1, 101, 200, covers=TONGXU.id)
    one_lock(world.registry, hex32(1), hex32(1))
    world.lock(2, 201, 300)
    with pytest.raises(RegistryRefused, match="to cover class"):
        world.registry.attest_locks([hex32(1)])
    with pytest.raises(RegistryRefused, match="covers nothing"):
        world.registry.attest_covers([hex32(2)])
    (cover,) = world.registry.attest_covers([hex32(1)]).items
    assert (cover.short_class_id, cover.lock) == (TONGXU.id, world.ledger.lock_record(hex32(1)).lock)


def test_an_instruction_given_twice_is_one(world: World) -> None:
    assert world.instruct(1, 101, 200) == world.instruct(1, 101, 200)
    with pytest.raises(Conflict):
        world.instruct(1, 101, 200, covers=TONGXU.id)
