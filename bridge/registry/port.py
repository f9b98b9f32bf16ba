"""What a bridge may ask of a registry, and what a registry needs from the world.

Every call is repeatable: its key is the lock id or the request id, and the same call again gives the same answer.
The registry believes nobody. A bridge only *asks*; what the registry signs and does follows from its depositors' own
instructions and from what its own `ChainWitness` has read at a final block.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from bridge.domain.attestations import (
    Attested,
    Cover,
    Deployment,
    Lock,
    Message,
    Opening,
    Outcome,
    Receipt,
    Refusal,
    Reversal,
    TypedData,
)
from bridge.domain.credit_class import CreditClass, Gate
from bridge.domain.metadata import ClassMetadata
from bridge.domain.observed import BlockStamp, Statement, WitnessedRequest
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Address, Fact, Hex32, Hex64, RegistryCode
from bridge.errors import BridgeError, Unreachable

__all__ = [
    "Attested",
    "ChainWitness",
    "Instruction",
    "LockOrder",
    "Locked",
    "Message",
    "Registry",
    "Reservation",
    "Signer",
    "TakenBack",
]


class Instruction(Fact):
    """A depositor's own authenticated order: bring these serials to that deployment, for that recipient.

    `registry` is the programme that issued the serials; `account` is where they return to if they are never minted.
    With `covers`, a class that is short, they are offered to its holders, and the recipient gets what nobody takes.
    """

    instruction_id: Hex32
    registry: RegistryCode
    account: str
    range: SerialRange
    deployment: Deployment
    recipient: Address
    not_after: int
    covers: Hex32 | None = None


class LockOrder(NamedTuple):
    """That an instruction be carried out under this lock id."""

    lock_id: Hex32
    instruction_id: Hex32


class Locked(Fact):
    """A lock, and where it may be minted."""

    deployment: Deployment
    lock: Lock


class Reservation(Fact):
    """What the registry decided on a request: parts, whose serials are set aside, or a refusal. Both, when it refused
    later: its parts may be signed already, so they stay set aside until the request has ended on the final chain."""

    request_id: Hex32
    parts: tuple[Outcome, ...] = ()
    refusal: Refusal | None = None


class TakenBack(Fact):
    """Serials that the registry has taken back, and which are live on the deployment or may yet be minted there."""

    event_id: Hex32
    registry: RegistryCode
    class_id: Hex32
    range: SerialRange


class Signer(Protocol):
    """A key that signs typed data; where it lives is its own affair."""

    @property
    def address(self) -> Address: ...

    def sign(self, document: TypedData) -> Hex64: ...


class ChainWitness(Protocol):
    """The registry's own eyes on one deployment. Everything is read at a final block, `stamp()`."""

    @property
    def deployment(self) -> Deployment: ...

    def stamp(self) -> BlockStamp: ...

    def pinned(self) -> AbstractContextManager[None]:
        """Within it, and within this thread, all is read at one and the same final block."""
        ...

    def locks_used(self, registry: RegistryCode, lock_ids: Sequence[Hex32]) -> set[Hex32]:
        """Those that are minted, or offered as cover."""
        ...

    def requests(self, request_ids: Sequence[Hex32]) -> dict[Hex32, WitnessedRequest | Unreachable]:
        """Those that a final block holds; Unreachable for one of which the node does not tell the whole story."""
        ...

    def reversal_done(self, registry: RegistryCode, event_id: Hex32) -> bool: ...

    def live(self, class_id: Hex32, space: Hex32) -> tuple[SerialRange, ...]:
        """The class's live serials of a space, rising, as the contract keeps them."""
        ...

    def gate(self, credit_class: CreditClass) -> Gate:
        """What a mint of the class would meet there. Raises ContractRefused for a registry that is not there."""
        ...

    def is_barred(self, registry: RegistryCode, methodology: str) -> bool:
        """Whether a methodology of this spelling is barred, whichever the admin named for a project."""
        ...

    def shortfall(self, class_id: Hex32) -> int:
        """Units that the class is short of; none for a class that is not there."""
        ...


