"""What the ledger says: balances, a serial's history, a statement's rows and totals, and its own audit."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from bridge.domain.attestations import ClassTotal, Deployment, StatementHead
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.observed import StatementRow, rows_hash
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import Fact, Hex32, RegistryCode
from bridge.errors import RegistryRefused
from bridge.registry.ledger.describing import class_of
from bridge.registry.ledger.models import (
    Account,
    Block,
    Class,
    Entry,
    InstructionRow,
    LockRow,
    Posting,
    Space,
    StatementHeadRow,
)
from bridge.registry.ledger.movement import ISSUANCE, Books, range_of
from bridge.registry.port import Instruction


class Balance(Fact):
    """Units of one class in one account and state. The issuance account's are negative: all that was ever issued."""

    account: str
    state: SerialState
    class_id: Hex32
    units: int


class Step(Fact):
    """One stretch of a serial's life: the block that it stood in from `at` on, and the act that put it there."""

    at: int
    verb: str
    key: str
    note: dict[str, object]
    range: SerialRange
    state: SerialState
    account: str
    lock_id: Hex32 | None
    request_id: Hex32 | None


class Reading(Books):
    def accounts(self) -> tuple[str, ...]:
        """Participants, by name."""
        with self._read() as tx:
            return tuple(tx.scalars(select(Account.name).where(Account.kind == "participant").order_by(Account.name)))

    def has_account(self, name: str) -> bool:
        with self._read() as tx:
            account = tx.get(Account, name)
            return account is not None and account.kind == "participant"

    def classes(self) -> tuple[CreditClass, ...]:
        with self._read() as tx:
            rows = tx.scalars(select(Class).order_by(Class.programme, Class.project, Class.vintage, Class.credit_type))
            return tuple(class_of(tx, row) for row in rows)

    def credit_class(self, class_id: Hex32) -> CreditClass | None:
        with self._read() as tx:
            row = tx.get(Class, class_id)
            return class_of(tx, row) if row else None

    def spaces(self) -> tuple[SerialSpace, ...]:
        with self._read() as tx:
            rows = tx.scalars(select(Space).order_by(Space.programme, Space.key))
            return tuple(map(_space, rows))

    def space(self, space_id: Hex32) -> SerialSpace | None:
        with self._read() as tx:
            row = tx.get(Space, space_id)
            return _space(row) if row else None

    def balances(self) -> tuple[Balance, ...]:
        """From the postings; `audit` compares them with the blocks."""
        with self._read() as tx:
            rows = tx.execute(text(_BALANCES))
            return tuple(Balance(account=a, state=SerialState(s), class_id=c, units=u) for a, s, c, u in rows if u != 0)

    def holdings(self, account: str, state: SerialState = SerialState.HELD) -> tuple[tuple[Hex32, SerialRange], ...]:
        """An account's blocks in one state, as (class, range), by class and serial."""
        query = select(Block).where(Block.account == account, Block.state == state.value, Block.closed_by.is_(None))
        with self._read() as tx:
            blocks = tx.scalars(query.order_by(Block.class_id, Block.space, Block.first))
            return tuple((block.class_id, range_of(block)) for block in blocks)

    def history(self, space_id: Hex32, serial: int) -> tuple[Step, ...]:
        """Every block that one serial ever stood in, oldest first."""
        query = (
            select(Block, Entry)
            .join(Entry, Entry.id == Block.opened_by)
            .where(Block.space == space_id, Block.first <= serial, Block.last >= serial)
            .order_by(Block.id)
        )
        with self._read() as tx:
            return tuple(_step(block, entry) for block, entry in tx.execute(query))

    def statement(
        self, registry: RegistryCode, deployment: Deployment
    ) -> tuple[StatementHead, tuple[StatementRow, ...]]:
        """All of a programme's serials at this moment, under the next number of its sequence for this deployment."""
        with self._write() as tx:
            rows = _rows(tx, registry)
            head = StatementHead(
                sequence=_next_sequence(tx, registry, deployment),
                as_of=self.clock(),
                rows_hash=rows_hash(rows),
                totals=_totals(tx, registry, deployment),
            )
            row = StatementHeadRow(
                programme=registry,
                deployment=str(deployment),
                sequence=head.sequence,
                document=head.model_dump_json(),
                entry=tx.scalar(select(func.max(Entry.id))) or 0,
            )
            tx.add(row)
            return head, rows

    def stated_rows(
        self, registry: RegistryCode, deployment: Deployment, sequence: int, after: int, most: int
    ) -> tuple[StatementRow, ...]:
        """A stretch of a statement's rows, as they stood when it was made; nothing is beyond the last one. Raises
        RegistryRefused for a statement that was never made here, or before rows could be read again."""
        with self._read() as tx:
            head = tx.get(StatementHeadRow, (registry, str(deployment), sequence))
            if head is None or head.entry is None:
                raise RegistryRefused(f"no rows of statement {sequence} of {registry} are kept here; ask for a new one")
            return _rows(tx, registry, head.entry, after, most)

    def has_stated(self, registry: RegistryCode, deployment: Deployment, head: StatementHead) -> bool:
        with self._read() as tx:
            row = tx.get(StatementHeadRow, (registry, str(deployment), head.sequence))
            return row is not None and row.document == head.model_dump_json()

    def audit(self) -> tuple[str, ...]:
        """What in the ledger contradicts itself, in words; empty when law L3 holds."""
        with self._read() as tx:
            return tuple(f"{what}: {row}" for what, query in _AUDITS for row in tx.execute(text(query)))


