"""Bad days of honest operators: one bad item beside good ones, long ledgers, lost journals, two processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import ChainEvent
from bridge.errors import Halted, NotYet, Refused, Unreachable
from bridge.flow import attest
from bridge.flow.advance import advance
from bridge.flow.hold import transfer
from bridge.flow.lock import plan
from bridge.flow.reserve import reserve_seen
from bridge.flow.sending import resume
from bridge.flow.watch import watch
from bridge.journal.store import Work
from bridge.registry.attesters import Attester
from tests.flow.world import BATCH, DAY, FOREST, STOVES, World, span
from tests.registry.fakes import answered

pytestmark = pytest.mark.slow


def fragments(world: World, count: int) -> None:
    """One-serial locks with gaps between them: as many ranges in the contract's ledger."""
    for n in range(count):
        world.issue(span(2 * n + 1, 2 * n + 1))
        plan(world.bridge, world.instruct(span(2 * n + 1, 2 * n + 1)))
    advance(world.bridge)
    assert world.balance("alice") == count


def test_a_redemption_over_several_ranges_settles_in_a_long_ledger(world: World) -> None:
    """The first range's removal must not take the second one's hint away."""
    fragments(world, 45)
    redemption = world.ask("alice", Kind.REDEMPTION, 3)
    retirement = world.ask("alice", Kind.RETIREMENT, 2)
    advance(world.bridge)
    assert (world.exit_state(redemption), world.exit_state(retirement)) == ("executed", "executed")
    assert world.reconcile().findings == ()


def test_a_request_of_many_fragments_settles_over_several_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fragments(world, 45)
    monkeypatch.setattr(attest, "BATCH_GAS", attest.gas_of_outcomes([]) + 20 * 40_000)
    request_id = world.ask("alice", Kind.RETIREMENT, 45, for_="Acme")
    turns = 0
    while world.exit_state(request_id) != "executed" and turns < 5:
        advance(world.bridge)
        turns += 1
    assert world.exit_state(request_id) == "executed"
    assert turns > 1
    assert world.contract.request_state(request_id).parts == 3
    assert world.reconcile().findings == ()


def test_a_recipient_that_takes_no_tokens_holds_up_nobody(world: World) -> None:
    world.issue(span(1, 10))
    world.issue(span(21, 30))
    good = plan(world.bridge, world.instruct(span(1, 10))).lock_id
    order = world.ledger.instruction(world.instruct(span(21, 30)))
    bad_order = order.model_copy(
        update={"instruction_id": "0x" + "bd" * 32, "recipient": world.contract.deployment.contract}
    )
    world.ledger.instruct(bad_order)
    bad = plan(world.bridge, bad_order.instruction_id).lock_id
    for _ in range(3):
        advance(world.bridge)
    assert world.deposit_state(good) == "minted"
    assert world.deposit_state(bad) == "attested"
    assert "ERC1155InvalidReceiver" in world.bridge.journal.deposit(bad).note
    world.chain.pass_seconds(4 * DAY)
    advance(world.bridge)
    assert world.deposit_state(bad) == "released"


def test_deposits_beyond_a_day_s_allowance_are_minted_as_it_refills(world: World) -> None:
    world.send("admin", world.contract.set_allowance(world.address("operator"), 100))
    ids = []
    for first in (1, 101):
        world.issue(span(first, first + 59))
        ids.append(plan(world.bridge, world.instruct(span(first, first + 59), days=9)).lock_id)
    for _ in range(2):
        advance(world.bridge)
    assert sorted(world.deposit_state(i) for i in ids) == ["attested", "minted"]
    world.chain.pass_seconds(DAY)
    advance(world.bridge)
    assert [world.deposit_state(i) for i in ids] == ["minted", "minted"]


def test_a_registry_whose_attesters_are_away_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deposit(span(1, 50, BATCH), STOVES)
    world.deposit(span(1, 100))
    away = world.ask("alice", Kind.RETIREMENT, 5, STOVES, for_="Acme")
    there = world.ask("alice", Kind.RETIREMENT, 5, for_="Acme")
    sign = Attester.sign_outcomes

    def silent(self: Attester, ledger: Any, deployment: Any, outcomes: Any) -> str:
        if any(outcome.request_id == away for outcome in outcomes):
            raise Unreachable("the attester's machine is off")
        return sign(self, ledger, deployment, outcomes)

    monkeypatch.setattr(Attester, "sign_outcomes", silent)
    with pytest.raises(Unreachable):
        advance(world.bridge)
    assert (world.exit_state(away), world.exit_state(there)) == ("reserved", "executed")
    monkeypatch.undo()
    advance(world.bridge)
    assert world.exit_state(away) == "executed"


