"""The registry in a process of its own, with its database and the attesters' keys; started again when it dies."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal
from sqlalchemy.engine.default import DefaultDialect

from bridge.bootstrap import Rehearsal
from bridge.registry.service.app import create_app
from bridge.registry.service.calls import Service
from bridge.registry.service.rates import Rates
from bridge.registry.service.server import LOOPBACK, Server, bound
from bridge.registry.service.tokens import SCOPES
from tests.faults.anvil import Anvil
from tests.faults.faults import Fault
from tests.faults.points import befall
from tests.registry.served import UNLIMITED, InProcess

MOST_STARTS = 40


class RegistryProcess:
    """`folder` holds its database. The socket stays open while nobody answers on it."""

    def __init__(self, chain: Anvil, rehearsal: Rehearsal, folder: Path) -> None:
        self._chain, self._rehearsal, self._folder = chain, rehearsal, folder
        self._listener = bound(LOOPBACK, 0)
        self.url = f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"
        self._process, self._starts = 0, 0
        self._life: dict[int, Fault] = {}
        self.token = self._service().tokens.create(
            "story", [scope for scope in SCOPES if scope != "depositor"], rehearsal.contract.deployment
        )[1]
        self._app = create_app(self._service())
        Server(self._app, self._listener).config.load()  # so that no child has to

    def _service(self) -> Service:
        books = self._rehearsal.open_ledger(self._folder)
        return Service.of(self._rehearsal.open_registry(books), lambda: int(time.time()), Rates(UNLIMITED))

    @contextmanager
    def within(self) -> Iterator[httpx.BaseTransport]:
        """The same in this process, for who warms it up."""
        self._app.state.service = self._service()
        with start_blocking_portal() as portal:
            yield InProcess(self._app, portal)
        del self._app.state.service

    @property
    def commits(self) -> int:
        counted = self._folder / "commits"
        return counted.stat().st_size if counted.exists() else 0

    # ----------------------------------------------------------------- process

    def start(self, life: dict[int, Fault]) -> None:
        """Anew, and fresh. `life`: what happens after which of its commits, counted from the act's beginning."""
        self.stop()
        self._life, self._starts = life, 0
        self._start()

    def _start(self) -> None:
        self._starts += 1
        self._process = os.fork()
        if self._process == 0:
            try:
                self._serve()
            except BaseException as error:
                (self._folder / "bugs").write_text(f"the registry died of {error!r}\n")
            finally:
                os._exit(3)

    def _serve(self) -> None:
        gc.disable()
        self._chain.reconnect()
        self._count_commits()
        self._app.state.service = self._service()
        Server(self._app, self._listener).serve_until_stopped()

    def stop(self) -> None:
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = 0

    def look_after(self) -> None:
        """Starts it again when it has died."""
        if self._process and os.waitpid(self._process, os.WNOHANG)[0]:
            self._process = 0
            if self._starts > MOST_STARTS:
                raise RuntimeError("the registry's process cannot be kept alive")
            self._start()

    def _count_commits(self) -> None:
        """Those that have changed something."""
        honest, one_at_a_time, seen = DefaultDialect.do_commit, Lock(), dict[int, int]()

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            honest(dialect, connection)
            raw: sqlite3.Connection = connection.driver_connection
            if raw.total_changes != seen.get(id(raw), 0):
                seen[id(raw)] = raw.total_changes
                with one_at_a_time:
                    self._committed()

        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    def _committed(self) -> None:
        with (self._folder / "commits").open("a") as file:
            file.write(".")
        fault = self._life.get(self.commits)
        if fault is not None:
            with (self._folder / "met").open("a") as file:
                file.write(f"{fault} at the registry's commit {self.commits}\n")
            befall(fault)
