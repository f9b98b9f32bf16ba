"""Runs, and what becomes of their findings: nothing is lost, nothing is told twice, nobody is silenced for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from bridge.cases.models import Base
from bridge.cases.store import Cases, News, open_cases
from bridge.domain.findings import Finding, Reconciliation, Severity
from bridge.domain.quantity import Units
from bridge.domain.serials import SerialRange
from bridge.domain.values import hex32
from bridge.errors import NotYet, UsageError
from tests.databases import Databases

OURS = ("chain 1:0xc1", "registry VERRA")
WIDER = (*OURS, "claims others")
TABLES = list(Base.metadata.tables)


@pytest.fixture
def url(tmp_path: Path, databases: Databases) -> str:
    return databases.url(tmp_path, "compliance")


@pytest.fixture
def cases(url: str) -> Cases:
    return open_cases(url)


def finding(subject: str, first: int = 1, last: int = 10, severity: Severity = Severity.BREAK) -> Finding:
    span = SerialRange(space=hex32(7), first=first, last=last)
    facts = {"rule": "lock-reused", "subject": subject, "ranges": (span,), "units": Units(span.units)}
    return Finding(**facts, first_seen=1, severity=severity, title="One lock twice", advice="Ask")


class Told:
    """What a channel was to be told, run by run."""

    def __init__(self) -> None:
        self.new: list[list[str]] = []
        self.closed: list[list[str]] = []

    def __call__(self, news: News, _: str) -> dict[str, str]:
        self.new.append([f.subject for f in news.new])
        self.closed.append([past.subject for past in news.closed])
        return {"desk": "{}"} if news.new or news.closed else {}


def run(
    cases: Cases, *findings: Finding, scope: Sequence[str] = OURS, told: Told | None = None, at: int = 100
) -> Reconciliation:
    found = Reconciliation(findings=findings, in_flight=(), totals=(), blocks=(), statements=())
    return cases.keep(found, (at, at + 1), scope, None, lambda r: r.model_dump_json().encode(), told or Told())


def notes(found: Reconciliation) -> dict[str, bool]:
    """Whether each finding is new."""
    return {f.subject: found.standings[f.id].new for f in found.findings}


# ------------------------------------------------------------------------ guards


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_no_row_is_ever_changed_or_removed(cases: Cases, url: str, table: str, change: str) -> None:
    a = finding("a")
    run(cases, a, told=Told())
    run(cases)
    run(cases, a)
    cases.acknowledge(a.id, "known", "Aya", 5)
    cases.delivered(cases.waiting()[0].alert_id, 5)
    cases.tripped(cases.intend([a], "1:0xc1", 5), hex32(9), 6)
    column = next(iter(Base.metadata.tables[table].columns)).name
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with pytest.raises(DatabaseError, match="kept for good"), engine.begin() as connection:
        connection.execute(text(change.format(table, column, column)))
    engine.dispose()


def test_the_migrations_make_the_tables_of_the_models(cases: Cases, url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_two_runs_at_once_are_refused(cases: Cases, url: str) -> None:
    with cases.alone("run"), pytest.raises(NotYet, match="another process"), open_cases(url).alone("run"):
        pass
    with cases.alone("run"):
        pass


def test_a_run_that_cannot_be_written_leaves_nothing(cases: Cases) -> None:
    def fails(_: Reconciliation) -> bytes:
        raise UsageError("no report")

    found = Reconciliation(findings=(finding("a"),), in_flight=(), totals=(), blocks=(), statements=())
    with pytest.raises(UsageError):
        cases.keep(found, (1, 2), OURS, None, fails, Told())
    assert cases.runs() == []
    assert notes(run(cases, finding("a"))) == {"a": True}


# ------------------------------------------------------------------- from run to run


def test_a_finding_is_new_once_then_open_then_closed_and_new_again(cases: Cases) -> None:
    told = Told()
    assert notes(run(cases, finding("a"), told=told)) == {"a": True}
    second = run(cases, finding("a"), finding("b"), told=told, at=200)
    assert notes(second) == {"a": False, "b": True}
    assert (second.standings[finding("a").id].since_run, second.standings[finding("a").id].since) == (1, 100)
    third = run(cases, finding("b"), told=told)
    assert third.run is not None
    assert [past.subject for past in third.run.closed] == ["a"]
    again = run(cases, finding("a"), finding("b"), told=told, at=400)
    assert notes(again) == {"a": True, "b": False}
    assert again.standings[finding("a").id].since_run == 4
    assert (told.new, told.closed) == ([["a"], ["b"], [], ["a"]], [[], [], ["a"], []])


def test_less_evidence_closes_nothing(cases: Cases) -> None:
    """Whoever leaves a file away must not thereby be rid of what it showed."""
    told = Told()
    run(cases, finding("a"), scope=WIDER, told=told)
    narrow = run(cases, told=told)
    assert narrow.run is not None
    assert (narrow.run.closed, [past.subject for past in narrow.run.unseen]) == ((), ["a"])
    assert notes(run(cases, finding("a"), scope=WIDER, told=told)) == {"a": False}
    wide = run(cases, scope=(*WIDER, "chain 2:0xc2"), told=told)
    assert wide.run is not None
    assert [past.subject for past in wide.run.closed] == ["a"]
    assert told.new == [["a"], [], [], []]


def test_a_warning_that_becomes_a_break_is_news_and_one_that_ceases_to_be_is_over(cases: Cases) -> None:
    told = Told()
    mild = finding("a", severity=Severity.WARNING)
    run(cases, mild, told=told)
    run(cases, finding("a"), told=told)
    run(cases, mild, told=told)
    run(cases, told=told)
    assert (told.new, told.closed) == ([[], ["a"], [], []], [[], [], ["a"], []])


def test_what_changes_is_told_as_such_and_is_no_news(cases: Cases) -> None:
    told = Told()
    run(cases, finding("a"), told=told)
    grown = run(cases, finding("a", last=20), told=told)
    assert grown.standings[finding("a").id].changed
    assert told.new == [["a"], []]


# ------------------------------------------------------------------- acknowledgements


def test_nobody_acknowledges_what_no_run_has_seen_or_what_is_closed(cases: Cases) -> None:
    with pytest.raises(UsageError, match="no run has seen"):
        cases.acknowledge(finding("a").id, "known", "Aya", 5)
    run(cases, finding("a"))
    run(cases)
    with pytest.raises(UsageError, match="closed"):
        cases.acknowledge(finding("a").id, "known", "Aya", 5)


def test_a_prefix_that_fits_two_is_refused_and_a_wildcard_is_none(cases: Cases) -> None:
    run(cases, *(finding(f"{n}") for n in range(40)))
    with pytest.raises(UsageError, match="more than one"):
        cases.acknowledge("0x", "known", "Aya", 5)
    with pytest.raises(UsageError, match="no run has seen"):
        cases.acknowledge("0x%", "known", "Aya", 5)


def test_an_acknowledged_break_is_still_a_break_and_is_marked(cases: Cases) -> None:
    run(cases, finding("a"))
    cases.acknowledge(finding("a").id[:12], "the registry corrects it on Monday", "Aya", 5)
    found = run(cases, finding("a"))
    word = found.standings[finding("a").id].acknowledged
    assert word is not None
    assert (word.by, word.reason) == ("Aya", "the registry corrects it on Monday")
    assert not found.clean
    assert (len(found.breaks), found.unaccepted) == (1, ())


def test_it_lapses_when_the_finding_changes_and_is_then_news_once(cases: Cases) -> None:
    told = Told()
    run(cases, finding("a"), told=told)
    cases.acknowledge(finding("a").id, "known", "Aya", 5)
    grown = run(cases, finding("a", last=11), told=told)
    standing = grown.standings[finding("a").id]
    assert standing.acknowledged is None
    assert standing.lapsed is not None
    assert [f.subject for f in grown.unaccepted] == ["a"]
    run(cases, finding("a", last=11), told=told)
    assert told.new == [["a"], ["a"], []]


def test_every_word_on_a_finding_is_kept(cases: Cases) -> None:
    run(cases, finding("a"))
    cases.acknowledge(finding("a").id, "first", "Aya", 5)
    cases.acknowledge(finding("a").id, "second", "Ben", 6)
    run(cases)
    seen, runs, closed, words = cases.sightings(finding("a").id)
    assert (seen, runs, closed) == (finding("a"), [1], [2])
    assert [(w.reason, w.by) for w in words] == [("first", "Aya"), ("second", "Ben")]


# ------------------------------------------------------------------ alerts and trips


def test_an_alert_waits_until_it_is_delivered_and_has_one_id(cases: Cases, url: str) -> None:
    run(cases, finding("a"), told=Told())
    [waiting] = cases.waiting()
    assert open_cases(url).waiting() == [waiting]
    assert cases.waiting({"another"}) == []
    cases.delivered(waiting.alert_id, 5)
    cases.delivered(waiting.alert_id, 6)
    assert cases.waiting() == []


def test_the_breaker_means_it_until_it_is_done_and_then_never_again(cases: Cases) -> None:
    a, b = finding("a"), finding("b")
    assert cases.intend([a], "1:0xc1", 5) == (a,)
    assert cases.intend([a], "1:0xc1", 6) == (a,)
    cases.tripped([a], hex32(9), 7)
    assert cases.intend([a, b], "1:0xc1", 8) == (b,)
    grown = finding("a", last=20)
    assert cases.intend([grown], "1:0xc1", 9) == (grown,)


def test_runs_are_listed_newest_first_and_their_reports_come_back(cases: Cases) -> None:
    run(cases, finding("a"))
    run(cases, finding("b"))
    newest, oldest = cases.runs()
    assert (newest.number, newest.opened, newest.closed, newest.breaks) == (2, 1, 1, 1)
    assert (oldest.number, oldest.clean, oldest.scope) == (1, False, OURS)
    assert json.loads(cases.report(1))["findings"][0]["subject"] == "a"
    with pytest.raises(UsageError, match="no run 7"):
        cases.report(7)
