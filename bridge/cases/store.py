"""The verbs of compliance's database. Each is one transaction: it happens whole or not at all."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge.cases.history import Moment, gone, news, standing
from bridge.cases.models import AcknowledgementRow, AlertRow, Closing, Delivery, Run, Sighting, Trip, TripEnd
from bridge.cases.rows import (
    Alert,
    RunRow,
    acknowledgement_of,
    add_alerts,
    add_sightings,
    finding_named,
    is_no_break_any_more,
    last_seen,
    listed,
    newest_words,
    open_findings,
    run_row,
)
from bridge.database import held_alone, open_database, reading, rows_by, said, writing
from bridge.domain.findings import (
    Acknowledgement,
    Finding,
    Past,
    Pause,
    Reconciliation,
    RunNotes,
    Severity,
)
from bridge.domain.values import Hex32
from bridge.errors import Halted, NotYet, UsageError


class News(NamedTuple):
    """A run with its notes, and what of it others are to be told: breaks that are new, and breaks that are gone."""

    found: Reconciliation
    report: bytes
    new: Sequence[Finding]
    closed: Sequence[Past]


def open_cases(url: str) -> Cases:
    """Opens the database and brings its schema up to date. Raises UsageError and Unreachable as the journal does."""
    return Cases(open_database(url, "compliance", Path(__file__).parent / "migrations", Run.__tablename__))


class Cases:
    """All that compliance has ever found, and what was done about it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _write(self) -> Iterator[Session]:
        try:
            with writing(self._engine, "compliance") as session:
                yield session
        except IntegrityError as error:
            raise Halted(f"the guards of compliance's database refused a change ({said(error)})") from error

    def _read(self) -> AbstractContextManager[Session]:
        return reading(self._engine, "compliance")

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        """One process at a time does this work. Raises NotYet while another one does."""
        with held_alone(self._engine, "compliance", "compliance", work) as alone:
            if not alone:
                raise NotYet(f"another process does compliance's {work} on this database; repeat when it has ended")
            yield

    # ------------------------------------------------------------------ runs

    def keep(
        self,
        found: Reconciliation,
        moment: tuple[int, int],
        scope: Sequence[str],
        pause: Pause | None,
        written: Callable[[Reconciliation], bytes],
        told: Callable[[News, Hex32], dict[str, str]],
    ) -> Reconciliation:
        """Keeps a run with all that belongs to it. `moment`: when it began and ended. `written` makes the report, and
        `told` the body of each channel's alert, which are sent later. Gives the reconciliation with its notes."""
        with self._write() as session:
            number = (session.scalar(select(func.max(Run.number))) or 0) + 1
            now = Moment(number, moment[0], set(scope))
            known = open_findings(session)
            words = newest_words(session, [finding.id for finding in found.findings])
            standings = [standing(f, known.get(f.id), words.get(f.id), now) for f in found.findings]
            closed, unseen = gone(known, {finding.id for finding in found.findings}, now)
            notes = RunNotes(
                run_id="0x" + secrets.token_hex(32),
                number=number,
                begun_at=moment[0],
                scope=tuple(sorted(set(scope))),
                previous=number - 1 or None,
                standings=tuple(standings),
                closed=closed,
                unseen=unseen,
                pause=pause,
            )
            full = found.model_copy(update={"run": notes})
            body = written(full)
            session.add(run_row(full, notes, moment[1], body))
            session.flush()
            add_sightings(session, number, found.findings)
            session.add_all(Closing(run=number, finding_id=past.finding_id) for past in closed)
            lesser = [k.past for k in known.values() if is_no_break_any_more(k, full)]
            ended = [past for past in [*closed, *lesser] if past.severity is Severity.BREAK]
            tidings = News(full, body, news(found.findings, full.standings, known), ended)
            add_alerts(session, notes, told(tidings, notes.run_id))
        return full

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """The newest first."""
        with self._read() as session:
            rows = session.scalars(select(Run).order_by(Run.number.desc()).limit(limit)).all()
            return [listed(row) for row in rows]

    def report(self, number: int) -> bytes:
        """The canonical JSON of a run's report. Raises UsageError when there is no such run."""
        with self._read() as session:
            row = session.get(Run, number)
            if row is None:
                raise UsageError(f"no run {number}; see them with: carbonbridge compliance history")
            return zlib.decompress(row.report)

    # --------------------------------------------------------------- findings

    def sightings(self, prefix: str) -> tuple[Finding, list[int], list[int], list[Acknowledgement]]:
        """A finding by its id or the beginning of it: as it was seen last, the runs that saw it, those that closed it,
        and what people said of it. Raises UsageError when there is none, or more than one."""
        with self._read() as session:
            finding = last_seen(session, finding_named(session, prefix))
            seen = session.scalars(select(Sighting.run).where(Sighting.finding_id == finding.id).order_by(Sighting.run))
            closed = session.scalars(select(Closing.run).where(Closing.finding_id == finding.id).order_by(Closing.run))
            words = session.scalars(
                select(AcknowledgementRow)
                .where(AcknowledgementRow.finding_id == finding.id)
                .order_by(AcknowledgementRow.id)
            )
            return finding, list(seen), list(closed), [acknowledgement_of(row) for row in words]

    def acknowledge(self, prefix: str, reason: str, by: str, at: int) -> tuple[Finding, Acknowledgement]:
        """Of an open finding, as the newest run that saw it did. Raises UsageError for a closed or unknown one."""
        with self._write() as session:
            finding_id = finding_named(session, prefix)
            if finding_id not in open_findings(session):
                raise UsageError(f"finding {finding_id} is closed: there is nothing to acknowledge")
            finding = last_seen(session, finding_id)
            word = Acknowledgement(finding_id=finding.id, content=finding.content, reason=reason, by=by, at=at)
            session.add(
                AcknowledgementRow(finding_id=word.finding_id, content=word.content, reason=reason, named=by, at=at)
            )
            return finding, word

    # ----------------------------------------------------------------- alerts

    def waiting(self, channels: Set[str] | None = None) -> list[Alert]:
        """What no channel has taken yet, oldest first; of these channels alone where they are named."""
        with self._read() as session:
            taken = select(Delivery.alert_id)
            rows = session.scalars(
                select(AlertRow).where(AlertRow.alert_id.not_in(taken)).order_by(AlertRow.run, AlertRow.channel)
            )
            found = [Alert(alert_id=r.alert_id, run=r.run, channel=r.channel, body=r.body) for r in rows]
        return [one for one in found if channels is None or one.channel in channels]

    def delivered(self, alert_id: Hex32, at: int) -> None:
        with self._write() as session:
            if session.get(Delivery, alert_id) is None:
                session.add(Delivery(alert_id=alert_id, at=at))

    # ---------------------------------------------------------------- breaker

    def intend(self, findings: Sequence[Finding], deployment: str, at: int) -> tuple[Finding, ...]:
        """Stores that the door is to be paused on account of these findings, and gives those for which it has not been:
        each pauses once as it is, whatever becomes of the pause later."""
        with self._write() as session:
            contents = [finding.content for finding in findings]
            meant = {row.content for row in rows_by(session, Trip.content, contents)}
            ended = {row.content for row in rows_by(session, TripEnd.content, contents)}
            for finding in findings:
                if finding.content not in meant:
                    meant.add(finding.content)
                    session.add(Trip(content=finding.content, finding_id=finding.id, deployment=deployment, at=at))
        return tuple(finding for finding in findings if finding.content not in ended)

    def tripped(self, findings: Sequence[Finding], transaction: str, at: int) -> None:
        """`transaction`: empty where the door was shut already."""
        with self._write() as session:
            for finding in findings:
                if session.get(TripEnd, finding.content) is None:
                    session.add(TripEnd(content=finding.content, transaction_hash=transaction, at=at))
