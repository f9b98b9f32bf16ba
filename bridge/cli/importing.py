"""Reading registries' files: into one canonical statement, or further into the ledger; with progress, and every row
that was refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import File, Json

if TYPE_CHECKING:
    from bridge.registry.importer import ImportReport
    from bridge.registry.ledger import Ledger
    from bridge.registry.statements.canonical import RejectedRow
    from bridge.registry.statements.statement import How, Statement

Programme = Annotated[str, typer.Argument(metavar="PROGRAMME", help="The registry's code, such as VERRA, GS or ACR.")]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of a CSV that is not UTF-8: cp932, shift_jis, latin-1 …")
]
Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Of a workbook with several sheets.")]

_LISTED = 1000
"""Refused rows in what machines are told; all of them stand in a file, if one is asked for."""
_SHOWN = 20


def read_file(
    programme: Programme,
    file: File,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it here: .parquet, .json or .csv.")
    ] = None,
    refused: Annotated[
        Path | None, typer.Option("--refused", metavar="FILE", help="Write every refused row here, as CSV.")
    ] = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%dT%H:%M:%SZ"], help="When the registry stated it, UTC."),
    ] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Also guess at misspelt CERs, marked as such; never to be imported.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a registry's export, CSV or Excel, into one canonical statement, and list every row that was not taken.

    Every row is taken or refused, with its line, column and reason; none is dropped. Ends with 1 when rows were
    refused. Columns, types and units of what is written stand in bridge/registry/README.md.
    """
    from datetime import UTC

    from bridge.cli.screen import emit
    from bridge.registry.statements.statement import How

    seconds = int(as_of.replace(tzinfo=UTC).timestamp()) if as_of else None
    with reading(programme, file, How(encoding, sheet, seconds, lenient), as_json) as statement:
        if out:
            statement.save(out)
        if refused:
            statement.save_refused(refused)
        if as_json:
            emit(_told(statement))
        else:
            draw_statement(statement, out, refused)
        raise typer.Exit(1 if statement.head.refused else 0)


@contextmanager
def reading(programme: str, file: Path, how: How, quiet: bool) -> Iterator[Statement]:
    """A file's statement; a bar shows how far it is read."""
    from bridge.cli.naming import known_grammar
    from bridge.cli.screen import progress
    from bridge.registry.statements.statement import read_statement

    grammar = known_grammar(programme)
    with ExitStack() as kept:
        with progress(f"Reading {file.name}", file.stat().st_size, quiet) as step:
            done = 0

            def told(at: int) -> None:
                nonlocal done
                step(at - done)
                done = at

            statement = kept.enter_context(read_statement(file, grammar, how, told))
        yield statement


def import_statement(books: Ledger, statement: Statement, into: str, as_held: bool, quiet: bool) -> ImportReport:
    from bridge.cli.screen import progress
    from bridge.registry.importer import import_rows

    head = statement.head
    with progress(f"Importing {head.registry}", head.rows + head.refused, quiet) as step:
        return import_rows(books, head, statement.in_order(), into, as_held=as_held, told=step)


def draw_statement(statement: Statement, out: Path | None, refused: Path | None) -> None:
    from bridge.cli.screen import say
    from bridge.domain.quantity import Kilograms, tonnes

    head = statement.head
    mass = f"{tonnes(Kilograms(head.kg)).normalize():,f}"
    say(
        f"{head.file}, {head.registry} {head.kind}: {head.read:,} rows read, {head.taken:,} taken, "
        f"{head.refused:,} refused",
        f"{head.rows:,} blocks of {head.units:,} units ({mass} t)",
    )
    for written, what in ((out, "the statement"), (refused, "the refused rows")):
        if written:
            say(f"{what}: {written}")
    _draw_refused(statement.refused(), head.refused, "every one of them, in a file: --refused FILE.csv")


def draw_import(report: ImportReport, file: Path) -> None:
    from bridge.cli.naming import known_grammar
    from bridge.cli.screen import amount, say

    kg = known_grammar(report.programme).kg_per_unit
    say(
        f"{file.name}, {report.programme} {report.kind}: {report.read:,} rows read",
        f"{report.imported:,} imported: {amount(report.issued_units, kg)} issued, "
        f"{amount(report.ended_units, kg)} retired or cancelled",
        f"{report.already_known:,} known already, {len(report.partly_known):,} in part, "
        f"{len(report.rejected):,} rejected",
    )
    _draw_refused(report.rejected, len(report.rejected), "whole rows: --json")


def _draw_refused(rows: Iterable[RejectedRow], count: int, more: str) -> None:
    from itertools import islice

    from bridge.cli.screen import say, table

    if count:
        say("")
        shown = [(row.line, row.column, row.reason, _cut(row.content)) for row in islice(rows, _SHOWN)]
        table(["line>", "column", "reason", "content"], shown)
        say("", f"{count - len(shown):,} more; {more}" if count > len(shown) else more)


def _told(statement: Statement) -> dict[str, Any]:
    from itertools import islice

    rows = [row.model_dump() for row in islice(statement.refused(), _LISTED)]
    return statement.head.model_dump() | {"refused_rows": rows}


def _cut(content: str) -> str:
    return content if len(content) <= 60 else content[:57] + "..."
