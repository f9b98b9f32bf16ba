"""Serials set aside for a deployment, by their depositor's own order, and handed back when they are never minted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from bridge.database import parts, rows_by
from bridge.domain.attestations import Deployment, Lock
from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Fact, Hex32
from bridge.errors import BridgeError, Conflict, Halted, RegistryRefused
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.models import Account, Block, InstructionRow, LockRow, Space, WaitingOrder
from bridge.registry.ledger.movement import (
    Books,
    Taking,
    Where,
    move,
    named,
    participant,
    range_of,
    require,
    standing_each,
)
from bridge.registry.port import Instruction, LockOrder

_AT_ONCE = 1000
"""Values that one query takes."""


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
                tx.flush()
                tx.add(_waiting(instruction))
            elif Instruction.model_validate_json(known.document) != instruction:
                raise Conflict(f"instruction {instruction.instruction_id} was given before with other content")

    def instruction(self, instruction_id: Hex32) -> Instruction:
        with self._read() as tx:
            return _instruction(tx, instruction_id)

    def known_instructions(self, ids: Sequence[Hex32]) -> dict[Hex32, Instruction]:
        """Of these, those that were given."""
        with self._read() as tx:
            return _instructions(tx, ids)

    def lock(self, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        """Moves each instruction's serials into its deployment's account under its lock id, once, all in one
        transaction; an answer for each, in order. The known id with the same instruction gives the same lock.

        An answer is RegistryRefused for serials that cannot be locked, Conflict for a known lock id with another
        instruction and for an instruction that is locked under another id, Halted for what the database forbids.
        """
        answers: dict[LockOrder, Lock | BridgeError] = {}
        try:
            with self._write() as tx:
                while left := [order for order in dict.fromkeys(orders) if order not in answers]:
                    answers |= self._lock_together(tx, left)
        except Halted as trouble:
            if len(orders) == 1:
                return [trouble]
            return [answer for order in orders for answer in self.lock([order])]
        return [answers[order] for order in orders]

    def waiting(
        self, deployment: Deployment, after: Hex32 | None = None, most: int | None = None
    ) -> tuple[Instruction, ...]:
        """What depositors have ordered for the deployment and nobody has locked, while it can be minted still; by id,
        where asked only beyond one, and no more than so many."""
        query = (
            select(InstructionRow.document)
            .join(WaitingOrder, WaitingOrder.instruction_id == InstructionRow.id)
            .where(WaitingOrder.deployment == str(deployment), WaitingOrder.not_after > self.clock())
        )
        if after is not None:
            query = query.where(InstructionRow.id > after)
        with self._read() as tx:
            documents = tx.scalars(query.order_by(InstructionRow.id).limit(most)).all()
        return tuple(Instruction.model_validate_json(document) for document in documents)

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        with self._read() as tx:
            return tx.scalar(select(LockRow.id).where(LockRow.instruction_id == instruction_id))

    def _lock_together(self, tx: Session, orders: Sequence[LockOrder]) -> dict[LockOrder, Lock | BridgeError]:
        """Answers to as many orders as do not depend on each other, the first one always."""
        known = {row.id: row for row in rows_by(tx, LockRow.id, [o.lock_id for o in orders])}
        locked = rows_by(tx, LockRow.instruction_id, [o.instruction_id for o in orders])
        taken = {row.instruction_id: row.id for row in locked}
        instructions = _instructions(tx, [o.instruction_id for o in orders])
        fresh: dict[LockOrder, Instruction] = {}
        answers: dict[LockOrder, Lock | BridgeError] = {}
        for order in orders:
            try:
                if order.lock_id in known:
                    answers[order] = _known_lock(tx, known[order.lock_id], order.instruction_id)
                elif order.instruction_id in taken:
                    raise Conflict(
                        f"instruction {order.instruction_id} is locked already as {taken[order.instruction_id]}; "
                        "go on with that lock"
                    )
                elif order.instruction_id not in instructions:
                    raise no_instruction(order.instruction_id)
                else:
                    fresh[order] = instructions[order.instruction_id]
            except BridgeError as refusal:
                answers[order] = refusal
        return answers | self._lock_fresh(tx, _independent(fresh))

    def _lock_fresh(self, tx: Session, orders: Mapping[LockOrder, Instruction]) -> dict[LockOrder, Lock | BridgeError]:
        """What is new, of one deployment, and of disjoint serials."""
        answers: dict[LockOrder, Lock | BridgeError] = {}
        locks: list[Lock] = []
        rows: list[dict[str, str]] = []
        takings: list[Taking] = []
        standing = standing_each(tx, [instruction.range for instruction in orders.values()])
        near = _accounts_and_spaces(tx, orders.values())  # while they are held here, each is read only once
        for (order, instruction), blocks in zip(orders.items(), standing, strict=True):
            try:
                _require_lockable(tx, instruction, blocks)
            except RegistryRefused as refusal:
                answers[order] = refusal
                continue
            locks.append(_lock_of(order.lock_id, blocks[0].class_id, instruction))
            takings.append(_into_custody(order.lock_id, instruction, blocks))
            rows.append({"id": order.lock_id, "instruction_id": order.instruction_id, "class_id": blocks[0].class_id})
            answers[order] = locks[-1]
        if rows:
            (deployment,) = {instruction.deployment for instruction in orders.values()}
            entry = self._enter_once(tx, "lock", locks[0].lock_id, {"locks": len(locks)}, deployment)
            tx.execute(insert(LockRow), rows)
            for some in parts([row["instruction_id"] for row in rows]):
                tx.execute(delete(WaitingOrder).where(WaitingOrder.instruction_id.in_(some)))
            move(tx, entry, *takings)
        del near
        return answers

    def lock_record(self, lock_id: Hex32) -> LockRecord:
        """Raises RegistryRefused for an unknown lock."""
        (record,) = self.lock_records([lock_id])
        return record

    def lock_records(self, lock_ids: Sequence[Hex32]) -> list[LockRecord]:
        """In the order of the ids. Raises RegistryRefused for an unknown lock."""
        records = self.known_locks(lock_ids)
        if unknown := [lock_id for lock_id in lock_ids if lock_id not in records]:
            raise no_lock(unknown[0])
        return [records[lock_id] for lock_id in lock_ids]

    def known_locks(self, lock_ids: Sequence[Hex32]) -> dict[Hex32, LockRecord]:
        """Of these, those that were made."""
        records: dict[Hex32, LockRecord] = {}
        with self._read() as tx:
            for start in range(0, len(lock_ids), _AT_ONCE):
                records |= _records(tx, lock_ids[start : start + _AT_ONCE])
        return records

    def still_locked(self, lock_id: Hex32) -> tuple[SerialRange, ...]:
        """The lock's serials that neither a request nor a reversal has taken, in the fewest ranges."""
        with self._read() as tx:
            return tuple(coalesce(range_of(b) for b in _live(tx, [lock_id]) if b.state == SerialState.LOCKED.value))

    def mark_minted(self, lock_ids: Sequence[Hex32]) -> None:
        """Our witness has seen these locks used at a final block."""
        with self._write() as tx:
            for row in rows_by(tx, LockRow.id, lock_ids):
                if row.released_by is not None:
                    raise Halted(f"lock {row.id} was released and is minted now; stop and reconcile")
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
            target = Where(instruction.account, SerialState.HELD)
            blocks = [b for b in _live(tx, [lock_id]) if b.state == SerialState.LOCKED.value]
            move(tx, entry, *(Taking(range_of(block), [block], lambda _: target) for block in blocks))

    def unminted_locks(self, deployment: Deployment, class_id: Hex32) -> tuple[Hex32, ...]:
        """Locks with locked serials of the class that no witness has yet seen minted."""
        locked = select(Block.id).where(
            Block.lock_id == LockRow.id,
            Block.account == bridge_account(deployment),
            Block.state == SerialState.LOCKED.value,
            Block.closed_by.is_(None),
        )
        waiting = select(LockRow.id).where(
            LockRow.class_id == class_id, ~LockRow.minted, LockRow.released_by.is_(None), locked.exists()
        )
        with self._read() as tx:
            return tuple(tx.scalars(waiting.order_by(LockRow.id)))


