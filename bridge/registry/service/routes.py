"""The service's addresses, one a verb of the port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as InPath

from bridge.domain.attestations import Attested, Cover, Lock, Opening, Outcome, Receipt, Refusal, Reversal
from bridge.domain.lifecycle import SerialState
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import BridgeError, RegistryRefused
from bridge.registry import wire
from bridge.registry.ledger.locking import no_instruction
from bridge.registry.port import Instruction, LockOrder, Reservation
from bridge.registry.service.calls import TOLD, Read, Write, reads, token_of, writes
from bridge.registry.service.doors import Door
from bridge.registry.service.problems import Denied
from bridge.registry.wire import AT_ONCE, KNOWN_AT_ONCE, STALE

_READ: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"schema": {"type": "string"}}}},
    304: {"description": "As the one whose ETag was named in If-None-Match"},
    **{
        status: {**TOLD, "description": why}
        for status, why in (
            (400, "Not to be asked like this"),
            (401, "No good token"),
            (403, "Not with this token"),
            (409, "Repeat later"),
            (410, "The list has changed"),
            (422, "Malformed, or refused"),
            (429, "Too many requests"),
            (503, "A counterpart did not answer"),
        )
    },
}
_WRITE: dict[int | str, dict[str, Any]] = {
    status: {**TOLD, "description": why}
    for status, why in (
        (400, "Not to be asked like this"),
        (401, "No good token"),
        (403, "Not with this token"),
        (409, "A conflict, or repeat later"),
        (413, "More than is read at once"),
        (422, "Malformed, refused, or a key that another request had"),
        (429, "Too many requests"),
        (503, "A counterpart did not answer"),
    )
}

routes = APIRouter(prefix="/v1", route_class=Door, dependencies=[Depends(token_of)])

Limit = Annotated[int, Query(ge=1, le=AT_ONCE)]
Cursor = Annotated[Hex32 | None, Query()]
InstructionId = Annotated[Hex32, InPath()]
LockId = Annotated[Hex32, InPath()]
RequestId = Annotated[Hex32, InPath()]

BridgeRead = Annotated[Read, Depends(reads("bridge"))]
BridgeWrite = Annotated[Write, Depends(writes("bridge"))]
HolderWrite = Annotated[Write, Depends(writes("holder"))]
DepositorRead = Annotated[Read, Depends(reads("depositor"))]
DepositorWrite = Annotated[Write, Depends(writes("depositor"))]
StatementRead = Annotated[Read, Depends(reads("bridge", "reader"))]
StatementWrite = Annotated[Write, Depends(writes("bridge", "reader"))]
EvidenceRead = Annotated[Read, Depends(reads("reader"))]
ReceiptRead = Annotated[Read, Depends(reads("bridge", "holder", "reader"))]
OrderRead = Annotated[Read, Depends(reads("bridge", "depositor"))]
AnyRead = Annotated[Read, Depends(reads("bridge", "depositor", "holder", "reader"))]


# ----------------------------------------------------------------------- about


@routes.get("/token", responses=_READ, response_model=wire.About)
def about(read: AnyRead) -> Response:
    """Whose token this is, and the attesters of the programmes that are served."""
    token, registry = read.token, read.service.registry
    programmes = {
        code: wire.Quorum(threshold=one.threshold, attesters=tuple(sorted(a.address for a in one.attesters)))
        for code, one in registry.attesters().items()
    }
    answer = wire.About(
        token=token.id,
        scopes=token.scopes,
        deployment=token.deployment,
        account=token.account,
        expires_at=token.expires_at,
        served=token.deployment is not None and registry.sees(token.deployment),
        programmes=programmes,
    )
    return read.answer(answer)


# ---------------------------------------------------------------- instructions


@routes.post("/instructions", responses=_WRITE, response_model=Instruction)
def instruct(instruction: Instruction, write: DepositorWrite) -> Response:
    """A depositor's order, from his own account."""

    def do() -> Instruction:
        if instruction.account != write.account:
            raise RegistryRefused(f"this token orders from account {write.account!r} alone")
        write.service.registry.instruct(instruction)
        return instruction

    return write(do)