def test_a_request_that_people_must_decide_on_holds_up_no_other(world: World) -> None:
    world.deposit(span(1, 100))
    ids = [world.ask("alice", Kind.RETIREMENT, 10, for_="Acme") for _ in range(2)]
    watch(world.bridge)
    reserve_seen(world.bridge)
    attest.attest_reserved(world.bridge)
    spoilt = answered(world.registry.reserve([ids[0]])).parts[0].ranges[0]
    world.ledger.override("mistake", spoilt, SerialState.CANCELLED, "an officer's mistake")
    with pytest.raises(Halted, match=ids[0]):
        advance(world.bridge)
    assert (world.exit_state(ids[0]), world.exit_state(ids[1])) == ("settled", "executed")


# ------------------------------------------------------- journals that forget


def copied(world: World, name: str) -> Path:
    world.bridge.journal.close()
    target = world.folder / name
    target.mkdir()
    world.databases.copy(world.folder, target, "operator")
    return target


def restored(world: World, backup: Path | None) -> None:
    """The journal as it was then, or a new one."""
    world.bridge.journal.close()
    world.databases.forget(world.folder, "operator")
    if backup:
        world.databases.copy(backup, world.folder, "operator")
    world.bridge = world.open_bridge()


def test_a_journal_restored_to_before_the_plan_finds_its_mint_again(world: World) -> None:
    world.issue(span(1, 10))
    instruction = world.instruct(span(1, 10))
    backup = copied(world, "before")
    world.bridge = world.open_bridge()
    lock_id = plan(world.bridge, instruction).lock_id
    advance(world.bridge)
    restored(world, backup)
    advance(world.bridge)
    assert plan(world.bridge, instruction).lock_id == lock_id
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"
    assert world.balance("alice") == 10


def test_a_journal_restored_to_before_the_locks_mints_the_new_one_with_the_others_known(world: World) -> None:
    world.issue(span(1, 40))
    for first in (1, 11):
        plan(world.bridge, world.instruct(span(first, first + 9)))
    backup = copied(world, "before")
    world.bridge = world.open_bridge()
    advance(world.bridge)
    restored(world, backup)
    new = plan(world.bridge, world.instruct(span(21, 30))).lock_id
    for _ in range(2):
        advance(world.bridge)
    found = world.bridge.journal.deposits(world.contract.deployment)
    assert [(row.state, row.note) for row in found] == [("minted", "")] * 3
    assert world.deposit_state(new) == "minted"
    assert world.balance("alice") == 30


def test_a_restored_journal_gives_a_known_lock_id_to_nobody_else(world: World) -> None:
    world.issue(span(1, 10))
    world.issue(span(21, 30))
    mine, other = world.instruct(span(1, 10)), world.instruct(span(21, 30))
    backup = copied(world, "before")
    world.bridge = world.open_bridge()
    plan(world.bridge, mine)
    world.send("guardian", world.contract.functions.pause())
    advance(world.bridge)
    restored(world, backup)
    plan(world.bridge, other)
    advance(world.bridge)
    world.send("admin", world.contract.functions.unpause())
    for instruction in (mine, other):
        plan(world.bridge, instruction)
    advance(world.bridge)
    advance(world.bridge)
    assert world.balance("alice") == 20
    assert world.reconcile().findings == ()


def test_a_lost_journal_is_made_anew_from_chain_and_registry(world: World) -> None:
    world.issue(span(1, 100))
    instruction = world.instruct(span(1, 100))
    plan(world.bridge, instruction)
    advance(world.bridge)
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    restored(world, None)
    lock_id = plan(world.bridge, instruction).lock_id
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"
    assert world.exit_state(request_id) == "executed"
    assert world.balance("alice") == 70
    assert world.reconcile().findings == ()


# --------------------------------------------------------- two at the same time


