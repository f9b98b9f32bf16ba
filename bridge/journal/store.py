"""The journal's verbs. Each is one database transaction: it happens whole or not at all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Engine, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bridge.database import columns_by, held_alone, is_taken, open_database, parts, reading, rows_by, said, writing
from bridge.domain.attestations import Attested, Deployment, Lock, Opening, Request
from bridge.domain.lifecycle import (
    DEPOSIT_MOVES,
    EXIT_MOVES,
    REVERSAL_MOVES,
    DepositState,
    ExitState,
    ReversalState,
    going_on,
    require_move,
)
from bridge.domain.observed import BlockStamp, RequestOpened
from bridge.domain.serials import SerialRange
from bridge.domain.values import Address, Hex32, RegistryCode, keccak_hex
from bridge.errors import Conflict, Halted, NotYet, Refused, Unreachable, UsageError
from bridge.journal.models import (
    Attestation,
    Cursor,
    Deposit,
    Exit,
    Identity,
    Move,
    OwnRequest,
    ReversalSaga,
    Transaction,
)


class Work(StrEnum):
    """What one process at a time does on a journal."""

    TURN = "turn"
    DAEMON = "daemon"


class Order(NamedTuple):
    """A depositor's instruction for a programme's serials; `covers`: the class that they are to cover."""

    instruction_id: Hex32
    registry: RegistryCode
    covers: Hex32 | None = None


class ExitMove(NamedTuple):
    """To a state, with what the registry answered as JSON; without it the row keeps what it has."""

    request_id: Hex32
    new: ExitState
    note: str = ""
    reservation: str | None = None
    receipt: str | None = None


class Waiting(NamedTuple):
    """A saga in flight. `moved_at`: this machine's clock when it last moved, in seconds; zero when that is unknown."""

    state: str
    moved_at: int


class Times(NamedTuple):
    """When a saga began and when it last moved, by this machine's clock in seconds; zero when that is unknown."""

    begun_at: int
    moved_at: int


class Signed(Protocol):
    """A signed transaction, whoever signed it."""

    hash: Hex32
    chain_id: int
    sender: Address
    nonce: int
    raw: str
    signed_at: int


def open_journal(url: str) -> Journal:
    """Opens the database, brings its schema up to date, and gives it an identity when it is new.

    Raises UsageError for a URL that cannot name a journal, Unreachable when the database cannot be opened.
    """
    journal = Journal(open_database(url, "journal", Path(__file__).parent / "migrations", Deposit.__tablename__))
    journal.ensure_identity()
    return journal


