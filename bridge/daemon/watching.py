"""Compliance as a service: a run every so often, until it is told to stop."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import Event

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as Counting

from bridge.daemon.health import Health
from bridge.daemon.inspection import Inspected, Inspector
from bridge.errors import BridgeError, Halted

_FIRST_RETRY_SECONDS = 30.0


class Figures:
    """What Prometheus reads of compliance, in a registry of its own."""

    def __init__(self, health: Health) -> None:
        self.registry = CollectorRegistry()
        self._health = health
        self._runs = Counting("carbonbridge_runs", "Runs by how they ended.", ["outcome"], registry=self.registry)
        self._seconds = Histogram(
            "carbonbridge_run_seconds",
            "How long a run took.",
            registry=self.registry,
            buckets=(1, 5, 15, 60, 300, 900, 3600),
        )
        self._last = self._gauge("last_run_seconds", "When a run was last kept, since 1970.")
        self._findings = self._gauge("findings", "Findings of the last run, by severity.", "severity")
        self._unaccepted = self._gauge("unacknowledged_breaks", "Breaks that nobody has acknowledged as they are.")
        self._in_flight = self._gauge("in_flight", "What was explained in the last run.")
        self._waiting = self._gauge("alerts_waiting", "Alerts that no channel has taken yet.")

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"carbonbridge_compliance_{name}", words, labels, registry=self.registry)

    def run(self, seconds: float, met: Inspected | BridgeError) -> None:
        failure = met if isinstance(met, BridgeError) else None
        self._health.turned(failure)
        self._seconds.observe(seconds)
        if isinstance(met, BridgeError):
            self._runs.labels(type(met).__name__).inc()
            return
        found = met.found
        self._runs.labels("clean" if found.clean else "unclean").inc()
        self._last.set(time.time())
        counted = Counter(finding.severity.value for finding in found.findings)
        for severity in ("break", "warning", "info"):
            self._findings.labels(severity).set(counted[severity])
        self._unaccepted.set(len(found.unaccepted))
        self._in_flight.set(len(found.in_flight))

    def waiting(self, alerts: int) -> None:
        self._waiting.set(alerts)


class Watch:
    """`kept`: what is done with each run's report once it is kept."""

    def __init__(
        self,
        inspector: Inspector,
        figures: Figures,
        every_seconds: float,
        kept: Callable[[Inspected], None] = lambda _: None,
    ) -> None:
        self.stop = Event()
        self._inspector = inspector
        self._figures = figures
        self._every = every_seconds
        self._kept = kept
        self._retry = min(_FIRST_RETRY_SECONDS, every_seconds)
        self._log = structlog.get_logger().bind(deployment=str(inspector.contract.deployment))

    def run(self) -> None:
        """Returns when `stop` is set, after the run at hand. Raises NotYet when another one watches already."""
        with self._inspector.cases.alone("watch"):
            self._log.info("started", every_seconds=self._every, channels=sorted(self._inspector.channels))
            while not self.stop.is_set():
                self.stop.wait(self._turn())
            self._log.info("stopped")

    def _turn(self) -> float:
        """Gives the seconds until the next run, which begins as long after this one began."""
        begun = time.monotonic()
        try:
            met = self._inspector.inspect()
            self._tell(met)
            self._kept(met)
        except BridgeError as failure:
            say = self._log.critical if isinstance(failure, Halted) else self._log.warning
            say("failed", kind=type(failure).__name__, what=str(failure))
            self._figures.run(time.monotonic() - begun, failure)
            pause, self._retry = self._retry, min(2 * self._retry, self._every)
            return pause
        took = time.monotonic() - begun
        self._figures.run(took, met)
        self._figures.waiting(len(self._inspector.cases.waiting()))
        self._retry = min(_FIRST_RETRY_SECONDS, self._every)
        return max(0.0, self._every - took)

    def _tell(self, met: Inspected) -> None:
        found, notes = met.found, met.found.run
        say = self._log.info if found.clean else self._log.warning
        new = sum(standing.new for standing in notes.standings) if notes else 0
        closed = len(notes.closed) if notes else 0
        counts = {"findings": len(found.findings), "breaks": len(found.breaks), "new": new, "closed": closed}
        say("run", number=notes.number if notes else None, clean=found.clean, **counts)
        if notes and notes.pause:
            self._log.critical("breaker", outcome=notes.pause.outcome, rules=notes.pause.rules, note=notes.pause.note)
        for trouble in met.troubles:
            self._log.warning("alert not delivered", kind=type(trouble).__name__, what=str(trouble))
