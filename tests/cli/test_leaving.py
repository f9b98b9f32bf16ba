"""Each state of a request has its step out, and no other."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.chain.contract import RequestState
from bridge.cli.leaving import take_a_step_out
from bridge.domain.lifecycle import RequestStatus
from bridge.errors import Refused
from bridge.flow import hold

REQUEST = "0x" + "11" * 32
RECEIVER = "0x" + "22" * 20


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def take_back(_: Any, request_id: str, to: str) -> str:
        found.append((request_id, to))
        return "0x" + "33" * 32

    monkeypatch.setattr(hold, "take_back", take_back)
    return found


def step(status: RequestStatus, remaining: int) -> None:
    state = RequestState(remaining=remaining, deadline=1, parts=0, status=status)
    holder: Any = SimpleNamespace(contract=SimpleNamespace(request_state=lambda _: state))
    row: Any = SimpleNamespace(request_id=REQUEST)
    take_a_step_out(holder, row, RECEIVER, True)


def test_refused_units_that_wait_are_taken_at_once(
    taken: list[tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    step(RequestStatus.REFUSED, 5)
    assert taken == [(REQUEST, RECEIVER)]
    assert json.loads(capsys.readouterr().out)["done"] == "taken back"


@pytest.mark.parametrize("status", [RequestStatus.REFUSED, RequestStatus.SETTLED, RequestStatus.RETURNED])
def test_what_has_ended_with_nothing_waiting_has_no_step(taken: list[tuple[str, str]], status: RequestStatus) -> None:
    with pytest.raises(Refused, match="has ended"):
        step(status, 0)
    assert taken == []
