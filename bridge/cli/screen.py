"""What people and machines see: JSON on stdout, or lines and tables that fit 80 columns."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

_WIDTH = 80
_NEVER_FOLDED = 19
"""Letters of an id, a date or a number; longer cells are folded to fit."""


def emit(document: Any) -> None:
    """The machine's output: one JSON document."""
    import json

    emit_json(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def emit_json(text: str) -> None:
    """JSON that is made already, with every letter escaped that a terminal would obey."""

    def escaped(letter: str) -> str:
        if letter == "\n":
            return letter
        units = letter.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))

    typer.echo(_replaced(text.removesuffix("\n"), escaped))


def printable(text: str) -> str:
    """One line for people: strangers' names and notes must neither command a terminal nor pass for lines of ours."""
    return _replaced(text, lambda letter: " " if letter in "\t\n\r" else "\N{REPLACEMENT CHARACTER}")


def say(*lines: str) -> None:
    for line in lines:
        typer.echo("\n".join(_folded(line, _WIDTH)))


def say_text(text: str) -> None:
    """A text of several lines that a report has laid out."""
    for line in text.removesuffix("\n").split("\n"):
        typer.echo(printable(line))


def complain(message: str) -> None:
    """A message on stderr."""
    typer.echo("\n".join(_folded(message, _WIDTH)), err=True)


def _folded(text: str, width: int) -> list[str]:
    """Lines for people, broken between words; an id, or a command to copy, stays whole however long it is."""
    from textwrap import wrap

    line = printable(text)
    if len(line) <= width:
        return [line]
    bound = re.sub(r"carbonbridge [a-z][^;:,.()]*", lambda command: command.group().replace(" ", _BOUND), line)
    margin = " " * (len(line) - len(line.lstrip()))
    lines = wrap(bound, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)
    return [one.replace(_BOUND, " ") for one in lines]


_BOUND = "\ue000"


def _replaced(text: str, instead: Callable[[str], str]) -> str:
    """Control and format letters, line separators and lone surrogates, each by something that can be shown."""
    from unicodedata import category

    if text.isascii() and text.isprintable():
        return text
    return "".join(instead(letter) if category(letter) in _UNSHOWN else letter for letter in text)


_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str = "nothing") -> None:
    """Columns whose heading ends in `>` are numbers. Without rows it says `nothing`."""
    if not rows:
        say(nothing)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # Without a terminal nobody cuts lines, but people still read them: 80 columns, cells folded, nothing lost.
    width = min(Console().width, 120) if sys.stdout.isatty() else _WIDTH
    console = Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    lengths = [max(len(row[number]) for row in [columns, *cells]) for number in range(len(columns))]
    whole = _unfolded(lengths, width)
    for number, column in enumerate(columns):
        justify: Any = "right" if column.endswith(">") else "left"
        drawn.add_column(column.rstrip(">"), justify=justify, overflow="fold", no_wrap=number in whole)
    for row in cells:
        drawn.add_row(*row)
    console.print(drawn)


def _unfolded(lengths: Sequence[int], width: int) -> set[int]:
    """The columns that stay whole: the short ones, as long as the others have room to fold in."""
    whole = sorted((n for n, length in enumerate(lengths) if length <= _NEVER_FOLDED), key=lengths.__getitem__)
    while whole:
        folded = sum(min(length, _NEVER_FOLDED) for n, length in enumerate(lengths) if n not in whole)
        if sum(lengths[n] for n in whole) + folded + 2 * len(lengths) <= width:
            break
        whole.pop()
    return set(whole)


def facts(rows: Sequence[tuple[str, object]]) -> None:
    """Names and values below each other, with long values folded under themselves."""
    margin = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        lines = _folded(str(value), _WIDTH - margin)
        say_text("\n".join([f"{name:<{margin}}{lines[0]}", *(" " * margin + line for line in lines[1:])]))


@contextmanager
def progress(what: str, total: int | None, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for long work, in terminals only; call what it gives with each step's size."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps: bar.advance(task, steps)


def amount(units: int, kg_per_unit: int) -> str:
    """Units never travel without their weight: `1,200 units (1,200 t)`."""
    return f"{units:,} {'unit' if units == 1 else 'units'} ({weight(units, kg_per_unit)} t)"


def weight(units: int, kg_per_unit: int) -> str:
    """Tonnes, exact."""
    from bridge.domain.quantity import Units, kilograms, tonnes

    return f"{tonnes(kilograms(Units(units), kg_per_unit)).normalize():,f}"


def moment(timestamp: int) -> str:
    from bridge.domain import values

    return values.moment(timestamp)


def short(hex_id: str) -> str:
    """Enough of an id for people; commands take it back as a prefix."""
    return hex_id[:10]


def checksummed(address: str) -> str:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(address)
