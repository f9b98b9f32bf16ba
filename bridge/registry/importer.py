"""Brings the ledger up to what a canonical statement says, row by row; what is known already changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic import Field

from bridge.domain.lifecycle import SerialState
from bridge.domain.values import Fact, RegistryCode
from bridge.errors import Conflict, MalformedInput, RegistryRefused
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.custody import Recorded
from bridge.registry.statements.canonical import CanonicalRow, Head, RejectedRow


class PartlyKnown(Fact):
    """A row of which some serials stood in the ledger before; only the others were issued. Units."""

    line: int
    serial: str
    known_units: int
    issued_units: int


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


def import_rows(
    ledger: Ledger,
    head: Head,
    rows: Iterable[CanonicalRow | RejectedRow],
    account: str,
    *,
    as_held: bool = False,
    told: Callable[[int], object] = int,
) -> ImportReport:
    """Issues every row's serials into `account`, which is opened if need be, and retires or cancels those that the
    statement says are. `as_held` takes every row as held, for rehearsals on real serials. `told` hears of each row."""
    ledger.open_account(account)
    rejected: list[RejectedRow] = []
    taken: list[tuple[CanonicalRow, Recorded]] = []
    for row in rows:
        result = row if isinstance(row, RejectedRow) else _take(ledger, row, account, as_held)
        if isinstance(result, RejectedRow):
            rejected.append(result)
        elif isinstance(row, CanonicalRow):
            taken.append((row, result))
        told(1)
    return _report(head, taken, rejected)


def _take(ledger: Ledger, row: CanonicalRow, account: str, as_held: bool) -> Recorded | RejectedRow:
    state = SerialState.HELD if as_held else row.state
    ended = row.ended_on or row.issued_on
    note = {"beneficiary": row.beneficiary, "purpose": row.purpose, "date": ended.isoformat() if ended else ""}
    try:
        span, credit_class = row.range, row.credit_class
        if span is None or credit_class is None:
            raise RegistryRefused(f"{row.serial!r} names no serials, and the ledger knows credits by nothing else")  # noqa: TRY301 one list of reasons
        return ledger.record(row.serial_space, span, credit_class, account, state, note)
    except (RegistryRefused, Conflict, MalformedInput) as error:
        return RejectedRow(line=row.line, reason=str(error), content=row.serial, file=row.file)


def _report(head: Head, taken: list[tuple[CanonicalRow, Recorded]], rejected: list[RejectedRow]) -> ImportReport:
    changed = [(row, did) for row, did in taken if did.issued or did.ended]
    return ImportReport(
        programme=head.registry,
        kind=head.kind,
        read=len(taken) + len(rejected),
        imported=len(changed),
        already_known=len(taken) - len(changed),
        issued_units=sum(did.issued for _, did in changed),
        ended_units=sum(did.ended for _, did in changed),
        rejected=tuple(rejected),
        partly_known=tuple(
            PartlyKnown(line=row.line, serial=row.serial, known_units=did.known, issued_units=did.issued)
            for row, did in changed
            if did.issued and did.known
        ),
    )
