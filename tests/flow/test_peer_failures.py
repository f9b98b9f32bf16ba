"""How other bridges have failed, each tried on ours. What another file tests in depth is only named there."""

from __future__ import annotations

import pytest

from bridge.chain.artifacts import artifact
from bridge.domain.attestations import Attested, Lock, Outcome, typed_data
from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.domain.observed import Minted
from bridge.domain.values import hex32
from bridge.errors import ContractRefused, MalformedInput, RegistryRefused
from bridge.flow.advance import advance
from bridge.flow.attest import attest_locked
from bridge.flow.lock import lock_planned, plan
from bridge.flow.mint import lock_of
from bridge.registry.statements import verra
from tests.flow.faults import Died, Schedule
from tests.flow.world import BATCH, FOREST, STOVES, World, span

ROW = "19900-960000001-960000100-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"


@pytest.mark.parametrize(
    "respelt",
    [ROW + " ", "  " + ROW, ROW.lower(), ROW.replace("-VCS-VCU-", "-VCU-"), ROW.replace("19900-", "19901-")],
    ids=["trailing-space", "leading-space", "lower-case", "older-form", "other-batch-text"],
)
def test_a_respelt_serial_is_the_same_serial(world: World, respelt: str) -> None:
    """Peers compared serial strings whole."""
    world.deposit(verra.parse_serial(ROW).range)
    try:
        again = verra.parse_serial(respelt).range
    except MalformedInput:
        return
    with pytest.raises(RegistryRefused):
        world.ledger.issue("again", again, FOREST.id, "alice")


def test_a_part_of_a_serial_is_not_new(world: World) -> None:
    world.deposit(span(1, 100))
    for part in (span(1, 1), span(40, 60), span(100, 100)):
        with pytest.raises(RegistryRefused):
            world.instruct(part)


def test_a_split_does_not_free_the_parent(world: World) -> None:
    """Peers freed the parent of a split block, which was then tokenized again."""
    world.deposit(span(1, 100))
    world.ask("alice", Kind.REDEMPTION, 40, for_="bob")
    advance(world.bridge)
    with pytest.raises(RegistryRefused):
        world.instruct(span(1, 100), "bob")
    with pytest.raises(RegistryRefused):
        world.instruct(span(1, 60), "bob")
    plan(world.bridge, world.instruct(span(61, 100), "bob"))
    advance(world.bridge)
    assert world.balance("bob") == 40
    assert world.reconcile().findings == ()


def test_a_refusal_does_not_clear_the_serials(world: World) -> None:
    """Peers cleared an approved serial when they rejected a request."""
    world.deposit(span(1, 50, BATCH), STOVES)
    world.ask("alice", Kind.REDEMPTION, 50, STOVES, for_="nobody")
    advance(world.bridge)
    with pytest.raises(RegistryRefused):
        world.instruct(span(1, 50, BATCH), registry="GS")


def test_lifetime_totals_never_fall(world: World) -> None:
    """Peers capped today's supply, so that each retirement re-opened head-room."""
    world.deposit(span(1, 100))
    before = world.registry.statement("VERRA", world.contract.deployment).head.items[0].totals
    world.ask("alice", Kind.RETIREMENT, 100, for_="Acme")
    advance(world.bridge)
    after = world.registry.statement("VERRA", world.contract.deployment).head.items[0].totals
    assert [t.locked for t in before if t.class_id == FOREST.id] == [100]
    assert [(t.locked, t.retired) for t in after if t.class_id == FOREST.id] == [(100, 100)]


@pytest.mark.parametrize(
    "change", [{"recipient": "0x" + "99" * 20}, {"range": span(1, 1000)}, {"class_id": hex32(9)}, {"not_after": 2**40}]
)
def test_an_attestation_binds_content(world: World, change: dict) -> None:  # type: ignore[type-arg]
    """Peers approved an id, and the quantity changed between review and confirmation."""
    world.issue(span(1, 100))
    planned = plan(world.bridge, world.instruct(span(1, 100)))
    lock_planned(world.bridge)
    attested = world.registry.attest_locks([planned.lock_id])
    forged = attested.model_copy(update={"items": (attested.items[0].model_copy(update=change),)})
    with pytest.raises(ContractRefused, match=r"SignerNotAttester|SignersNotRising|ClassUnknown"):
        world.sender("operator").send_and_wait(world.contract.mint(forged))