def _space(row: Space) -> SerialSpace:
    return SerialSpace(registry=row.programme, kind=SpaceKind(row.kind), key=row.key)


def _step(block: Block, entry: Entry) -> Step:
    return Step(
        at=entry.made_at,
        verb=entry.verb,
        key=entry.key,
        note=json.loads(entry.content),
        range=range_of(block),
        state=SerialState(block.state),
        account=block.account,
        lock_id=block.lock_id,
        request_id=block.request_id,
    )


def _rows(
    tx: Session, registry: RegistryCode, entry: int | None = None, after: int = 0, most: int | None = None
) -> tuple[StatementRow, ...]:
    """The blocks that are live, or were when this entry was the last: each closes by a later one."""
    live: ColumnElement[bool] = Block.closed_by.is_(None)
    if entry is not None:
        live = (Block.opened_by <= entry) & (live | (Block.closed_by > entry))
    query = (
        select(Block, InstructionRow.document)
        .join(Space, Space.id == Block.space)
        .outerjoin(LockRow, LockRow.id == Block.lock_id)
        .outerjoin(InstructionRow, InstructionRow.id == LockRow.instruction_id)
        .where(Space.programme == registry, live)
        .order_by(Block.space, Block.first)
        .offset(after)
        .limit(most)
    )
    found = enumerate(tx.execute(query), start=after + 1)
    return tuple(_row(number, block, document) for number, (block, document) in found)


def _row(number: int, block: Block, document: str | None) -> StatementRow:
    instruction = Instruction.model_validate_json(document) if document else None
    return StatementRow(
        row=number,
        range=range_of(block),
        class_id=block.class_id,
        state=SerialState(block.state),
        holder=block.account,
        deployment=instruction.deployment if instruction else None,
        lock_id=block.lock_id,
        request_id=block.request_id,
        not_after=instruction.not_after if instruction else None,
    )


def _next_sequence(tx: Session, registry: RegistryCode, deployment: Deployment) -> int:
    last = tx.scalar(
        select(func.max(StatementHeadRow.sequence)).where(
            StatementHeadRow.programme == registry, StatementHeadRow.deployment == str(deployment)
        )
    )
    return 1 if last is None else last + 1  # the contract holds one of number zero from the start


def _totals(tx: Session, registry: RegistryCode, deployment: Deployment) -> tuple[ClassTotal, ...]:
    """Only acts for the deployment count; what a registrar overrode shows in the rows."""
    query = (
        select(Posting.class_id, Entry.verb, Posting.to_state, func.sum(Posting.units))
        .join(Entry, Entry.id == Posting.entry_id)
        .join(Class, Class.id == Posting.class_id)
        .where(Entry.deployment == str(deployment), Class.programme == registry)
        .group_by(Posting.class_id, Entry.verb, Posting.to_state)
        .order_by(Posting.class_id)
    )
    totals: dict[Hex32, dict[str, int]] = {}
    for class_id, verb, state, units in tx.execute(query):
        if name := _TOTAL_OF.get((verb, state)):
            totals.setdefault(class_id, {})[name] = int(units)
    zero = {"locked": 0, "released": 0, "retired": 0, "handed_over": 0}
    return tuple(ClassTotal(class_id=class_id, **(zero | of)) for class_id, of in totals.items())


_TOTAL_OF = {
    ("lock", "locked"): "locked",
    ("release", "held"): "released",
    ("execute", "retired"): "retired",
    ("execute", "held"): "handed_over",
}

_BALANCES = """
    SELECT account, state, class_id, CAST(sum(units) AS BIGINT) AS units FROM (
        SELECT to_account AS account, to_state AS state, class_id, units FROM postings
        UNION ALL SELECT from_account, from_state, class_id, -units FROM postings) AS legs
    GROUP BY account, state, class_id ORDER BY account, state, class_id"""

_STANDING = """
    SELECT account, state, class_id, CAST(sum(last - first + 1) AS BIGINT) AS units FROM blocks
    WHERE closed_by IS NULL GROUP BY account, state, class_id"""

_AUDITS = (
    (
        "postings and serials differ (account, state, class, posted, standing)",
        f"""SELECT account, state, class_id, CAST(sum(posted) AS BIGINT), CAST(sum(standing) AS BIGINT) FROM (
                SELECT account, state, class_id, units AS posted, 0 AS standing FROM ({_BALANCES}) AS b
                WHERE account <> '{ISSUANCE}' AND units <> 0
                UNION ALL SELECT account, state, class_id, 0, units FROM ({_STANDING}) AS s) AS both_sides
            GROUP BY account, state, class_id HAVING sum(posted) <> sum(standing)""",  # noqa: S608 constants only
    ),
    (
        "a closed block's serials are not all in its successors (block, space, first, last)",
        """SELECT p.id, p.space, p.first, p.last FROM blocks p WHERE p.closed_by IS NOT NULL AND p.last - p.first + 1 <>
            (SELECT coalesce(sum(c.last - c.first + 1), 0) FROM blocks c WHERE c.parent = p.id)""",
    ),
    (
        "live blocks overlap (space, first, last)",
        """SELECT space, first, last FROM (SELECT space, first, last,
                max(last) OVER (PARTITION BY space ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                AS reached FROM blocks WHERE closed_by IS NULL) AS live
            WHERE reached >= first""",
    ),
)