class Journal:
    """All that the bridge knows of its own doing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _write(self) -> Iterator[Session]:
        """Raises NotYet when somebody wrote the same first, Halted when the database forbids the change."""
        try:
            with writing(self._engine, "journal") as session:
                yield session
        except IntegrityError as error:
            if is_taken(error):
                raise NotYet(f"somebody wrote the same to the journal first ({said(error)}); repeat") from error
            raise Halted(f"the journal's own guards refused a change ({said(error)}); look into it") from error

    def _read(self) -> AbstractContextManager[Session]:
        return reading(self._engine, "journal")

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def exclusive(self, work: Work) -> Iterator[None]:
        """One process at a time does this work on a journal. Raises NotYet while another one does."""
        with self._read() as session:
            uid = session.get_one(Identity, 1).uid
        with held_alone(self._engine, "journal", uid, work) as alone:
            if not alone:
                raise NotYet(f"another process does this journal's {work}; repeat when it has ended")
            yield

    # -------------------------------------------------------------- identity

    def ensure_identity(self) -> None:
        with self._write() as session:
            if session.get(Identity, 1) is None:
                session.add(Identity(only=1, uid="0x" + secrets.token_hex(32), locks_made=0))

    # -------------------------------------------------------------- deposits

    def plan_deposit(
        self,
        instruction_id: Hex32,
        registry: RegistryCode,
        deployment: Deployment,
        locked_as: Hex32 | None = None,
        covers: Hex32 | None = None,
    ) -> Deposit:
        """Stores a new lock id for the instruction, or finds the one it has. `locked_as` is the id that the registry
        knows it by, when this journal has forgotten; `covers` the class that it is to cover.

        Ids of one journal share all but their last byte 256 at a time, so that the contract marks them in one word.
        """
        with self._write() as session:
            known = session.scalar(
                select(Deposit).where(Deposit.instruction_id == instruction_id, Deposit.state != DepositState.FAILED)
            )
            if known is not None:
                return known
            if locked_as is not None:
                _make_way(session, locked_as)
            (lock_id,) = [locked_as] if locked_as else _new_lock_ids(session, 1)
            deposit = Deposit(**_planned(lock_id, Order(instruction_id, registry, covers), deployment))
            session.add(deposit)
            _trace(session, lock_id, "", deposit.state)
            return deposit

    def plan_deposits(self, orders: Sequence[Order], deployment: Deployment, at_most: int) -> None:
        """Stores a new lock id for each instruction that no deposit was ever planned for, not even one that has
        failed; for the first so many."""
        with self._write() as session:
            asked = [order.instruction_id for order in orders]
            known = {one for (one,) in columns_by(session, (Deposit.instruction_id,), asked)}
            fresh = [order for order in orders if order.instruction_id not in known][:at_most]
            lock_ids = _new_lock_ids(session, len(fresh))
            if fresh:
                rows = [_planned(one, order, deployment) for one, order in zip(lock_ids, fresh, strict=True)]
                session.execute(insert(Deposit), rows)
                _trace_all(session, [(lock_id, "") for lock_id in lock_ids], DepositState.PLANNED.value)

    def planned(self, instruction_ids: Sequence[Hex32]) -> set[Hex32]:
        """Those for which a deposit was ever planned, even one that has failed."""
        with self._read() as session:
            return {one for (one,) in columns_by(session, (Deposit.instruction_id,), instruction_ids)}

    def deposits(self, deployment: Deployment, *states: DepositState) -> list[Deposit]:
        """In the order in which they were planned; all of them when no state is named."""
        query = select(Deposit).where(Deposit.deployment == str(deployment)).order_by(Deposit.__table__.c.lock_id)
        if states:
            query = query.where(Deposit.state.in_([s.value for s in states]))
        with self._read() as session:
            return list(session.scalars(query))

    def deposit(self, lock_id: Hex32) -> Deposit | None:
        with self._read() as session:
            return session.get(Deposit, lock_id)

    def move_deposit(self, lock_id: Hex32, new: DepositState, *, note: str = "", **fields: Any) -> None:
        """Raises Halted for a move that the state table does not list. The same state again changes nothing."""
        with self._write() as session:
            _move(session, session.get_one(Deposit, lock_id), new, note, **fields)

    def keep_locked(self, locks: Sequence[Lock]) -> None:
        """Deposits whose serials the registry holds, each under the lock that it gave."""
        with self._write() as session:
            lock_ids = [lock.lock_id for lock in locks]
            documents = [{"lock_id": lock.lock_id, "lock": lock.model_dump_json()} for lock in locks]
            if documents:
                session.execute(update(Deposit), documents)
            _move_all(session, lock_ids, DepositState.LOCKED)

    def keep_minted(self, lock_ids: Sequence[Hex32]) -> None:
        """Deposits that the final chain shows minted."""
        with self._write() as session:
            _move_all(session, lock_ids, DepositState.MINTED)

    # ----------------------------------------------------------------- exits

    def see_exits(self, opened: Sequence[tuple[RequestOpened, RegistryCode]], deployment: Deployment) -> None:
        """Requests that are final on chain. Seeing them again writes nothing."""
        by_id = {event.request_id: (event, registry) for event, registry in opened}
        with self._read() as session:
            if not _fresh_exits(session, list(by_id)):
                return
        with self._write() as session:
            fresh = _fresh_exits(session, list(by_id))
            if fresh:
                session.execute(insert(Exit), [_seen(*by_id[request_id], deployment) for request_id in fresh])
                _trace_all(session, [(request_id, "") for request_id in fresh], ExitState.SEEN.value)

    def exits(self, deployment: Deployment, *states: ExitState) -> list[Exit]:
        query = select(Exit).where(Exit.deployment == str(deployment)).order_by(Exit.request_id)
        if states:
            query = query.where(Exit.state.in_([s.value for s in states]))
        with self._read() as session:
            return list(session.scalars(query))

    def exit(self, request_id: Hex32) -> Exit | None:
        with self._read() as session:
            return session.get(Exit, request_id)

    def exits_by(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Exit]:
        """Of these, those that were seen."""
        with self._read() as session:
            return {row.request_id: row for row in rows_by(session, Exit.request_id, request_ids)}

    def move_exits(self, moves: Sequence[ExitMove]) -> None:
        """All in one. Raises as `move_exit`, and then none has moved."""
        if not moves:
            return
        with self._write() as session:
            rows = {row.request_id: row for row in rows_by(session, Exit.request_id, [m.request_id for m in moves])}
            for one in moves:
                documents = {"reservation": one.reservation, "receipt": one.receipt}
                fields = {name: value for name, value in documents.items() if value is not None}
                _move(session, rows[one.request_id], one.new, one.note, **fields)

    def move_exit(self, request_id: Hex32, new: ExitState, *, note: str = "", **fields: Any) -> None:
        with self._write() as session:
            _move(session, session.get_one(Exit, request_id), new, note, **fields)

    # ------------------------------------------------------------- reversals

    def see_reversal(
        self, event_id: Hex32, registry: RegistryCode, deployment: Deployment, class_id: Hex32, serials: SerialRange
    ) -> None:
        """Serials that the registry has taken back, under its own id. Seeing it again changes nothing."""
        with self._write() as session:
            if session.get(ReversalSaga, event_id) is None:
                session.add(
                    ReversalSaga(
                        event_id=event_id,
                        deployment=str(deployment),
                        registry_code=registry,
                        class_id=class_id,
                        serials=serials.model_dump_json(),
                        state=ReversalState.PLANNED.value,
                    )
                )
                _trace(session, event_id, "", ReversalState.PLANNED.value)

    def reversals(self, deployment: Deployment, *states: ReversalState) -> list[ReversalSaga]:
        query = select(ReversalSaga).where(ReversalSaga.deployment == str(deployment)).order_by(ReversalSaga.event_id)
        if states:
            query = query.where(ReversalSaga.state.in_([s.value for s in states]))
        with self._read() as session:
            return list(session.scalars(query))

    def reversal(self, event_id: Hex32) -> ReversalSaga | None:
        with self._read() as session:
            return session.get(ReversalSaga, event_id)

    def move_reversal(self, event_id: Hex32, new: ReversalState, *, note: str = "") -> None:
        with self._write() as session:
            _move(session, session.get_one(ReversalSaga, event_id), new, note)

    # ---------------------------------------------------------- attestations

    def keep_locks(self, attested: Attested[Any]) -> None:
        """Stores a batch's signatures and moves its deposits on, in one."""
        self._keep_deposits("locks", attested, [lock.lock_id for lock in attested.items])

    def keep_covers(self, attested: Attested[Any]) -> None:
        self._keep_deposits("covers", attested, [cover.lock.lock_id for cover in attested.items])

    def keep_reversals(self, attested: Attested[Any]) -> None:
        with self._write() as session:
            row = _attestation(session, "reversals", attested)
            for reversal in attested.items:
                saga = session.get_one(ReversalSaga, reversal.event_id)
                _move(session, saga, ReversalState.ATTESTED, attestation_id=row.id)

    def _keep_deposits(self, kind: str, attested: Attested[Any], lock_ids: Sequence[Hex32]) -> None:
        with self._write() as session:
            row = _attestation(session, kind, attested)
            _move_all(session, lock_ids, DepositState.ATTESTED, attestation_id=row.id)

    def keep_answers(self, kind: str, attested: Attested[Any]) -> None:
        """The same for `outcomes` or `refusals`; a request may have several parts in the batch."""
        with self._write() as session:
            row = _attestation(session, kind, attested)
            request_ids = list(dict.fromkeys(item.request_id for item in attested.items))
            for found in rows_by(session, Exit.request_id, request_ids):
                _move(session, found, ExitState.ATTESTED, attestation_id=row.id)

    def attestation(self, attestation_id: int) -> Attestation:
        with self._read() as session:
            return session.get_one(Attestation, attestation_id)

    def sent_deposits(self, attestation_id: int) -> list[Deposit]:
        """Those of a signed batch that are not known to be minted."""
        query = select(Deposit).where(
            Deposit.attestation_id == attestation_id, Deposit.state == DepositState.SENT.value
        )
        with self._read() as session:
            return list(session.scalars(query))

    # ---------------------------------------------------------- transactions

    def next_nonce(self, chain_id: int, sender: Address, on_chain: int) -> int:
        """The first nonce that neither the chain nor a promise of this journal uses. Raises as `require_history`."""
        self.require_history(chain_id, sender, on_chain)
        highest = self._highest_nonce(chain_id, sender, "open", "final")
        return on_chain if highest is None else max(on_chain, highest + 1)

    def require_history(self, chain_id: int, sender: Address, on_chain: int) -> None:
        """Raises Unreachable when the chain, which has used `on_chain` nonces, lacks one that was final: what lies
        behind the gap would never land."""
        final = self._highest_nonce(chain_id, sender, "final")
        if final is not None and final >= on_chain:
            raise Unreachable(
                f"the node knows {on_chain:,} transactions of {sender}, and the one with nonce {final:,} was final: "
                "the node is behind, or its history was taken back; nothing is signed or sent until it has caught up"
            )

    def _highest_nonce(self, chain_id: int, sender: Address, *states: str) -> int | None:
        own = (Transaction.chain_id == chain_id, Transaction.sender == sender, Transaction.state.in_(states))
        with self._read() as session:
            return session.scalar(select(func.max(Transaction.nonce)).where(*own))

    def keep_transaction(self, signed: Signed, purpose: str, attestation_id: int | None) -> bool:
        """Stores a signed transaction before it is sent, and moves everything in its batch to `sent`, in one.

        False, and nothing is stored, when another process was given the same nonce. Raises NotYet when one has sent the
        same batch.
        """
        row = Transaction(
            hash=signed.hash,
            chain_id=signed.chain_id,
            sender=signed.sender,
            nonce=signed.nonce,
            raw=signed.raw,
            state="open",
            attestation_id=attestation_id,
            purpose=purpose,
            signed_at=signed.signed_at,
        )
        with self._write() as session:
            if _is_promised(session, signed, attempt=0):
                return False
            session.add(row)
            if attestation_id is not None and not _move_batch(session, attestation_id, _SENDING, signed.hash):
                raise NotYet(f"another process has sent this batch already; transaction {signed.hash} is not sent")
        return True

    def keep_replacement(self, old: Signed, new: Signed) -> bool:
        """Stores another transaction for the same nonce, with a higher fee, beside the old one, which may still be the
        one that lands. False when another process has replaced it too."""
        with self._write() as session:
            row = session.get_one(Transaction, old.hash)
            if _is_promised(session, new, row.attempt + 1):
                return False
            session.add(
                Transaction(
                    hash=new.hash,
                    chain_id=new.chain_id,
                    sender=new.sender,
                    nonce=new.nonce,
                    raw=new.raw,
                    state="open",
                    attestation_id=row.attestation_id,
                    attempt=row.attempt + 1,
                    purpose=row.purpose,
                    signed_at=new.signed_at,
                )
            )
        return True

    def open_transactions(self, chain_id: int) -> list[list[Transaction]]:
        """What may still land on a chain, by nonce; for each all that were signed, the newest last."""
        query = select(Transaction).where(Transaction.chain_id == chain_id, Transaction.state == "open")
        query = query.order_by(Transaction.sender, Transaction.nonce, Transaction.attempt)
        with self._read() as session:
            rows = session.scalars(query).all()
        return [list(attempts) for _, attempts in groupby(rows, key=lambda row: (row.sender, row.nonce))]

    def open_before(self, signed: Signed) -> list[Transaction]:
        """What the same account sends with lower nonces and may still land, in their order; for each the newest."""
        query = select(Transaction).where(
            Transaction.chain_id == signed.chain_id,
            Transaction.sender == signed.sender,
            Transaction.nonce < signed.nonce,
            Transaction.state == "open",
        )
        with self._read() as session:
            rows = session.scalars(query.order_by(Transaction.nonce, Transaction.attempt))
            return list({row.nonce: row for row in rows}.values())

    def end_transaction(self, attempts: Sequence[Transaction], landed: Hex32 | None) -> None:
        """One of them is final, with effect, or none ever will be: then what still waits in the batch is `attested`
        again."""
        with self._write() as session:
            for known in attempts:
                row = session.get_one(Transaction, known.hash)
                row.state = "final" if row.hash == landed else "dropped"
            batch, newest = attempts[0].attestation_id, attempts[-1].hash
            if landed is None and batch is not None:
                _move_batch(session, batch, _UNSENDING, f"{newest} never landed")

    # --------------------------------------------------------------- cursors

    def cursor(self, deployment: Deployment) -> tuple[int, Hex32] | None:
        with self._read() as session:
            row = session.get(Cursor, str(deployment))
            return None if row is None else (row.block, row.block_hash)

    def set_cursor(self, deployment: Deployment, stamp: BlockStamp) -> None:
        with self._write() as session:
            session.merge(Cursor(deployment=str(deployment), block=stamp.number, block_hash=stamp.hash))

    # --------------------------------------------------------- a holder's own

    def keep_request(self, request: Request, opening: Opening, deployment: Deployment) -> Hex32:
        """Before the request is sent. Raises Conflict when the id is taken by other content."""
        request_id = request.id_on(deployment)
        row = OwnRequest(
            request_id=request_id,
            deployment=str(deployment),
            request=request.model_dump_json(),
            opening=opening.model_dump_json(),
        )
        with self._write() as session:
            known = session.get(OwnRequest, request_id)
            if known is not None and known.opening != row.opening:
                raise Conflict(f"request {request_id} is stored with another opening; use a fresh salt")
            if known is None:
                session.add(row)
        return request_id

    def sent_request(self, request_id: Hex32, tx_hash: Hex32) -> None:
        with self._write() as session:
            session.execute(
                update(OwnRequest).where(OwnRequest.request_id == request_id).values(transaction_hash=tx_hash)
            )

    def sign_request(self, request_id: Hex32, not_after: int) -> None:
        """Before the signature is given away. Of several the one that holds longest counts."""
        with self._write() as session:
            row = session.get_one(OwnRequest, request_id)
            row.not_after = max(not_after, row.not_after or 0)

    def is_on_its_way(self, request_id: Hex32) -> bool:
        """Whether a transaction that opens it is stored, and may still land."""
        with self._read() as session:
            return _is_carried(session, session.get_one(OwnRequest, request_id))

    def forget_request(self, request_id: Hex32) -> None:
        """With its opening, for good. Raises Refused while a stored transaction may still open it."""
        with self._write() as session:
            row = session.get_one(OwnRequest, request_id)
            if _is_carried(session, row):
                raise Refused(f"request {request_id} is on its way to the chain, and is kept")
            session.delete(row)

    def own_requests(self, deployment: Deployment) -> list[OwnRequest]:
        query = select(OwnRequest).where(OwnRequest.deployment == str(deployment))
        with self._read() as session:
            return list(session.scalars(query))

    def own_request(self, request_id: Hex32) -> OwnRequest:
        """Raises UsageError when it was not made here."""
        with self._read() as session:
            row = session.get(OwnRequest, request_id)
        if row is None:
            raise UsageError(f"request {request_id} was not made with this journal; its opening is elsewhere")
        return row

    # --------------------------------------------------------------- history

    def in_flight(self, deployment: Deployment) -> dict[str, list[Waiting]]:
        """The sagas that have not ended, by their tables' names."""
        found = {}
        with self._read() as session:
            for table, key, going in _SAGAS:
                at = func.coalesce(select(func.max(Move.at)).where(Move.subject == key).scalar_subquery(), 0)
                query = select(table.state, at).where(table.deployment == str(deployment), table.state.in_(going))
                found[table.__tablename__] = [Waiting(*row) for row in session.execute(query)]
        return found

    def times(self, subjects: Sequence[Hex32]) -> dict[Hex32, Times]:
        moves = select(Move.subject, func.min(Move.at), func.max(Move.at)).group_by(Move.subject)
        with self._read() as session:
            rows = [row for part in parts(subjects) for row in session.execute(moves.where(Move.subject.in_(part)))]
        return {subject: Times(begun, moved) for subject, begun, moved in rows}

    def last_move(self) -> int:
        with self._read() as session:
            return session.scalar(select(func.max(Move.id))) or 0

    def moves_after(self, move_id: int) -> list[Move]:
        with self._read() as session:
            return list(session.scalars(select(Move).where(Move.id > move_id).order_by(Move.id)))

    def moves(self, subject: Hex32) -> list[Move]:
        with self._read() as session:
            return list(session.scalars(select(Move).where(Move.subject == subject).order_by(Move.id)))


