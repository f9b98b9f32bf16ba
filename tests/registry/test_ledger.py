"""The ledger's verbs: movements sum to zero, blocks split and keep their history, a key acts once."""

from __future__ import annotations

import pytest

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.values import hex32
from bridge.errors import Conflict, MalformedInput, RegistryRefused, UsageError
from tests.registry.fakes import answered

from .fakes import BALE, BATCH, BIOLITE, ELSEWHERE, HERE, TONGXU, VER, World, serials


def held(world: World, account: str) -> int:
    return sum(r.units for _, r in world.ledger.holdings(account))


def test_serials_that_exist_are_not_issued_again(world: World) -> None:
    with pytest.raises(RegistryRefused, match="VERRA VER 1-1000 are issued already"):
        world.ledger.issue("second", serials(1000, 1001), BALE.id, "depositor")
    assert world.states(1, 2000) == {"held": ["1-1000"]}


def test_a_serial_beyond_what_the_database_can_count_is_refused(world: World) -> None:
    with pytest.raises(MalformedInput, match="cannot store"):
        world.ledger.issue("huge", serials(2**63 - 1, 2**63), BALE.id, "depositor")
    world.ledger.issue("largest", serials(2**63 - 1, 2**63 - 1), BALE.id, "depositor")


def test_a_batch_admits_one_class(world: World) -> None:
    world.ledger.issue("batch", serials(1, 10, BATCH), BIOLITE.id, "depositor")
    other = BIOLITE.model_copy(update={"vintage": 2023})
    other.__dict__.pop("id", None)
    world.ledger.add_class(other)
    with pytest.raises(RegistryRefused, match="batch GS 30307 is of class"):
        world.ledger.issue("other", serials(11, 20, BATCH), other.id, "depositor")


def test_a_class_of_another_registry_cannot_have_these_serials(world: World) -> None:
    with pytest.raises(RegistryRefused, match="cannot be of a class of GS"):
        world.ledger.issue("wrong", serials(5000, 5001), BIOLITE.id, "depositor")


def test_nothing_is_issued_to_nobody(world: World) -> None:
    with pytest.raises(RegistryRefused, match="no participant has account 'nobody'"):
        world.ledger.issue("nobody", serials(5000, 5001), BALE.id, "nobody")


def test_the_same_key_acts_once(world: World) -> None:
    for _ in range(2):
        world.ledger.transfer("t1", serials(1, 10), "depositor", "receiver")
    assert held(world, "receiver") == 10


def test_the_same_key_with_other_content_is_a_conflict(world: World) -> None:
    world.ledger.transfer("t1", serials(1, 10), "depositor", "receiver")
    with pytest.raises(Conflict, match="other content"):
        world.ledger.transfer("t1", serials(1, 11), "depositor", "receiver")


