"""Brings the ledger up to what a registry's export states, row by row; what is known already changes nothing."""

from __future__ import annotations

from pydantic import Field

from bridge.domain.lifecycle import SerialState
from bridge.domain.values import Fact, RegistryCode
from bridge.errors import Conflict, MalformedInput, RegistryRefused
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.custody import Recorded
from bridge.registry.statements.rows import Export, IssuedRow, RejectedRow


class PartlyKnown(Fact):
    """A row of which some serials stood in the ledger before; only the others were issued. Units."""

    line: int
    known_units: int
    issued_units: int
    content: str


class ImportReport(Fact):
    """Every row read is imported, already known, or rejected. `issued_units` came into being here, `ended_units` were
    retired or cancelled here."""

    programme: RegistryCode
    kind: str
    read: int
    imported: int
    already_known: int
    issued_units: int
    ended_units: int
    rejected: tuple[RejectedRow, ...] = Field(repr=False)
    partly_known: tuple[PartlyKnown, ...] = Field(repr=False)


def import_export(ledger: Ledger, export: Export, account: str, *, as_held: bool = False) -> ImportReport:
    """Issues every row's serials into `account`, which is opened if need be, and retires or cancels those that the
    export says are. `as_held` takes every row as held, for rehearsals on real serials."""
    ledger.open_account(account)
    rejected: list[RejectedRow] = []
    taken: list[tuple[IssuedRow, Recorded]] = []
    for row in export.rows:
        result = row if isinstance(row, RejectedRow) else _take(ledger, row, account, as_held)
        if isinstance(result, RejectedRow):
            rejected.append(result)
        elif isinstance(row, IssuedRow):
            taken.append((row, result))
    return _report(export, taken, rejected)


def _take(ledger: Ledger, row: IssuedRow, account: str, as_held: bool) -> Recorded | RejectedRow:
    state = SerialState.HELD if as_held else row.state
    note = {"beneficiary": row.beneficiary, "purpose": row.purpose, "date": row.date}
    try:
        return ledger.record(row.serial.space, row.serial.range, row.credit_class, account, state, note)
    except (RegistryRefused, Conflict, MalformedInput) as error:
        return RejectedRow(line=row.line, reason=str(error), content=row.content)


def _report(export: Export, taken: list[tuple[IssuedRow, Recorded]], rejected: list[RejectedRow]) -> ImportReport:
    changed = [(row, did) for row, did in taken if did.issued or did.ended]
    return ImportReport(
        programme=export.programme,
        kind=export.kind,
        read=len(export.rows),
        imported=len(changed),
        already_known=len(taken) - len(changed),
        issued_units=sum(did.issued for _, did in changed),
        ended_units=sum(did.ended for _, did in changed),
        rejected=tuple(rejected),
        partly_known=tuple(
            PartlyKnown(line=row.line, known_units=did.known, issued_units=did.issued, content=row.content)
            for row, did in changed
            if did.issued and did.known
        ),
    )
