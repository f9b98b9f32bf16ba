"""Reading a registry's export into the ledger, with progress and every rejected row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.registry.importer import ImportReport
    from bridge.registry.ledger import Ledger
    from bridge.registry.statements.rows import Export


_CHUNK = 20


def import_rows(books: Ledger, export: Export, into: str, as_held: bool, quiet: bool) -> ImportReport:
    """In chunks, so that people see it move; each row is atomic anyway."""
    from bridge.cli.screen import progress
    from bridge.registry.importer import import_export

    reports = []
    with progress(f"Importing {export.programme}", len(export.rows), quiet) as step:
        for chunk in _chunks(export):
            reports.append(import_export(books, chunk, into, as_held=as_held))
            step(len(chunk.rows))
    return _together(reports)


def _chunks(export: Export) -> Iterator[Export]:
    for start in range(0, max(1, len(export.rows)), _CHUNK):
        yield export.model_copy(update={"rows": export.rows[start : start + _CHUNK]})


def _together(reports: list[ImportReport]) -> ImportReport:
    total = reports[0]
    for report in reports[1:]:
        sums = {
            name: getattr(total, name) + getattr(report, name)
            for name in ("read", "imported", "already_known", "issued_units", "ended_units", "rejected", "partly_known")
        }
        total = total.model_copy(update=sums)
    return total


def draw_import(report: ImportReport, file: Path) -> None:
    from bridge.cli.screen import amount, say, table
    from bridge.registry.statements.programmes import programme

    kg = programme(report.programme).kg_per_unit
    say(
        f"{file.name}, {report.programme} {report.kind}: {report.read:,} rows read",
        f"{report.imported:,} imported: {amount(report.issued_units, kg)} issued, "
        f"{amount(report.ended_units, kg)} retired or cancelled",
        f"{report.already_known:,} known already, {len(report.partly_known):,} in part, "
        f"{len(report.rejected):,} rejected",
    )
    if report.rejected:
        say("")
        rows = [(row.line, row.reason, _cut(row.content)) for row in report.rejected]
        table(["line>", "reason", "content"], rows)
        say("", "whole rows: --json")


def _cut(content: str) -> str:
    return content if len(content) <= 60 else content[:57] + "..."
