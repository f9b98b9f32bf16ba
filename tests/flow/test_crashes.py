"""Whatever dies, nothing is lost (L7): the run that was killed ends where the undisturbed one does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.lifecycle import Kind
from bridge.flow.advance import advance
from bridge.flow.hold import ask, plan_request
from bridge.flow.lock import plan
from tests.flow.faults import Died, Schedule
from tests.flow.world import BATCH, DAY, FOREST, STOVES, Stage, World, span

pytestmark = pytest.mark.slow

Story = dict[str, Any]


def prepare(world: World) -> Story:
    """What people have decided before the first step: two deposits, one that nobody will mint, three requests."""
    world.issue(span(1, 100))
    world.issue(span(201, 300))
    world.issue(span(1, 50, BATCH), STOVES)
    instructions = [
        world.instruct(span(1, 100)),
        world.instruct(span(201, 300)),
        world.instruct(span(1, 50, BATCH), registry="GS"),
    ]
    alice = world.holder("alice")
    requests = [
        plan_request(alice, Kind.RETIREMENT, FOREST.id, 120, "Acme", "2026"),
        plan_request(alice, Kind.REDEMPTION, FOREST.id, 30, "bob", ""),
        plan_request(alice, Kind.REDEMPTION, STOVES.id, 5, "nobody", ""),
    ]
    return {"instructions": instructions, "requests": requests}


def tell(world: World, story: Story, schedule: Schedule) -> None:
    """The whole story, as somebody runs it who does not know how far it went before."""
    bridge = schedule.bridge(world.open_bridge())
    for instruction in story["instructions"]:
        plan(bridge, instruction)
    advance(bridge)
    alice = schedule.holder(world.holder("alice"))
    for request in story["requests"]:
        ask(alice, request)
    advance(bridge)
    advance(bridge)


def projection(world: World) -> Story:
    """What must be equal: balances, supply, serials by state and holder (their number), ends of sagas."""
    journal = world.open_bridge().journal
    deployment = world.contract.deployment
    return {
        "balances": {name: world.balance(name) for name in ("alice", "bob")},
        "stoves": world.balance("alice", STOVES),
        "classes": [world.contract.class_state(c.id) for c in (FOREST, STOVES)],
        "registry": {b.model_dump_json() for b in world.ledger.balances()},
        "deposits": Counter(d.state for d in journal.deposits(deployment)),
        "exits": sorted((row.state, row.registry_code) for row in journal.exits(deployment)),
        "open": journal.open_transactions(deployment.chain_id),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, stage: Stage) -> tuple[Story, list[str]]:
    stage.clear()
    world = World(tmp_path_factory.mktemp("undisturbed"), stage)
    schedule = Schedule()
    tell(world, prepare(world), schedule)
    return projection(world), schedule.passed


def test_the_undisturbed_story_ends_as_it_should(undisturbed: tuple[Story, list[str]]) -> None:
    end, moments = undisturbed
    assert end["balances"] == {"alice": 50, "bob": 0}
    assert end["stoves"] == 50
    assert end["deposits"] == {"minted": 3}
    assert [state for state, _ in end["exits"]] == ["executed", "executed", "withdrawn"]
    assert len(moments) > 30


def die_and_rise(world: World, at: int, undisturbed: tuple[Story, list[str]]) -> None:
    end, moments = undisturbed
    story = prepare(world)
    with pytest.raises(Died):
        tell(world, story, Schedule(at))
    world.registry = world.open_registry()
    tell(world, story, Schedule())
    assert projection(world) == end, f"died after {moments[at - 1]} (moment {at})"


@pytest.mark.parametrize("part", [0.3, 0.7])
def test_a_process_that_dies_now_and_then_loses_nothing(
    world: World, undisturbed: tuple[Story, list[str]], part: float
) -> None:
    die_and_rise(world, int(part * len(undisturbed[1])), undisturbed)
    assert world.reconcile().clean


@pytest.mark.parametrize("share", range(4))
def test_a_process_that_dies_at_any_moment_loses_nothing(
    tmp_path: Path, stage: Stage, undisturbed: tuple[Story, list[str]], share: int
) -> None:
    for at in range(1 + share, len(undisturbed[1]) + 1, 4):
        stage.clear()
        folder = tmp_path / str(at)
        folder.mkdir()
        die_and_rise(World(folder, stage), at, undisturbed)


def test_an_expired_lock_is_released_once_though_its_release_is_interrupted(tmp_path: Path, stage: Stage) -> None:
    for moment in ("set_cursor", "release", "move_deposit"):
        stage.clear()
        folder = tmp_path / moment
        folder.mkdir()
        world = World(folder, stage)
        world.issue(span(1, 10))
        planned = plan(world.bridge, world.instruct(span(1, 10), days=1))
        world.send("guardian", world.contract.functions.pause())
        advance(world.bridge)
        assert world.deposit_state(planned.lock_id) == "attested"
        world.chain.pass_seconds(2 * DAY)
        with pytest.raises(Died):
            advance(Schedule(moment).bridge(world.open_bridge()))
        world.registry = world.open_registry()
        advance(world.open_bridge())
        assert world.deposit_state(planned.lock_id) == "released"
        assert [str(r) for _, r in world.ledger.holdings("alice")] == ["1-10"]
        assert world.reconcile().clean
