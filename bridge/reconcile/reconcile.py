"""Evidence in, findings out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bridge.domain.findings import (
    ClassTotals,
    Finding,
    InFlight,
    PinnedBlock,
    PinnedStatement,
    Reconciliation,
    Severity,
    Shown,
    SupplyPoint,
)
from bridge.domain.quantity import Kilograms, Units
from bridge.domain.serials import SerialRange, coalesce, total_units
from bridge.errors import UsageError
from bridge.reconcile import facts
from bridge.reconcile.duckdb_engine import DuckDB
from bridge.reconcile.evidence import ChainArchive, Evidence, Limits
from bridge.reconcile.exhibits import Exhibits
from bridge.reconcile.plan import Engine, Machine, Plan
from bridge.reconcile.relations import relate
from bridge.reconcile.rule import Rule
from bridge.reconcile.rules import RULES, allowance_exceeded
from bridge.reconcile.series import supply_by_day
from bridge.reconcile.statement_tables import Seen, current
from bridge.reconcile.totals import by_class

Answer = dict[str, Any]


def reconcile(
    evidence: Evidence,
    limits: Limits | None = None,
    *,
    engine: Engine | None = None,
    skip_quiet: bool | None = None,
) -> Reconciliation:
    """Compares everything with everything, once. Raises UsageError when two views show the same deployment, or one
    shows it at another block than its snapshots.

    `engine`: DuckDB where none is given. `skip_quiet`: whether pairs on which nothing can be wrong are set aside at
    once (`quiet.py`). It changes no answer; by default it is done for evidence from archives, since small evidence is
    compared sooner than sorted."""
    require_same_moments(evidence)
    large = any(isinstance(chain, ChainArchive) for chain in evidence.chains)
    engine = engine or DuckDB()
    docket = docket_of(limits or Limits(), large if skip_quiet is None else skip_quiet, engine.dialect)
    with judged(evidence, docket, engine.machine(facts.given(evidence), docket.plan)) as one:
        return one.found


@dataclass(frozen=True)
class Judged:
    """What was found, and what it was found with. `complete`: every event that answers name is among those given."""

    found: Reconciliation
    answers: Sequence[Answer]
    complete: bool
    machine: Machine


@contextmanager
def judged(evidence: Evidence, docket: Docket, machine: Machine) -> Iterator[Judged]:
    """The machine is closed in the end."""
    try:
        yield _judge(evidence, docket, machine)
    finally:
        machine.close()


@dataclass(frozen=True)
class Docket:
    """The plan, and the queries that read its results. `calm` and `counting`: of a plan that sets quiet pairs aside,
    these, and the mints that allowances still count."""

    plan: Plan
    rules: tuple[tuple[Rule, str], ...]
    totals: str
    by_day: str
    weights: str
    calm: str
    counting: str


@lru_cache(maxsize=8)
def docket_of(limits: Limits, skip_quiet: bool, dialect: str) -> Docket:
    plan = Plan(dialect)
    relations = relate(plan, limits, skip_quiet=skip_quiet)
    return Docket(
        plan=plan,
        rules=tuple((rule, plan.sql(rule.find(relations, limits))) for rule in RULES),
        totals=plan.sql(by_class(relations)),
        by_day=plan.sql(supply_by_day(relations)),
        weights=plan.sql(relations.classes.select("class_id", "kg_per_unit").distinct()),
        calm="" if relations.calm is None else plan.sql(relations.calm),
        counting=plan.sql(allowance_exceeded.counting(relations)),
    )


def require_same_moments(evidence: Evidence) -> None:
    deployments = [view.deployment for view in evidence.chains]
    if len(set(deployments)) != len(deployments):
        raise UsageError("two views show the same deployment; reconcile each deployment at one block only")
    blocks = {(view.deployment, view.stamp.number) for view in evidence.chains}
    read = {(one.deployment, one.block) for one in evidence.snapshots}
    read |= {(one.deployment, one.block) for one in evidence.ledgers}
    for deployment, block in read - blocks:
        raise UsageError(f"{deployment} was read at block {block} by views and at another by events")


def _judge(evidence: Evidence, docket: Docket, machine: Machine) -> Judged:
    blocks = tuple(PinnedBlock(deployment=view.deployment, stamp=view.stamp) for view in evidence.chains)
    statements = tuple(_pinned(s) for s in current(evidence.statements).values())
    moment = max([pin.stamp.timestamp for pin in blocks] + [pin.as_of for pin in statements], default=0)
    weights = {row["class_id"]: row["kg_per_unit"] for row in machine.rows(docket.weights)}
    answers = [(rule, machine.rows(query)) for rule, query in docket.rules]
    every = [row for _, rows in answers for row in rows]
    exhibits = Exhibits(evidence, machine, every)
    court = _Court(exhibits, weights, moment)
    findings: list[Finding] = []
    in_flight: list[InFlight] = []
    shown: list[Shown] = []
    for rule, found in answers:
        for (is_shown, waiting), rows in _by_subject(found):
            if is_shown:
                shown.append(court.show(rule, rows))
            elif waiting:
                in_flight.append(court.wait(rule, rows))
            else:
                findings.append(court.find(rule, rows))
    result = Reconciliation(
        findings=tuple(findings),
        in_flight=tuple(in_flight),
        shown=tuple(shown),
        totals=tuple(ClassTotals(**row) for row in machine.rows(docket.totals)),
        supply_by_day=tuple(SupplyPoint(**row) for row in machine.rows(docket.by_day)),
        blocks=blocks,
        statements=statements,
    )
    return Judged(result, every, exhibits.complete, machine)


def _pinned(statement: Seen) -> PinnedStatement:
    head = statement.head.items[0]
    return PinnedStatement(registry=statement.registry, sequence=head.sequence, as_of=head.as_of)


def _by_subject(answers: Sequence[Answer]) -> list[tuple[tuple[bool, bool], list[Answer]]]:
    groups: dict[tuple[bool, bool, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        groups[(bool(answer["shown"]), bool(answer["in_flight"]), answer["subject"])].append(answer)
    return [((shown, waiting), rows) for (shown, waiting, _), rows in sorted(groups.items(), key=lambda g: g[0])]


@dataclass(frozen=True)
class _Court:
    exhibits: Exhibits
    weights: Mapping[str, int]
    moment: int

    def find(self, rule: Rule, rows: list[Answer]) -> Finding:
        seen = self._difference(rule.name, rows)
        severity = Severity.WARNING if all(row["mild"] for row in rows) else rule.severity
        return Finding(**seen, severity=severity, title=rule.title, advice=rule.advice)

    def wait(self, rule: Rule, rows: list[Answer]) -> InFlight:
        due = min((row["due"] for row in rows if row["due"] is not None), default=None)
        return InFlight(**self._difference(rule.name, rows), title=rule.waiting, due=due)

    def show(self, rule: Rule, rows: list[Answer]) -> Shown:
        return Shown(**self._difference(rule.name, rows), title=rule.shown)

    def _difference(self, rule: str, rows: list[Answer]) -> dict[str, Any]:
        ranges = coalesce(_range(row) for row in rows if row["space"] is not None)
        class_ids = {row["class_id"] for row in rows if row["class_id"] is not None}
        class_id = class_ids.pop() if len(class_ids) == 1 else None
        # A total stands on each of its subject's rows; serials are counted once by their ranges.
        stated = max((int(row["units"]) for row in rows if row["units"] is not None), default=0)
        units = total_units(ranges) if ranges else Units(stated)
        return {
            "rule": rule,
            "subject": rows[0]["subject"],
            "class_id": class_id,
            "ranges": tuple(ranges),
            "units": units,
            "kg": self._mass(rows, units, class_id),
            "evidence": self.exhibits.of(rows),
            "first_seen": self.moment,
        }

    def _mass(self, rows: list[Answer], units: Units, class_id: str | None) -> Kilograms | None:
        stated = [int(row["kg"]) for row in rows if row["kg"] is not None]
        if stated:
            return Kilograms(max(stated))
        weight = self.weights.get(class_id or "")
        return None if weight is None else Kilograms(units * weight)


def _range(row: Answer) -> SerialRange:
    return SerialRange(space=row["space"], first=row["first"], last=row["last"])
