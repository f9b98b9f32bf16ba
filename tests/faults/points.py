"""The moments at which a process touches the world, each a place where the world can fail it.

A point is passed after each commit of the journal, each call of the registry and each call of the node. At a chosen
point one fault happens, for good or once; everything else is honest. What can happen where stands at `Fault`.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import Any

import requests
from eth_account import Account
from web3 import HTTPProvider

from bridge.chain import transactions
from bridge.domain.observed import BlockStamp
from bridge.domain.values import keccak_hex, to_bytes
from bridge.errors import Unreachable
from bridge.flow import advance
from bridge.flow.bridge import Bridge
from bridge.journal.store import Journal
from tests.flow.world import DAY, World

_PAGE = 4096


class Fault(StrEnum):
    # anywhere
    KILL = "kill"  # SIGKILL after it
    # the registry and the node
    SILENT = "silent"  # no answer, and nothing was done
    LOST = "lost"  # done, and the answer is lost
    TWICE = "twice"  # done twice, and answered twice, as by a proxy that repeats
    DOWN = "down"  # no answer from here on
    # the registry
    WEEK = "week"  # no answer from here on, while a week passes on the chain
    # the node
    BEHIND = "behind"  # it lies about `latest` from here on: the chain as it was some blocks ago
    REORG = "reorg"  # what is not final is taken back, and its transactions are forgotten
    DROPPED = "dropped"  # it takes a transaction, and forgets it
    LYING = "lying"  # it takes a transaction, and reports an error
    # this machine
    FULL = "full"  # no file grows from here on
    CLOCK = "clock"  # its clock jumps by a year


JOURNAL = (Fault.KILL, Fault.FULL, Fault.CLOCK)
REGISTRY = (Fault.KILL, Fault.SILENT, Fault.LOST, Fault.TWICE, Fault.DOWN, Fault.WEEK)
NODE = (Fault.KILL, Fault.SILENT, Fault.LOST, Fault.TWICE, Fault.DOWN, Fault.BEHIND, Fault.REORG)
SENDING = (*NODE, Fault.DROPPED, Fault.LYING)
SEND = "node eth_sendRawTransaction"


def possible(point: str) -> tuple[Fault, ...]:
    room = point.partition(" ")[0]
    if room == "journal":
        return JOURNAL
    if room == "registry":
        return REGISTRY
    return SENDING if point == SEND else NODE


def changes_something(point: str) -> bool:
    """Whether the world is another one after it: all but the node's answers to questions."""
    return not point.startswith("node ") or point == SEND


class Points:
    """Installed in a process that is forked for it; nothing is ever taken back."""

    def __init__(self, faults: Mapping[int, Fault], world: World) -> None:
        self.passed: list[str] = []
        self._due, self._chain, self._folder = sorted(faults.items()), world.chain, world.folder
        self._journals = {world.address(name): self._folder / f"{name}.db" for name in ("operator", "alice")}
        self._down: set[str] = set()
        self._behind = False

    def install(self) -> None:
        transactions._WAIT_SECONDS = 5  # anvil takes at once what it takes at all
        self._watch_journal()
        self._watch_node()
        self._watch_turns()

    def registry(self, registry: Any) -> Any:
        return _Watched(registry, self)

    def _next(self, point: str) -> Fault | None:
        """The first fault that is due and can happen here: no two tellings pass quite the same points."""
        self.passed.append(point)
        for due in self._due:
            at, fault = due
            if at <= len(self.passed) and fault in possible(point):
                self._due.remove(due)
                self._write_down("met", f"{fault} at {point}")
                return fault
        return None

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
                case Fault.KILL:
                    _die()
                case Fault.FULL:
                    # Larger than what is reported here, smaller than any database.
                    resource.setrlimit(resource.RLIMIT_FSIZE, (_PAGE, _PAGE))
                case Fault.CLOCK:
                    real = time.time
                    time.time = lambda: real() + 365 * DAY  # type: ignore[assignment]

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

    def _watch_node(self) -> None:
        points = self

        def make_request(provider: HTTPProvider, method: Any, parameters: Any) -> Any:
            def ask() -> Any:
                call = provider.encode_rpc_request(method, parameters)
                return provider.decode_rpc_response(points._chain.post(call))

            return points._ask_node(str(method), parameters, ask)

        HTTPProvider.make_request = make_request  # type: ignore[method-assign]

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
            _die()
        if fault is Fault.LOST:
            raise requests.Timeout("injected")
        if fault is Fault.REORG:
            self._chain.reorganise()
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
        newest = max(0, int(self._chain.rpc("eth_blockNumber"), 16) - 6)
        if method == "eth_blockNumber":
            return {**answer, "result": hex(newest)}
        if method == "eth_getBlockByNumber" and parameters[0] == "latest":
            return {**answer, "result": self._chain.rpc(method, hex(newest), parameters[1])}
        return answer

    # ---------------------------------------------------------------- registry

    def ask_registry(self, verb: str, ask: Callable[[], Any]) -> Any:
        fault = self._next(f"registry {verb}")
        if fault in (Fault.DOWN, Fault.WEEK):
            self._down.add("registry")
        if fault is Fault.WEEK:
            self._chain.pass_seconds(7 * DAY)
        if fault is Fault.SILENT or "registry" in self._down:
            raise Unreachable("injected: the registry did not answer")
        answer = ask()
        if fault is Fault.TWICE:
            answer = ask()
        if fault is Fault.KILL:
            _die()
        if fault is Fault.LOST:
            raise Unreachable("injected: the registry's answer was lost")
        return answer


class _Watched:
    """The port, with a point at each call."""

    def __init__(self, registry: Any, points: Points) -> None:
        self._registry, self._points = registry, points

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._registry, name)
        if name.startswith("_") or not callable(value):
            return value
        return lambda *arguments: self._points.ask_registry(name, lambda: value(*arguments))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
