"""Every row of four registries' exports, imported or rejected by line and reason, into a ledger of its own."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bridge.registry.importer import ImportReport, import_export
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.statements.export import read_export

FILES = [
    ("VERRA", "verra/transactions.csv"),
    ("GS", "gold-standard/issuances.csv"),
    ("GS", "gold-standard/retirements.csv"),
    ("ACR", "american-carbon-registry/issuances.csv"),
    ("ACR", "american-carbon-registry/retirements.csv"),
    ("CAR", "climate-action-reserve/issuances.csv"),
    ("CAR", "climate-action-reserve/retirements.csv"),
]


def main() -> int:
    console = Console(width=100)
    table = Table(
        "programme", "file", "rows", "imported", "known", "rejected", "units issued", "units retired", box=None
    )
    reasons: Counter[tuple[str, str]] = Counter()
    reports: list[ImportReport] = []
    with TemporaryDirectory() as folder:
        ledger = Ledger(open_ledger(f"sqlite:///{folder}/ledger.db"), lambda: 0)
        ledger.open_account("rows")
        for programme, name in FILES:
            path = Path(os.environ["CARBONBRIDGE_DATA"]) / "registries" / name
            report = import_export(ledger, read_export(programme, path), "rows")
            again = import_export(ledger, read_export(programme, path), "rows")
            if again.issued_units or again.ended_units:
                console.print(f"{name}: the same file again changed the ledger")
                return 1
            reports.append(report)
            reasons.update((name, row.reason) for row in report.rejected)
            row = (report.read, report.imported, report.already_known, len(report.rejected))
            units = (report.issued_units, report.ended_units)
            table.add_row(programme, name.split("/")[1], *(f"{n:,}" for n in (*row, *units)))
            if report.read != report.imported + report.already_known + len(report.rejected):
                console.print(f"{name}: rows are missing from the report")
                return 1
        faults = ledger.audit()
    console.print(table)
    for (name, reason), count in sorted(reasons.items()):
        console.print(f"  {count:4} x {name}: {reason}", markup=False)
    console.print(f"ledger audit: {'; '.join(faults) or 'every serial has one state, every entry sums to zero'}")
    print(
        json.dumps(
            {
                "name": "rows",
                "read": sum(r.read for r in reports),
                "imported": sum(r.imported for r in reports),
                "known": sum(r.already_known for r in reports),
                "rejected": sum(len(r.rejected) for r in reports),
                "verra": reports[0].imported,
            }
        )
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