_SAGAS: tuple[tuple[type[Any], Any, list[str]], ...] = (
    (Deposit, Deposit.lock_id, going_on(DEPOSIT_MOVES)),
    (Exit, Exit.request_id, going_on(EXIT_MOVES)),
    (ReversalSaga, ReversalSaga.event_id, going_on(REVERSAL_MOVES)),
)


def _fresh_exits(session: Session, request_ids: Sequence[Hex32]) -> list[Hex32]:
    known = {one for (one,) in columns_by(session, (Exit.request_id,), request_ids)}
    return [request_id for request_id in request_ids if request_id not in known]


def _seen(opened: RequestOpened, registry: RegistryCode, deployment: Deployment) -> dict[str, Any]:
    return {
        "request_id": opened.request_id,
        "deployment": str(deployment),
        "registry_code": registry,
        "state": ExitState.SEEN.value,
        "opened": opened.model_dump_json(),
        "note": "",
    }


def _planned(lock_id: Hex32, order: Order, deployment: Deployment) -> dict[str, Any]:
    """A deposit's row."""
    return {
        "lock_id": lock_id,
        "instruction_id": order.instruction_id,
        "deployment": str(deployment),
        "registry_code": order.registry,
        "state": DepositState.PLANNED.value,
        "covers": order.covers,
        "note": "",
    }