def _require_lockable(tx: Session, instruction: Instruction, blocks: list[Block] | None = None) -> None:
    """Serials that the depositor holds, of one class, of the programme he names, for a deployment we serve; `blocks`
    when they are read already."""
    participant(tx, instruction.account)
    if tx.get(Account, bridge_account(instruction.deployment)) is None:
        raise RegistryRefused(f"deployment {instruction.deployment} is not served by this registry; check it")
    space = tx.get(Space, instruction.range.space)
    if space is None or space.programme != instruction.registry:
        raise RegistryRefused(f"{named(tx, instruction.range)} are not serials of {instruction.registry}; check them")
    blocks = require(tx, instruction.range, [SerialState.HELD], instruction.account, blocks=blocks)
    if len({block.class_id for block in blocks}) != 1:
        raise RegistryRefused(f"{named(tx, instruction.range)} are of several classes; instruct each by itself")


def _accounts_and_spaces(tx: Session, instructions: Collection[Instruction]) -> list[Account | Space]:
    names = {one.account for one in instructions} | {bridge_account(one.deployment) for one in instructions}
    spaces = {one.range.space for one in instructions}
    return [*rows_by(tx, Account.name, list(names)), *rows_by(tx, Space.id, list(spaces))]


def _independent(orders: Mapping[LockOrder, Instruction]) -> dict[LockOrder, Instruction]:
    """Those of the first one's deployment, without those that share a lock id, an instruction or serials with one
    before: what becomes of these, the ledger can say when the others are locked."""
    found: dict[LockOrder, Instruction] = {}
    ids: set[str] = set()
    reached: dict[str, int] = {}
    for order, instruction in sorted(orders.items(), key=lambda one: one[1].range.key):
        span, first = instruction.range, next(iter(found.values()), instruction)
        if (
            instruction.deployment == first.deployment
            and ids.isdisjoint(order)
            and span.first > reached.get(span.space, 0)
        ):
            found[order] = instruction
            ids |= set(order)
            reached[span.space] = span.last
    return found


