"""Serials set aside for a deployment, by their depositor's own order, and handed back when they are never minted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.domain.attestations import Deployment, Lock
from bridge.domain.lifecycle import SerialState
from bridge.domain.values import Fact, Hex32
from bridge.errors import Conflict, Halted, RegistryRefused
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.models import Account, Block, InstructionRow, LockRow, Space
from bridge.registry.ledger.movement import Books, Where, move, named, participant, range_of, require
from bridge.registry.port import Instruction


class LockRecord(Fact):
    """A lock as the ledger has it. `whole` while every one of its serials is still locked under it."""

    lock: Lock
    instruction: Instruction
    minted: bool
    released: bool
    whole: bool


class Locking(Books):
    def instruct(self, instruction: Instruction) -> None:
        """Keeps a depositor's authenticated order. Raises RegistryRefused when he could not give it: not his serials,
        or a deployment that this registry does not serve; Conflict when the id is known with other content."""
        with self._write() as tx:
            known = tx.get(InstructionRow, instruction.instruction_id)
            document = instruction.model_dump_json()
            if known is None:
                _require_lockable(tx, instruction)
                tx.add(_instruction_row(instruction, document))
            elif Instruction.model_validate_json(known.document) != instruction:
                raise Conflict(f"instruction {instruction.instruction_id} was given before with other content")

    def instruction(self, instruction_id: Hex32) -> Instruction:
        with self._read() as tx:
            return _instruction(tx, instruction_id)

    def lock(self, lock_id: Hex32, instruction_id: Hex32) -> Lock:
        """Moves the instruction's serials into the deployment's account under this id, once. Raises Conflict for a
        known lock id with another instruction, and for an instruction that is locked under another id."""
        with self._write() as tx:
            known = tx.get(LockRow, lock_id)
            if known is not None:
                return _known_lock(tx, known, instruction_id)
            instruction = _instruction(tx, instruction_id)
            if other := tx.scalar(select(LockRow.id).where(LockRow.instruction_id == instruction_id)):
                raise Conflict(f"instruction {instruction_id} is locked already as {other}; go on with that lock")
            return self._lock(tx, lock_id, instruction)

    def waiting(self, deployment: Deployment) -> tuple[Hex32, ...]:
        """What depositors have ordered for the deployment and nobody has locked, while it can be minted still."""
        locked = select(LockRow.instruction_id).where(LockRow.instruction_id == InstructionRow.id).exists()
        query = select(InstructionRow.document).where(InstructionRow.deployment == str(deployment), ~locked)
        with self._read() as tx:
            documents = tx.scalars(query.order_by(InstructionRow.id)).all()
        orders = (Instruction.model_validate_json(document) for document in documents)
        return tuple(order.instruction_id for order in orders if order.not_after > self.clock())

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        with self._read() as tx:
            return tx.scalar(select(LockRow.id).where(LockRow.instruction_id == instruction_id))

    def _lock(self, tx: Session, lock_id: Hex32, instruction: Instruction) -> Lock:
        blocks = _require_lockable(tx, instruction)
        row = LockRow(id=lock_id, instruction_id=instruction.instruction_id, class_id=blocks[0].class_id, minted=False)
        tx.add(row)
        content = {"instruction": instruction.instruction_id}
        entry = self._enter_once(tx, "lock", lock_id, content, instruction.deployment)
        target = Where(bridge_account(instruction.deployment), SerialState.LOCKED, lock_id)
        move(tx, entry, blocks, [instruction.range], lambda _: target)
        return _lock_of(row, instruction)

    def lock_record(self, lock_id: Hex32) -> LockRecord:
        """Raises RegistryRefused for an unknown lock."""
        with self._read() as tx:
            row = _lock_row(tx, lock_id)
            instruction = _instruction(tx, row.instruction_id)
            locked = (b for b in _live(tx, lock_id) if b.state == SerialState.LOCKED.value)
            return LockRecord(
                lock=_lock_of(row, instruction),
                instruction=instruction,
                minted=row.minted,
                released=row.released_by is not None,
                whole=sum(b.last - b.first + 1 for b in locked) == instruction.range.units,
            )

    def mark_minted(self, lock_ids: Sequence[Hex32]) -> None:
        """Our witness has seen these locks used at a final block."""
        with self._write() as tx:
            for lock_id in lock_ids:
                row = _lock_row(tx, lock_id)
                if row.released_by is not None:
                    raise Halted(f"lock {lock_id} was released and is minted now; stop and reconcile")
                row.minted = True

    def release(self, lock_id: Hex32) -> None:
        """Hands the serials back to the account that they came from. The caller has seen the lock unused for good."""
        with self._write() as tx:
            row = _lock_row(tx, lock_id)
            instruction = _instruction(tx, row.instruction_id)
            if row.released_by is not None:
                return
            if row.minted:
                raise RegistryRefused(f"lock {lock_id} is minted; its serials leave by retirement or redemption only")
            entry = self._enter_once(tx, "release", lock_id, {}, instruction.deployment)
            row.released_by = entry.id
            blocks = [b for b in _live(tx, lock_id) if b.state == SerialState.LOCKED.value]
            target = Where(instruction.account, SerialState.HELD)
            move(tx, entry, blocks, [range_of(b) for b in blocks], lambda _: target)

    def unminted_locks(self, deployment: Deployment, class_id: Hex32) -> tuple[Hex32, ...]:
        """Locks with locked serials of the class that no witness has yet seen minted."""
        locked = select(Block.lock_id).where(
            Block.account == bridge_account(deployment),
            Block.state == SerialState.LOCKED.value,
            Block.class_id == class_id,
            Block.closed_by.is_(None),
        )
        with self._read() as tx:
            rows = tx.scalars(select(LockRow.id).where(LockRow.id.in_(locked), ~LockRow.minted).order_by(LockRow.id))
            return tuple(rows)


def _require_lockable(tx: Session, instruction: Instruction) -> list[Block]:
    """Serials that the depositor holds, of one class, of the programme he names, for a deployment we serve."""
    participant(tx, instruction.account)
    if tx.get(Account, bridge_account(instruction.deployment)) is None:
        raise RegistryRefused(f"deployment {instruction.deployment} is not served by this registry; check it")
    space = tx.get(Space, instruction.range.space)
    if space is None or space.programme != instruction.registry:
        raise RegistryRefused(f"{named(tx, instruction.range)} are not serials of {instruction.registry}; check them")
    blocks = require(tx, instruction.range, [SerialState.HELD], instruction.account)
    if len({block.class_id for block in blocks}) != 1:
        raise RegistryRefused(f"{named(tx, instruction.range)} are of several classes; instruct each by itself")
    return blocks


def _instruction_row(instruction: Instruction, document: str) -> InstructionRow:
    return InstructionRow(
        id=instruction.instruction_id,
        programme=instruction.registry,
        account=instruction.account,
        deployment=str(instruction.deployment),
        document=document,
    )


def _instruction(tx: Session, instruction_id: Hex32) -> Instruction:
    row = tx.get(InstructionRow, instruction_id)
    if row is None:
        raise RegistryRefused(f"no depositor gave instruction {instruction_id}; ask him to give it")
    return Instruction.model_validate_json(row.document)


def _known_lock(tx: Session, row: LockRow, instruction_id: Hex32) -> Lock:
    if row.instruction_id != instruction_id:
        raise Conflict(f"lock {row.id} carries out instruction {row.instruction_id}, not {instruction_id}")
    return _lock_of(row, _instruction(tx, instruction_id))


def _lock_of(row: LockRow, instruction: Instruction) -> Lock:
    return Lock(
        lock_id=row.id,
        class_id=row.class_id,
        range=instruction.range,
        recipient=instruction.recipient,
        not_after=instruction.not_after,
    )


def _lock_row(tx: Session, lock_id: Hex32) -> LockRow:
    row = tx.get(LockRow, lock_id)
    if row is None:
        raise RegistryRefused(f"no lock {lock_id} was made here; lock first")
    return row


def _live(tx: Session, lock_id: Hex32) -> list[Block]:
    return list(tx.scalars(select(Block).where(Block.lock_id == lock_id, Block.closed_by.is_(None))))
