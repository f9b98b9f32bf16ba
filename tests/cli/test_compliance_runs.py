"""Compliance at work from the command line: runs, acknowledgements, signatures, anchors, alerts and the breaker."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bridge import bootstrap, settings
from bridge.domain.attestations import Attested, Lock, typed_data
from bridge.domain.observed import Minted
from bridge.domain.serials import SerialRange
from bridge.domain.values import hex32
from tests.cli.office import COMMAND, PASSWORD, Office, chain_process, free_port
from tests.cli.test_running import Running, until

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
SECRET = "a secret of the receiver and us"


class Desk:
    """Who is told: keeps what arrives, whatever it is."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                desk.heard.append((dict(self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def told(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, desk: Desk) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("compliance"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        made.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        secret = made.folder / "desk.secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        hook = f'[compliance.alerts.webhooks.desk]\nurl = "{desk.url}"\nsecret_file = "desk.secret"\ntries = 1\n'
        file = made.folder / "carbonbridge.toml"
        file.write_text(f"{file.read_text()}\n[compliance.breaker]\nenabled = true\n\n{hook}")
        order = made.told(*("registry", "instruct", STOVES.format(1, 100), "--account", "Alice Ltd", "--to", "holder"))
        made.done("operator", "deposit", str(order["instruction_id"]))
        yield made


