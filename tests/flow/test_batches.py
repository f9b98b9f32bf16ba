"""Many at once: as many in a transaction as its gas allows, several on their way, and none behind another's back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.chain.contract import BridgeContract
from bridge.domain.attestations import Attested, Lock, typed_data
from bridge.domain.lifecycle import DepositState
from bridge.domain.observed import Minted
from bridge.domain.values import hex32
from bridge.flow import lock, mint
from bridge.flow.advance import advance
from bridge.flow.attest import attest_locked
from bridge.flow.batches import BATCH_GAS, gas_of_locks, locks_together
from bridge.flow.bridge import Bridge
from bridge.flow.lock import lock_planned, plan
from bridge.flow.mint import mint_attested
from bridge.journal.models import Deposit
from tests.faults.anvil import anvil
from tests.flow.world import Stage, World, span


def many(world: World, count: int, first: int = 1) -> None:
    """Instructions for ranges that do not touch."""
    world.issue(span(first, first + 3 * count))
    for n in range(count):
        world.instruct(span(first + 3 * n, first + 3 * n + 1))


def taking_up(world: World) -> Bridge:
    return replace(world.bridge, takes_up=True)


def states(world: World) -> set[str]:
    return {row.state for row in world.bridge.journal.deposits(world.contract.deployment)}


def test_a_deposit_waits_for_no_other(world: World) -> None:
    many(world, 1)
    advance(taking_up(world))
    assert states(world) == {"minted"}


def test_no_batch_may_need_more_gas_than_is_wished(world: World) -> None:
    many(world, 260)
    for waiting in world.registry.waiting(world.contract.deployment):
        plan(world.bridge, waiting.instruction_id)
    lock_planned(world.bridge)
    rows = world.bridge.journal.deposits(world.contract.deployment, DepositState.LOCKED)
    batches = [[Lock.model_validate_json(row.lock or "") for row in batch] for batch in locks_together(rows)]
    assert sorted(lock.lock_id for batch in batches for lock in batch) == sorted(row.lock_id for row in rows)
    assert [len(batch) > 200 for batch in batches] == [True, False]
    assert all(gas_of_locks(batch) <= BATCH_GAS for batch in batches)
    serials = [lock.range.first for batch in batches for lock in batch]
    assert serials == sorted(serials)


def test_what_has_failed_once_is_not_taken_up_again(world: World) -> None:
    many(world, 2)
    first = world.registry.waiting(world.contract.deployment)[0]
    world.ledger.retire("spoilt", first.range, "alice", "somebody")
    advance(taking_up(world))
    assert sorted(row.state for row in world.bridge.journal.deposits(world.contract.deployment)) == ["failed", "minted"]
    advance(taking_up(world))
    assert len(world.bridge.journal.deposits(world.contract.deployment)) == 2


def test_a_mint_that_the_node_keeps_back_is_found_when_its_transaction_is_final(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BridgeContract.events

    def silent(contract, first, last, *only):  # type: ignore[no-untyped-def]
        return (event for event in honest(contract, first, last, *only) if not isinstance(event, Minted))

    monkeypatch.setattr(BridgeContract, "events", silent)
    many(world, 3)
    advance(taking_up(world))
    assert states(world) == {"minted"}
    assert world.bridge.journal.open_transactions(world.contract.deployment.chain_id) == []


@pytest.mark.slow
def test_batches_that_are_on_their_way_together_all_land_in_one_block(tmp_path: Path) -> None:
    """Each lies in the ledger behind the one before, which no block has yet: from a hint that is older than those the
    contract would walk too far."""
    with anvil() as chain:
        world = World(tmp_path, Stage(chain=chain))  # type: ignore[arg-type]
        many(world, 500)
        bridge = taking_up(world)
        chain.rpc("evm_setAutomine", False)
        advance(bridge)
        assert len(bridge.journal.open_transactions(chain.connection.chain_id)) == 3
        chain.mine(3)
        advance(bridge)
        assert states(world) == {"minted"}


def test_a_long_queue_is_taken_up_a_part_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "MOST_GOING", 2)
    many(world, 3)
    bridge = taking_up(world)
    for minted in (2, 3, 3):
        advance(bridge)
        assert len(bridge.journal.deposits(bridge.deployment)) == minted
    assert states(world) == {"minted"}


def test_no_more_are_on_their_way_than_a_node_keeps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mint, "MOST_ON_THEIR_WAY", 0)
    many(world, 1)
    advance(taking_up(world))
    assert states(world) == {"attested"}
    monkeypatch.undo()
    advance(taking_up(world))
    assert states(world) == {"minted"}


def test_what_a_refusal_names_is_set_apart_and_the_others_are_minted_together(world: World) -> None:
    """Thieves minted the serials of one lock in a batch of four."""
    many(world, 4)
    orders = [order.instruction_id for order in world.registry.waiting(world.contract.deployment)]
    rows = [plan(world.bridge, order) for order in orders]
    lock_planned(world.bridge)
    attest_locked(world.bridge)
    stolen = Lock.model_validate_json(locked(world, rows[1].lock_id).lock or "").model_copy(
        update={"lock_id": hex32(0xBAD00), "recipient": world.address("mallory")}
    )
    thieves = sorted(world.attesters[:2], key=lambda key: key.address)
    document = typed_data(world.contract.deployment, [stolen])
    forged = Attested[Lock](
        items=(stolen,),
        signers=tuple(key.address for key in thieves),
        signatures=tuple(key.sign(document) for key in thieves),
    )
    world.sender("operator").send_and_wait(world.contract.mint(forged))
    mint_attested(world.bridge)
    noted = [bool(locked(world, row.lock_id).note) for row in rows]
    assert noted == [False, True, False, False]
    advance(world.bridge)
    after = [locked(world, row.lock_id) for row in rows]
    assert [row.state for row in after] == ["minted", "attested", "minted", "minted"]
    assert len({row.attestation_id for row in after if row.state == "minted"}) == 1


def locked(world: World, lock_id: str) -> Deposit:
    row = world.bridge.journal.deposit(lock_id)
    assert row is not None
    return row
