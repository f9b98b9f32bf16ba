"""A registry takes serials back: the class closes, its requests are refused, cover is offered, and it opens again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.chain.covers import offers
from bridge.chain.signers import SignedTransaction
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange
from bridge.errors import ContractRefused
from bridge.flow.advance import advance
from bridge.flow.attest import attest_locked, attest_reserved
from bridge.flow.cover import take_cover, withdraw_cover
from bridge.flow.hold import ask as ask_again
from bridge.flow.hold import plan_request, transfer
from bridge.flow.lock import lock_planned, plan
from bridge.flow.reserve import reserve_seen
from bridge.flow.reverse import reverse_taken_back, see_taken_back
from bridge.flow.settle import settle_attested
from bridge.flow.watch import watch
from tests.databases import Databases
from tests.flow.faults import Died, Schedule
from tests.flow.world import BATCH, BIOGAS, DAY, FOREST, STOVES, Frozen, Stage, World, span
from tests.laws import laws
from tests.registry.fakes import one_lock


@pytest.fixture
def held(world: World) -> World:
    """Alice has 60 units of FOREST and bob 40, of serials 1 to 100."""
    world.deposit(span(1, 100))
    transfer(world.holder("alice"), world.address("bob"), FOREST.id, 40)
    return world


def rows(world: World, state: SerialState) -> list[str]:
    stated = world.ledger.statement("VERRA", world.contract.deployment)[1]
    return [str(row.range) for row in stated if row.state is state]


def shortfall(world: World) -> int:
    state = world.contract.class_state(FOREST.id)
    assert state is not None
    return state.shortfall


def sign_the_outcome(world: World) -> None:
    """As far as a quorum's signatures, and not to the chain."""
    watch(world.bridge)
    reserve_seen(world.bridge)
    attest_reserved(world.bridge)


def offer(world: World, serials: SerialRange, owner: str = "alice") -> str:
    """Cover of class BIOGAS for what FOREST lacks; returns the lock id."""
    world.issue(serials, BIOGAS, owner)
    lock_id = plan(world.bridge, world.instruct(serials, owner, covers=FOREST.id)).lock_id
    advance(world.bridge)
    return lock_id


def test_the_story(held: World) -> None:
    request_id = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    (event_id,) = held.reverse(span(81, 100))
    assert laws.broken(held) == []
    assert (rows(held, SerialState.REVERSED), shortfall(held)) == (["81-100"], 0)

    advance(held.bridge)
    assert laws.broken(held) == []
    assert (held.reversal_state(event_id), shortfall(held)) == ("reversed", 20)
    assert held.exit_state(request_id) == "withdrawn"
    assert held.bridge.journal.exit(request_id).reservation.count('"reason":"short"') == 1
    assert (held.balance("alice"), held.balance("bob")) == (60, 40)
    with pytest.raises(ContractRefused, match="holder cover list"):
        transfer(held.holder("alice"), held.address("bob"), FOREST.id, 1)

    assert held.deposit_state(offer(held, span(1001, 1030))) == "minted"
    (offered,) = offers(held.contract)
    assert (offered.units, offered.left, held.balance("alice", BIOGAS)) == (30, 30, 0)
    assert laws.broken(held) == []
    take_cover(held.holder("bob"), offered.cover, 15)
    with pytest.raises(ContractRefused, match="StillShort"):
        withdraw_cover(held.holder("alice"), offered.cover)
    assert (held.balance("bob"), held.balance("bob", BIOGAS), shortfall(held)) == (25, 15, 5)
    assert laws.broken(held) == []

    take_cover(held.holder("alice"), offered.cover, 5)
    assert shortfall(held) == 0
    transfer(held.holder("alice"), held.address("bob"), FOREST.id, 1)
    withdraw_cover(held.holder("alice"), offered.cover)
    assert (held.balance("alice", BIOGAS), held.balance("bob", BIOGAS)) == (15, 15)
    after = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    advance(held.bridge)
    assert held.exit_state(after) == "executed"
    assert laws.broken(held) == []
    assert held.registry.reversals(held.contract.deployment) == ()


