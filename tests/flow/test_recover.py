"""Units of a lost key: slowly, in the open, and with a veto."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.chain.signers import KeySigner
from bridge.errors import ContractRefused, Refused
from bridge.flow.recover import Order, execute_recovery, order_recovery, recovery_orders, veto_recovery
from tests.databases import Databases
from tests.flow.world import DAY, FOREST, STOVES, TERMS, Stage, World, span

pytestmark = pytest.mark.slow

WEEK = 7 * DAY
RECOVERER = "mallory"
"""In this world mallory keeps the law."""


@pytest.fixture(scope="module")
def recovering_stage(databases: Databases) -> Stage:
    recoverer = KeySigner((9).to_bytes(32, "big")).address  # the ninth of the rehearsal's people
    stage = Stage(databases, TERMS.model_copy(update={"recovery_seconds": WEEK, "recoverer": recoverer}))
    assert stage.rehearsal.keys[RECOVERER].address == recoverer
    return stage


@pytest.fixture
def world(tmp_path: Path, recovering_stage: Stage) -> World:
    recovering_stage.clear()
    world = World(tmp_path, recovering_stage)
    world.deposit(span(1, 100))
    return world


def ordered(world: World, units: int = 40, by: str = RECOVERER) -> Order:
    parties = world.address("alice"), world.address("bob")
    return order_recovery(world.contract, world.sender(by), FOREST.id, *parties, units)


def state_of(world: World, one: Order) -> str:
    return next(order.state for order in recovery_orders(world.contract) if order.recovery_id == one.recovery_id)


def test_an_order_matures_is_executed_by_anybody_and_moves_the_units(world: World) -> None:
    one = ordered(world)
    assert (one.state, one.lapses_at - one.matures_at) == ("pending", WEEK)
    assert one.recovery_id == world.contract.recovery_id(one.recovery)
    with pytest.raises(ContractRefused, match=r"RecoveryNotMature.*execute it afterwards"):
        execute_recovery(world.contract, world.sender("guardian"), one)
    world.chain.pass_seconds(WEEK)
    assert state_of(world, one) == "due"
    execute_recovery(world.contract, world.sender("guardian"), one)
    assert state_of(world, one) == "executed"
    assert (world.balance("alice"), world.balance("bob")) == (60, 40)
    with pytest.raises(ContractRefused, match=r"RecoveryNotPending.*recovery list"):
        execute_recovery(world.contract, world.sender("guardian"), one)
    assert world.reconcile().clean


@pytest.mark.parametrize("by", ["alice", "guardian"])
def test_the_account_itself_or_a_guardian_vetoes_for_good(world: World, by: str) -> None:
    one = ordered(world)
    with pytest.raises(ContractRefused, match=r"NotHolder.*the account itself may, or a guardian"):
        veto_recovery(world.contract, world.sender("bob"), one)
    veto_recovery(world.contract, world.sender(by), one)
    assert state_of(world, one) == "vetoed"
    world.chain.pass_seconds(WEEK)
    with pytest.raises(ContractRefused, match="RecoveryNotPending"):
        execute_recovery(world.contract, world.sender("bob"), one)
    assert (world.balance("alice"), world.balance("bob")) == (100, 0)


def test_a_due_order_can_still_be_vetoed(world: World) -> None:
    one = ordered(world)
    world.chain.pass_seconds(WEEK)
    veto_recovery(world.contract, world.sender("alice"), one)
    assert state_of(world, one) == "vetoed"


def test_nobody_else_orders(world: World) -> None:
    with pytest.raises(ContractRefused, match=r"NotRecoverer.*class's terms"):
        ordered(world, by="admin")
    parties = world.address("alice"), world.address("bob")
    with pytest.raises(ContractRefused, match="NotRecoverer"):
        order_recovery(world.contract, world.sender(RECOVERER), STOVES.id, *parties, 1)
    assert recovery_orders(world.contract) == []


def test_one_order_stands_at_a_time_and_the_same_again_when_it_has_lapsed(world: World) -> None:
    one = ordered(world)
    for units in (one.recovery.units, 1):
        with pytest.raises(Refused, match=f"{one.recovery_id} of .* units of that account is pending"):
            ordered(world, units=units)
    world.chain.pass_seconds(2 * WEEK + 10)
    assert state_of(world, one) == "lapsed"
    with pytest.raises(ContractRefused, match=r"RecoveryLapsed.*order it again"):
        execute_recovery(world.contract, world.sender("bob"), one)
    again = ordered(world)
    assert again.recovery_id != one.recovery_id
    assert [order.state for order in recovery_orders(world.contract)] == ["lapsed", "pending"]


def test_units_that_have_left_cannot_be_recovered(world: World) -> None:
    one = ordered(world, units=100)
    world.send("alice", world.contract.transfer(world.address("alice"), world.address("guardian"), FOREST.id, 1))
    world.chain.pass_seconds(WEEK)
    with pytest.raises(ContractRefused, match="ERC1155InsufficientBalance"):
        execute_recovery(world.contract, world.sender(RECOVERER), one)
