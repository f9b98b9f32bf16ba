"""The daemon under a steady load of deposits, retirements and redemptions: does it grow or slow down with time?

On anvil with a block a second and a finality of two blocks; users and daemon are processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.request import urlopen

from anvil import anvil

from bridge import bootstrap, settings
from bridge.cli.naming import read_serial
from bridge.domain.lifecycle import Kind
from bridge.domain.values import Hex32
from bridge.flow.hold import Holder, ask, plan_request
from bridge.journal.store import Journal
from bridge.registry.ledger import Ledger
from bridge.registry.port import Instruction

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
UNITS, ASKED = 10, 3
"""Units of a deposit, and of a request."""
DAY = 86_400
PASSWORD = "for a rehearsal"  # noqa: S105 of keys that live as long as this script
COMMAND = [str(Path(sys.executable).with_name("carbonbridge"))]


class Sample(NamedTuple):
    """`acts`: deposits minted and requests executed so far. `turns` and `turn_seconds` since the daemon began."""

    seconds: float
    acts: int
    deposits: int
    rss_kb: int
    journal_bytes: int
    turns: float
    turn_seconds: float


class Load:
    """Alice orders deposits and asks for retirements and redemptions; what ends is heard from the journal's moves."""

    def __init__(self, config: settings.Settings) -> None:
        self.config = config
        self.books: Ledger = bootstrap.ledger(config)
        self.journal: Journal = bootstrap.journal(config)
        self.holder: Holder = bootstrap.holder(config, "holder", lambda _: PASSWORD)
        self.credit_class = read_serial(STOVES.format(1, 1), None, None).credit_class
        self.begun: dict[Hex32, float] = {}
        self.latency: dict[str, list[float]] = {"minted": [], "executed": []}
        self.serial, self.heard, self.orders, self.asked = 1, self.journal.last_move(), 0, 0

    def order(self) -> None:
        read = read_serial(STOVES.format(self.serial, self.serial + UNITS - 1), None, None)
        self.serial += UNITS
        self.books.issue(f"issue {read.range}", read.range, self.credit_class.id, "alice")
        self.orders += 1
        given = Instruction(
            instruction_id=f"0x{self.orders:064x}",
            registry=self.credit_class.registry,
            account="alice",
            range=read.range,
            deployment=self.holder.contract.deployment,
            recipient=self.holder.sender.address,
            not_after=self.holder.contract.connection.head().timestamp + DAY,
        )
        self.begun[given.instruction_id] = time.monotonic()
        self.books.instruct(given)

    def ask(self) -> None:
        self.asked += 1
        kind, for_ = (Kind.RETIREMENT, "Acme") if self.asked % 2 else (Kind.REDEMPTION, "alice")
        request_id = plan_request(self.holder, kind, self.credit_class.id, ASKED, for_, "a soak")
        self.begun[request_id] = time.monotonic()
        ask(self.holder, request_id)

    def listen(self) -> None:
        now = time.monotonic()
        for move in self.journal.moves_after(self.heard):
            self.heard = move.id
            if move.new not in self.latency:
                continue
            deposit = self.journal.deposit(move.subject)
            begun = self.begun.pop(deposit.instruction_id if deposit else move.subject, None)
            if begun is not None:
                self.latency[move.new].append(now - begun)

    @property
    def acts(self) -> int:
        return sum(len(ended) for ended in self.latency.values())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=5)
    arguments.add_argument("--a-second", type=float, default=2, help="deposits; as many requests follow")
    arguments.add_argument("--quick", action="store_true", help="half a minute")
    given = arguments.parse_args()
    minutes = 0.5 if given.quick else given.minutes
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        url = running.enter_context(anvil("--block-time", "1"))
        config = set_up(Path(folder), url)
        process, port = running.enter_context(daemon(Path(folder)))
        load = Load(config)
        samples = soak(load, process.pid, port, minutes * 60, given.a_second)
        drained = drain(load)
    show(samples, load.latency, drained)


def soak(load: Load, pid: int, port: int, seconds: float, a_second: float) -> list[Sample]:
    """Orders and asks in turns, so that there is always something to ask for, and looks at the daemon now and then."""
    start = time.monotonic()
    samples = [sample(load, pid, port, 0)]
    while (now := time.monotonic() - start) < seconds:
        while load.orders < now * a_second:
            load.order()
        if load.asked < len(load.latency["minted"]):
            load.ask()
        load.listen()
        if now - samples[-1].seconds > seconds / 40:
            samples.append(sample(load, pid, port, now))
        time.sleep(0.05)
    return [*samples, sample(load, pid, port, seconds)]


def drain(load: Load) -> bool:
    """Whether everything that was begun has ended a minute later."""
    until = time.monotonic() + 60
    while load.begun and time.monotonic() < until:
        load.listen()
        time.sleep(0.05)
    return not load.begun


