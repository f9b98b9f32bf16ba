"""Many requests in one call, here and over HTTP: each has its own answer, and stands or falls alone."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bridge.domain.attestations import Outcome
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.observed import WitnessedRequest
from bridge.domain.values import hex32
from bridge.errors import BridgeError, Halted, NotYet, RegistryRefused, Unreachable

from .fakes import FakeWitness, World, opening_of, serials

RETIREMENT, REDEMPTION = Kind.RETIREMENT, Kind.REDEMPTION


@pytest.fixture
def minted(world: World) -> World:
    world.lock(1, 101, 200, minted=True)
    world.lock(2, 201, 300, minted=True)
    return world


def kinds(answers: list[object]) -> list[type[object]]:
    return [type(answer) if isinstance(answer, BridgeError) else object for answer in answers]


def reserved(world: World, count: int) -> list[str]:
    """So many retirements of ten, decided on together."""
    requests = [world.ask(RETIREMENT, 10) for _ in range(count)]
    world.registry.reserve(requests)
    return requests


def settle(world: World, *requests: str) -> None:
    world.chain.settle(world.registry.attest_outcomes([(one, 0) for one in requests]).items)


def test_each_is_decided_on_by_itself_and_no_serial_is_set_aside_twice(minted: World) -> None:
    first, silent, last = minted.ask(RETIREMENT, 10), minted.ask(RETIREMENT, 10, disclose=False), hex32(0xBAD)
    redeemed, too_much = minted.ask(REDEMPTION, 10, "receiver"), minted.ask(RETIREMENT, 500)
    answers = minted.registry.reserve([first, silent, last, redeemed, too_much, first])
    assert kinds(answers) == [object, NotYet, NotYet, object, object, object]  # type: ignore[arg-type]
    assert answers[0] == answers[5]
    assert minted.states(101, 300) == {"locked": ["111-200", "201-290"], "reserved": ["101-110", "291-300"]}
    assert [getattr(answers[4].refusal, "reason", None)] == ["serials-missing"]  # type: ignore[union-attr]


def test_what_the_database_forbids_of_one_leaves_no_trace_and_holds_up_no_other(minted: World) -> None:
    requests = [minted.ask(RETIREMENT, 10) for _ in range(3)]
    with minted.engine.begin() as tx:
        tx.execute(
            text("INSERT INTO entries (key, verb, content, made_at) VALUES (:key, 'reserve', '{}', 1)"),
            {"key": f"reserve:{requests[1]}"},
        )
    answers = minted.registry.reserve(requests)
    assert kinds(answers) == [object, Halted, object]  # type: ignore[arg-type]
    assert minted.states(101, 200) == {"reserved": ["101-110", "111-120"], "locked": ["121-200"]}
    assert requests[1] not in minted.ledger.decisions(requests)


def test_each_is_executed_by_itself(minted: World) -> None:
    settled, open_still, stolen, last = reserved(minted, 4)
    settle(minted, settled, last)
    false = Outcome(request_id=stolen, part=0, ranges=(serials(291, 300),))
    minted.chain.settle([false])
    answers = minted.registry.execute([settled, open_still, stolen, last])
    assert kinds(answers) == [object, NotYet, Halted, object]  # type: ignore[arg-type]
    assert minted.states(101, 140) == {"retired": ["101-110", "131-140"], "reserved": ["111-120", "121-130"]}
    assert minted.registry.execute([last, settled]) == [answers[3], answers[0]]


def test_each_is_withdrawn_by_itself(minted: World) -> None:
    returned, open_still, settled = reserved(minted, 3)
    minted.chain.end(returned, RequestStatus.RETURNED)
    settle(minted, settled)
    unknown = hex32(0xBAD)
    answers = minted.registry.withdraw([returned, open_still, settled, unknown])
    assert [type(one) for one in answers] == [type(None), NotYet, RegistryRefused, NotYet]
    assert minted.states(101, 130) == {"locked": ["101-110"], "reserved": ["111-120", "121-130"]}


def test_each_is_decided_on_again_by_itself(minted: World) -> None:
    kept, taken = reserved(minted, 2)
    minted.ledger.reverse("fire", serials(115, 116), "fire")
    minted.chain.live.clear()  # or the whole class would be closed
    answers = minted.registry.reconsider([kept, hex32(0xBAD), taken])
    assert kinds(answers) == [object, RegistryRefused, object]  # type: ignore[arg-type]
    assert [getattr(answers[n], "refusal", None) is not None for n in (0, 2)] == [False, True]


def test_a_receipt_that_one_attester_does_not_sign_is_signed_by_another_and_the_others_as_ever(minted: World) -> None:
    first, second = reserved(minted, 2)
    settle(minted, first, second)
    minted.attester_eyes[0].unseen.add(second)
    answers = minted.registry.execute([first, second])
    signers = [[int(signer, 16) for signer in one.signers] for one in answers if not isinstance(one, BridgeError)]
    assert signers == [[0xA0, 0xA1], [0xA1, 0xA2]]


def test_a_receipt_without_a_quorum_is_signed_when_it_is_asked_for_again(minted: World) -> None:
    first, second = reserved(minted, 2)
    settle(minted, first, second)
    for eyes in minted.attester_eyes[:2]:
        eyes.unseen.add(second)
    assert kinds(minted.registry.execute([first, second])) == [object, NotYet]  # type: ignore[arg-type]
    for eyes in minted.attester_eyes:
        eyes.unseen.clear()
    assert kinds(minted.registry.execute([first, second])) == [object, object]  # type: ignore[arg-type]


def test_a_request_of_which_the_node_does_not_tell_the_whole_story_waits_alone(
    minted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [minted.ask(RETIREMENT, 10) for _ in range(3)]
    honest = FakeWitness.requests

    def doubtful(self: FakeWitness, ids: list[str]) -> dict[str, WitnessedRequest | Unreachable]:
        return honest(self, ids) | {one: Unreachable("odd") for one in ids if one == requests[1]}

    monkeypatch.setattr(FakeWitness, "requests", doubtful)
    assert kinds(minted.registry.reserve(requests)) == [object, Unreachable, object]  # type: ignore[arg-type]


def test_nothing_is_asked_of_nobody(minted: World) -> None:
    registry = minted.registry
    assert registry.reserve([]) == registry.execute([]) == registry.withdraw([]) == registry.reconsider([]) == []


def test_what_somebody_disclosed_falsely_is_no_other_requests_trouble(minted: World) -> None:
    true, odd = minted.ask(RETIREMENT, 10), minted.chain.open(opening_of(10), RETIREMENT, units=20)
    minted.ledger.disclose(odd, opening_of(10))
    answers = minted.registry.reserve([odd, true])
    refusals = [getattr(one.refusal, "reason", "") for one in answers if not isinstance(one, BridgeError)]
    assert refusals == ["opening-mismatch", ""]