def _new_lock_ids(session: Session, count: int) -> list[Hex32]:
    identity = session.get_one(Identity, 1)
    found: list[Hex32] = []
    while len(found) < count:
        numbers = range(identity.locks_made, identity.locks_made + count - len(found))
        words = {number // 256: _word(identity.uid, number // 256) for number in numbers}
        made = [f"{words[number // 256]}{number % 256:02x}" for number in numbers]
        taken_over = {one for (one,) in columns_by(session, (Deposit.lock_id,), made)}  # from the registry
        found += [lock_id for lock_id in made if lock_id not in taken_over]
        identity.locks_made = numbers.stop
    return found


def _word(uid: Hex32, number: int) -> str:
    """What 256 lock ids have in common: all but their last byte."""
    return keccak_hex(bytes.fromhex(uid[2:]) + number.to_bytes(8, "big"))[:-2]


def _make_way(session: Session, lock_id: Hex32) -> None:
    """A restored journal may have given a known lock id to another instruction, for which the registry cannot take
    it: that one gets another id, or is forgotten when it has failed over it."""
    other = session.get(Deposit, lock_id)
    if other is None:
        return
    if other.state == DepositState.FAILED:
        session.delete(other)
    elif other.state == DepositState.PLANNED:
        (other.lock_id,) = _new_lock_ids(session, 1)
    else:
        raise Conflict(f"lock {lock_id} belongs to two instructions; compare journal and registry")
    session.flush()


def _attestation(session: Session, kind: str, attested: Attested[Any]) -> Attestation:
    row = Attestation(kind=kind, body=attested.model_dump_json())
    session.add(row)
    session.flush()
    return row


def _is_carried(session: Session, row: OwnRequest) -> bool:
    """A request's salt stands in the transaction that opens it, and nowhere else."""
    salt = Request.model_validate_json(row.request).salt.removeprefix("0x")
    query = select(Transaction.hash).where(Transaction.state == "open", Transaction.raw.contains(salt))
    return session.scalar(query) is not None


_BatchMoves = dict[type[Any], tuple[Any, Any]]
_SENDING: _BatchMoves = {
    Deposit: (DepositState.ATTESTED, DepositState.SENT),
    Exit: (ExitState.ATTESTED, ExitState.SENT),
    ReversalSaga: (ReversalState.ATTESTED, ReversalState.SENT),
}
_UNSENDING: _BatchMoves = {saga: (sent, attested) for saga, (attested, sent) in _SENDING.items()}


def _is_promised(session: Session, signed: Signed, attempt: int) -> bool:
    query = select(Transaction.hash).where(
        Transaction.chain_id == signed.chain_id,
        Transaction.sender == signed.sender,
        Transaction.nonce == signed.nonce,
        Transaction.attempt == attempt,
        Transaction.state != "dropped",
    )
    return session.scalar(query.limit(1)) is not None


def _move_batch(session: Session, attestation_id: int, moves: _BatchMoves, note: str) -> int:
    """How many sagas of the batch were where they could move from."""
    old, new = moves[Deposit]
    query = select(Deposit.lock_id).where(Deposit.attestation_id == attestation_id, Deposit.state == old.value)
    deposits = session.scalars(query).all()
    _move_all(session, deposits, new, note)
    moved = len(deposits)
    kinds: tuple[type[Exit | ReversalSaga], ...] = (Exit, ReversalSaga)
    for kind in kinds:
        old, new = moves[kind]
        sagas: Select[Any] = select(kind).where(kind.attestation_id == attestation_id, kind.state == old.value)
        for row in session.scalars(sagas).all():
            _move(session, row, new, note)
            moved += 1
    return moved


def _move(
    session: Session,
    row: Deposit | Exit | ReversalSaga,
    new: DepositState | ExitState | ReversalState,
    note: str = "",
    **fields: Any,
) -> None:
    """The one place where a state changes: by the table, with a trace. The same state again only takes the fields."""
    old, subject = row.state, _subject(row)
    if old != new:
        match row:
            case Deposit():
                require_move(DEPOSIT_MOVES, DepositState(old), DepositState(new), f"deposit {subject}")
            case Exit():
                require_move(EXIT_MOVES, ExitState(old), ExitState(new), f"request {subject}")
            case ReversalSaga():
                require_move(REVERSAL_MOVES, ReversalState(old), ReversalState(new), f"reversal {subject}")
    for name, value in fields.items():
        setattr(row, name, value)
    row.state, row.note = new.value, note
    if old != new:
        _trace(session, subject, old, new.value, note)


def _move_all(session: Session, lock_ids: Sequence[Hex32], new: DepositState, note: str = "", **fields: Any) -> None:
    """`_move` of many deposits to the same state and fields."""
    old: dict[Hex32, str] = dict(columns_by(session, (Deposit.lock_id, Deposit.state), lock_ids))
    for lock_id in lock_ids:
        if old[lock_id] != new:
            require_move(DEPOSIT_MOVES, DepositState(old[lock_id]), new, f"deposit {lock_id}")
    fields |= {"state": new.value, "note": note}
    for some in parts(lock_ids):
        moving = update(Deposit).where(Deposit.lock_id.in_(some)).values(**fields)
        session.execute(moving, execution_options={"synchronize_session": False})
    moved = [(lock_id, old[lock_id]) for lock_id in lock_ids if old[lock_id] != new]
    _trace_all(session, moved, new.value, note)


def _trace_all(session: Session, moved: Sequence[tuple[Hex32, str]], new: str, note: str = "") -> None:
    at = int(time.time())
    rows = [{"subject": subject, "old": old, "new": new, "note": note, "at": at} for subject, old in moved]
    if rows:
        session.execute(insert(Move), rows)


def _trace(session: Session, subject: Hex32, old: str, new: str, note: str = "") -> None:
    session.add(Move(subject=subject, old=old, new=new, note=note, at=int(time.time())))


def _subject(row: Deposit | Exit | ReversalSaga) -> Hex32:
    match row:
        case Deposit():
            return row.lock_id
        case Exit():
            return row.request_id
        case ReversalSaga():
            return row.event_id
