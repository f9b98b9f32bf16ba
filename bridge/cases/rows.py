"""Rows and facts of compliance's database, made of one another inside a transaction."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from bridge.cases.history import Open
from bridge.cases.models import AcknowledgementRow, AlertRow, Closing, Content, Run, Sighting
from bridge.database import rows_by
from bridge.domain.findings import Acknowledgement, Finding, Past, Reconciliation, RunNotes, Severity
from bridge.domain.values import Fact, Hex32, keccak_hex
from bridge.errors import UsageError


class Alert(Fact):
    """`alert_id` is the same however often it is sent, so that a receiver knows it again."""

    alert_id: Hex32
    run: int
    channel: str
    body: str


class RunRow(Fact):
    """A run in a list of runs."""

    number: int
    run_id: Hex32
    begun_at: int
    ended_at: int
    scope: tuple[str, ...]
    clean: bool
    findings: int
    breaks: int
    opened: int
    closed: int
    report_hash: Hex32


def run_row(found: Reconciliation, notes: RunNotes, ended_at: int, report: bytes) -> Run:
    return Run(
        number=notes.number,
        run_id=notes.run_id,
        begun_at=notes.begun_at,
        ended_at=ended_at,
        scope=json.dumps(notes.scope),
        clean=found.clean,
        findings=len(found.findings),
        breaks=len(found.breaks),
        opened=sum(standing.new for standing in notes.standings),
        closed=len(notes.closed),
        report_hash=keccak_hex(report),
        report=zlib.compress(report),
    )


def add_sightings(session: Session, number: int, findings: Sequence[Finding]) -> None:
    contents = {finding.content: finding for finding in findings}
    kept = {row.content for row in rows_by(session, Content.content, list(contents))}
    session.add_all(
        Content(content=content, finding_id=finding.id, body=finding.model_dump_json())
        for content, finding in contents.items()
        if content not in kept
    )
    session.flush()
    session.add_all(Sighting(run=number, finding_id=f.id, content=f.content) for f in findings)


def add_alerts(session: Session, notes: RunNotes, bodies: Mapping[str, str]) -> None:
    for channel, body in bodies.items():
        alert_id = alert_id_of(notes.run_id, channel)
        session.add(AlertRow(alert_id=alert_id, run=notes.number, channel=channel, body=body))


def alert_id_of(run_id: Hex32, channel: str) -> Hex32:
    return keccak_hex(f"{run_id}\n{channel}".encode())


def open_findings(session: Session) -> dict[Hex32, Open]:
    """Every finding that was seen since it was last closed, by its id."""
    closed = select(Closing.finding_id, func.max(Closing.run).label("run")).group_by(Closing.finding_id).subquery()
    seen = (
        select(Sighting.finding_id, func.max(Sighting.run).label("last"), func.min(Sighting.run).label("first"))
        .join(closed, closed.c.finding_id == Sighting.finding_id, isouter=True)
        .where(Sighting.run > func.coalesce(closed.c.run, 0))
        .group_by(Sighting.finding_id)
        .subquery()
    )
    begun = aliased(Run)
    rows = session.execute(
        select(begun.number, begun.begun_at, Content, Run.number, Run.scope)
        .select_from(seen)
        .join(Sighting, (Sighting.finding_id == seen.c.finding_id) & (Sighting.run == seen.c.last))
        .join(Content, Content.content == Sighting.content)
        .join(Run, Run.number == seen.c.last)
        .join(begun, begun.number == seen.c.first)
        .order_by(seen.c.first, seen.c.finding_id)
    ).all()
    return {
        content.finding_id: Open(
            past=_past(Finding.model_validate_json(content.body), last),
            content=content.content,
            scope=frozenset(json.loads(scope)),
            since_run=first,
            since=since,
        )
        for first, since, content, last, scope in rows
    }


def _past(finding: Finding, last_run: int) -> Past:
    return Past(
        finding_id=finding.id,
        last_run=last_run,
        **finding.model_dump(include={"rule", "subject", "severity", "title", "class_id", "units"}),
    )


def is_no_break_any_more(known: Open, found: Reconciliation) -> bool:
    now = {finding.id: finding.severity for finding in found.findings}
    severity = now.get(known.past.finding_id)
    return severity is not None and severity is not Severity.BREAK


def newest_words(session: Session, finding_ids: Sequence[Hex32]) -> dict[Hex32, Acknowledgement]:
    rows = rows_by(session, AcknowledgementRow.finding_id, finding_ids)
    return {row.finding_id: acknowledgement_of(row) for row in sorted(rows, key=lambda row: int(row.id))}


def acknowledgement_of(row: AcknowledgementRow) -> Acknowledgement:
    return Acknowledgement(finding_id=row.finding_id, content=row.content, reason=row.reason, by=row.named, at=row.at)


def finding_named(session: Session, prefix: str) -> Hex32:
    matching = select(Content.finding_id).where(Content.finding_id.startswith(prefix.lower(), autoescape=True))
    found = list(session.scalars(matching.distinct().limit(2)))
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"more than one finding begins with {prefix}: {found[0]}, {found[1]}; give more of it")
    raise UsageError(f"no run has seen a finding {prefix}; see them with: carbonbridge compliance reconcile")


def last_seen(session: Session, finding_id: Hex32) -> Finding:
    body = session.scalar(
        select(Content.body)
        .join(Sighting, Sighting.content == Content.content)
        .where(Sighting.finding_id == finding_id)
        .order_by(Sighting.run.desc())
        .limit(1)
    )
    return Finding.model_validate_json(str(body))


def listed(row: Run) -> RunRow:
    facts = {name: getattr(row, name) for name in RunRow.model_fields if name != "scope"}
    return RunRow(scope=tuple(json.loads(row.scope)), **facts)
