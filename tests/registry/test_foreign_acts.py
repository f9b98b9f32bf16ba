"""Acts at registries that are not ours: stored first, asked once, resolved by statements, waited for by the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bridge.domain.attestations import Opening
from bridge.domain.lifecycle import ACT_MOVES, ActState, Kind, RequestStatus
from bridge.domain.observed import BlockStamp
from bridge.domain.values import hex32
from bridge.errors import BridgeError, Conflict, Halted, NotYet, RegistryRefused
from bridge.registry.attesters import Attester, AttesterSet
from bridge.registry.counterpart import ActRecord, Done, ForeignAct, Verb, act_id
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.ledger.migrations.guards import FOREIGN_GUARDS
from tests.registry.fakes import answered, executed

from .fakes import BALE, HERE, FakeSigner, World, serials

DONE = Done(reference="移転 2026-17", evidence=hex32(0xE1))
FINAL = BlockStamp(number=12, hash=hex32(12), timestamp=12)


def act(verb: Verb = Verb.TAKE, subject: int = 1, **changes: object) -> ForeignAct:
    values = {
        "verb": verb,
        "subject": hex32(subject),
        "programme": "VERRA",
        "deployment": HERE,
        "class_id": BALE.id,
        "ranges": (serials(101, 200),),
        "account": "depositor",
        "due": 2_000,
        "final": None if verb is Verb.TAKE else FINAL,
    }
    return ForeignAct.model_validate(values | changes)


def state(world: World, one: ForeignAct) -> ActState:
    record = world.ledger.act(one.id)
    assert record is not None
    return record.state


def test_an_act_is_stored_once_and_as_it_was_first(world: World) -> None:
    first = world.ledger.plan_act(act(Verb.RETIRE))
    later = act(Verb.RETIRE, final=FINAL.model_copy(update={"number": 99}))
    assert world.ledger.plan_act(later) == first
    with pytest.raises(Conflict, match="stored before with other content"):
        world.ledger.plan_act(act(Verb.RETIRE, ranges=(serials(101, 199),)))
    assert [step[1] for step in world.ledger.steps(first.id)] == ["planned"]


def test_what_is_unknown_waits_for_a_statement_and_is_asked_again_only_after_it(world: World) -> None:
    one = world.ledger.plan_act(act())
    world.ledger.ask_act(one.id, "first")
    with pytest.raises(Halted, match="cannot go from asked to asked"):
        world.ledger.ask_act(one.id, "again")
    world.ledger.lose_act(one.id, "no answer")
    with pytest.raises(Halted, match="cannot go from unknown to asked"):
        world.ledger.ask_act(one.id, "again")
    world.ledger.free_act(one.id, "list of 1 May")
    world.ledger.ask_act(one.id, "second")
    record = world.ledger.act(one.id)
    assert record is not None
    assert (record.state, record.round, record.words) == (ActState.ASKED, 2, "second")
    world.ledger.lose_act(one.id, "no answer either")
    with pytest.raises(Halted, match="only a statement resolves"):
        world.ledger.free_act(one.id, "list of 1 May")
    assert world.ledger.end_act(one.id, DONE, "list of 9 May") == DONE
    assert world.ledger.end_act(one.id, DONE, "list of 9 May") == DONE
    with pytest.raises(Conflict, match="is done as"):
        world.ledger.end_act(one.id, Done(reference="other", evidence=hex32(2)), "another list")


REACH: dict[ActState, list[str]] = {
    ActState.PLANNED: [],
    ActState.ASKED: ["ask"],
    ActState.UNKNOWN: ["ask", "lose"],
    ActState.DONE: ["end"],
    ActState.VOID: ["void"],
}


def bring(world: World, one: ForeignAct, to: ActState) -> None:
    steps: dict[str, Callable[[], object]] = {
        "ask": lambda: world.ledger.ask_act(one.id, ""),
        "lose": lambda: world.ledger.lose_act(one.id, ""),
        "end": lambda: world.ledger.end_act(one.id, DONE, "a list"),
        "void": lambda: world.ledger.void_act(one.id, ""),
    }
    world.ledger.plan_act(one)
    for step in REACH[to]:
        steps[step]()


@pytest.mark.parametrize(("old", "new"), list(product(ActState, ActState)), ids=str)
def test_the_database_allows_the_moves_of_the_state_table_and_no_others(
    world: World, old: ActState, new: ActState
) -> None:
    bring(world, act(), old)
    changes = {"state": new.value, "statement": "new"}
    if new is ActState.DONE:
        changes |= {"reference": DONE.reference, "evidence": DONE.evidence}
    if old is ActState.DONE:
        changes["statement"] = "a list"
    if old is ActState.VOID:
        changes.pop("statement")
    grows = ", round = round + 1" if (old, new) == (ActState.PLANNED, ActState.ASKED) else ""
    change = text(f"UPDATE foreign_acts SET {', '.join(f'{name} = :{name}' for name in changes)}{grows}")
    if new in ACT_MOVES[old] or new == old:
        with world.engine.begin() as tx:
            tx.execute(change, changes)
    else:
        with pytest.raises(IntegrityError), world.engine.begin() as tx:
            tx.execute(change, changes)


FORBIDDEN = {
    "foreign_acts_moves": (ActState.PLANNED, "UPDATE foreign_acts SET state = 'unknown', round = 0", "is forbidden"),
    "foreign_act_content": (ActState.ASKED, "UPDATE foreign_acts SET document = '{}'", "never changes, and ends once"),
    "foreign_act_asked": (ActState.ASKED, "UPDATE foreign_acts SET round = 2", "asked anew only from planned"),
    "foreign_act_unknown": (ActState.UNKNOWN, "UPDATE foreign_acts SET state = 'planned'", "only a statement resolves"),
    "foreign_act_begins": (
        ActState.PLANNED,
        "INSERT INTO foreign_acts (id, programme, verb, subject, document, state, round, reference, evidence)"
        " VALUES ('x', 'JC', 'take', 'x', '{}', 'done', 1, 'r', 'e')",
        "begins planned",
    ),
    "confirmation_late": (
        ActState.DONE,
        "INSERT INTO confirmations SELECT id, 0, 1, '0x1', '{}', '0x' FROM foreign_acts",
        "the act has ended",
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_the_guards_stand(world: World, name: str) -> None:
    old, change, words = FORBIDDEN[name]
    bring(world, act(), old)
    with pytest.raises(IntegrityError, match=words), world.engine.begin() as tx:
        tx.execute(text(change))


@pytest.mark.parametrize("table", ["foreign_acts", "foreign_steps", "confirmations"])
def test_what_is_kept_for_good_stays(world: World, table: str) -> None:
    bring(world, act(), ActState.ASKED)
    with world.engine.begin() as tx:
        tx.execute(text("INSERT INTO confirmations SELECT id, 0, 1, '0x1', '{}', '0x' FROM foreign_acts"))
    actions = [guard.action for guard in FOREIGN_GUARDS if guard.name in (f"{table}_delete", f"{table}_update")]
    assert "DELETE" in actions
    for action in actions:
        change = f"DELETE FROM {table}" if action == "DELETE" else f"UPDATE {table} SET act_id = act_id"
        with pytest.raises(IntegrityError, match="kept for good"), world.engine.begin() as tx:
            tx.execute(text(change))


def test_every_guard_is_tested_here() -> None:
    assert {g.name for g in FOREIGN_GUARDS if not g.message.endswith("kept for good")} == set(FORBIDDEN)


def test_what_cannot_be_taken_back_names_the_final_block_it_follows_from(world: World) -> None:
    with pytest.raises(Halted, match="act_last"):
        world.ledger.plan_act(act(Verb.RETIRE, final=None))


# ------------------------------------------------------------ as the registry sees it


class FakeCounterpart:
    """Does what tests tell it, to what it is asked for, and remembers being asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[Verb, BridgeError] = {}
        self.asked: list[tuple[Verb, str]] = []
        self.objects = ""
        self.distrust = ""

    def objection(self, _kind: Kind, _opening: Opening) -> str:
        return self.objects

    def pursue(self, acts: Sequence[ForeignAct]) -> list[Done | BridgeError]:
        return [self._one(act) for act in acts]

    def check(self, _record: ActRecord) -> None:
        if self.distrust:
            raise RegistryRefused(self.distrust)

    def _one(self, one: ForeignAct) -> Done | BridgeError:
        assert self.world.ledger.act(one.id) is not None, "stored before it is asked"
        self.asked.append((one.verb, one.subject))
        if trouble := self.answers.get(one.verb):
            return trouble
        done = Done(reference=f"{one.verb} {one.subject[-2:]}", evidence=hex32(0xE0))
        return self.world.ledger.end_act(one.id, done, "its own word")


