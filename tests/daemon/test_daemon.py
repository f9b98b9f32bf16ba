"""The wheel turns by itself: new orders are taken up, silence is waited out, and everything met is said once."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.daemon.daemon import Daemon, Pace
from bridge.daemon.health import Health
from bridge.daemon.measures import Measures
from bridge.domain.lifecycle import Kind
from bridge.errors import Halted, NotYet, Unreachable
from bridge.flow.advance import advance
from bridge.journal.store import Work
from tests.flow.world import World, span

PACE = Pace(interval_seconds=5, first_retry_seconds=2, last_retry_seconds=6)


class Turns(Event):
    """Stops after so many; what is to happen between them is done while the daemon waits."""

    def __init__(self, count: int, *between: Any) -> None:
        super().__init__()
        self.left, self.between, self.pauses = count, list(between), []

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout)
        self.left -= 1
        if self.between:
            self.between.pop(0)()
        if self.left == 0:
            self.set()
        return self.is_set()


class Service:
    def __init__(self, world: World) -> None:
        self.world, self.health = world, Health()
        self.measures = Measures(self.health)
        self.bridge = replace(world.bridge, takes_up=True)

    def run(self, turns: int, *between: Any) -> list[Any]:
        """The log."""
        bridge = replace(self.bridge, stop=Turns(turns, *between))
        self.stop = bridge.stop
        with capture_logs() as log:
            Daemon(bridge, self.measures, PACE).run()
        return log

    def measure(self, name: str, **labels: str) -> float | None:
        return self.measures.registry.get_sample_value(f"carbonbridge_{name}", labels)


@pytest.fixture
def service(world: World) -> Service:
    return Service(world)


def test_it_takes_up_what_depositors_order_and_serves_who_asks(service: Service) -> None:
    world = service.world
    world.issue(span(1, 100))
    world.instruct(span(1, 100))
    asked: list[str] = []
    log = service.run(4, lambda: None, lambda: asked.append(world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")))
    assert world.balance("alice") == 70
    assert world.exit_state(asked[0]) == "executed"
    moves = [(event["old"], event["new"]) for event in log if event["event"] == "moved"]
    assert moves[:4] == [("", "planned"), ("planned", "locked"), ("locked", "attested"), ("attested", "sent")]
    assert ("settled", "executed") in moves
    assert (log[0]["event"], log[-1]["event"]) == ("started", "stopped")
    assert service.stop.pauses == [5.0] * 4


def test_an_order_that_the_registry_refuses_is_left_to_people(service: Service) -> None:
    """Two orders for one serial: the first that is taken up gets it, and the other is not tried again and again."""
    world = service.world
    world.issue(span(1, 100))
    world.instruct(span(1, 60))
    world.instruct(span(60, 100))
    service.run(4)
    states = sorted(row.state for row in world.bridge.journal.deposits(world.contract.deployment))
    assert states == ["failed", "minted"]


def test_a_turn_of_a_command_takes_up_nothing_by_itself(world: World) -> None:
    world.issue(span(1, 100))
    world.instruct(span(1, 100))
    advance(world.bridge)
    assert world.bridge.journal.deposits(world.contract.deployment) == []


def test_a_silent_counterpart_is_waited_out_ever_longer_and_told_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = service.world

    def silent(*_: Any) -> Any:
        raise Unreachable("the chain's node did not answer (ConnectionError); try again")

    with monkeypatch.context() as down:
        down.setattr(type(world.contract), "events", silent)
        log = service.run(4)
        assert service.stop.pauses == [2.0, 4.0, 6.0, 6.0]
        assert [event["kind"] for event in log if event["event"] == "met"] == ["Unreachable"]
        assert service.health.state().status == "unreachable"
        assert service.measure("turns_total", outcome="Unreachable") == 4
    log = service.run(2)
    assert service.stop.pauses == [5.0, 5.0]
    assert service.health.state().status == "ok"


def test_what_is_over_is_said(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, calls = type(service.world.contract).events, []

    def once(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise Unreachable("no answer")
        return honest(*arguments)

    monkeypatch.setattr(type(service.world.contract), "events", once)
    log = service.run(2)
    assert [event["what"] for event in log if event["event"] in ("met", "over")] == ["no answer", "no answer"]


def test_halted_it_signs_nothing_and_says_so_until_people_have_decided(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = service.world
    world.issue(span(1, 100))
    world.instruct(span(1, 100))

    def gone(*_: Any) -> Any:
        raise Halted("block 7 was final and has left the chain")

    with monkeypatch.context() as reorganised:
        reorganised.setattr("bridge.flow.advance.watch", gone)
        log = service.run(3)
    met = [event for event in log if event["event"] == "met"]
    assert [(event["kind"], event["log_level"]) for event in met] == [("Halted", "critical")]
    assert world.bridge.journal.deposits(world.contract.deployment) == []
    assert service.measure("halted") == 1
    state = service.health.state()
    assert (state.status, state.good, "left the chain" in state.what) == ("halted", False, True)
    service.run(2)
    assert service.measure("halted") == 0
    assert world.balance("alice") == 100


def test_a_second_daemon_on_the_journal_is_refused_and_a_command_may_still_turn(service: Service) -> None:
    with service.bridge.journal.exclusive(Work.DAEMON):
        with pytest.raises(NotYet, match="another process does this journal's daemon"):
            service.run(1)
        with service.world.open_bridge().journal.exclusive(Work.TURN):
            pass


def test_while_a_command_turns_the_daemon_waits_its_turn(service: Service) -> None:
    with service.world.open_bridge().journal.exclusive(Work.TURN):
        log = service.run(2)
    assert [event["kind"] for event in log if event["event"] == "met"] == ["NotYet"]
    assert service.health.state().status == "waiting"


def test_stopped_it_ends_after_the_act_at_hand(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    world = service.world
    for first in (1, 101, 201):
        world.issue(span(first, first + 99))
        world.instruct(span(first, first + 99))
    stop = Turns(9)
    bridge = replace(service.bridge, stop=stop)
    honest = bridge.registry.lock

    def interrupted(*arguments: Any) -> Any:
        stop.set()
        return honest(*arguments)

    monkeypatch.setattr(bridge.registry, "lock", interrupted)
    Daemon(bridge, service.measures, PACE).run()
    states = sorted(row.state for row in bridge.journal.deposits(world.contract.deployment))
    assert states == ["locked"] * 3  # all that one call asked for, and nothing further


def test_it_measures_what_is_in_flight(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    world = service.world
    world.deposit(span(1, 100))
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")

    def later(_: str) -> Any:
        raise NotYet("the desk is closed")

    monkeypatch.setattr(service.bridge.registry, "reserve", later)
    service.run(1)
    assert world.exit_state(request_id) == "seen"
    assert service.measure("sagas", kind="exits", state="seen") == 1
    assert service.measure("sagas", kind="deposits", state="minted") is None
    assert service.measure("final_block") == world.contract.connection.final().number
    assert service.measure("allowance_units") == world.contract.allowance(world.address("operator"))[1]
    assert service.measure("open_transactions") == 0
    assert service.measure("paused") == 0
    world.send("guardian", world.contract.functions.pause())
    service.run(1)
    assert service.measure("paused") == 1
