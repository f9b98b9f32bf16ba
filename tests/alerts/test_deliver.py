"""At least once, in order, and nobody waits for another's channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.alerts.deliver import deliver
from bridge.cases.store import Cases, News, open_cases
from bridge.domain.findings import Reconciliation
from bridge.errors import Unreachable
from tests.cases.test_cases import OURS, finding
from tests.databases import Databases


class Heard:
    def __init__(self) -> None:
        self.ids: list[str] = []
        self.down = False
        self.dies = False

    def send(self, alert_id: str, body: str) -> None:  # noqa: ARG002
        if self.down:
            raise Unreachable("down")
        self.ids.append(alert_id)
        if self.dies:
            raise KeyboardInterrupt  # the process ends after the other side has taken it


@pytest.fixture
def cases(tmp_path: Path, databases: Databases) -> Cases:
    kept = open_cases(databases.url(tmp_path, "compliance"))
    for number in range(2):
        found = Reconciliation(findings=(finding(str(number)),), in_flight=(), totals=(), blocks=(), statements=())
        kept.keep(found, (1, 2), OURS, None, lambda r: r.model_dump_json().encode(), told)
    return kept


def told(_: News, __: str) -> dict[str, str]:
    return {"desk": "{}", "mail": "{}"}


def test_one_that_is_down_holds_up_nobody_and_keeps_its_order(cases: Cases) -> None:
    desk, mail = Heard(), Heard()
    desk.down = True
    assert [str(e) for e in deliver(cases, {"desk": desk, "mail": mail}, lambda: 5)] == ["down"]
    assert (desk.ids, len(mail.ids)) == ([], 2)
    desk.down = False
    waiting = [alert.alert_id for alert in cases.waiting()]
    assert deliver(cases, {"desk": desk, "mail": mail}, lambda: 6) == []
    assert (desk.ids, len(mail.ids)) == (waiting, 2)


def test_a_process_that_dies_between_sending_and_noting_sends_the_same_again(cases: Cases) -> None:
    desk = Heard()
    desk.dies = True
    with pytest.raises(KeyboardInterrupt):
        deliver(cases, {"desk": desk}, lambda: 5)
    desk.dies = False
    deliver(cases, {"desk": desk}, lambda: 6)
    assert desk.ids[0] == desk.ids[1]
    assert len(set(desk.ids)) == 2


def test_a_channel_that_is_configured_no_more_is_left_alone(cases: Cases) -> None:
    assert deliver(cases, {}, lambda: 5) == []
    assert len(cases.waiting()) == 4