class Registry(Protocol):
    """The port. Raises RegistryRefused for a no, Conflict for a known id with other content, NotYet when a final block
    must come first, Unreachable when no answer came and the same call may be repeated."""

    def instruction(self, instruction_id: Hex32) -> Instruction: ...

    def waiting(self, deployment: Deployment) -> tuple[Instruction, ...]:
        """Orders for the deployment that nobody has locked yet and that can still be minted in time."""
        ...

    def lock(self, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        """Holds each instruction's serials for its deployment under its lock id, for good once and the same. An answer
        for each, in order: the lock, or what would be raised for it alone."""
        ...

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        """The lock id under which the instruction was locked, for a bridge that has lost its journal."""
        ...

    def attest_locks(self, lock_ids: Sequence[Hex32]) -> Attested[Lock]:
        """A quorum's signatures over the locks, which are all of one programme and not released, and cover nothing."""
        ...

    def attest_covers(self, lock_ids: Sequence[Hex32]) -> Attested[Cover]:
        """The same for locks whose instructions name a class that they cover."""
        ...

    def release(self, lock_id: Hex32) -> None:
        """Hands an unminted lock back, once a final block later than its `not_after` shows it unused."""
        ...

    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        """The holder's own word to the registry: who the beneficiary is, or which account receives."""
        ...

    def reserve(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        """Decides on requests that the registry has seen on the final chain itself, and sets serials aside. An answer
        for each, in order: the reservation, or what would be raised for it alone.

        NotYet when the request is not final or its holder has not disclosed yet.
        """
        ...

    def reconsider(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        """Refuses requests that were decided on when their class is short since, or about to be; else changes nothing.
        An answer for each."""
        ...

    def attest_outcomes(self, parts: Sequence[tuple[Hex32, int]]) -> Attested[Outcome]:
        """A quorum's signatures over these parts (request, part number) of reservations, all of one programme. None
        while the class is short."""
        ...

    def attest_refusals(self, request_ids: Sequence[Hex32]) -> Attested[Refusal]: ...

    def reversals(self, deployment: Deployment) -> tuple[TakenBack, ...]:
        """What was taken back and has not come to its end on the deployment: every event under its own id, for good."""
        ...

    def attest_reversal(self, event_id: Hex32) -> Attested[Reversal]:
        """A quorum's signatures over what is live of the event's serials, in the same words as long as they can land.

        NotYet while nothing of it is live, Conflict when it has landed.
        """
        ...

    def execute(self, request_ids: Sequence[Hex32]) -> list[Attested[Receipt] | BridgeError]:
        """Acts last: retires or hands over exactly what is settled at a final block, and signs for it, for each request
        by itself. An answer for each.

        NotYet while the request has not ended on the final chain. What was reserved and is not settled when the
        request ended otherwise is locked again.
        """
        ...

    def receipt(self, request_id: Hex32) -> Attested[Receipt]:
        """The receipt of an executed request, for its holder. NotYet when there is none."""
        ...

    def withdraw(self, request_ids: Sequence[Hex32]) -> list[BridgeError | None]:
        """Ends the reservations of requests that have finally been refused or returned with nothing settled. An answer
        for each: nothing, or what would be raised for it alone."""
        ...

    def statement(self, registry: RegistryCode, deployment: Deployment) -> Statement:
        """All of a programme's serials now, signed."""
        ...

    def locks(self, lock_ids: Sequence[Hex32]) -> tuple[Locked, ...]:
        """What was locked under these ids, in order; those that are not known are left out."""
        ...

    def credit_class(self, class_id: Hex32) -> CreditClass | None:
        """What the registry says of a class, if it knows it."""
        ...

    def metadata(self, class_id: Hex32) -> ClassMetadata | None:
        """What the registry publishes of a class, and what its attesters signed of it; None for one that it does not
        know."""
        ...

    def space(self, space_id: Hex32) -> SerialSpace | None: ...

    def receipts(self, request_ids: Sequence[Hex32]) -> tuple[Attested[Receipt], ...]:
        """The receipts of these requests, in order; those that are not executed and signed for are left out."""
        ...