def test_the_whole_story_of_a_break(office: Office, desk: Desk, tmp_path: Path) -> None:
    assert office.told("compliance", "reconcile")["run"]["number"] == 1
    assert desk.heard == []
    assert office.run("compliance", "reconcile", "--quiet").out == ""

    mint_without_a_lock(office, 2001, 2050)
    report = tmp_path / "report.html"
    ran = office.run("compliance", "reconcile", "--out", str(report), "--format", "html", "--lang", "ja", "--sign")
    assert ran.code == 1, ran
    assert "発行停止装置" in ran.out
    stored = json.loads((tmp_path / "report.json").read_bytes())
    [finding] = [f for f in stored["findings"] if f["rule"] == "tokenized-without-lock"]
    assert (stored["run"]["number"], stored["run"]["pause"]["outcome"]) == (3, "paused")

    # told once, and signed
    [(headers, body)] = desk.heard
    told = json.loads(body)
    stamp, _, mac = headers["X-Carbonbridge-Signature"].partition(",v1=")
    wanted = hmac.new(SECRET.encode(), f"{stamp[2:]}.".encode() + body, hashlib.sha256).hexdigest()
    assert (mac, headers["Idempotency-Key"]) == (wanted, told["alert_id"])
    assert finding["id"] in [one["id"] for one in told["new"]]
    assert told["pause"]["outcome"] == "paused"

    # the admin unpauses: the same proof does not pause again
    office.done("compliance", "unpause")
    again = office.told("compliance", "reconcile", code=1)
    assert (again["run"]["pause"], len(desk.heard)) == (None, 1)
    office.done("compliance", "pause")

    # acknowledged, it is still a break; the exit code is the caller's choice
    for one in stored["findings"]:
        if one["severity"] == "break":
            office.done("compliance", "acknowledge", one["id"], "--reason", "corrected on Monday", "--by", "Aya Sato")
    marked = office.run("compliance", "reconcile")
    assert marked.code == 1
    assert "Acknowledged by Aya Sato" in marked.out
    assert office.run("compliance", "reconcile", "--accept-acknowledged").code == 0

    # signed, anchored, verified; an altered file is named
    verify = ("compliance", "verify", str(tmp_path / "report.json"), "--also", str(report))
    assert office.run(*verify).code == 0
    office.done("compliance", "anchor", str(tmp_path / "report.json"), "--deploy")
    assert "nothing is left to do" in office.done("compliance", "anchor", str(tmp_path / "report.json"))
    checks = {one["subject"]: one["verdict"] for one in office.told(*verify)}
    assert checks == dict.fromkeys(("report", "signed hash", "signature", "signer", "anchor", "report.html"), "holds")
    altered = tmp_path / "altered"
    altered.mkdir()
    for file in tmp_path.glob("report.*"):
        shutil.copy(file, altered)
    (altered / "report.json").write_bytes(
        (altered / "report.json").read_bytes().replace(b"tokenized-without-lock", b"claim-unretired")
    )
    failed = failing(office, altered / "report.json", altered / "report.html")
    assert failed == {"signed hash", "anchor", "report.html"}
    (altered / "report.html").write_text(report.read_text().replace("2001-2050", "2001-2040"))
    assert failing(office, tmp_path / "report.json", altered / "report.html") == {"report.html"}
    assert failing(office, tmp_path / "report.json", by="operator") == {"signer", "anchor"}

    # every run is kept
    shown = office.told("compliance", "history")
    assert [one["number"] for one in shown] == list(range(len(shown), 0, -1))
    office.done("compliance", "history", "--run", "3", "--out", str(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "report.json").read_bytes()
    story = office.told("compliance", "history", "--finding", finding["id"][:14])
    assert (story["seen"][0], story["words"][0]["by"]) == (3, "Aya Sato")
    assert SECRET not in "".join(office.transcript)


def failing(office: Office, report: Path, *also: Path, by: str | None = None) -> set[str]:
    options = [word for path in also for word in ("--also", str(path))] + (["--by", by] if by else [])
    found = office.told("compliance", "verify", str(report), *options, code=1)
    return {one["subject"] for one in found if one["verdict"] == "fails"}


def mint_without_a_lock(office: Office, first: int, last: int) -> None:
    """The keys of a quorum and of the operator are stolen: serials are minted that the registry does not have."""
    config = settings.load(office.folder / "carbonbridge.toml")
    contract = bootstrap.contract(config)
    minted = next(event for event in contract.events(0, contract.connection.head().number, Minted))
    assert isinstance(minted, Minted)
    span = SerialRange(space=minted.range.space, first=first, last=last)
    lock = Lock(
        lock_id=hex32(first),
        class_id=minted.class_id,
        range=span,
        recipient=minted.recipient,
        not_after=contract.connection.head().timestamp + 3600,
    )
    attesters = sorted(
        (bootstrap.signer(config, name, lambda _: PASSWORD) for name in ("attester-1", "attester-2")),
        key=lambda signer: signer.address,
    )
    document = typed_data(contract.deployment, [lock])
    attested = Attested(
        items=(lock,),
        signers=tuple(signer.address for signer in attesters),
        signatures=tuple(signer.sign(document) for signer in attesters),
    )
    bootstrap.sender(config, "operator", lambda _: PASSWORD).send_and_wait(contract.mint(attested))


def test_it_watches_by_itself_and_stops_when_it_is_told(office: Office, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [*COMMAND, "compliance", "watch", "--every", "1h", "--port", str(port), "--log", "json"]
    environment = {
        "CARBONBRIDGE_CONFIG": str(office.folder / "carbonbridge.toml"),
        "CARBONBRIDGE_PASSWORD": PASSWORD,
        "PATH": "",
    }
    reports = ["--reports", str(tmp_path), "--sign"]
    with log.open("w") as heard, subprocess.Popen([*command, *reports], env=environment, stderr=heard) as process:
        running = Running(process, port)  # type: ignore[arg-type]
        until(lambda: running.health() == "ok")
        again = office.run("compliance", "watch", "--port", "0")
        assert (again.code, "another process does compliance's watch" in again.err) == (5, True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [events[0]["event"], events[-1]["event"]] == ["started", "stopped"]
    assert {"run"} <= {event["event"] for event in events}
    [report] = [path for path in tmp_path.glob("run-*.json") if not path.name.endswith(".sig.json")]
    assert failing(office, report, report.with_suffix(".html")) == {"anchor"}
    assert PASSWORD not in log.read_text()
    assert SECRET not in log.read_text()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("reconcile", "--sign"), "name a file with --out"),
        (("reconcile", "--format", "pdf"), "no format"),
        (("reconcile", "--out", "report.json", "--format", "html"), "name the file for its form"),
        (("watch", "--every", "soon"), "is no time"),
        (("watch", "--every", "1s"), "too short"),
        (("acknowledge", "0xabcdef", "--reason", " ", "--by", "Aya"), "has a reason and a name"),
        (("acknowledge", "0xabcdef", "--reason", "known", "--by", "Aya"), "no run has seen"),
        (("history", "--run", "9999"), "no run 9999"),
    ],
)
def test_what_makes_no_sense_is_refused(office: Office, words: tuple[str, ...], why: str) -> None:
    assert why in office.refused(2, "compliance", *words)
