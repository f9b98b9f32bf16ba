"""The daemon as its operator starts it: a process of its own beside users, killed, and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.office import COMMAND, PASSWORD, Office, chain_process, free_port

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("running"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        made.done("operator", "class", STOVES.format(1, 1))
        made.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        yield made


def order(office: Office, first: int, last: int) -> str:
    told = office.told("registry", "instruct", STOVES.format(first, last), "--account", "Alice Ltd", "--to", "holder")
    return str(told["instruction_id"])


class Running:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def health(self) -> str:
        """Its status; none while it does not listen yet."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return str(json.loads(connection.getresponse().read())["status"])
        except ConnectionRefusedError:
            return "none"
        finally:
            connection.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)


@contextmanager
def daemon(office: Office) -> Iterator[Running]:
    port = free_port()
    command = [*COMMAND, "operator", "run", "--port", str(port), "--interval", "0.2", "--log", "json"]
    environment = os.environ | {
        "CARBONBRIDGE_CONFIG": str(office.folder / "carbonbridge.toml"),
        "CARBONBRIDGE_PASSWORD": PASSWORD,
    }
    log = office.folder / f"daemon-{port}.log"
    with log.open("w") as heard, subprocess.Popen(command, env=environment, stderr=heard, text=True) as process:
        try:
            yield Running(process, port)
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(30)
    said = log.read_text()
    office.transcript.append(said)
    assert "Traceback" not in said
    assert ended in (0, -signal.SIGKILL)


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def owned(office: Office) -> int:
    return sum(row["units"] for row in office.told("holder", "balance")["holdings"])


def test_it_serves_depositors_and_holders_and_goes_on_after_a_kill(office: Office) -> None:
    order(office, 1, 100)
    with daemon(office) as running:
        until(lambda: owned(office) == 100)
        order(office, 101, 200)
        request = office.told("holder", "retire", "GS 11236", "30", "--for", "Acme")["request_id"]
        running.kill()
    before = owned(office)
    assert before in (70, 170)
    with daemon(office) as running:
        until(lambda: owned(office) == 170)
        until(lambda: office.run("holder", "certificate", request).code == 0)
        until(lambda: running.health() == "ok")
        again = office.run("operator", "run", "--port", "0")
        assert (again.code, "another process does this journal's daemon" in again.err) == (5, True)
    assert office.told("operator", "status") == []
    assert office.told("compliance", "reconcile")["clean"]


def test_its_log_is_for_machines_and_holds_no_secret(office: Office) -> None:
    with daemon(office) as running:
        until(lambda: running.health() == "ok")
    lines = [line for line in office.transcript[-1].splitlines() if line.startswith("{")]
    events = [json.loads(line) for line in lines]
    assert [events[0]["event"], events[-1]["event"]] == ["started", "stopped"]
    assert all(event["timestamp"].endswith("Z") and event["level"] for event in events)
    assert PASSWORD not in office.transcript[-1]


def test_a_machine_is_looked_at_before(office: Office) -> None:
    checks = {one["subject"]: one["verdict"] for one in office.told("operator", "check")}
    assert {checks[name] for name in ("chain", "bridge code", "office code", "remedies code", "lens code")} == {"holds"}
    assert {checks[name] for name in ("GS's attesters", "operator's allowance", "journal", "registry")} == {"holds"}
    shown = office.done("operator", "check")
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_what_is_missing_fails_with_advice(office: Office, tmp_path: Path) -> None:
    poor = Office(tmp_path)
    text = (office.folder / "carbonbridge.toml").read_text()
    (tmp_path / "carbonbridge.toml").write_text(text.replace("threshold = 2", "threshold = 1"))
    (tmp_path / "keys").mkdir()
    for key in (office.folder / "keys").glob("*.json"):
        (tmp_path / "keys" / key.name).write_bytes(key.read_bytes())
    (tmp_path / "keys" / "operator.json").write_bytes((office.folder / "keys" / "guardian.json").read_bytes())
    ran = poor.run("operator", "check", "--json")
    assert ran.code == 1
    failed = {one["subject"] for one in json.loads(ran.out) if one["verdict"] == "fails"}
    assert "operator's allowance" in failed
    assert "GS's threshold" in failed


def test_without_a_node_everything_else_is_looked_at(office: Office, tmp_path: Path) -> None:
    away = Office(tmp_path)
    text = (office.folder / "carbonbridge.toml").read_text()
    head, _, rest = text.partition("rpc = ")
    (tmp_path / "carbonbridge.toml").write_text(
        f'{head}rpc = "http://127.0.0.1:{free_port()}"\n{rest.partition(chr(10))[2]}'
    )
    (tmp_path / "keys").symlink_to(office.folder / "keys")
    ran = away.run("operator", "check", "--json")
    found = {one["subject"]: one for one in json.loads(ran.out)}
    assert ran.code == 1
    assert "did not answer" in found["node"]["advice"]
    assert found["passwords"]["verdict"] == "holds"
