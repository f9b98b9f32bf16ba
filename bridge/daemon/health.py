"""Whether the daemon does its work, for whoever asks over HTTP on this machine."""

from __future__ import annotations

import time
from threading import Lock
from typing import Literal

from bridge.domain.values import Fact
from bridge.errors import BridgeError, Halted, Unreachable


class State(Fact):
    """`seconds` since the last turn ended; `what` was met in it."""

    status: Literal["starting", "ok", "waiting", "unreachable", "halted", "stuck"]
    seconds: float
    what: str = ""

    @property
    def good(self) -> bool:
        """`unreachable` is somebody else's trouble, waited out here; it is not good all the same."""
        return self.status in {"ok", "waiting"}


class Health:
    """Written by the daemon's turns, read by the server's threads."""

    def __init__(self, longest_turn_seconds: float = 600) -> None:
        self._lock = Lock()
        self._longest = longest_turn_seconds
        self._turned_at = time.monotonic()
        self._turns = 0
        self._failure: BridgeError | None = None

    def turned(self, failure: BridgeError | None) -> None:
        with self._lock:
            self._turned_at, self._failure = time.monotonic(), failure
            self._turns += 1

    def state(self) -> State:
        with self._lock:
            seconds, failure, turns = time.monotonic() - self._turned_at, self._failure, self._turns
        what = str(failure or "")
        if seconds > self._longest:
            return State(status="stuck", seconds=seconds, what=what or "the last turn has not ended")
        match failure:
            case Halted():
                return State(status="halted", seconds=seconds, what=what)
            case Unreachable():
                return State(status="unreachable", seconds=seconds, what=what)
            case None if turns == 0:
                return State(status="starting", seconds=seconds)
            case None:
                return State(status="ok", seconds=seconds)
            case _:
                return State(status="waiting", seconds=seconds, what=what)
