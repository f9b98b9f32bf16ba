"""The story as it should go: deposit, retire, redeem, and books that agree to the serial."""

from __future__ import annotations

from bridge.domain.lifecycle import Kind, SerialState
from bridge.flow.advance import advance
from tests.flow.world import FOREST, World, span


def test_a_deposit_mints_one_unit_a_serial_to_the_lock_s_recipient(world: World) -> None:
    lock_id = world.deposit(span(941467007, 941467431))
    assert world.deposit_state(lock_id) == "minted"
    assert world.balance("alice") == 425


def test_a_retirement_goes_from_pending_to_settled_to_executed(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    assert world.balance("alice") == 70
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    receipt = world.registry.receipt(request_id).items[0]
    assert [str(r) for r in receipt.ranges] == ["1-30"]
    assert world.ledger.holdings("alice", SerialState.HELD) == ()


def test_a_redemption_hands_the_serials_to_the_account_named(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.REDEMPTION, 40, for_="bob")
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    assert [(c, str(r)) for c, r in world.ledger.holdings("bob", SerialState.HELD)] == [(FOREST.id, "61-100")]


def test_chain_and_registry_agree_to_the_serial_afterwards(world: World) -> None:
    world.deposit(span(1, 100))
    world.deposit(span(201, 300))
    for kind, units in ((Kind.RETIREMENT, 30), (Kind.REDEMPTION, 120)):
        world.ask("alice", kind, units)
        advance(world.bridge)
    result = world.reconcile()
    assert result.findings == ()
    assert result.in_flight == ()
    assert world.contract.class_state(FOREST.id).supply == 50
