"""Ways out that are not the straight one: refusals, silence, call-backs, parts, expiry, pauses."""

from __future__ import annotations

import pytest

from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.errors import ContractRefused, NotYet
from bridge.flow.advance import advance
from bridge.flow.attest import attest_reserved
from bridge.flow.hold import call_back, plan_request, take_back
from bridge.flow.lock import plan
from bridge.flow.reserve import reserve_seen
from bridge.flow.settle import settle_attested
from bridge.flow.watch import watch
from tests.flow.world import BATCH, DAY, FOREST, STOVES, World, span

pytestmark = pytest.mark.slow


def silent_request(world: World, units: int = 30) -> str:
    """On chain, but the holder never tells the registry for whom: nobody can serve it."""
    alice = world.holder("alice")
    request_id = plan_request(alice, Kind.RETIREMENT, FOREST.id, units, "Acme", "")
    world.send("alice", world.contract.open_request(_request(world, request_id)))
    return request_id


def _request(world: World, request_id: str):  # type: ignore[no-untyped-def]
    from bridge.domain.attestations import Request

    return Request.model_validate_json(world.holder("alice").journal.own_request(request_id).request)


def sign_the_outcome(world: World) -> None:
    """As far as a quorum's signatures, and not to the chain."""
    watch(world.bridge)
    reserve_seen(world.bridge)
    attest_reserved(world.bridge)


def past_the_deadline(world: World) -> None:
    world.chain.pass_seconds(11 * DAY)


def past_the_challenge(world: World) -> None:
    world.chain.pass_seconds(2 * DAY)
    world.chain.mine(6)


def test_a_redemption_to_an_unknown_account_is_refused_and_the_units_come_back(world: World) -> None:
    world.deposit(span(1, 50, BATCH), STOVES)
    request_id = world.ask("alice", Kind.REDEMPTION, 5, STOVES, for_="nobody")
    advance(world.bridge)
    assert world.exit_state(request_id) == "withdrawn"
    assert world.balance("alice", STOVES) == 50
    assert world.reconcile().clean


def test_a_holder_who_is_never_answered_takes_his_units_back(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = silent_request(world)
    advance(world.bridge)
    assert "has not disclosed" in world.bridge.journal.exit(request_id).note
    alice = world.holder("alice")
    with pytest.raises(ContractRefused, match="DeadlineNotPassed"):
        call_back(alice, request_id)
    past_the_deadline(world)
    call_back(alice, request_id)
    with pytest.raises(ContractRefused, match="ChallengeNotPassed"):
        take_back(alice, request_id, world.address("alice"))
    past_the_challenge(world)
    take_back(alice, request_id, world.address("bob"))
    assert (world.balance("alice"), world.balance("bob")) == (70, 30)
    advance(world.bridge)
    assert world.exit_state(request_id) == "withdrawn"
    assert world.reconcile().clean


def test_a_settlement_after_the_call_back_and_inside_the_challenge_lands(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    sign_the_outcome(world)
    past_the_deadline(world)
    call_back(world.holder("alice"), request_id)
    settle_attested(world.bridge)
    assert world.contract.request_state(request_id).status is RequestStatus.SETTLED
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    past_the_challenge(world)
    with pytest.raises(ContractRefused, match="RequestNotOpen"):
        take_back(world.holder("alice"), request_id, world.address("alice"))
    assert world.balance("alice") == 70


def test_a_settlement_after_the_return_is_refused_and_the_registry_has_not_acted(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    sign_the_outcome(world)
    past_the_deadline(world)
    call_back(world.holder("alice"), request_id)
    past_the_challenge(world)
    take_back(world.holder("alice"), request_id, world.address("alice"))
    settle_attested(world.bridge)
    assert "NothingToSettle" in world.bridge.journal.exit(request_id).note
    with pytest.raises(NotYet):
        world.registry.receipt(request_id)
    states = {(b.state, b.units) for b in world.ledger.balances() if b.state is SerialState.RETIRED}
    assert states == set()
    advance(world.bridge)
    assert world.exit_state(request_id) == "withdrawn"
    assert world.balance("alice") == 100
    assert world.reconcile().clean


def test_what_was_withdrawn_can_be_asked_for_again_though_its_serials_lie_in_the_middle(world: World) -> None:
    """The first request's serials return to `locked` below those of the second: the ledger must split."""
    world.deposit(span(1, 100))
    first = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    watch(world.bridge)
    reserve_seen(world.bridge)
    second = world.ask("alice", Kind.RETIREMENT, 20, for_="Beta")
    sign_the_outcome(world)
    past_the_deadline(world)
    call_back(world.holder("alice"), first)
    past_the_challenge(world)
    take_back(world.holder("alice"), first, world.address("alice"))
    advance(world.bridge)
    assert (world.exit_state(first), world.exit_state(second)) == ("withdrawn", "executed")
    again = world.ask("alice", Kind.RETIREMENT, 80, for_="Gamma")
    advance(world.bridge)
    assert world.exit_state(again) == "executed"
    assert world.balance("alice") == 0
    assert world.reconcile().clean


def test_an_unused_lock_is_released_only_after_a_final_block_past_its_time(world: World) -> None:
    world.issue(span(1, 10))
    planned = plan(world.bridge, world.instruct(span(1, 10), days=1))
    world.send("guardian", world.contract.functions.pause())
    advance(world.bridge)
    assert world.deposit_state(planned.lock_id) == "attested"
    with pytest.raises(NotYet):
        world.registry.release(planned.lock_id)
    world.chain.pass_seconds(2 * DAY)
    advance(world.bridge)
    assert world.deposit_state(planned.lock_id) == "released"
    assert [str(r) for _, r in world.ledger.holdings("alice")] == ["1-10"]


def test_a_pause_stops_minting_and_new_requests_but_no_settlement(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    world.send("guardian", world.contract.functions.pause())
    with pytest.raises(ContractRefused, match="IsPaused"):
        world.ask("alice", Kind.RETIREMENT, 1)
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"


def test_a_request_larger_than_one_part_settles_in_parts(world: World) -> None:
    for n in range(25):
        world.issue(span(10 * n + 1, 10 * n + 5))
        plan(world.bridge, world.instruct(span(10 * n + 1, 10 * n + 5)))
    advance(world.bridge)
    assert world.balance("alice") == 125
    request_id = world.ask("alice", Kind.RETIREMENT, 123, for_="Acme")
    advance(world.bridge)
    assert world.contract.request_state(request_id).parts == 2
    assert world.exit_state(request_id) == "executed"
    assert sum(r.units for r in world.registry.receipt(request_id).items[0].ranges) == 123
    assert world.reconcile().clean
