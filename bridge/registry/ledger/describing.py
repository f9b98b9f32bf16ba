"""What is said of classes beyond their identity, never forgotten; and their metadata as attesters signed it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.database import rows_by
from bridge.domain.attestations import Attested, Deployment, Pin
from bridge.domain.attributes import NAMES, Attributes, Described, Said, Source, described
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import ClassMetadata, PinnedMetadata, metadata
from bridge.domain.values import Hex32, faults
from bridge.errors import Conflict, MalformedInput, RegistryRefused, UsageError
from bridge.registry.ledger.models import (
    Class,
    ClassAttribute,
    ClassMetadataRow,
    InstructionRow,
    Project,
    WaitingOrder,
)
from bridge.registry.ledger.movement import Books, standing_each
from bridge.registry.port import Instruction
from bridge.registry.wire import canonical


class Describing(Books):
    def describe(self, class_id: Hex32, changes: Attributes, source: Source) -> tuple[str, ...]:
        """Takes up what `source` says: those attributes of `changes` that are set, also to unknown. Gives the names of
        those that were not stated so before.

        Raises RegistryRefused for a class that is not here, UsageError without anything to say or with a day that is
        to come, MalformedInput when it contradicts what stays.
        """
        named = [name for name in NAMES if name in changes.model_fields_set]
        day = _day(source, self.clock())
        if not named:
            raise UsageError("nothing is said; name an attribute")
        with self._write() as tx:
            row = _class_row(tx, class_id)
            values = changes.model_dump(mode="json")
            before = _said(tx, [class_id]).get(class_id, [])
            counting = _counting(before)
            new = [name for name in named if not _is_so(counting.get(name), values[name], source)]
            for name in new:
                said = {"value": json.dumps(values[name], ensure_ascii=False), "source": source.source}
                number = sum(one.attribute == name for one in before) + 1
                at = self.clock()
                tx.add(ClassAttribute(class_id=class_id, attribute=name, number=number, recorded_at=at, **said | day))
            tx.flush()
            _described(tx, row)  # raises where the whole cannot be so
            return tuple(new)

    def described(self, class_id: Hex32) -> Described | None:
        with self._read() as tx:
            row = tx.get(Class, class_id)
            return _described(tx, row) if row else None

    def said_of(self, class_id: Hex32) -> tuple[Said, ...]:
        """Everything that was ever stated of a class, in the order in which it was recorded."""
        with self._read() as tx:
            return tuple(_said(tx, [class_id]).get(class_id, []))

    def class_metadata(self, class_id: Hex32) -> ClassMetadata | None:
        with self._read() as tx:
            row = tx.get(Class, class_id)
            if row is None:
                return None
            query = select(ClassMetadataRow).where(ClassMetadataRow.class_id == class_id)
            pins = tx.scalars(query.order_by(ClassMetadataRow.deployment, ClassMetadataRow.number)).all()
            body = canonical(metadata(_described(tx, row))).decode()
            return ClassMetadata(class_id=class_id, body=body, pins=tuple(map(_pinned, pins)))

    def keep_pin(self, deployment: Deployment, body: str, signed: Attested[Pin]) -> None:
        """Raises Conflict when another was kept meanwhile under its number."""
        (pin,) = signed.items
        key = {"class_id": pin.class_id, "deployment": str(deployment), "number": pin.number}
        with self._write() as tx:
            if tx.get(ClassMetadataRow, tuple(key.values())) is not None:
                raise Conflict(f"metadata of class {pin.class_id} was signed meanwhile; sign again")
            tx.add(ClassMetadataRow(body=body, document=signed.model_dump_json(), **key))

    def to_be_locked(self, instruction_ids: Sequence[Hex32]) -> dict[Hex32, tuple[Instruction, Described]]:
        """Of these, what nobody has locked yet, with the class of its first serial."""
        with self._read() as tx:
            waiting = {row.instruction_id for row in rows_by(tx, WaitingOrder.instruction_id, instruction_ids)}
            rows = rows_by(tx, InstructionRow.id, sorted(waiting))
            given = [Instruction.model_validate_json(row.document) for row in rows]
            return _with_classes(tx, given)

    def described_of(self, instruction: Instruction) -> Described | None:
        """The class of an order's first serial; None where it is not issued."""
        with self._read() as tx:
            found = _with_classes(tx, [instruction]).get(instruction.instruction_id)
            return found[1] if found else None