def test_a_second_process_on_the_same_journal_waits(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    with world.open_bridge().journal.exclusive(Work.TURN), pytest.raises(NotYet, match="another process"):
        advance(world.bridge)
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"


def test_two_users_of_one_key_are_told_when_theirs_did_not_land(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deposit(span(1, 100))
    """They have a journal each, and have asked the node for the next nonce at the same moment."""
    first, second = world.holder("alice"), world.holder("alice", "alice's other machine")
    nonce = world.chain.w3.eth.get_transaction_count(world.chain.w3.to_checksum_address(first.sender.address))
    transfer(first, world.address("bob"), FOREST.id, 10)
    monkeypatch.setattr(second.journal, "next_nonce", lambda *_: nonce)
    with pytest.raises(Refused, match="does not take"):
        transfer(second, world.address("bob"), FOREST.id, 20)
    assert world.balance("bob") == 10


def test_two_users_of_one_key_and_journal_get_a_nonce_each(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deposit(span(1, 100))
    first, second = world.holder("alice"), world.holder("alice")
    honest, asked = second.journal.next_nonce, []

    def overtaken(*promised: Any) -> int:
        nonce = honest(*promised)
        asked.append(nonce)
        if len(asked) == 1:
            transfer(first, world.address("bob"), FOREST.id, 10)
        return nonce

    monkeypatch.setattr(second.journal, "next_nonce", overtaken)
    transfer(second, world.address("bob"), FOREST.id, 20)
    assert world.balance("bob") == 30
    assert asked[-1] == asked[0] + 1


def test_a_batch_whose_nonce_a_stranger_took_first_is_sent_again_and_nobody_must_decide(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deployments of one chain whose operators share a key, each with a journal."""
    world.deposit(span(1, 10))
    for first in (21, 41):
        world.issue(span(first, first + 9))
        plan(world.bridge, world.instruct(span(first, first + 9)))
    with monkeypatch.context() as shared:
        shared.setattr(world.bridge.journal, "next_nonce", lambda *_: 0)
        advance(world.bridge)
    assert world.balance("alice") == 10
    advance(world.bridge)
    advance(world.bridge)
    assert world.balance("alice") == 30
    assert {row.state for row in world.bridge.journal.deposits(world.contract.deployment)} == {"minted"}


def test_a_batch_that_the_node_was_silent_about_is_signed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.issue(span(1, 10))
    lock_id = plan(world.bridge, world.instruct(span(1, 10))).lock_id

    def silent(*_: Any) -> Any:
        raise Unreachable("the node is off")

    with monkeypatch.context() as off:
        off.setattr(type(world.bridge.sender), "send", silent)
        with pytest.raises(Unreachable):
            advance(world.bridge)
    assert world.deposit_state(lock_id) == "sent"
    advance(world.bridge)
    assert world.deposit_state(lock_id) == "minted"
    assert len(world.bridge.journal.moves(lock_id)) == 5


# ------------------------------------------------------------------ bad eyes


def test_a_node_that_once_answers_too_little_hides_no_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    with monkeypatch.context() as lagging:
        lagging.setattr(type(world.contract), "events", _nothing)
        watch(world.bridge)
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"


def _nothing(*_: object) -> Iterator[ChainEvent]:
    return iter(())


def test_a_settlement_that_has_left_the_chain_is_not_acted_upon(world: World) -> None:
    """The registry looks again: what it has seen before a reorganisation is no evidence."""
    world.deposit(span(1, 100))
    before = world.chain.snapshot()
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    held = world.registry  # its witnesses have read the settlement
    world.chain.revert(before)
    with pytest.raises(NotYet):
        answered(held.reserve([request_id]))
    assert held._eyes[world.contract.deployment].requests([request_id]) == {}


def test_a_holder_whose_final_transaction_has_left_the_chain_is_told_so(world: World) -> None:
    """What he sent afterwards lies behind a gap: no block would ever take it, nor what he sends next."""
    world.deposit(span(1, 100))
    alice, before = world.holder("alice"), world.chain.snapshot()
    transfer(alice, world.address("bob"), FOREST.id, 1)
    resume(alice.journal, alice.sender, world.contract.connection)
    alice.sender.submit(world.contract.transfer(alice.sender.address, world.address("bob"), FOREST.id, 2))
    world.chain.revert(before)
    for _ in range(2):
        with pytest.raises(Unreachable, match="was final"):
            resume(alice.journal, alice.sender, world.contract.connection)
    with pytest.raises(Unreachable, match="was final"):
        transfer(alice, world.address("bob"), FOREST.id, 3)
    assert len(alice.journal.open_transactions(world.contract.deployment.chain_id)) == 1
