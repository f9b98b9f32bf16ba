"""Exports into the ledger: nothing twice, nothing silently."""

from __future__ import annotations

import pytest

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange
from bridge.registry.importer import ImportReport, import_rows
from bridge.registry.statements import verra
from bridge.registry.statements.canonical import CanonicalRow, Head, RejectedRow
from bridge.registry.statements.reading import facts_of

from .fakes import World

HELD, RETIRED, CANCELLED = SerialState.HELD, SerialState.RETIRED, SerialState.CANCELLED


HEAD = Head(registry="VERRA", kind="transactions", file="transactions.csv")


def row(line: int, first: int, last: int, state: SerialState = HELD, project: str = "1340") -> CanonicalRow:
    """A row of class BALE, of which the world's depositor holds serials 1 to 1000."""
    serial = verra.parse_serial(f"1-{first}-{last}-VCS-VCU-1507-VER-ET-14-{project}-01012020-31122020-1")
    units = serial.range.units
    return CanonicalRow(
        **facts_of(serial, {}),
        first=first,
        last=last,
        units=units,
        kg=units * 1000,
        state=state,
        beneficiary="Kinaxis Inc.",
        line=line,
    )


def bring(
    world: World, *rows: CanonicalRow | RejectedRow, into: str = "depositor", as_held: bool = False
) -> ImportReport:
    return import_rows(world.ledger, HEAD, rows, into, as_held=as_held)


@pytest.mark.parametrize("state", [RETIRED, CANCELLED])
def test_serials_stated_as_ended_that_are_locked_here_are_reported_not_touched(
    world: World, state: SerialState
) -> None:
    world.lock(1, 1, 100, minted=True)
    report = bring(world, row(2, 90, 110, state))
    assert report.rejected[0].line == 2
    assert "VERRA VER 90-100" not in report.rejected[0].reason
    assert f"stated as {state} and stand here as locked" in report.rejected[0].reason
    assert world.states() == {"locked": ["1-100"], "held": ["101-1000"]}


def test_serials_that_somebody_else_holds_are_not_retired_for_the_import(world: World) -> None:
    world.ledger.transfer("t", serials_of(row(2, 1, 10)), "depositor", "receiver")
    report = bring(world, row(2, 5, 20, RETIRED))
    assert "stand here as held in receiver" in report.rejected[0].reason


def test_serials_known_under_another_class_are_reported(world: World) -> None:
    report = bring(world, row(2, 1000, 1010, project="3005"))
    assert "find out which is right" in report.rejected[0].reason
    assert report.issued_units == 0


def test_a_row_partly_known_issues_only_what_is_new_and_says_so(world: World) -> None:
    report = bring(world, row(2, 991, 1010))
    (partly,) = report.partly_known
    assert (partly.line, partly.known_units, partly.issued_units) == (2, 10, 10)
    assert world.states(1, 2000) == {"held": ["1-1000", "1001-1010"]}


def test_a_retirement_of_known_serials_retires_just_those(world: World) -> None:
    report = bring(world, row(2, 991, 1010, RETIRED))
    assert (report.issued_units, report.ended_units) == (10, 20)
    assert world.states(1, 2000) == {"held": ["1-990"], "retired": ["991-1000", "1001-1010"]}
    assert world.ledger.history(serials_of(row(2, 1, 1)).space, 995)[-1].note["beneficiary"] == "Kinaxis Inc."


def test_what_was_taken_as_held_can_be_imported_as_it_is_later(world: World) -> None:
    only = row(2, 2001, 2010, RETIRED)
    bring(world, only, into="rehearsal", as_held=True)
    assert world.states(2001, 2010) == {"held": ["2001-2010"]}
    report = bring(world, only, into="rehearsal")
    assert (report.imported, report.issued_units, report.ended_units) == (1, 0, 10)


def test_every_row_read_is_counted_once(world: World) -> None:
    bad = RejectedRow(line=4, reason="quantity is not a whole number", content="row 4")
    report = bring(world, row(2, 1, 10), row(3, 2001, 2010), bad)
    assert (report.read, report.imported, report.already_known, report.rejected) == (3, 1, 1, (bad,))


def test_importing_again_leaves_the_ledger_as_it_is(world: World) -> None:
    rows = (row(2, 2001, 2010, RETIRED), row(3, 990, 1010, CANCELLED))
    bring(world, *rows)
    before = world.ledger.balances()
    again = bring(world, *rows)
    assert (again.already_known, again.imported) == (2, 0)
    assert world.ledger.balances() == before
    assert world.ledger.audit() == ()


def serials_of(issued: CanonicalRow) -> SerialRange:
    assert issued.range is not None
    return issued.range


def test_a_row_that_was_read_leniently_is_never_imported(world: World) -> None:
    mended = row(2, 2001, 2010).model_copy(update={"mends": "leading zeros"})
    report = bring(world, mended, row(3, 2011, 2020))
    assert [(r.line, "read leniently (leading zeros)" in r.reason) for r in report.rejected] == [(2, True)]
    assert world.states(2001, 2020) == {"held": ["2011-2020"]}


def test_credits_without_serials_are_reported(world: World) -> None:
    report = bring(world, row(2, 1, 10).model_copy(update={"first": None, "last": None}))
    assert "names no serials" in report.rejected[0].reason
