"""Words in which grammars describe their registries' files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from bridge.domain.lifecycle import SerialState
from bridge.domain.quantity import parse_units
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Cell, Cut, Layout
from bridge.registry.statements.serial import Serial, Unnumbered

BLANKS = " \t\r\n\v\f\u00a0\u3000"
FIRST, LAST = "(?P<first>[1-9][0-9]{0,18})", "(?P<last>[1-9][0-9]{0,18})"
NUMBERS_LAST = Cut(f"^(?P<head>[A-Z0-9-]+-){FIRST} to {LAST}(?P<tail>)$", " to ")
"""`…-first to last`, as the registries on APX's software spell it."""


def text(*columns: str) -> Cell:
    """The first of these columns that is not blank."""

    def read(*texts: str) -> str:
        return next((found for one in texts if (found := one.strip(BLANKS))), "")

    return Cell(columns, read, plain=True)


def day(column: str, pattern: str = "%Y-%m-%d") -> Cell:
    """A day, of which a time behind it is left out; none where the cell is blank."""

    def read(cell: str) -> date | None:
        found = cell.strip().replace("T", " ").partition(" ")[0]
        return fields.day(found, "date", pattern) if found else None

    return Cell((column,), read)


def units(column: str) -> Cell:
    return Cell((column,), parse_units)


def always(state: SerialState) -> Cell:
    return Cell((), lambda: state)


def one_of(column: str, states: dict[str, SerialState]) -> Cell:
    """The registry's own words for states."""
    return Cell((column,), lambda word: states[fields.one_of(word.strip(), column.lower(), states)])


def agreeing(read: Serial, project: str, vintage: str) -> Serial:
    """Raises MalformedInput when the columns beside a serial contradict it."""
    if project != read.project:
        raise MalformedInput(f"the serial names project {read.project}, the column {project!r}")
    if vintage != str(read.vintage):
        raise MalformedInput(f"the serial names vintage {read.vintage}, the column {vintage!r}")
    return read


def plain(parse: Callable[..., Serial | Unnumbered], needs_vintage: bool = False) -> Layout:
    """A file that people make where a registry has only screens: columns `serial`, `quantity` in units and `state`
    (held, retired or cancelled), with a column `vintage` where the serial does not state it; and, where they are known,
    holder, beneficiary, purpose, issued_on, ended_on (days as YYYY-MM-DD), project_name, country, methodology."""
    serial = (
        Cell(("serial", "vintage"), lambda spelt, vintage: parse(spelt, fields.year(vintage.strip())))
        if needs_vintage
        else Cell(("serial",), parse)
    )
    texts = ("holder", "beneficiary", "purpose", "project_name", "country", "methodology")
    days = ("issued_on", "ended_on")
    return Layout(
        kind="serials",
        serial=serial,
        units=units("quantity"),
        cells={"state": one_of("state", _STATES)},
        optional={**{name: text(name) for name in texts}, **{name: day(name) for name in days}},
    )


_STATES = {str(state): state for state in (SerialState.HELD, SerialState.RETIRED, SerialState.CANCELLED)}
