"""The moments at which a process touches the world, each a place where the world can fail it.

A point is passed after each commit of the journal, each call of the registry and each call of the node. At a chosen
point one fault happens, for good or once; everything else is honest.
"""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests
from eth_account import Account

from bridge.chain import transactions
from bridge.domain.observed import BlockStamp
from bridge.domain.values import keccak_hex, to_bytes
from bridge.flow import advance
from bridge.flow.bridge import Bridge
from bridge.journal.store import Journal
from tests.faults.anvil import Anvil
from tests.faults.faults import Fault, possible
from tests.faults.registries import Call, Wire
from tests.flow.world import DAY, World

_PAGE = 4096
_DEEP = 6
"""Blocks, where two are not final; never those from before the act."""


class Points:
    """Installed in a process that is forked for it; nothing is ever taken back."""

    def __init__(self, faults: Mapping[int, Fault], world: World, wire: Wire) -> None:
        self.passed: list[str] = []
        self.worlds: list[str] = []
        self.looks = False
        self._due, self._folder = sorted(faults.items()), world.folder
        self._chain: Anvil = world.chain  # type: ignore[assignment]
        self._wire = wire
        names = ("operator", "alice", "bob")
        self._journals = {world.address(name): self._folder / f"{name}.db" for name in names}
        self._down: set[str] = set()
        self._behind = False

    def install(self) -> None:
        transactions._WAIT_SECONDS = 5  # anvil takes at once what it takes at all
        self._watch_journal()
        self._watch_turns()
        self._chain.between = self._ask_node
        self._wire.between = self._ask_registry

    def _next(self, point: str) -> Fault | None:
        """The first fault that is due and can happen here: no two tellings pass quite the same points."""
        if self.looks:
            self.worlds.append(self._look())
        self.passed.append(point)
        for due in self._due:
            at, fault = due
            if at <= len(self.passed) and fault in possible(point):
                self._due.remove(due)
                self._write_down("met", f"{fault} at {point}")
                return fault
        return None

    def _look(self) -> str:
        """What a process that dies here would leave: the chain with its pool, and every file."""
        files = sorted(self._folder.iterdir())
        stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return repr((self._chain.rpc("eth_getBlockByNumber", "latest", False), self._chain.rpc("txpool_status"), stats))

    def _write_down(self, name: str, line: str) -> None:
        with (self._folder / name).open("a") as file:
            file.write(f"{line}\n")

    # ----------------------------------------------------------------- journal

    def _watch_journal(self) -> None:
        honest = Journal._write
        points = self

        @contextmanager
        def write(journal: Journal) -> Any:
            with honest(journal) as session:
                yield session
            match points._next("journal write"):
                case Fault.RESTORED:
                    points._put_back()
                    die()
                case Fault.DEEP:
                    points._deep()
                case fault:
                    befall(fault)

        Journal._write = write  # type: ignore[method-assign]

    def _watch_turns(self) -> None:
        honest = advance._turn
        points = self

        def turn(bridge: Bridge) -> BlockStamp:
            with (points._folder / "turning").open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    points._write_down("doubled", "two processes turned one journal's wheel at once")
                return honest(bridge)

        advance._turn = turn

    # -------------------------------------------------------------------- node

    def _ask_node(self, method: str, parameters: Any, ask: Callable[[], Any]) -> Any:
        fault = self._next(f"node {method}")
        if method == "eth_sendRawTransaction":
            self._look_whether_stored(parameters[0])
        if fault is Fault.DOWN:
            self._down.add("node")
        if fault is Fault.SILENT or "node" in self._down:
            raise requests.ConnectionError("injected")
        if fault is Fault.BEHIND:
            self._behind = True
        if fault is Fault.DROPPED:
            return {"jsonrpc": "2.0", "id": 1, "result": keccak_hex(to_bytes(parameters[0]))}
        answer = ask()
        if fault is Fault.TWICE:
            answer = ask()
        if fault is Fault.LYING:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "injected: try again"}}
        if fault is Fault.KILL:
            die()
        if fault is Fault.LOST:
            raise requests.Timeout("injected")
        if fault is Fault.REORG:
            self._chain.reorganise()
        if fault is Fault.DEEP:
            self._deep()
        return self._older(method, parameters, answer) if self._behind else answer

    def _look_whether_stored(self, raw: str) -> None:
        """Before a send: a kill after it would show nothing, since the bridge finds on chain what its journal lacks."""
        journal = self._journals.get(Account.recover_transaction(raw).lower())
        tx_hash = keccak_hex(to_bytes(raw))
        if journal is not None:
            with closing(sqlite3.connect(journal)) as database:
                if not database.execute("SELECT 1 FROM transactions WHERE hash = ?", (tx_hash,)).fetchone():
                    self._write_down("lost", f"transaction {tx_hash} was sent before it was stored")

    def _older(self, method: str, parameters: Any, answer: Any) -> Any:
        """A node behind a balancer that has not caught up: it names an older block as the newest."""
        newest = max(0, self._chain.height() - 6)
        if method == "eth_blockNumber":
            return {**answer, "result": hex(newest)}
        if method == "eth_getBlockByNumber" and parameters[0] == "latest":
            return {**answer, "result": self._chain.rpc(method, hex(newest), parameters[1])}
        return answer

    def _deep(self) -> None:
        """What was final leaves the chain, as far as the act's beginning; who has acted upon it must halt now."""
        begun = int((self._folder / "begun").read_text())
        if blocks := min(_DEEP, self._chain.height() - begun):
            self._chain.reorganise(blocks)
        if is_cut_off(self._chain, self._folder / "operator.db"):
            (self._folder / "cut off").touch()

    def _put_back(self) -> None:
        """A backup, by people who know that nobody works on the journal."""
        (self._folder / "cut off").unlink(missing_ok=True)
        for old in self._folder.glob("operator.db*"):
            old.unlink()
        for kept in (self._folder / "backup").iterdir():
            shutil.copy(kept, self._folder)

    # ---------------------------------------------------------------- registry

    def _ask_registry(self, call: Call) -> Any:
        fault = self._next(f"{call.kind} {call.verb}")
        if fault in (Fault.DOWN, Fault.WEEK):
            self._down.add("registry")
        if fault is Fault.DEAF:
            self._down.add("answers")
        if fault is Fault.WEEK:
            self._chain.pass_seconds(7 * DAY)
        if fault is Fault.BUSY:
            return call.busy()
        if fault is Fault.LATE:
            call.delay()
        if fault in (Fault.SILENT, Fault.LATE) or "registry" in self._down:
            raise call.silence("injected: no answer")
        answer = call.ask()
        if fault is Fault.TWICE:
            answer = call.ask()
        if fault is Fault.KILL:
            die()
        if fault is Fault.LOST or "answers" in self._down:
            raise call.silence("injected: the answer was lost")
        return answer


