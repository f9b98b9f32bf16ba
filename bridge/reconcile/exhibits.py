"""Places in the evidence, put into words by which anybody can look them up again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bridge.domain import observed as seen
from bridge.domain.attestations import Deployment, Lock, Receipt
from bridge.domain.findings import Exhibit, ExhibitKind
from bridge.domain.observed import ChainEvent, StatementRow
from bridge.domain.serials import SerialRange
from bridge.reconcile import claim_tables, event_tables, statement_tables
from bridge.reconcile.evidence import Claim, Evidence
from bridge.reconcile.plan import Machine
from bridge.reconcile.statement_tables import Seen

Answer = Mapping[str, Any]


class Exhibits:
    """Only what findings name is looked up, of each table at once."""

    def __init__(self, evidence: Evidence, machine: Machine, answers: Sequence[Answer]) -> None:
        self._evidence = evidence
        self._events = _events(evidence, machine, _places(answers, "event"))
        self.complete = self._events.keys() >= set(_places(answers, "event"))
        self._rows = _rows(evidence, machine, _places(answers, "row"))
        self._claims = _claims(machine, _places(answers, "claim"))

    def of(self, answers: Iterable[Answer]) -> tuple[Exhibit, ...]:
        """Everything that the answers of one subject point at, each once, in the order of the evidence."""
        answers = list(answers)
        shown = [exhibit for place in _places(answers, "event") for exhibit in self._events[place]]
        shown += [self._rows[place] for place in _places(answers, "row")]
        shown += [_lock(*self._evidence.locks[place]) for place in _places(answers, "lock")]
        shown += [_receipt(*self._evidence.receipts[place]) for place in _places(answers, "receipt")]
        shown += [_head(self._evidence.statements[place]) for place in _places(answers, "statement")]
        shown += [self._claims[place] for place in _places(answers, "claim")]
        return (*shown, *(Exhibit(kind=ExhibitKind.FIGURES, text=text) for text in _places(answers, "figures")))


def _events(evidence: Evidence, machine: Machine, places: Sequence[int]) -> dict[int, list[Exhibit]]:
    """A log that moves several classes is one event with several exhibits."""
    found: dict[int, list[Exhibit]] = defaultdict(list)
    for name in event_tables.SCHEMAS if places else ():
        for row in machine.rows_at(name, event_tables.AT, map(event_tables.place_of, places)):
            event = event_tables.event_of(name, row)
            number = event_tables.number_of(row["chain"], event.place)
            found[number].append(_event(evidence.chains[row["chain"]].deployment, event))
    return found


def _rows(evidence: Evidence, machine: Machine, places: Sequence[int]) -> dict[int, Exhibit]:
    rows = (
        machine.rows_at(statement_tables.NAME, statement_tables.AT, map(statement_tables.place_of, places))
        if places
        else []
    )
    return {
        statement_tables.number_of(row): _row(evidence.statements[row["statement"]], statement_tables.row_of(row))
        for row in rows
    }


def _claims(machine: Machine, places: Sequence[int]) -> dict[int, Exhibit]:
    rows = machine.rows_at(claim_tables.NAME, claim_tables.AT, map(claim_tables.place_of, places)) if places else []
    return {claim_tables.number_of(row): _claim(claim_tables.claim_of(row)) for row in rows}


def _places(answers: Sequence[Answer], name: str) -> list[Any]:
    return sorted({answer[name] for answer in answers if answer[name] is not None})


def _event(deployment: Deployment, event: ChainEvent) -> Exhibit:
    place = event.place
    where = f"{deployment} block {place.block} transaction {place.transaction} log {place.log_index}"
    return Exhibit(kind=ExhibitKind.TRANSACTION, text=f"{where}: {_what_happened(event)}")


def _what_happened(event: ChainEvent) -> str:
    match event:
        case seen.Minted():
            return f"lock {event.lock_id} minted {event.range}"
        case seen.OutcomeSettled():
            return f"request {event.request_id} part {event.part} settled with {_ranges(event.ranges)}"
        case seen.RequestOpened():
            return f"request {event.request_id} opened for {event.units} units"
        case seen.RequestRefused() | seen.RequestCalledBack() | seen.RequestReturned():
            return f"{type(event).__name__} {event.request_id}, {event.units} units"
        case _:
            return _what_was_remedied(event)


def _what_was_remedied(event: ChainEvent) -> str:
    match event:
        case seen.CreditRetired():
            return f"{event.units} units joined the retired balance of {event.account}"
        case seen.Reversed():
            what = f"reversal {event.event_id} of {_ranges(event.ranges)}"
            return f"{what}, reason {event.reason}, shortfall {event.shortfall} units"
        case seen.CoverOffered():
            return f"cover {event.cover_id} offered, {event.units} units minted by lock {event.lock_id}"
        case seen.CoverTaken():
            taken = f"cover {event.cover_id} taken by {event.holder}, {event.units} units"
            return f"{taken}, shortfall {event.shortfall} units"
        case seen.CoverWithdrawn():
            return f"cover {event.cover_id} withdrawn to {event.to}, {event.units} units"
        case seen.RecoveryOrdered():
            moved = f"{event.units} units from {event.sender} to {event.to}"
            return f"recovery {event.recovery_id} ordered of {moved}, matures at {event.matures_at}"
        case seen.RecoveryVetoed():
            return f"recovery {event.recovery_id} vetoed by {event.by}"
        case seen.Recovered():
            return f"recovery {event.recovery_id} of {event.units} units from {event.sender} to {event.to}"
        case seen.Transferred():
            return f"{event.units} units from {event.sender} to {event.to}"
        case _:
            return _what_was_decided(event)


def _what_was_decided(event: ChainEvent) -> str:
    match event:
        case seen.Frozen():
            return f"account {event.account} frozen until {event.until}"
        case seen.Listed():
            return f"account {event.account} {'listed' if event.listed else 'struck off'}"
        case seen.PowerChanged():
            told = event.model_dump(exclude={"place", "by", "of_policy"}).items()
            words = ", ".join(f"{name} {value}" for name, value in told)
            return (
                f"{type(event).__name__}: {words}, called through {', '.join(event.by) or 'nobody that was looked for'}"
            )
        case _:
            return type(event).__name__


def _row(statement: Seen, row: StatementRow) -> Exhibit:
    head = statement.head.items[0]
    where = f"{statement.registry} statement {head.sequence} as of {head.as_of} row {row.row}"
    parties = [("for", row.deployment), ("lock", row.lock_id), ("request", row.request_id)]
    told = "".join(f", {name} {value}" for name, value in parties if value)
    return Exhibit(kind=ExhibitKind.STATEMENT_ROW, text=f"{where}: {row.range} {row.state.value} at {row.holder}{told}")


def _head(statement: Seen) -> Exhibit:
    head = statement.head.items[0]
    where = f"{statement.registry} statement {head.sequence} as of {head.as_of}"
    text = f"{where}: rows hash {head.rows_hash}, signers {', '.join(statement.head.signers) or 'none'}"
    return Exhibit(kind=ExhibitKind.ATTESTATION, text=text)


def _lock(deployment: Deployment, lock: Lock) -> Exhibit:
    text = f"lock {lock.lock_id} for {deployment}: {lock.range} to {lock.recipient}, not after {lock.not_after}"
    return Exhibit(kind=ExhibitKind.ATTESTATION, text=text)


def _receipt(deployment: Deployment, receipt: Receipt) -> Exhibit:
    what = f"receipt {receipt.reference} for request {receipt.request_id} of {deployment}"
    return Exhibit(kind=ExhibitKind.ATTESTATION, text=f"{what}: {_ranges(receipt.ranges)} at {receipt.executed_at}")


def _claim(claim: Claim) -> Exhibit:
    which = f"{claim.source} {claim.state.value} {claim.claim_id}"
    serials = f" {claim.range}" if claim.range else ""
    details = f" ({claim.evidence})" if claim.evidence else ""
    return Exhibit(kind=ExhibitKind.CLAIM, text=f"{which}:{serials} {claim.kg} kg{details}")


def _ranges(ranges: Iterable[SerialRange]) -> str:
    return ", ".join(str(r) for r in ranges)