@pytest.mark.parametrize(
    ("first", "last", "source", "target", "why"),
    [
        (999, 1001, "depositor", "receiver", "1001-1001 were never issued"),
        (1, 10, "receiver", "depositor", "are held in depositor, not held in receiver"),
        (1, 10, "depositor", "nobody", "no participant"),
        (1, 10, "depositor", "issuance", "no participant"),
        (1, 10, "depositor", f"bridge {HERE}", "no participant"),
        (1, 10, "depositor", "depositor", "already"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(
    world: World, first: int, last: int, source: str, target: str, why: str
) -> None:
    with pytest.raises(RegistryRefused, match=why):
        world.ledger.transfer("t1", serials(first, last), source, target)
    assert held(world, "depositor") == 1000


def test_blocks_split_and_every_serial_keeps_its_history(world: World) -> None:
    world.ledger.transfer("t1", serials(101, 200), "depositor", "receiver")
    world.ledger.retire("r1", serials(150, 150), "receiver", "Kinaxis Inc.")
    assert world.states() == {"held": ["1-100", "101-149", "151-200", "201-1000"], "retired": ["150-150"]}
    steps = world.ledger.history(VER.id, 150)
    assert [(s.verb, str(s.range), s.account, s.state) for s in steps] == [
        ("issue", "1-1000", "depositor", "held"),
        ("transfer", "101-200", "receiver", "held"),
        ("retire", "150-150", "receiver", "retired"),
    ]
    assert steps[-1].note["beneficiary"] == "Kinaxis Inc."


def test_one_act_may_run_over_several_blocks_and_classes(world: World) -> None:
    world.ledger.issue("next", serials(1001, 1010), TONGXU.id, "depositor")
    world.ledger.transfer("t1", serials(991, 1005), "depositor", "receiver")
    assert [(c, str(r)) for c, r in world.ledger.holdings("receiver")] == sorted(
        [(BALE.id, "991-1000"), (TONGXU.id, "1001-1005")]
    )
    assert world.ledger.audit() == ()


@pytest.mark.parametrize("verb", ["transfer", "retire", "cancel"])
@pytest.mark.parametrize("end", ["retire", "cancel"])
def test_retired_and_cancelled_serials_never_move_again(world: World, verb: str, end: str) -> None:
    getattr(world.ledger, end)("end", serials(1, 10), "depositor", "Kinaxis Inc.")
    arguments = ("depositor", "receiver") if verb == "transfer" else ("depositor", "somebody")
    with pytest.raises(RegistryRefused, match="not held"):
        getattr(world.ledger, verb)("again", serials(10, 11), *arguments)


def test_the_registrar_can_override_a_lock_behind_the_bridges_back(world: World) -> None:
    lock_id = world.lock(1, 1, 100)
    world.ledger.override("fraud case", serials(41, 50), SerialState.RETIRED, "court order")
    row = next(r for r in world.ledger.statement("VERRA", HERE)[1] if r.state is SerialState.RETIRED)
    assert (str(row.range), row.lock_id, row.deployment, row.request_id) == ("41-50", lock_id, HERE, None)
    assert world.ledger.audit() == ()


def test_an_override_ends_serials_and_does_nothing_else(world: World) -> None:
    with pytest.raises(UsageError, match="not to held"):
        world.ledger.override("x", serials(41, 50), SerialState.HELD, "no reason")


def test_every_entry_sums_to_zero_and_balances_equal_the_serials(world: World) -> None:
    world.lock(1, 1, 100, minted=True)
    world.ledger.transfer("t1", serials(500, 600), "depositor", "receiver")
    world.ledger.cancel("c1", serials(550, 560), "receiver", "re-issued as ARB offset credits")
    balances = world.ledger.balances()
    assert sum(b.units for b in balances) == 0
    assert {(b.account, b.state.value): b.units for b in balances} == {
        ("issuance", "held"): -1000,
        (f"bridge {HERE}", "locked"): 100,
        ("depositor", "held"): 799,
        ("receiver", "held"): 90,
        ("receiver", "cancelled"): 11,
    }
    assert world.ledger.audit() == ()


def test_an_account_name_means_one_thing(world: World) -> None:
    world.ledger.open_account("receiver")
    for name in ("issuance", f"bridge {HERE}"):
        with pytest.raises(Conflict, match="registry's own"):
            world.ledger.open_account(name)
    with pytest.raises(UsageError):
        world.ledger.open_account(" receiver")


def test_a_class_never_changes_its_weight(world: World) -> None:
    with pytest.raises(Conflict, match="weighs 1000 kg"):
        world.ledger.add_class(BALE.model_copy(update={"kg_per_unit": 1}))


def test_statements_are_numbered_without_a_gap_and_bind_their_rows(world: World) -> None:
    one, two = world.registry.statement("VERRA", HERE), world.registry.statement("VERRA", HERE)
    assert [s.head.items[0].sequence for s in (one, two)] == [1, 2]
    assert one.head.items[0].rows_hash == two.head.items[0].rows_hash
    world.ledger.retire("r1", serials(1, 1), "depositor", "Kinaxis Inc.")
    assert world.registry.statement("VERRA", HERE).head.items[0].rows_hash != one.head.items[0].rows_hash


def test_a_statement_of_one_programme_holds_no_other_ones_rows(world: World) -> None:
    world.ledger.issue("batch", serials(1, 10, BATCH), BIOLITE.id, "depositor")
    assert [r.class_id for r in world.registry.statement("GS", HERE).rows] == [BIOLITE.id]


def test_a_statement_counts_for_life_what_was_done_for_its_deployment(world: World) -> None:
    world.lock(1, 1, 100)
    world.chain.now = 2_001
    world.registry.release(hex32(1))
    world.lock(2, 1, 100, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 30)
    world.settled(request_id)
    answered(world.registry.execute([request_id]))
    (total,) = world.registry.statement("VERRA", HERE).head.items[0].totals
    assert (total.locked, total.released, total.retired, total.handed_over) == (200, 100, 30, 0)


def test_a_deployment_that_is_not_served_has_no_statement(world: World) -> None:
    with pytest.raises(UsageError, match="no witness"):
        world.registry.statement("VERRA", ELSEWHERE)
