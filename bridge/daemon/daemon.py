"""Turns the operator's wheel until it is told to stop: takes up what the registry and the chain have new, resumes what
is half done, waits out who does not answer."""

from __future__ import annotations

import time

import structlog
from pydantic import Field

from bridge.daemon.measures import Measures
from bridge.domain.values import Fact
from bridge.errors import BridgeError, Halted, NotYet, Unreachable
from bridge.flow.advance import advance
from bridge.flow.bridge import Bridge
from bridge.journal.store import Work


class Pace(Fact):
    """Seconds between turns: when all is well, and when a counterpart did not answer, doubling from the one to the
    other."""

    interval_seconds: float = Field(default=5, gt=0)
    first_retry_seconds: float = Field(default=2, gt=0)
    last_retry_seconds: float = Field(default=60, gt=0)


class Daemon:
    """One deployment's. Nothing that a turn meets ends it but a bug; what people must decide stands in log, health and
    measures, and is looked at anew each turn."""

    def __init__(self, bridge: Bridge, measures: Measures, pace: Pace | None = None) -> None:
        self._bridge = bridge
        self._measures = measures
        self._pace = pace or Pace()
        self._retry = self._pace.first_retry_seconds
        self._log = structlog.get_logger().bind(deployment=str(bridge.deployment))
        self._told: set[str] = set()
        self._moves = bridge.journal.last_move()

    def run(self) -> None:
        """Returns when the bridge's `stop` is set, after the act at hand. Raises NotYet when another daemon has this
        journal."""
        stop = self._bridge.stop
        with self._bridge.journal.exclusive(Work.DAEMON):
            self._log.info("started", operator=self._bridge.sender.address)
            while not stop.is_set():
                stop.wait(self._turn())
            self._log.info("stopped")

    def _turn(self) -> float:
        """Gives the seconds until the next one."""
        bridge, begun = self._bridge, time.monotonic()
        failure: BridgeError | None = None
        try:
            advance(bridge)
        except BridgeError as met:
            failure = met
        self._tell_moves()
        troubles = bridge.troubles or ([failure] if failure else [])
        self._tell(troubles)
        self._measures.turn(time.monotonic() - begun, failure)
        if not isinstance(failure, Halted):
            self._look()
        if not isinstance(failure, Unreachable):
            self._retry = self._pace.first_retry_seconds
            return self._pace.interval_seconds
        pause, self._retry = self._retry, min(2 * self._retry, self._pace.last_retry_seconds)
        return pause

    def _look(self) -> None:
        """The chain may be silent now even when the turn went well."""
        try:
            self._measures.look(self._bridge)
        except BridgeError as met:
            self._tell([met])

    def _tell_moves(self) -> None:
        for move in self._bridge.journal.moves_after(self._moves):
            self._log.info("moved", id=move.subject, old=move.old, new=move.new, note=move.note)
            self._moves = move.id

    def _tell(self, troubles: list[BridgeError]) -> None:
        """What goes on from turn to turn is said when it begins and when it ends."""
        now = {str(trouble): trouble for trouble in troubles}
        for text, trouble in now.items():
            if text not in self._told:
                say = self._log.info if isinstance(trouble, NotYet) else self._log.warning
                say = self._log.critical if isinstance(trouble, Halted) else say
                say("met", kind=type(trouble).__name__, what=text)
        for text in self._told - now.keys():
            self._log.info("over", what=text)
        self._told = set(now)