def is_cut_off(chain: Anvil, journal: Path) -> bool:
    """Whether a block that its bridge has acted upon has left the chain."""
    cursor = _cursor(journal)
    if cursor is None:
        return False
    block = chain.rpc("eth_getBlockByNumber", hex(cursor[0]), False)
    return block is None or bool(block["hash"] != cursor[1])


def is_lacking(chain: Anvil, journal: Path) -> bool:
    """Whether the node has no block at all where its bridge has acted: now and then anvil loses one when it is told to
    reorganise below others. Then nobody can tell another history from a node that is behind."""
    cursor = _cursor(journal)
    return cursor is not None and chain.rpc("eth_getBlockByNumber", hex(cursor[0]), False) is None


def _cursor(journal: Path) -> tuple[int, str] | None:
    with closing(sqlite3.connect(journal)) as database:
        found: tuple[int, str] | None = database.execute("SELECT block, block_hash FROM cursors").fetchone()
        return found


def befall(fault: Fault | None) -> None:
    """What happens to this process or its machine."""
    match fault:
        case Fault.KILL:
            die()
        case Fault.FULL:
            # Larger than what is reported here, smaller than any database.
            resource.setrlimit(resource.RLIMIT_FSIZE, (_PAGE, _PAGE))
        case Fault.CLOCK:
            real = time.time
            time.time = lambda: real() + 365 * DAY  # type: ignore[assignment]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