@pytest.fixture
def abroad(world: World) -> FakeCounterpart:
    fake = FakeCounterpart(world)
    attesters = [
        Attester(FakeSigner(0xA0 + n), {HERE: eyes}, {"VERRA": fake}) for n, eyes in enumerate(world.attester_eyes)
    ]
    quorum = AttesterSet(2, attesters)
    world.registry = LedgerRegistry(world.ledger, {HERE: world.witness}, {"VERRA": quorum}, {"VERRA": fake})
    return fake


def test_no_lock_is_signed_before_its_serials_are_out_of_circulation(world: World, abroad: FakeCounterpart) -> None:
    lock_id = world.lock(1, 101, 200)
    abroad.answers[Verb.TAKE] = NotYet("two officers must confirm")
    with pytest.raises(NotYet, match="two officers"):
        world.registry.attest_locks([lock_id])
    abroad.answers.clear()
    assert len(world.registry.attest_locks([lock_id]).signers) == 2
    asked = len(abroad.asked)
    world.registry.attest_locks([lock_id])
    assert len(abroad.asked) == asked, "what is done is not asked again"


def test_an_attester_looks_for_himself(world: World, abroad: FakeCounterpart) -> None:
    lock_id = world.lock(1, 101, 200)
    abroad.distrust = "the evidence is gone"
    with pytest.raises(RegistryRefused, match="the evidence is gone"):
        world.registry.attest_locks([lock_id])