# ------------------------------------------------- who is quicker, and what he gets


def test_a_settlement_that_is_quicker_is_executed_and_left_out_of_the_reversal(held: World) -> None:
    request_id = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    sign_the_outcome(held)
    (event_id,) = held.reverse(span(1, 20))
    signed = held.registry.attest_reversal(event_id)
    assert [str(r) for r in signed.items[0].ranges] == ["1-20"]
    see_taken_back(held.bridge)
    held.bridge.journal.keep_reversals(signed)
    settle_attested(held.bridge)
    with pytest.raises(ContractRefused, match="SerialsNotLive"):
        held.sender("mallory").send_and_wait(held.contract.reverse(signed))
    assert laws.broken(held) == []
    for _ in range(2):
        advance(held.bridge)
    assert (held.exit_state(request_id), held.reversal_state(event_id)) == ("executed", "reversed")
    assert (shortfall(held), rows(held, SerialState.REVERSED)) == (10, ["11-20"])
    assert rows(held, SerialState.RETIRED) == ["1-10"]
    assert laws.broken(held) == []


def test_a_reversal_that_is_quicker_leaves_the_signed_settlement_nothing(held: World) -> None:
    request_id = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    sign_the_outcome(held)
    (event_id,) = held.reverse(span(1, 20))
    reverse_taken_back(held.bridge)
    assert (held.reversal_state(event_id), shortfall(held)) == ("sent", 20)
    settle_attested(held.bridge)
    assert "is short" in held.bridge.journal.exit(request_id).note
    assert laws.broken(held) == []
    advance(held.bridge)
    assert held.exit_state(request_id) == "withdrawn"
    assert (held.balance("bob"), rows(held, SerialState.REVERSED)) == (40, ["1-10", "11-20"])
    assert laws.broken(held) == []


@pytest.mark.parametrize(("first", "end", "units"), [(91, "executed", 30), (1, "withdrawn", 40)])
def test_what_others_reversed_and_covered_meanwhile_leaves_no_request_behind(
    held: World, first: int, end: str, units: int
) -> None:
    """A batch lands for its other items: what it skipped must not wait for ever, nor must an outcome that is void."""
    request_id = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    sign_the_outcome(held)
    landed, journal = _landed(held), held.bridge.journal
    journal.keep_transaction(landed, "settle", journal.exit(request_id).attestation_id)
    ours = [attempts for attempts in journal.open_transactions(landed.chain_id) if attempts[0].hash == landed.hash]
    journal.end_transaction(ours[0], landed.hash)
    assert held.exit_state(request_id) == "sent"
    (event_id,) = held.reverse(span(first, first + 9))
    reversing = held.contract.reverse(held.registry.attest_reversal(event_id))
    held.sender("mallory").send_and_wait(reversing)
    held.issue(span(1001, 1010), BIOGAS)
    lock = one_lock(held.registry, "0x" + "c0" * 32, held.instruct(span(1001, 1010), covers=FOREST.id))
    held.send("operator", held.contract.cover(held.registry.attest_covers([lock.lock_id])))
    (offered,) = offers(held.contract)
    take_cover(held.holder("alice"), offered.cover, 10)
    for _ in range(3):
        advance(held.bridge)
    assert held.exit_state(request_id) == end
    assert held.balance("bob") == units
    assert laws.broken(held) == []


def _landed(world: World) -> SignedTransaction:
    return SignedTransaction(
        hash="0x" + "ee" * 32, chain_id=1, sender=world.address("operator"), nonce=10**6, raw="0x00", signed_at=0
    )


def test_a_reversal_of_what_was_settled_whole_is_moot(held: World) -> None:
    held.ask("bob", Kind.REDEMPTION, 20, for_="bob")
    sign_the_outcome(held)
    (event_id,) = held.reverse(span(81, 100))
    watch(held.bridge)
    settle_attested(held.bridge)
    advance(held.bridge)
    assert held.reversal_state(event_id) == "unseen"
    assert (shortfall(held), rows(held, SerialState.REVERSED)) == (0, ["81-100"])
    assert held.ledger.holdings("bob") == ()
    assert laws.broken(held) == []
    assert held.registry.reversals(held.contract.deployment) == ()


