"""Dishonest people, one a test: each tries, is refused by name, and nothing has changed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.chain.signers import KeySigner
from bridge.domain.attestations import Attested, Lock, Opening, Outcome, typed_data
from bridge.domain.lifecycle import Kind
from bridge.domain.values import hex32
from bridge.errors import Conflict, ContractRefused, NotYet, RegistryRefused
from bridge.flow.advance import advance
from bridge.flow.attest import attest_locked
from bridge.flow.lock import lock_planned, plan
from bridge.flow.mint import lock_of
from tests.flow.world import BATCH, BIOGAS, DAY, FOREST, MER, STOVES, World, span
from tests.registry.fakes import answered, one_lock


def sign(world: World, items: Sequence[Lock | Outcome], signers: Sequence[KeySigner]) -> Attested[Lock | Outcome]:
    """As attesters whose keys were stolen would."""
    document = typed_data(world.contract.deployment, items)
    ordered = sorted(signers, key=lambda s: s.address)
    return Attested(
        items=tuple(items),
        signers=tuple(s.address for s in ordered),
        signatures=tuple(s.sign(document) for s in ordered),
    )


def lock(world: World, number: int, serials: object, credit_class: object = FOREST, **changes: object) -> Lock:
    facts = {
        "lock_id": hex32(number),
        "class_id": credit_class.id,  # type: ignore[attr-defined]
        "range": serials,
        "recipient": world.address("mallory"),
        "not_after": world.now() + DAY,
    }
    return Lock(**(facts | changes))


def mint(world: World, attested: Attested[Lock], by: str = "operator") -> None:
    world.sender(by).send_and_wait(world.contract.mint(attested))


def stolen(world: World) -> list[KeySigner]:
    return world.attesters[:2]


def test_an_operator_asks_the_registry_to_retire_without_a_request(world: World) -> None:
    world.deposit(span(1, 100))
    with pytest.raises(NotYet, match="not seen at a final block"):
        answered(world.registry.reserve([hex32(666)]))
    with pytest.raises(NotYet):
        answered(world.registry.execute([hex32(666)]))
    assert world.reconcile().clean


def test_an_operator_mints_without_attesters(world: World) -> None:
    with pytest.raises(ContractRefused, match="QuorumNotReached"):
        mint(world, sign(world, [lock(world, 1, span(1, 9))], [world.attesters[0]]))
    with pytest.raises(ContractRefused, match="SignerNotAttester"):
        mint(world, sign(world, [lock(world, 1, span(1, 9))], [world.attesters[0], world.keys["mallory"]]))


def test_attesters_mint_without_an_operator(world: World) -> None:
    with pytest.raises(ContractRefused, match="NotOperator"):
        mint(world, sign(world, [lock(world, 1, span(1, 9))], stolen(world)), by="mallory")


def test_one_attester_signs_twice(world: World) -> None:
    one = world.attesters[0]
    with pytest.raises(ContractRefused, match="SignersNotRising"):
        mint(world, sign(world, [lock(world, 1, span(1, 9))], [one, one]))


@pytest.mark.parametrize(
    "again", [span(1, 100), span(50, 60), span(100, 200), span(1, 1)], ids=["whole", "inside", "edge", "one"]
)
def test_stolen_quorum_and_operator_cannot_tokenize_a_live_serial_twice(world: World, again: object) -> None:
    world.deposit(span(1, 100))
    with pytest.raises(ContractRefused, match="SerialsTaken"):
        mint(world, sign(world, [lock(world, 1, again)], stolen(world)))


def test_nor_in_another_class_of_the_registry(world: World) -> None:
    world.deposit(span(1, 100))
    with pytest.raises(ContractRefused, match="SerialsTaken"):
        mint(world, sign(world, [lock(world, 1, span(1, 100), BIOGAS)], stolen(world)))


def test_nor_a_retired_serial_ever_again(world: World) -> None:
    world.deposit(span(1, 100))
    world.ask("alice", Kind.RETIREMENT, 100, for_="Acme")
    advance(world.bridge)
    with pytest.raises(ContractRefused, match="SerialsTaken"):
        mint(world, sign(world, [lock(world, 1, span(100, 100))], stolen(world)))


def test_the_same_numbers_of_the_older_counter_are_other_credits(world: World) -> None:
    world.deposit(span(449402275, 449402300))
    mint(world, sign(world, [lock(world, 1, span(449402275, 449402300, MER))], stolen(world)))
    assert world.balance("mallory") == 26


def test_another_registry_s_space_does_not_serve_a_class(world: World) -> None:
    with pytest.raises(ContractRefused, match="SpaceOfOtherRegistry"):
        mint(world, sign(world, [lock(world, 1, span(1, 9, BATCH), FOREST)], stolen(world)))


def test_the_same_lock_twice_in_one_batch(world: World) -> None:
    twice = lock(world, 1, span(1, 9))
    with pytest.raises(ContractRefused, match=r"LockUsed|SerialsTaken"):
        mint(world, sign(world, [twice, twice], stolen(world)))
    assert world.balance("mallory") == 0


def test_a_used_lock_does_not_mint_redeemed_serials_again(world: World) -> None:
    lock_id = world.deposit(span(1, 100))
    used = lock_of(world.bridge.journal.deposit(lock_id))
    world.ask("alice", Kind.REDEMPTION, 100)
    advance(world.bridge)
    with pytest.raises(ContractRefused, match="LockUsed"):
        mint(world, sign(world, [used], stolen(world)))


def test_redeemed_serials_may_be_deposited_anew_by_their_new_owner(world: World) -> None:
    world.deposit(span(1, 100))
    world.ask("alice", Kind.REDEMPTION, 100, for_="bob")
    advance(world.bridge)
    planned = plan(world.bridge, world.instruct(span(1, 100), "bob"))
    advance(world.bridge)
    assert world.deposit_state(planned.lock_id) == "minted"
    assert world.balance("bob") == 100
    assert world.reconcile().clean


def test_a_second_attestation_of_an_expired_lock_is_refused_by_attesters_and_contract(world: World) -> None:
    world.issue(span(1, 10))
    planned = plan(world.bridge, world.instruct(span(1, 10), days=1))
    lock_planned(world.bridge)
    attest_locked(world.bridge)
    world.chain.pass_seconds(2 * DAY)
    with pytest.raises(RegistryRefused, match="expired"):
        world.registry.attest_locks([planned.lock_id])
    expired = lock_of(world.bridge.journal.deposit(planned.lock_id))
    with pytest.raises(ContractRefused, match="LockExpired"):
        mint(world, sign(world, [expired], stolen(world)))
    advance(world.bridge)
    with pytest.raises(RegistryRefused, match="no longer all locked"):
        world.registry.attest_locks([planned.lock_id])


def test_a_lock_s_recipient_never_changes(world: World) -> None:
    world.issue(span(1, 10))
    instruction = world.instruct(span(1, 10))
    planned = plan(world.bridge, instruction)
    lock_planned(world.bridge)
    other = world.ledger.instruction(instruction).model_copy(update={"recipient": world.address("mallory")})
    with pytest.raises(Conflict):
        world.ledger.instruct(other)
    with pytest.raises(Conflict):
        one_lock(world.registry, hex32(77), instruction)
    assert lock_of(world.bridge.journal.deposit(planned.lock_id)).recipient == world.address("alice")


def test_the_same_serials_are_not_locked_twice(world: World) -> None:
    world.issue(span(1, 10))
    first, second = world.instruct(span(1, 10)), world.instruct(span(5, 6))
    plan(world.bridge, first)
    plan(world.bridge, second)
    advance(world.bridge)
    states = sorted(d.state for d in world.bridge.journal.deposits(world.contract.deployment))
    assert states == ["failed", "minted"]
    assert world.balance("alice") == 10


def test_somebody_else_s_opening_is_not_taken(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.REDEMPTION, 30, for_="bob")
    watch_it = Opening(
        holder=world.address("alice"),
        class_id=FOREST.id,
        units=30,
        beneficiary="mallory",
        purpose="annual report",
        secret=hex32(1),
    )
    with pytest.raises((RegistryRefused, Conflict)):
        world.registry.disclose(request_id, watch_it)
    advance(world.bridge)
    assert [str(r) for _, r in world.ledger.holdings("bob")] == ["71-100"]


def test_other_attesters_cannot_settle_another_registry_s_request(world: World) -> None:
    """The same people attest here for both, so the outcome is bound by its class alone."""
    world.deposit(span(1, 50, BATCH), STOVES)
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, FOREST, for_="Acme")
    outcome = Outcome(request_id=request_id, part=0, ranges=(span(1, 10, BATCH),))
    with pytest.raises(ContractRefused, match=r"SpaceOfOtherRegistry|SerialsNotLive"):
        world.sender("mallory").send_and_wait(world.settling(sign(world, [outcome], stolen(world))))


def test_a_stolen_quorum_that_settles_falsely_is_shown_by_the_reconciler(world: World) -> None:
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    outcome = Outcome(request_id=request_id, part=0, ranges=(span(91, 100),))
    world.sender("mallory").send_and_wait(world.settling(sign(world, [outcome], stolen(world))))
    world.chain.pass_seconds(20 * DAY)
    found = world.reconcile()
    assert not found.clean
    assert any("91-100" in [str(r) for r in finding.ranges] for finding in found.findings)


def test_serials_retired_behind_the_bridge_s_back_are_found(world: World) -> None:
    from bridge.domain.lifecycle import SerialState

    world.deposit(span(1, 100))
    world.ledger.override("mistake", span(40, 49), SerialState.RETIRED, "an officer's mistake")
    world.chain.pass_seconds(60)
    found = world.reconcile()
    assert [[str(r) for r in f.ranges] for f in found.findings if f.ranges] != []
    assert all(str(r) == "40-49" for f in found.findings for r in f.ranges)