def test_nothing_is_done_abroad_before_the_settlement_is_final(world: World, abroad: FakeCounterpart) -> None:
    world.registry.attest_locks([world.lock(1, 101, 200, minted=True)])
    request_id = world.ask(Kind.RETIREMENT, 10)
    abroad.asked.clear()
    answered(world.registry.reserve([request_id]))
    outcomes = world.registry.attest_outcomes([(request_id, 0)])
    with pytest.raises(NotYet):
        answered(world.registry.execute([request_id]))
    assert abroad.asked == []
    assert world.ledger.act(act_id(Verb.RETIRE, request_id)) is None
    world.chain.settle(outcomes.items)
    receipt = answered(world.registry.execute([request_id])).items[0]
    assert abroad.asked == [(Verb.RETIRE, request_id)]
    assert (receipt.reference, receipt.evidence) == (f"retire {request_id[-2:]}", hex32(0xE0))


def test_no_receipt_before_the_act_is_done_and_the_ledger_waits_with_it(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    world.settled(request_id)
    for trouble in (NotYet("pending"), Halted("half of them are retired")):
        abroad.answers[Verb.RETIRE] = trouble
        with pytest.raises(type(trouble)):
            answered(world.registry.execute([request_id]))
        assert world.states(101, 200)["reserved"] == ["101-110"]
        with pytest.raises(NotYet):
            world.registry.receipt(request_id)


def test_stolen_keys_are_seen_before_anything_is_done_abroad(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([request_id]))
    (outcome,) = world.registry.attest_outcomes([(request_id, 0)]).items
    world.chain.settle([outcome.model_copy(update={"ranges": (serials(191, 200),)})])
    abroad.asked.clear()
    with pytest.raises(Halted, match="never reserved"):
        answered(world.registry.execute([request_id]))
    assert abroad.asked == []


def test_a_request_that_could_never_be_served_there_is_refused_in_time(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    abroad.objects = "mixed-uses"
    refusal = answered(world.registry.reserve([world.ask(Kind.RETIREMENT, 10)])).refusal
    assert refusal is not None
    assert refusal.reason == "mixed-uses"


def test_a_lock_that_ran_out_gives_back_what_was_taken_and_only_then_ends(
    world: World, abroad: FakeCounterpart
) -> None:
    lock_id = world.lock(1, 101, 200)
    world.registry.attest_locks([lock_id])
    world.chain.now = 2_001
    abroad.answers[Verb.GIVE_BACK] = NotYet("to be moved back")
    with pytest.raises(NotYet, match="moved back"):
        world.registry.release(lock_id)
    assert world.states(101, 200) == {"locked": ["101-200"]}
    abroad.answers.clear()
    world.registry.release(lock_id)
    world.registry.release(lock_id)
    assert world.states(101, 200) == {"held": ["101-200"]}
    assert [verb for verb, _ in abroad.asked].count(Verb.GIVE_BACK) == 2


def test_a_lock_that_was_never_taken_ends_without_anything_abroad(world: World, abroad: FakeCounterpart) -> None:
    lock_id = world.lock(1, 101, 200)
    abroad.answers[Verb.TAKE] = NotYet("two officers must confirm")
    with pytest.raises(NotYet):
        world.registry.attest_locks([lock_id])
    world.chain.now = 2_001
    world.registry.release(lock_id)
    assert state(world, act(subject=1)) is ActState.VOID
    assert [verb for verb, _ in abroad.asked] == [Verb.TAKE]
    with pytest.raises(RegistryRefused, match="no longer locked"):
        world.registry.attest_locks([lock_id])


def test_nothing_is_taken_for_a_lock_that_has_run_out(world: World, abroad: FakeCounterpart) -> None:
    lock_id = world.lock(1, 101, 200)
    world.chain.now = 2_001
    with pytest.raises(RegistryRefused, match="has run out"):
        world.registry.attest_locks([lock_id])
    assert abroad.asked == []


def test_what_was_reversed_meanwhile_does_not_go_back(world: World, abroad: FakeCounterpart) -> None:
    whole, half = world.lock(1, 101, 200), world.lock(2, 201, 300)
    world.registry.attest_locks([whole])
    world.registry.attest_locks([half])
    world.ledger.reverse("fire", serials(101, 250), "fire")
    world.chain.now = 2_001
    for lock_id in (whole, half):
        world.registry.release(lock_id)
    assert [one for one in abroad.asked if one[0] is Verb.GIVE_BACK] == [(Verb.GIVE_BACK, half)]
    record = world.ledger.act(act_id(Verb.GIVE_BACK, half))
    assert record is not None
    assert record.act.ranges == (serials(251, 300),)


def test_a_take_of_unknown_fate_keeps_its_lock_from_ending(world: World, abroad: FakeCounterpart) -> None:
    lock_id = world.lock(1, 101, 200)
    world.ledger.plan_act(act(subject=1))
    world.ledger.ask_act(act().id, "")
    world.ledger.lose_act(act().id, "")
    abroad.answers[Verb.TAKE] = NotYet("unknown until it states its units")
    world.chain.now = 2_001
    with pytest.raises(NotYet, match="unknown until"):
        world.registry.release(lock_id)
    assert world.states(101, 200) == {"locked": ["101-200"]}


def test_parts_that_were_settled_before_a_return_are_executed_abroad(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.REDEMPTION, 10, "receiver")
    world.settled(request_id)
    world.chain.end(request_id, RequestStatus.RETURNED)
    assert answered(world.registry.execute([request_id])).items[0].ranges == (serials(191, 200),)
    record = world.ledger.act(act_id(Verb.HAND_OVER, request_id))
    assert record is not None
    assert (record.act.account, record.act.ranges) == ("receiver", (serials(191, 200),))


def test_a_receipt_with_another_reference_is_never_signed(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    world.settled(request_id)
    executed(world.ledger, request_id, world.chain.requests[request_id].settled, "")
    with pytest.raises(RegistryRefused, match="not done at their own registry"):
        answered(world.registry.execute([request_id]))


def test_a_receipt_says_what_was_done_and_nothing_else(world: World, abroad: FakeCounterpart) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    world.settled(request_id)
    abroad.answers[Verb.RETIRE] = NotYet("pending")
    with pytest.raises(NotYet):
        answered(world.registry.execute([request_id]))
    world.ledger.end_act(act_id(Verb.RETIRE, request_id), DONE, "a list")
    other = DONE.model_copy(update={"evidence": hex32(0xBAD)})
    executed(world.ledger, request_id, world.chain.requests[request_id].settled, "", other)
    with pytest.raises(RegistryRefused, match="is not what was done at its registry"):
        answered(world.registry.execute([request_id]))


def test_evidence_from_nowhere_is_never_signed(world: World) -> None:
    world.lock(1, 101, 200, minted=True)
    request_id = world.ask(Kind.RETIREMENT, 10)
    world.settled(request_id)
    executed(world.ledger, request_id, world.chain.requests[request_id].settled, "", DONE)
    with pytest.raises(RegistryRefused, match="nobody here looks at"):
        answered(world.registry.execute([request_id]))