def sample(load: Load, pid: int, port: int, seconds: float) -> Sample:
    rss = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    file = load.config.journal.file
    if rss is None or file is None:
        raise LookupError("the daemon has ended, or its journal is no file")
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        found = re.findall(r"^carbonbridge_turn_seconds_(count|sum) (\S+)", answer.read().decode(), re.MULTILINE)
    turned: Mapping[str, float] = {name: float(value) for name, value in found}
    return Sample(
        seconds=seconds,
        acts=load.acts,
        deposits=len(load.latency["minted"]),
        rss_kb=int(rss.group(1)),
        journal_bytes=file.stat().st_size,
        turns=turned["count"],
        turn_seconds=turned["sum"],
    )


def show(samples: list[Sample], latency: Mapping[str, list[float]], drained: bool) -> None:
    first, middle, last = samples[0], samples[len(samples) // 2], samples[-1]
    print(f"{'':<34}{'start':>10}{'middle':>10}{'end':>10}")
    for name, of in (("deposits minted", "deposits"), ("acts ended", "acts"), ("daemon's memory, kB", "rss_kb")):
        print(f"{name:<34}" + "".join(f"{getattr(one, of):>10,}" for one in (first, middle, last)))
    halves = [(first, middle), (middle, last)]
    turns = [(b.turn_seconds - a.turn_seconds) / max(b.turns - a.turns, 1) for a, b in halves]
    grown = [slope(half, "journal_bytes") for half in (samples[: len(samples) // 2], samples[len(samples) // 2 :])]
    print(f"{'a turn, seconds, each half':<34}{'':>10}{turns[0]:>10.3f}{turns[1]:>10.3f}")
    print(f"{'journal bytes an act, each half':<34}{'':>10}{grown[0]:>10,.0f}{grown[1]:>10,.0f}")
    memory = 1000 * slope(samples[len(samples) // 2 :], "rss_kb")
    print(f"memory, second half: {memory:+,.0f} kB per 1,000 acts")
    spread = {what: percentiles(seconds) for what, seconds in latency.items()}
    for what, (p50, p95, p99) in spread.items():
        print(f"to {what}: p50 {p50:.1f} s, p95 {p95:.1f} s, p99 {p99:.1f} s")
    print("everything has ended" if drained else "Warning: not everything has ended")
    result = {
        "name": "soak",
        "seconds": round(last.seconds),
        "acts": last.acts,
        "rss_kb": [first.rss_kb, middle.rss_kb, last.rss_kb],
        "rss_kb_per_1000_acts": round(memory),
        "turn_seconds": [round(one, 4) for one in turns],
        "journal_bytes_per_act": [round(one) for one in grown],
        "drained": drained,
    } | {f"{what}_seconds": [round(one, 2) for one in three] for what, three in spread.items()}
    print(json.dumps(result))


def slope(samples: list[Sample], of: str) -> float:
    """How much more of it an act, by the regression's line; without acts there is none."""
    acts = [one.acts for one in samples]
    if len(set(acts)) < 2:
        return 0.0
    return statistics.linear_regression(acts, [getattr(one, of) for one in samples]).slope


def percentiles(seconds: list[float]) -> tuple[float, float, float]:
    if len(seconds) < 2:
        return (0.0, 0.0, 0.0)
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


# ------------------------------------------------------------------ processes


@contextmanager
def daemon(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [*COMMAND, "operator", "run", "--port", "0", "--interval", "0.5", "--log", "json"]
    with (
        (folder / "daemon.log").open("w") as log,
        subprocess.Popen(command, text=True, stderr=subprocess.PIPE) as process,
    ):
        try:
            told = (process.stderr.readline() if process.stderr else "") or ""
            found = re.search(r"127\.0\.0\.1:(\d+)", told)
            if found is None:
                raise SystemExit(f"the daemon did not start: {told}")
            Thread(target=lambda: log.writelines(process.stderr or []), daemon=True).start()
            yield process, int(found.group(1))
        finally:
            process.terminate()
            process.wait(60)


def set_up(folder: Path, url: str) -> settings.Settings:
    """A configuration with keys and a deployed contract, as a user makes them."""
    os.environ |= {"CARBONBRIDGE_CONFIG": str(folder / "carbonbridge.toml"), "CARBONBRIDGE_PASSWORD": PASSWORD}
    carbonbridge("init", "--dev", "--rpc", url)
    file = folder / "carbonbridge.toml"
    file.write_text(file.read_text().replace("finality = 0", "finality = 2"))
    for command in (
        ("dev", "fund"),
        ("operator", "deploy"),
        ("operator", "class", STOVES.format(1, 1)),
        ("registry", "account", "alice"),
        ("registry", "issue", STOVES.format(900_000_001, 900_000_001), "--account", "alice"),
    ):
        carbonbridge(*command)
    return settings.load()


def carbonbridge(*arguments: str) -> None:
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