def test_anybody_may_bring_a_reversal_to_the_chain(held: World) -> None:
    (event_id,) = held.reverse(span(1, 20))
    attested = held.registry.attest_reversal(event_id)
    held.sender("mallory").send_and_wait(held.contract.reverse(attested))
    assert laws.broken(held) == []
    advance(held.bridge)
    assert held.registry.reversals(held.contract.deployment) == ()
    assert held.reversal_state(event_id) in {"reversed", "unseen"}
    assert shortfall(held) == 20


def test_a_reversal_that_somebody_brings_between_signature_and_sending_is_one(held: World) -> None:
    (event_id,) = held.reverse(span(1, 20))
    attested = held.registry.attest_reversal(event_id)
    see_taken_back(held.bridge)
    held.bridge.journal.keep_reversals(attested)
    held.sender("mallory").send_and_wait(held.contract.reverse(attested))
    advance(held.bridge)
    assert (held.reversal_state(event_id), shortfall(held)) == ("reversed", 20)


# ----------------------------------------------------------- locks under way


def test_a_signed_lock_is_not_minted_once_its_serials_were_taken_back(held: World) -> None:
    held.issue(span(201, 220))
    held.issue(span(301, 310))
    ids = [plan(held.bridge, held.instruct(serials)).lock_id for serials in (span(201, 220), span(301, 310))]
    lock_planned(held.bridge)
    attest_locked(held.bridge)
    assert [held.deposit_state(i) for i in ids] == ["attested", "attested"]
    (event_id,) = held.reverse(span(211, 220))
    for _ in range(2):
        advance(held.bridge)
    assert [held.deposit_state(i) for i in ids] == ["locked", "minted"]
    assert "no longer all locked" in held.bridge.journal.deposit(ids[0]).note
    assert held.reversal_state(event_id) == "planned"
    held.chain.pass_seconds(4 * DAY)
    for _ in range(2):
        advance(held.bridge)
    assert (held.deposit_state(ids[0]), held.reversal_state(event_id)) == ("released", "moot")
    assert [str(r) for _, r in held.ledger.holdings("alice")] == ["201-210"]
    assert laws.broken(held) == []


def test_a_lock_that_is_minted_after_its_serials_were_taken_back_is_reversed_too(held: World) -> None:
    held.issue(span(201, 220))
    lock_id = plan(held.bridge, held.instruct(span(201, 220))).lock_id
    lock_planned(held.bridge)
    signed = held.registry.attest_locks([lock_id])
    (first,) = held.reverse(span(211, 220))
    held.sender("operator").send_and_wait(held.contract.mint(signed))
    assert laws.broken(held) == []
    for _ in range(2):
        advance(held.bridge)
    assert (held.reversal_state(first), shortfall(held)) == ("reversed", 10)
    assert laws.broken(held) == []


# ------------------------------------------------------------------- cover


def test_cover_for_a_class_that_lacks_nothing_waits_and_is_released(held: World) -> None:
    held.issue(span(1001, 1010), BIOGAS)
    lock_id = plan(held.bridge, held.instruct(span(1001, 1010), covers=FOREST.id)).lock_id
    advance(held.bridge)
    assert held.deposit_state(lock_id) == "attested"
    assert "NotShort" in held.bridge.journal.deposit(lock_id).note
    held.chain.pass_seconds(4 * DAY)
    advance(held.bridge)
    assert held.deposit_state(lock_id) == "released"
    assert held.balance("alice", BIOGAS) == 0


def test_cover_may_come_from_another_registry_and_beside_plain_locks(held: World) -> None:
    held.reverse(span(1, 20))
    advance(held.bridge)
    held.issue(span(1, 20, BATCH), STOVES)
    held.issue(span(21, 30, BATCH), STOVES)
    covering = held.instruct(span(1, 20, BATCH), registry="GS", covers=FOREST.id)
    plain = held.instruct(span(21, 30, BATCH), registry="GS")
    ids = [plan(held.bridge, one).lock_id for one in (covering, plain)]
    advance(held.bridge)
    assert [held.deposit_state(i) for i in ids] == ["minted", "minted"]
    assert held.balance("alice", STOVES) == 10
    (offered,) = offers(held.contract)
    take_cover(held.holder("alice"), offered.cover, 20)
    assert (held.balance("alice", STOVES), held.balance("alice"), shortfall(held)) == (30, 40, 0)
    assert laws.broken(held) == []