@routes.get("/instructions", responses=_READ, response_model=wire.Orders)
def waiting(read: BridgeRead, limit: Limit = AT_ONCE, cursor: Cursor = None) -> Response:
    """Orders for the token's deployment that nobody has locked yet and that can still be minted in time, by id."""
    found = read.registry.waiting_after(cursor, limit)
    return read.answer(wire.Orders(items=found, next=found[-1].instruction_id if len(found) == limit else None))


@routes.get("/instructions/{instruction_id}", responses=_READ, response_model=Instruction)
def instruction(instruction_id: InstructionId, read: OrderRead) -> Response:
    """An order for the token's deployment, or from its account."""
    if "bridge" in read.token.scopes:
        return read.answer(read.registry.instruction(instruction_id))
    found = read.service.registry.ledger.instruction(instruction_id)
    if found.account != read.account:
        raise no_instruction(instruction_id)
    return read.answer(found)


@routes.get("/instructions/{instruction_id}/lock", responses=_READ, response_model=wire.LockedAs)
def locked_as(instruction_id: InstructionId, read: BridgeRead) -> Response:
    """The lock id under which the order was locked, if it was."""
    return read.answer(wire.LockedAs(lock_id=read.registry.locked_as(instruction_id)))


@routes.get("/holdings", responses=_READ, response_model=wire.Holdings)
def holdings(
    read: DepositorRead,
    state: SerialState = SerialState.HELD,
    limit: Limit = AT_ONCE,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The account's serials in one state, by class and serial."""
    held = read.service.registry.ledger.holdings(read.account, state)
    keyed = [(f"{class_id}:{span.space}:{span.first:020d}", class_id, span) for class_id, span in held]
    rest = [one for one in keyed if cursor is None or one[0] > cursor]
    items = tuple(wire.Holding(class_id=class_id, range=span) for _, class_id, span in rest[:limit])
    return read.answer(wire.Holdings(items=items, next=rest[limit - 1][0] if len(rest) > limit else None))


@routes.get("/classes/{class_id}", responses=_READ, response_model=wire.OneClass)
def credit_class(class_id: Annotated[Hex32, InPath()], read: AnyRead) -> Response:
    """What the registry says of a class, if it knows it."""
    return read.answer(wire.OneClass(found=read.service.registry.credit_class(class_id)))


@routes.get("/classes/{class_id}/metadata", responses=_READ, response_model=wire.OneMetadata)
def metadata(class_id: Annotated[Hex32, InPath()], read: AnyRead) -> Response:
    """What is published of a class, and what attesters signed of it for the token's deployment."""
    if read.token.deployment is None:
        found = read.service.registry.metadata(class_id)
        return read.answer(wire.OneMetadata(found=found and found.model_copy(update={"pins": ()})))
    return read.answer(wire.OneMetadata(found=read.registry.metadata(class_id)))


@routes.get("/spaces/{space_id}", responses=_READ, response_model=wire.OneSpace)
def space(space_id: Annotated[Hex32, InPath()], read: AnyRead) -> Response:
    """What the registry says of a serial space, if it knows it."""
    return read.answer(wire.OneSpace(found=read.service.registry.space(space_id)))


# ----------------------------------------------------------------------- locks


@routes.post("/locks", responses=_WRITE, response_model=wire.LockAnswers)
def lock(asked: wire.LockOrders, write: BridgeWrite) -> Response:
    """Lock each order's serials under its lock id. An answer for each, in order: the lock, or why there is none."""
    orders = [LockOrder(one.lock_id, one.instruction_id) for one in asked.orders]
    return write(lambda: wire.LockAnswers(answers=tuple(map(_lock_answer, write.registry.lock(orders)))))


def _lock_answer(answer: Lock | BridgeError) -> wire.LockAnswer:
    if isinstance(answer, BridgeError):
        return wire.LockAnswer(problem=wire.problem_of(answer))
    return wire.LockAnswer(lock=answer)


@routes.get("/locks", responses=_READ, response_model=wire.Locks)
def locks(
    read: EvidenceRead, lock_id: Annotated[Sequence[Hex32], Query(min_length=1, max_length=KNOWN_AT_ONCE)]
) -> Response:
    """What was locked under these ids for the token's deployment; those that are not known are left out."""
    return read.answer(wire.Locks(items=read.registry.locks(lock_id)))


@routes.post("/locks/{lock_id}/release", responses=_WRITE, response_model=wire.Done)
def release(lock_id: LockId, write: BridgeWrite) -> Response:
    """Hand an unminted lock back, once a final block after its time shows it unused."""

    def do() -> wire.Done:
        write.registry.release(lock_id)
        return wire.Done()

    return write(do)


# ---------------------------------------------------------------- attestations


@routes.post("/attestations/locks", responses=_WRITE, response_model=Attested[Lock])
def attest_locks(asked: wire.LockIds, write: BridgeWrite) -> Response:
    """A quorum's signatures over locks of one programme."""
    return write(lambda: write.registry.attest_locks(asked.lock_ids))


@routes.post("/attestations/covers", responses=_WRITE, response_model=Attested[Cover])
def attest_covers(asked: wire.LockIds, write: BridgeWrite) -> Response:
    """The same for locks that cover a class that is short."""
    return write(lambda: write.registry.attest_covers(asked.lock_ids))


@routes.post("/attestations/outcomes", responses=_WRITE, response_model=Attested[Outcome])
def attest_outcomes(asked: wire.Parts, write: BridgeWrite) -> Response:
    """A quorum's signatures over parts of what is reserved for requests."""
    return write(lambda: write.registry.attest_outcomes([(one.request_id, one.part) for one in asked.parts]))


@routes.post("/attestations/refusals", responses=_WRITE, response_model=Attested[Refusal])
def attest_refusals(asked: wire.RequestIds, write: BridgeWrite) -> Response:
    """A quorum's signatures over refused requests."""
    return write(lambda: write.registry.attest_refusals(asked.request_ids))


@routes.post("/attestations/reversals", responses=_WRITE, response_model=Attested[Reversal])
def attest_reversal(asked: wire.EventId, write: BridgeWrite) -> Response:
    """A quorum's signatures over what is live of the serials that were taken back."""
    return write(lambda: write.registry.attest_reversal(asked.event_id))


# -------------------------------------------------------------------- requests


@routes.post("/requests/{request_id}/disclosure", responses=_WRITE, response_model=wire.Done)
def disclose(request_id: RequestId, opening: Opening, write: HolderWrite) -> Response:
    """The holder's own word: who the beneficiary is, or which account receives."""

    def do() -> wire.Done:
        write.registry.disclose(request_id, opening)
        return wire.Done()

    return write(do)


@routes.post("/reservations", responses=_WRITE, response_model=wire.ReservationAnswers)
def reserve(asked: wire.RequestIds, write: BridgeWrite) -> Response:
    """Have the registry decide on requests that it sees on the final chain itself, and set serials aside. An answer for
    each, in order: what is reserved, or why nothing is."""
    return write(lambda: _reservations(write.registry.reserve(asked.request_ids)))


@routes.post("/reconsiderations", responses=_WRITE, response_model=wire.ReservationAnswers)
def reconsider(asked: wire.RequestIds, write: BridgeWrite) -> Response:
    """Refuse what was decided on when its class is short since, or about to be; else nothing changes. An answer for
    each."""
    return write(lambda: _reservations(write.registry.reconsider(asked.request_ids)))


@routes.post("/executions", responses=_WRITE, response_model=wire.ReceiptAnswers)
def execute(asked: wire.RequestIds, write: BridgeWrite) -> Response:
    """Retire or hand over exactly what is settled of requests at a final block. An answer for each: its signed receipt,
    or why there is none."""
    return write(lambda: _receipts(write.registry.execute(asked.request_ids)))


@routes.post("/withdrawals", responses=_WRITE, response_model=wire.WithdrawalAnswers)
def withdraw(asked: wire.RequestIds, write: BridgeWrite) -> Response:
    """End the reservations of requests that ended on the final chain with nothing settled. An answer for each."""
    return write(lambda: _withdrawals(write.registry.withdraw(asked.request_ids)))


def _reservations(answers: Sequence[Reservation | BridgeError]) -> wire.ReservationAnswers:
    told = [
        wire.ReservationAnswer(problem=wire.problem_of(one))
        if isinstance(one, BridgeError)
        else wire.ReservationAnswer(reservation=one)
        for one in answers
    ]
    return wire.ReservationAnswers(answers=tuple(told))


def _receipts(answers: Sequence[Attested[Receipt] | BridgeError]) -> wire.ReceiptAnswers:
    told = [
        wire.ReceiptAnswer(problem=wire.problem_of(one))
        if isinstance(one, BridgeError)
        else wire.ReceiptAnswer(receipt=one)
        for one in answers
    ]
    return wire.ReceiptAnswers(answers=tuple(told))


def _withdrawals(answers: Sequence[BridgeError | None]) -> wire.WithdrawalAnswers:
    told = [
        wire.WithdrawalAnswer(problem=wire.problem_of(one)) if one is not None else wire.WithdrawalAnswer(done=True)
        for one in answers
    ]
    return wire.WithdrawalAnswers(answers=tuple(told))


@routes.get("/requests/{request_id}/receipt", responses=_READ, response_model=Attested[Receipt])
def receipt(request_id: RequestId, read: ReceiptRead) -> Response:
    """The signed receipt of an executed request."""
    return read.answer(read.registry.receipt(request_id))


@routes.get("/receipts", responses=_READ, response_model=wire.Receipts)
def receipts(
    read: EvidenceRead, request_id: Annotated[Sequence[Hex32], Query(min_length=1, max_length=KNOWN_AT_ONCE)]
) -> Response:
    """The receipts of these requests; those that are not executed and signed for are left out."""
    return read.answer(wire.Receipts(items=read.registry.receipts(request_id)))


# ------------------------------------------------------- reversals, statements


@routes.get("/reversals", responses=_READ, response_model=wire.Events)
def reversals(read: BridgeRead, limit: Limit = AT_ONCE, cursor: Cursor = None) -> Response:
    """What was taken back and has not come to its end on the token's deployment."""
    found = read.registry.reversals(read.deployment)
    ids = [event.event_id for event in found]
    if cursor is not None and cursor not in ids:
        raise Denied(STALE, f"event {cursor} has come to its end; read the list from its beginning")
    start = 0 if cursor is None else ids.index(cursor) + 1
    items = found[start : start + limit]
    return read.answer(wire.Events(items=items, next=ids[start + limit - 1] if start + limit < len(ids) else None))


@routes.post("/statements", responses=_WRITE, response_model=wire.Stated)
def state(asked: wire.Stating, write: StatementWrite) -> Response:
    """State all of a programme's serials now, signed for the token's deployment, under the next number."""

    def do() -> wire.Stated:
        made = write.registry.statement(asked.registry, write.deployment)
        return wire.Stated(registry=made.registry, deployment=write.deployment, head=made.head, rows=len(made.rows))

    return write(do)


@routes.get("/statements/{registry}/{sequence}/rows", responses=_READ, response_model=wire.Rows)
def rows(
    registry: RegistryCode,
    sequence: Annotated[int, InPath(ge=1, lt=2**53)],
    read: StatementRead,
    limit: Limit = AT_ONCE,
    cursor: Annotated[int, Query(ge=0, lt=2**53)] = 0,
) -> Response:
    """A page of a statement's rows, as they stood when it was made, whatever has happened since."""
    found = read.service.registry.ledger.stated_rows(registry, read.deployment, sequence, cursor, limit)
    return read.answer(wire.Rows(items=found, next=cursor + limit if len(found) == limit else None))
