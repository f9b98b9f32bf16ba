"""One run of compliance: read, compare, trip, keep, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge.alerts.channel import Channel
from bridge.alerts.deliver import deliver
from bridge.cases.rows import alert_id_of
from bridge.cases.store import Cases, News
from bridge.chain.contract import BridgeContract
from bridge.chain.transactions import Sender
from bridge.domain.credit_class import CreditClass
from bridge.domain.findings import NotCompared, Pause, Reconciliation
from bridge.domain.observed import ClassCreated
from bridge.domain.values import Hex32
from bridge.errors import BridgeError
from bridge.flow.trip import trip
from bridge.reconcile.event_tables import classes
from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.proof import proven
from bridge.reconcile.reconcile import reconcile
from bridge.report.alerts import alert
from bridge.report.findings import as_json
from bridge.report.messages import Language
from bridge.report.sealing import read_report


@dataclass(frozen=True)
class Gathered:
    """What one run reads. `sources`: the names of what others handed in; `rejected`: lines of it that do not parse."""

    evidence: Evidence
    sources: Sequence[str] = ()
    rejected: Sequence[NotCompared] = ()

    @property
    def scope(self) -> list[str]:
        """What was looked at, in words: a finding is closed only by a run that looked at as much again."""
        chains = [f"chain {view.deployment}" for view in self.evidence.chains]
        statements = [f"registry {statement.registry}" for statement in self.evidence.statements]
        return sorted({*chains, *statements, *(f"claims {source}" for source in self.sources)})


@dataclass(frozen=True)
class Inspected:
    """`troubles`: alerts that could not be delivered; they stay stored, and go out with the next run. `how` it was
    compared, for people, where there are several ways."""

    found: Reconciliation
    troubles: Sequence[BridgeError]
    how: str = ""


@dataclass(frozen=True)
class Inspector:
    """Compliance's hands for its runs. `guardian`: None where the breaker is off; `clock`: in seconds."""

    contract: BridgeContract
    cases: Cases
    gather: Callable[[], Gathered]
    clock: Callable[[], int]
    limits: Limits | None = None
    guardian: Sender | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)
    language: Language = Language.ENGLISH

    def inspect(self, step: Callable[[int], None] = lambda _: None) -> Inspected:
        """Raises NotYet while another run is on this database, and as the sources do; then nothing is kept, and what
        waits to be told is told all the same. `step`: called with 1 after reading and after comparing."""
        with self.cases.alone("run"):
            try:
                found = self._run(step)
            finally:
                troubles = deliver(self.cases, self.channels, self.clock)
        return Inspected(found, troubles)

    def _run(self, step: Callable[[int], None]) -> Reconciliation:
        begun_at = self.clock()
        gathered = self.gather()
        evidence = replace(gathered.evidence, moment=begun_at, seen_before=self._seen_before())
        gathered = replace(gathered, evidence=evidence)
        step(1)
        found = compared(gathered, self.limits, self.contract.credit_classes)
        pause = self._trip(found, gathered.evidence)
        step(1)
        moment = (begun_at, self.clock())
        return self.cases.keep(found, moment, gathered.scope, pause, as_json, self._told)

    def _seen_before(self) -> int | None:
        """Up to when the run before had read each chain, in the chain's own seconds."""
        for last in self.cases.runs(1):
            pins = read_report(self.cases.report(last.number)).blocks
            return min((pin.stamp.timestamp for pin in pins), default=None)
        return None

    def _trip(self, found: Reconciliation, evidence: Evidence) -> Pause | None:
        if self.guardian is None:
            return None
        proved = proven(found, evidence, self.contract.deployment, self.limits)
        return trip(self.contract, self.guardian, self.cases, proved, self.clock())

    def _told(self, news: News, run_id: Hex32) -> dict[str, str]:
        bodies = {name: alert(news, alert_id_of(run_id, name), self.language, self.clock()) for name in self.channels}
        return {name: body for name, body in bodies.items() if body is not None}


def compared(
    gathered: Gathered,
    limits: Limits | None = None,
    known: Callable[[], Mapping[Hex32, ClassCreated]] = lambda: {},
) -> Reconciliation:
    """`known`: classes that are asked for where the evidence does not show one that the report names."""
    return reported(reconcile(gathered.evidence, limits), gathered, known)


def reported(
    found: Reconciliation, gathered: Gathered, known: Callable[[], Mapping[Hex32, ClassCreated]] = lambda: {}
) -> Reconciliation:
    """With what was not compared, and the names of classes."""
    labels = _labels(found, gathered.evidence, known)
    return found.model_copy(update={"not_compared": tuple(gathered.rejected), "labels": labels})


def _labels(
    found: Reconciliation, evidence: Evidence, known: Callable[[], Mapping[Hex32, ClassCreated]]
) -> dict[Hex32, str]:
    """Of the classes that the report names."""
    named = {t.class_id for t in found.totals} | {point.class_id for point in found.supply_by_day}
    named |= {item.class_id for item in (*found.findings, *found.in_flight, *found.shown) if item.class_id}
    created = {event.class_id: event for view in evidence.chains for event in classes(view)}
    if named - created.keys():
        created |= known()
    return {
        class_id: CreditClass.model_validate(
            created[class_id].model_dump(include={"registry", "project", "vintage", "credit_type", "kg_per_unit"})
        ).label
        for class_id in sorted(named & created.keys())
    }