# -------------------------------------------------------------- what may die


def test_a_lost_journal_finds_reversal_and_refusals_again(held: World) -> None:
    request_id = held.ask("bob", Kind.RETIREMENT, 10, for_="Acme")
    sign_the_outcome(held)
    (event_id,) = held.reverse(span(1, 20))
    reverse_taken_back(held.bridge)
    assert held.reversal_state(event_id) == "sent"
    held.bridge.journal.close()
    held.databases.forget(held.folder, "operator")
    held.bridge = held.open_bridge()
    for _ in range(2):
        advance(held.bridge)
    assert held.exit_state(request_id) == "withdrawn"
    assert shortfall(held) == 20
    assert held.registry.reversals(held.contract.deployment) == ()
    assert laws.broken(held) == []


def tell(world: World, request_id: str, instruction: str, schedule: Schedule) -> None:
    """The reversal and what follows, as somebody runs it who does not know how far it went before."""
    bridge = schedule.bridge(world.open_bridge())
    ask_again(schedule.holder(world.holder("bob")), request_id)
    world.reverse(span(91, 100))
    advance(bridge)
    plan(bridge, instruction)
    advance(bridge)
    advance(bridge)


def prepared(world: World) -> tuple[str, str]:
    world.deposit(span(1, 100))
    transfer(world.holder("alice"), world.address("bob"), FOREST.id, 40)
    bob = world.holder("bob")
    request_id = plan_request(bob, Kind.REDEMPTION, FOREST.id, 5, "bob", "")
    ask_again(bob, request_id)
    sign_the_outcome(world)
    world.issue(span(1001, 1030), BIOGAS)
    return request_id, world.instruct(span(1001, 1030), covers=FOREST.id)


def projection(world: World) -> dict[str, object]:
    journal, deployment = world.open_bridge().journal, world.contract.deployment
    return {
        "balances": [world.balance(name, c) for name in ("alice", "bob") for c in (FOREST, BIOGAS)],
        "classes": [world.contract.class_state(c.id) for c in (FOREST, BIOGAS)],
        "registry": {b.model_dump_json() for b in world.ledger.balances()},
        "sagas": [
            sorted(row.state for row in found)
            for found in (journal.deposits(deployment), journal.exits(deployment), journal.reversals(deployment))
        ],
        "left": [one.left for one in offers(world.contract)],
        "open": journal.open_transactions(deployment.chain_id),
        "broken": laws.broken(world),
    }


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> tuple[Frozen, tuple[str, str]]:
    """A world before the reversal, to be woken again and again."""
    stage = Stage(databases)
    world = World(tmp_path_factory.mktemp("ready"), stage)
    given = prepared(world)
    return Frozen(world, stage), given


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_a_process_that_dies_at_any_moment_of_a_reversal_loses_nothing(
    tmp_path: Path, ready: tuple[Frozen, tuple[str, str]], share: int
) -> None:
    frozen, given = ready
    world, schedule = frozen.wake(tmp_path / "whole"), Schedule()
    tell(world, *given, schedule)
    end, moments = projection(world), schedule.passed
    assert end["sagas"] == [["minted", "minted"], ["withdrawn"], ["reversed"]]
    assert (end["left"], end["broken"]) == ([30], [])
    assert {"attest_reversal", "keep_reversals", "reconsider", "attest_covers", "keep_covers"} <= set(moments)
    for at in range(1 + share, len(moments) + 1, 4):
        world = frozen.wake(tmp_path / str(at))
        with pytest.raises(Died):
            tell(world, *given, Schedule(at))
        world.registry = world.open_registry()
        tell(world, *given, Schedule())
        assert projection(world) == end, f"died after {moments[at - 1]} (moment {at})"