def test_the_same_request_twice_in_a_batch_settles_once(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 60, for_="Acme")
    outcome = Outcome(request_id=request_id, part=0, ranges=(span(1, 30),))
    document = typed_data(world.contract.deployment, [outcome, outcome])
    thieves = sorted(world.attesters[:2], key=lambda key: key.address)
    twice = Attested[Outcome](
        items=(outcome, outcome),
        signers=tuple(key.address for key in thieves),
        signatures=tuple(key.sign(document) for key in thieves),
    )
    world.sender("operator").send_and_wait(world.settling(twice))
    state = world.contract.request_state(request_id)
    assert (state.remaining, state.parts, state.status) == (30, 1, RequestStatus.OPEN)


def test_there_is_no_burn_without_a_reason() -> None:
    names = {entry["name"] for entry in artifact("CarbonBridge").abi if entry["type"] == "function"}
    assert {name for name in names if "burn" in name.lower()} == set()


def test_intent_comes_first_so_a_crash_never_leaves_tokens_that_the_registry_believes_free(world: World) -> None:
    """Peers recorded `minted` only after the chain had confirmed."""
    world.issue(span(1, 100))
    planned = plan(world.bridge, world.instruct(span(1, 100)))
    with pytest.raises(Died):
        advance(Schedule("send").bridge(world.bridge))
    assert world.balance("alice") == 100
    assert world.deposit_state(planned.lock_id) == "sent"
    assert world.ledger.holdings("alice") == ()
    with pytest.raises(RegistryRefused):
        world.ledger.transfer("sell", span(1, 100), "alice", "bob")


def test_a_cursor_never_passes_a_failure(world: World) -> None:
    """Peers' cursors moved on although an event could not be taken."""
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    before = world.bridge.journal.cursor(world.contract.deployment)
    with pytest.raises(Died):
        advance(Schedule("see_exits").bridge(world.bridge))
    assert world.bridge.journal.cursor(world.contract.deployment) == before
    advance(world.open_bridge())
    assert world.exit_state(request_id) == "executed"


def test_two_events_of_one_block_are_both_taken(world: World) -> None:
    """Peers skipped the second event of a block, or the remainder of a batch."""
    ids = []
    for n in range(3):
        world.issue(span(100 * n + 1, 100 * n + 50))
        ids.append(plan(world.bridge, world.instruct(span(100 * n + 1, 100 * n + 50))).lock_id)
    advance(world.bridge)
    assert [world.deposit_state(lock_id) for lock_id in ids] == ["minted"] * 3
    minted = world.contract.events(0, world.chain.connection.final().number, Minted)
    assert len({event.place.block for event in minted}) == 1


def test_ids_in_another_letter_case_are_the_same_ids(world: World) -> None:
    """Peers kept replay keys as they were spelt."""
    lock_id = world.deposit(span(1, 10))
    used = lock_of(world.bridge.journal.deposit(lock_id))
    shouted = Lock(**(used.model_dump() | {"lock_id": "0X" + used.lock_id[2:].upper()}))
    assert shouted == used
    with pytest.raises(ContractRefused, match="LockUsed"):
        world.sender("operator").send_and_wait(world.contract.mint(world.registry.attest_locks([shouted.lock_id])))


def test_one_bad_deposit_does_not_hold_up_the_others(world: World) -> None:
    world.issue(span(1, 10))
    world.issue(span(21, 30))
    good, bad = (plan(world.bridge, world.instruct(span(a, a + 9))).lock_id for a in (1, 21))
    lock_planned(world.bridge)
    world.ledger.override("mistake", span(21, 30), SerialState.CANCELLED, "an officer's mistake")
    attest_locked(world.bridge)
    advance(world.bridge)
    assert world.deposit_state(good) == "minted"
    assert world.deposit_state(bad) == "locked"
    assert "no longer all locked" in world.bridge.journal.deposit(bad).note