def _into_custody(lock_id: Hex32, instruction: Instruction, blocks: list[Block]) -> Taking:
    target = Where(bridge_account(instruction.deployment), SerialState.LOCKED, lock_id)
    return Taking(instruction.range, blocks, lambda _: target)


def _records(tx: Session, lock_ids: Sequence[Hex32]) -> dict[Hex32, LockRecord]:
    """Of the locks that there are."""
    of_lock = (Block.lock_id == LockRow.id) & Block.closed_by.is_(None) & (Block.state == SerialState.LOCKED.value)
    locked = select(func.sum(Block.last - Block.first + 1)).where(of_lock).scalar_subquery()
    query = select(LockRow.id, LockRow.class_id, LockRow.minted, LockRow.released_by, InstructionRow.document, locked)
    query = query.join(InstructionRow, InstructionRow.id == LockRow.instruction_id).where(LockRow.id.in_(lock_ids))
    records = {}
    for lock_id, class_id, minted, released_by, document, units in tx.execute(query):
        instruction = Instruction.model_validate_json(document)
        records[lock_id] = LockRecord(
            lock=_lock_of(lock_id, class_id, instruction),
            instruction=instruction,
            minted=minted,
            released=released_by is not None,
            whole=units == instruction.range.units,
        )
    return records


def _instruction_row(instruction: Instruction, document: str) -> InstructionRow:
    return InstructionRow(
        id=instruction.instruction_id,
        programme=instruction.registry,
        account=instruction.account,
        deployment=str(instruction.deployment),
        document=document,
    )


def _waiting(instruction: Instruction) -> WaitingOrder:
    return WaitingOrder(
        instruction_id=instruction.instruction_id,
        deployment=str(instruction.deployment),
        not_after=instruction.not_after,
    )


def _instruction(tx: Session, instruction_id: Hex32) -> Instruction:
    found = _instructions(tx, [instruction_id])
    if not found:
        raise no_instruction(instruction_id)
    return found[instruction_id]


def _instructions(tx: Session, ids: Sequence[Hex32]) -> dict[Hex32, Instruction]:
    rows = rows_by(tx, InstructionRow.id, ids)
    return {row.id: Instruction.model_validate_json(row.document) for row in rows}


def no_instruction(instruction_id: Hex32) -> RegistryRefused:
    return RegistryRefused(f"no depositor gave instruction {instruction_id}; ask him to give it")


def _known_lock(tx: Session, row: LockRow, instruction_id: Hex32) -> Lock:
    if row.instruction_id != instruction_id:
        raise Conflict(f"lock {row.id} carries out instruction {row.instruction_id}, not {instruction_id}")
    return _lock_of(row.id, row.class_id, _instruction(tx, instruction_id))


def _lock_of(lock_id: Hex32, class_id: Hex32, instruction: Instruction) -> Lock:
    return Lock(
        lock_id=lock_id,
        class_id=class_id,
        range=instruction.range,
        recipient=instruction.recipient,
        not_after=instruction.not_after,
    )


def _lock_row(tx: Session, lock_id: Hex32) -> LockRow:
    row = tx.get(LockRow, lock_id)
    if row is None:
        raise no_lock(lock_id)
    return row


def no_lock(lock_id: Hex32) -> RegistryRefused:
    return RegistryRefused(f"no lock {lock_id} was made here; lock first")


def _live(tx: Session, lock_ids: Sequence[Hex32]) -> list[Block]:
    return rows_by(tx, Block.lock_id, lock_ids, Block.closed_by.is_(None))
