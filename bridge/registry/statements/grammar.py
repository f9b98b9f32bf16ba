"""What a registry's grammar is, and which there are.

A grammar reads one registry's serials and the files that it exports. Ours are modules of this package; others come from
any installed distribution that names them in the entry point group `carbonbridge.grammars`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements.serial import MendedSerial, Serial, Unnumbered

GROUP = "carbonbridge.grammars"
OURS = (
    *("verra", "gold_standard", "cer", "acr", "car", "art", "fcpf"),
    *("cercarbono", "isometric", "puro", "undp", "j_blue"),
)
"""Modules of this package, each with its `GRAMMAR`."""


class Cell(NamedTuple):
    """One fact of a row: the columns that it stands in, and how their texts are read. `read` raises MalformedInput; it
    gives the same for the same texts, whatever row they stand in. `plain`: it reads the first text that is not blank,
    as it stands, without the blanks around it."""

    columns: tuple[str, ...]
    read: Callable[..., Any]
    plain: bool = False


class Cut(NamedTuple):
    """Splits spellings for whole columns at once. `pattern` has the groups head, first, last and tail, of which the two
    numbers are written without leading zeros and have 19 digits at most; `between` stands between them. Whatever it
    matches, the layout's `serial` must read in the same way for all numbers that rise."""

    pattern: str
    between: str


_NONE = Cell((), str)


@dataclass(frozen=True)
class Layout:
    """One kind of file that a registry exports.

    `serial` reads a `Serial` or an `Unnumbered` from the serial's own column, which stands first, and from those that
    must agree with it; `units` what the file states. `cells` reads canonical fields by name, `state` among them.
    Columns of `optional` cells may be absent.
    `mended` is the lenient twin of `serial`, for rows that it refuses.
    Without a `cut` rows are read one by one.
    `states_none` is why no row of such a file can be taken.
    """

    kind: str
    serial: Cell = _NONE
    units: Cell = _NONE
    cells: Mapping[str, Cell] = field(default_factory=dict)
    optional: Mapping[str, Cell] = field(default_factory=dict)
    mended: Callable[..., MendedSerial] | None = None
    cut: Cut | None = None
    marks: tuple[str, ...] = ()
    states_none: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns by which a file is known as one of this kind."""
        cells = (self.serial, self.units, *self.cells.values())
        return tuple(dict.fromkeys([*self.marks, *(column for cell in cells for column in cell.columns)]))

    def among(self, names: Iterable[str]) -> Layout:
        """This layout with the optional cells that a file with these columns has."""
        there = set(names)
        cells = {name: cell for name, cell in self.optional.items() if there.issuperset(cell.columns)}
        return Layout(**{**self.__dict__, "cells": {**self.cells, **cells}, "optional": {}})


@dataclass(frozen=True)
class Grammar:
    """How one registry spells serials, and what its files look like.

    `kg_per_unit` in kilograms of CO2 equivalent. `mark` is a regular expression that finds this registry's spellings
    among others', in capitals. `reads` takes a spelling, and the vintage too when `needs_vintage`: some serials do not
    state it. `layouts` stand from the most particular to the most general.
    """

    code: str
    name: str
    kg_per_unit: int
    space_kind: SpaceKind
    mark: str
    reads: Callable[..., Serial | Unnumbered]
    layouts: tuple[Layout, ...] = ()
    needs_vintage: bool = False

    def parse(self, text: str, vintage: int | None = None) -> Serial | Unnumbered:
        """Raises MalformedInput."""
        if self.needs_vintage:
            return self.reads(text, vintage)
        read = self.reads(text)
        if vintage not in (None, read.vintage):
            raise MalformedInput(f"serial {text!r} is of vintage {read.vintage}, not {vintage}")
        return read

    def spell(self, read: Serial | Unnumbered) -> str:
        """In the canonical one of the registry's spellings: `parse(spell(x)) == x`."""
        return read.spelt

    def numbered(self, text: str, vintage: int | None = None) -> Serial:
        """As `parse`, for those who need serials. Raises MalformedInput where the registry numbers no units."""
        read = self.parse(text, vintage)
        if isinstance(read, Unnumbered):
            raise MalformedInput(f"{self.name} numbers no units, so {text!r} names no serials")
        return read


@cache
def grammars() -> Mapping[str, Grammar]:
    """All grammars by code: ours, then others'. Raises UsageError when one of the others' is no grammar, or has a code
    that is taken."""
    found: dict[str, Grammar] = {}
    for module in OURS:
        ours: Grammar = import_module(f"bridge.registry.statements.{module}").GRAMMAR
        found[ours.code] = ours
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        theirs = _load(point)
        if theirs.code in found:
            raise UsageError(f"{_place(point)} is a grammar for {theirs.code!r}, which has one; uninstall one of them")
        found[theirs.code] = theirs
    return found


def grammar(code: str, more: Mapping[str, Grammar] | None = None) -> Grammar:
    """By its registry's code; `more` are those that a configuration adds. Raises UsageError that lists the known."""
    known = {**grammars(), **(more or {})}
    if code not in known:
        raise UsageError(f"no grammar for registry {code!r}; known are {', '.join(known)}")
    return known[code]


def _load(point: EntryPoint) -> Grammar:
    try:
        loaded = point.load()
    except Exception as error:
        raise UsageError(f"{_place(point)} does not load: {error}; mend or uninstall it") from error
    if not isinstance(loaded, Grammar):
        raise UsageError(f"{_place(point)} is no Grammar but a {type(loaded).__name__}; mend or uninstall it")
    return loaded


def _place(point: EntryPoint) -> str:
    whose = point.dist.name if point.dist else "an unknown distribution"
    return f"{GROUP} entry {point.name!r} of {whose}"