def class_of(tx: Session, row: Class) -> CreditClass:
    project = tx.get_one(Project, (row.programme, row.project))
    return CreditClass(
        registry=row.programme,
        project=row.project,
        vintage=row.vintage,
        credit_type=row.credit_type,
        kg_per_unit=row.kg_per_unit,
        project_name=project.name,
        country=project.country,
        methodology=project.methodology,
    )


def _with_classes(tx: Session, given: Sequence[Instruction]) -> dict[Hex32, tuple[Instruction, Described]]:
    found: dict[Hex32, tuple[Instruction, Described]] = {}
    classes: dict[Hex32, Described] = {}
    standing = standing_each(tx, [instruction.range for instruction in given])
    for instruction, blocks in zip(given, standing, strict=True):
        if not blocks:
            continue  # its serials are not here, which the ledger says by itself
        class_id = blocks[0].class_id
        if class_id not in classes:
            classes[class_id] = _described(tx, tx.get_one(Class, class_id))
        found[instruction.instruction_id] = (instruction, classes[class_id])
    return found


def _class_row(tx: Session, class_id: Hex32) -> Class:
    row = tx.get(Class, class_id)
    if row is None:
        raise RegistryRefused(f"no class {class_id} is known here; see: carbonbridge registry class list")
    return row


def _day(source: Source, now: int) -> dict[str, str]:
    """In the calendar's own order, so that text compares as days do."""
    today = datetime.fromtimestamp(now, UTC).date()
    if source.stated_on is None:
        raise UsageError("on which day was it stated? What has no day cannot be compared with what is said later")
    if source.stated_on > today:
        raise UsageError(f"{source.stated_on} is to come; it is {today} here")
    return {"stated_on": source.stated_on.isoformat()}


def _is_so(one: Said | None, value: object, source: Source) -> bool:
    return one is not None and (one.value, one.source) == (value, source)


def _said(tx: Session, class_ids: Sequence[Hex32]) -> dict[Hex32, list[Said]]:
    found: dict[Hex32, list[Said]] = {}
    rows = rows_by(tx, ClassAttribute.class_id, class_ids)
    for row in sorted(rows, key=lambda one: (one.recorded_at, one.attribute, one.number)):
        source = Source(source=row.source, stated_on=date.fromisoformat(row.stated_on))
        said = Said(attribute=row.attribute, value=json.loads(row.value), source=source, recorded_at=row.recorded_at)
        found.setdefault(row.class_id, []).append(said)
    return found


def _described(tx: Session, row: Class) -> Described:
    credit_class = class_of(tx, row)
    try:
        return described(credit_class, _counting(_said(tx, [row.id]).get(row.id, [])))
    except ValidationError as error:
        why = faults(error, "attributes")
        raise MalformedInput(f"what is said of {credit_class.label} cannot be: {why}") from error


def _counting(said: Sequence[Said]) -> dict[str, Said]:
    """Of two statements the one of the later day counts, then the one that was recorded later."""
    found: dict[str, Said] = {}
    for one in said:
        known = found.get(one.attribute)
        if known is None or _stated(one) >= _stated(known):
            found[one.attribute] = one
    return found


def _stated(one: Said) -> date:
    return one.source.stated_on or date.min


def _pinned(row: ClassMetadataRow) -> PinnedMetadata:
    chain_id, _, contract = row.deployment.partition(":")
    return PinnedMetadata(
        deployment=Deployment(chain_id=int(chain_id), contract=contract),
        body=row.body,
        signed=Attested[Pin].model_validate_json(row.document),
    )
