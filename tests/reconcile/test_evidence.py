"""What compliance is given to compare, from a chain and a registry that are really there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.bootstrap import endorsement, evidence
from bridge.domain.attestations import Attested, Cover, Deployment, Message, Reversal, typed_data
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import Minted, Statement
from bridge.domain.values import hex32
from bridge.reconcile.evidence import Evidence
from bridge.reconcile.reconcile import reconcile
from tests.flow.world import BIOGAS, FOREST, Stage, World, advance, span
from tests.registry.fakes import one_lock

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder: Path = tmp_path_factory.mktemp("world")
    world = World(folder, Stage())
    world.deposit(span(1, 50))
    return world


@pytest.fixture
def seen(world: World) -> Evidence:
    return evidence(world.contract, world.registry, ("VERRA", "GS"))


def rules(seen: Evidence) -> list[str]:
    return [finding.rule for finding in reconcile(seen).findings]


def with_head(statement: Statement, **changes: object) -> Statement:
    return statement.model_copy(update={"head": statement.head.model_copy(update=changes)})


def signed_by(world: World, statement: Statement, deployment: Deployment, *names: str) -> Statement:
    document = typed_data(deployment, statement.head.items)
    keys = [world.keys[name] for name in names]
    return with_head(
        statement,
        signers=tuple(key.address for key in keys),
        signatures=tuple(key.sign(document) for key in keys),
    )


def judged(world: World, seen: Evidence, statement: Statement) -> list[str]:
    """As if the registry had handed over this statement instead of its first."""
    found = endorsement(world.contract, statement)
    others = [e for e in seen.endorsements if e.registry != statement.registry]
    statements = [statement, *seen.statements[1:]]
    return rules(replace(seen, statements=statements, endorsements=[*others, found] if found else others))


def test_an_honest_world_is_endorsed_and_clean(seen: Evidence) -> None:
    assert [(e.registry, e.attesters, e.threshold) for e in seen.endorsements] == [("VERRA", 2, 2), ("GS", 2, 2)]
    assert rules(seen) == []


def test_signatures_that_are_missing_false_or_one_twice_vouch_for_nothing(world: World, seen: Evidence) -> None:
    statement = seen.statements[0]
    deployment = world.contract.deployment
    for false in (
        with_head(statement, signatures=(), signers=()),
        with_head(statement, signatures=("0x" + "11" * 64,) * 2),
        signed_by(world, statement, deployment, "attester-1", "attester-1"),
        signed_by(world, statement, deployment, "attester-1", "operator"),
    ):
        assert judged(world, seen, false) == ["statement-unsigned"]


def test_a_statement_signed_for_another_deployment_vouches_for_nothing_here(world: World, seen: Evidence) -> None:
    elsewhere = Deployment(chain_id=99, contract=world.contract.deployment.contract)
    signed = signed_by(world, seen.statements[0], elsewhere, "attester-1", "attester-2")
    assert judged(world, seen, signed) == ["statement-unsigned"]


def test_any_quorum_in_any_order_will_do(world: World, seen: Evidence) -> None:
    signed = signed_by(world, seen.statements[0], world.contract.deployment, "attester-3", "attester-1")
    assert judged(world, seen, signed) == []


def test_a_head_changed_after_it_was_signed_vouches_for_nothing(world: World, seen: Evidence) -> None:
    head = seen.statements[0].head.items[0]
    changed = with_head(seen.statements[0], items=(head.model_copy(update={"as_of": head.as_of + 1}),))
    assert judged(world, seen, changed) == ["statement-unsigned"]


def test_units_minted_to_another_than_the_depositor_named_are_found(seen: Evidence) -> None:
    (chain,) = seen.chains
    stolen = [
        e.model_copy(update={"recipient": "0x" + "66" * 20}) if isinstance(e, Minted) else e for e in chain.events
    ]
    assert rules(replace(seen, chains=[replace(chain, events=stolen)])) == ["lock-mismatch"]


def test_the_receipts_of_what_was_settled_are_compared(world: World) -> None:
    request_id = world.ask("alice", Kind.RETIREMENT, 3)
    for _ in range(3):
        advance(world.bridge)
    seen = evidence(world.contract, world.registry, ("VERRA", "GS"))
    ((deployment, receipt),) = seen.receipts
    assert (receipt.request_id, rules(seen)) == (request_id, [])
    other = receipt.model_copy(update={"ranges": (span(11, 13),)})
    assert rules(replace(seen, receipts=[(deployment, other)])) == ["request-mismatch"]


def test_locked_serials_in_another_account_are_found(world: World, seen: Evidence) -> None:
    statement = seen.statements[0]
    rows = tuple(row.model_copy(update={"holder": "mallory"}) for row in statement.rows)
    moved = replace(seen, statements=[statement.model_copy(update={"rows": rows}), *seen.statements[1:]])
    assert rules(moved) == ["held-elsewhere", "statement-altered"]


def test_a_reversal_and_its_cover_as_the_contract_tells_them(tmp_path: Path) -> None:
    world = World(tmp_path, Stage())
    world.deposit(span(1, 50))
    world.issue(span(201, 210), BIOGAS)
    lock = one_lock(world.registry, hex32(777), world.instruct(span(201, 210)))
    world.ledger.override("mistake", span(41, 50), SerialState.RETIRED, "an officer's mistake")
    assert rules(evidence(world.contract, world.registry, ("VERRA",))) == ["retired-while-circulating"]

    taken_back = Reversal(event_id=hex32(9), class_id=FOREST.id, reason="retired", ranges=(span(41, 50),))
    world.send("operator", world.contract.reverse(signed(world, taken_back)))
    cover = Cover(lock=lock, short_class_id=FOREST.id)
    world.send("operator", world.contract.cover(signed(world, cover)))
    world.send("alice", world.contract.take_cover(cover, 4))
    half = reconcile(evidence(world.contract, world.registry, ("VERRA",)))
    assert half.findings == ()
    assert [(item.rule, item.units) for item in half.shown] == [
        ("reversal-unfounded", 10),
        ("shortfall-mismatch", 6),
        ("cover-mismatch", 10),
    ]
    world.send("alice", world.contract.take_cover(cover, 6))
    whole = reconcile(evidence(world.contract, world.registry, ("VERRA",)))
    assert (whole.findings, [item.rule for item in whole.shown]) == ((), ["reversal-unfounded", "cover-mismatch"])


def signed(world: World, item: Message) -> Attested[Message]:
    keys = sorted(world.attesters[:2], key=lambda key: int(key.address, 16))
    document = typed_data(world.contract.deployment, (item,))
    signers, signatures = zip(*((key.address, key.sign(document)) for key in keys), strict=True)
    return Attested(items=(item,), signers=signers, signatures=signatures)
