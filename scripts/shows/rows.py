"""Every row of all registries' exports and of another bridge's tables: taken or refused by line and reason; and what is
taken brought into a ledger of its own, twice, to see that the second time changes nothing."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bridge.domain.quantity import Kilograms, tonnes
from bridge.errors import MalformedInput
from bridge.registry.importer import import_rows
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import read_statement

FILES = [
    ("VERRA", "verra/transactions.csv"),
    ("GS", "gold-standard/issuances.csv"),
    ("GS", "gold-standard/retirements.csv"),
    ("ACR", "american-carbon-registry/issuances.csv"),
    ("ACR", "american-carbon-registry/retirements.csv"),
    ("CAR", "climate-action-reserve/issuances.csv"),
    ("CAR", "climate-action-reserve/retirements.csv"),
    ("ART", "art-trees/issuances.csv"),
    ("ART", "art-trees/retirements.csv"),
    ("ART", "art-trees/cancellations.csv"),
    ("CERCARBONO", "cercarbono/issuances.csv"),
    ("CERCARBONO", "cercarbono/retirements.csv"),
    ("ISOMETRIC", "isometric/issuances.csv"),
    ("ISOMETRIC", "isometric/retirements.csv"),
]
NO_STATEMENT = "art-trees/projects.csv"
"""A list of projects, which states no credits; it must be refused as a whole."""
SERIALS = [("minted_blocks", 4), ("retirements", 2)]
"""Tables of the other bridge, and where in a line the serial stands."""


class Shown(NamedTuple):
    registry: str
    file: str
    read: int
    taken: int
    kg: int
    imported: int
    known: int
    reasons: Counter[str]


def main() -> int:
    data = Path(os.environ["CARBONBRIDGE_DATA"])
    console = Console(width=100)
    with TemporaryDirectory() as folder:
        ledger = Ledger(open_ledger(f"sqlite:///{folder}/ledger.db"), lambda: 0)
        shown = [_file(data / "registries", code, name, ledger) for code, name in FILES]
        faults = [*ledger.audit()]
    shown += [_serials(data / "stellarcarbon" / f"{table}.ndjson", at) for table, at in SERIALS]
    faults += [f"{one.file}: rows are missing" for one in shown if one.read != one.taken + one.reasons.total()]
    faults += _refused_whole(data / "registries" / NO_STATEMENT)

    table = Table("registry", "file", "rows>", "taken>", "refused>", "tonnes>", "in the ledger>", box=None)
    for column in table.columns:
        if str(column.header).endswith(">"):
            column.header, column.justify = str(column.header)[:-1], "right"
        column.overflow = "fold"
    for one in shown:
        counts = (one.read, one.taken, one.reasons.total())
        weight = f"{tonnes(Kilograms(one.kg)):,.3f}"
        table.add_row(one.registry, one.file, *(f"{n:,}" for n in counts), weight, f"{one.imported + one.known:,}")
    console.print(table)
    for one in shown:
        for reason, count in sorted(one.reasons.items()):
            console.print(f"  {count:4} x {one.file}: {reason}", markup=False)
    console.print(f"{'; '.join(faults) or 'no row is missing, and in the ledger every entry sums to zero'}")
    figures = {
        "read": sum(one.read for one in shown),
        "taken": sum(one.taken for one in shown),
        "rejected": sum(one.reasons.total() for one in shown),
        "imported": sum(one.imported for one in shown),
        "known": sum(one.known for one in shown),
        "registries": len({one.registry for one in shown}),
        "verra": shown[0].imported,
    }
    print(json.dumps({"name": "rows", **figures}))
    return 1 if faults else 0


def _file(folder: Path, code: str, name: str, ledger: Ledger) -> Shown:
    with read_statement(folder / name, grammar(code)) as statement:
        first, again = (import_rows(ledger, statement.head, statement.in_order(), "rows") for _ in range(2))
        if again.issued_units or again.ended_units:
            raise SystemExit(f"{name}: the same file again changed the ledger")
        head, reasons = statement.head, Counter(row.reason for row in statement.refused())
    return Shown(code, name, head.read, head.taken, head.kg, first.imported, first.already_known, reasons)


def _serials(path: Path, at: int) -> Shown:
    """Each line's serial, spelt back as it stood."""
    verra, reasons, kg = grammar("VERRA"), Counter[str](), 0
    lines = path.read_text().splitlines()
    for line in lines:
        spelt = json.loads(line)[at]
        try:
            read = verra.numbered(spelt)
            if verra.spell(read) != spelt:
                reasons[f"spelt back as {verra.spell(read)}"] += 1
            kg += read.range.units * read.kg_per_unit
        except MalformedInput as error:
            reasons[str(error)] += 1
    return Shown("VERRA", f"stellarcarbon/{path.stem}", len(lines), len(lines) - reasons.total(), kg, 0, 0, reasons)


def _refused_whole(path: Path) -> list[str]:
    try:
        with read_statement(path, grammar("ART")):
            return [f"{path.name} was read as a statement"]
    except MalformedInput:
        return []


if __name__ == "__main__":
    sys.exit(main())
