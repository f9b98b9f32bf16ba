"""Health and measures over HTTP, on loopback."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

import pytest

from bridge.daemon.health import Health
from bridge.daemon.measures import Measures
from bridge.daemon.server import serving
from bridge.errors import Halted, NotYet, Unreachable, UsageError


def asked(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (None, "ok", 200),
        (NotYet("the desk is closed"), "waiting", 200),
        (Unreachable("no answer"), "unreachable", 503),
        (Halted("block 7 has left the chain"), "halted", 503),
    ],
)
def test_health_is_a_status_code_and_a_reason(failure: Any, status: str, code: int) -> None:
    health = Health()
    measures = Measures(health)
    with serving(health, measures.registry, port=0) as port:
        assert asked(port, "/health")[0] == 503
        assert json.loads(asked(port, "/health")[1])["status"] == "starting"
        measures.turn(0.5, failure)
        answered, body = asked(port, "/health")
        assert (answered, json.loads(body)["status"]) == (code, status)
        assert json.loads(body)["what"] == str(failure or "")


def test_a_turn_that_does_not_end_is_no_health() -> None:
    health = Health(longest_turn_seconds=0)
    health.turned(None)
    assert (health.state().status, health.state().good) == ("stuck", False)


def test_measures_are_in_prometheus_words() -> None:
    health = Health()
    measures = Measures(health)
    measures.turn(0.5, None)
    with serving(health, measures.registry, port=0) as port:
        code, text = asked(port, "/metrics")
        assert code == 200
        assert 'carbonbridge_turns_total{outcome="ok"} 1.0' in text
        assert "carbonbridge_turn_seconds_count 1.0" in text
        assert asked(port, "/metrics/../etc")[0] == 404


def test_a_port_that_is_taken_is_said() -> None:
    health = Health()
    measures = Measures(health)
    with (
        serving(health, measures.registry, port=0) as port,
        pytest.raises(UsageError, match=f"127.0.0.1:{port}.*another port"),
        serving(health, measures.registry, port=port),
    ):
        pass
