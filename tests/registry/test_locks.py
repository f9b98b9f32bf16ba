"""Deposits at the embedded registry: who may lock what, and what its attesters sign."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bridge.domain.attestations import Lock
from bridge.domain.lifecycle import SerialState
from bridge.domain.values import hex32
from bridge.errors import Conflict, Halted, NotYet, RegistryRefused, Unreachable, UsageError
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.port import LockOrder

from .fakes import BALE, BATCH, BIOLITE, ELSEWHERE, HERE, RECIPIENT, TONGXU, World, one_lock, serials

LOCK = hex32(1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"account": "receiver"}, "held in depositor, not held in receiver"),
        ({"account": "nobody"}, "no participant"),
        ({"range": serials(990, 1001)}, "never issued"),
        ({"range": serials(1, 10, BATCH)}, "not serials of VERRA"),
        ({"registry": "GS"}, "not serials of GS"),
        ({"deployment": ELSEWHERE}, "not served"),
    ],
    ids=str,
)
def test_an_instruction_that_could_not_be_carried_out_is_refused(
    world: World, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(RegistryRefused, match=why):
        world.instruct(1, 1, 10, **changes)


def test_an_instruction_over_two_classes_is_refused(world: World) -> None:
    world.ledger.issue("next", serials(1001, 1010), TONGXU.id, "depositor")
    with pytest.raises(RegistryRefused, match="several classes"):
        world.instruct(1, 991, 1010)


def test_an_instruction_given_again_otherwise_is_a_conflict(world: World) -> None:
    world.instruct(1, 1, 10)
    world.instruct(1, 1, 10)
    with pytest.raises(Conflict, match="other content"):
        world.instruct(1, 1, 11)


def test_an_operator_cannot_lock_what_no_depositor_ordered(world: World) -> None:
    with pytest.raises(RegistryRefused, match="no depositor gave"):
        one_lock(world.registry, LOCK, hex32(77))


def test_the_lock_says_what_the_depositor_said(world: World) -> None:
    world.instruct(1, 1, 10)
    lock = one_lock(world.registry, LOCK, hex32(1))
    assert (lock.recipient, lock.not_after, lock.class_id, lock.range) == (RECIPIENT, 2_000, BALE.id, serials(1, 10))
    assert one_lock(world.registry, LOCK, hex32(1)) == lock
    assert world.states() == {"locked": ["1-10"], "held": ["11-1000"]}


def test_the_same_lock_id_with_another_instruction_is_a_conflict(world: World) -> None:
    world.lock(1, 1, 10)
    world.instruct(2, 11, 20)
    with pytest.raises(Conflict, match="carries out instruction"):
        one_lock(world.registry, LOCK, hex32(2))


def test_an_instruction_locks_once(world: World) -> None:
    world.lock(1, 1, 10)
    with pytest.raises(Conflict, match="locked already as"):
        one_lock(world.registry, hex32(2), hex32(1))


def test_orders_wait_until_they_are_locked_or_too_late(world: World) -> None:
    for number in (1, 2, 3):
        world.instruct(number, 10 * number, 10 * number + 9, not_after=world.now + number - 1)
    world.ledger.serve(ELSEWHERE)
    world.instruct(4, 40, 49, deployment=ELSEWHERE)
    one_lock(world.registry, LOCK, hex32(2))
    waiting = [order.instruction_id for order in world.registry.waiting(HERE)]
    assert waiting == [hex32(3)], "the first is too late, the second is locked, the fourth goes elsewhere"


def test_serials_are_locked_once_however_often_they_are_ordered(world: World) -> None:
    world.instruct(1, 1, 10)
    world.instruct(2, 10, 20)
    one_lock(world.registry, LOCK, hex32(1))
    with pytest.raises(RegistryRefused, match="VERRA VER 1-10 are locked"):
        one_lock(world.registry, hex32(2), hex32(2))
    assert world.states() == {"locked": ["1-10"], "held": ["11-1000"]}


def test_a_quorum_signs_in_rising_order(world: World) -> None:
    world.lock(1, 1, 10)
    attested = world.registry.attest_locks([LOCK])
    assert attested.signers == tuple(sorted(attested.signers))
    assert len(attested.signatures) == 2
    assert world.registry.attest_locks([LOCK]) == attested


def test_an_expired_lock_is_not_attested_a_second_time(world: World) -> None:
    world.lock(1, 1, 10)
    world.chain.now = 2_000
    world.registry.attest_locks([LOCK])
    world.chain.now = 2_001
    with pytest.raises(RegistryRefused, match="expired at 2000"):
        world.registry.attest_locks([LOCK])


def test_a_released_lock_is_never_attested(world: World) -> None:
    world.lock(1, 1, 10)
    world.chain.now = 2_001
    world.registry.release(LOCK)
    world.chain.now = 1_000
    with pytest.raises(RegistryRefused, match="no longer all locked"):
        world.registry.attest_locks([LOCK])


def test_a_lock_whose_serials_were_taken_behind_its_back_is_not_attested(world: World) -> None:
    world.lock(1, 1, 10)
    world.ledger.override("o", serials(10, 10), SerialState.RETIRED, "court order")
    with pytest.raises(RegistryRefused, match="no longer all locked"):
        world.registry.attest_locks([LOCK])


def test_one_attester_who_sees_expiry_does_not_stop_the_others_and_two_do(world: World) -> None:
    world.lock(1, 1, 10)
    late = type(world.chain)(now=2_001)
    world.attester_eyes[0].chain = late
    world.registry.attest_locks([LOCK])
    world.attester_eyes[1].chain = late
    with pytest.raises(RegistryRefused, match=r"1 of 2 attesters signed .*expired.*expired"):
        world.registry.attest_locks([LOCK])


def test_too_few_nodes_are_no_refusal_but_a_call_to_repeat(world: World) -> None:
    world.lock(1, 1, 10)
    for eyes in world.attester_eyes[:2]:
        eyes.blind = True
    with pytest.raises(Unreachable, match="1 of 2"):
        world.registry.attest_locks([LOCK])


def test_a_batch_is_of_one_programme(world: World) -> None:
    world.ledger.issue("batch", serials(1, 10, BATCH), BIOLITE.id, "depositor")
    world.lock(1, 1, 10)
    world.instruct(2, 1, 10, registry="GS", range=serials(1, 10, BATCH))
    one_lock(world.registry, hex32(2), hex32(2))
    with pytest.raises(UsageError, match="one programme"):
        world.registry.attest_locks([LOCK, hex32(2)])
    with pytest.raises(UsageError, match="not empty"):
        world.registry.attest_locks([])


def test_a_lock_is_not_released_while_it_can_still_be_minted(world: World) -> None:
    world.lock(1, 1, 10)
    world.chain.now = 2_000
    with pytest.raises(NotYet, match="until 2000"):
        world.registry.release(LOCK)


def test_a_minted_lock_is_never_released(world: World) -> None:
    world.lock(1, 1, 10, minted=True)
    world.chain.now = 9_000
    with pytest.raises(RegistryRefused, match="is minted"):
        world.registry.release(LOCK)
    assert world.states(1, 10) == {"locked": ["1-10"]}


def test_an_expired_unused_lock_goes_back_to_its_depositor_and_may_be_locked_anew(world: World) -> None:
    world.lock(1, 1, 10)
    world.chain.now = 2_001
    for _ in range(2):
        world.registry.release(LOCK)
    assert sum(r.units for _, r in world.ledger.holdings("depositor")) == 1000
    world.instruct(2, 1, 10, not_after=3_000)
    one_lock(world.registry, hex32(2), hex32(2))
    assert world.ledger.audit() == ()


def test_a_released_lock_that_is_seen_minted_stops_everything(world: World) -> None:
    world.lock(1, 1, 10)
    world.chain.now = 2_001
    world.registry.release(LOCK)
    with pytest.raises(Halted, match="released and is minted now"):
        world.ledger.mark_minted([LOCK])


def test_an_unknown_lock_is_named(world: World) -> None:
    for verb in (world.registry.release, world.ledger.lock_record):
        with pytest.raises(RegistryRefused, match=LOCK):
            verb(LOCK)
    assert world.ledger.unminted_locks(HERE, BALE.id) == ()


# ----------------------------------------------------------------- many at once


def order(lock_id: int, instruction_id: int) -> LockOrder:
    return LockOrder(hex32(lock_id), hex32(instruction_id))


def test_one_that_cannot_be_locked_holds_up_no_other(world: World) -> None:
    world.instruct(1, 1, 10)
    world.instruct(3, 21, 30)
    first, second, third = world.registry.lock([order(1, 1), order(2, 2), order(3, 3)])
    assert (isinstance(first, Lock), isinstance(third, Lock)) == (True, True)
    assert isinstance(second, RegistryRefused)
    assert "no depositor gave" in str(second)
    assert world.states() == {"locked": ["1-10", "21-30"], "held": ["11-20", "31-1000"]}


def test_orders_that_meet_in_one_batch_are_served_as_one_after_the_other(world: World) -> None:
    world.instruct(1, 5, 10)
    world.instruct(2, 10, 20)
    world.instruct(3, 21, 30)
    answers = world.registry.lock([order(2, 2), order(1, 1), order(1, 3), order(4, 1), order(2, 2), order(3, 3)])
    assert [type(answer) for answer in answers] == [RegistryRefused, Lock, Conflict, Conflict, RegistryRefused, Lock]
    assert "5-10 are locked" in str(answers[0])
    assert "carries out instruction" in str(answers[2])
    assert "locked already as" in str(answers[3])
    assert world.states() == {"locked": ["5-10", "21-30"], "held": ["1-4", "11-20", "31-1000"]}
    assert world.ledger.audit() == ()


def test_a_batch_may_be_of_several_deployments(world: World) -> None:
    world.ledger.serve(ELSEWHERE)
    world.instruct(1, 1, 10)
    world.instruct(2, 11, 20, deployment=ELSEWHERE)
    answers = world.ledger.lock([order(1, 1), order(2, 2)])
    assert [type(answer) for answer in answers] == [Lock, Lock]
    assert {b.account for b in world.ledger.balances() if b.state == "locked"} == {
        bridge_account(HERE),
        bridge_account(ELSEWHERE),
    }
    assert world.ledger.lock([order(1, 1), order(2, 2)]) == answers


def test_what_the_database_forbids_of_one_holds_up_no_other(world: World) -> None:
    world.instruct(1, 1, 10)
    world.instruct(2, 11, 20)
    with world.engine.begin() as tx:
        forged = {"key": f"lock:{hex32(1)}", "verb": "lock", "content": "{}", "made_at": 1}
        words = "INSERT INTO entries (key, verb, content, made_at) VALUES (:key, :verb, :content, :made_at)"
        tx.execute(text(words), forged)
    first, second = world.registry.lock([order(1, 1), order(2, 2)])
    assert isinstance(first, Halted)
    assert isinstance(second, Lock)
    assert world.states() == {"locked": ["11-20"], "held": ["1-10", "21-1000"]}


def test_hundreds_are_locked_out_of_one_block_and_known_by_their_records(world: World) -> None:
    for number in range(1, 301):
        world.instruct(number, 3 * number, 3 * number + 1)
    locks = world.registry.lock([order(number, number) for number in range(1, 301)])
    records = world.ledger.lock_records([hex32(number) for number in range(300, 0, -1)])
    assert [record.lock for record in records] == locks[::-1]
    assert all(record.whole and not record.released for record in records)
    assert world.ledger.audit() == ()
