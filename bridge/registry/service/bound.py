"""The registry as one deployment's people may see it: what is another's is answered as what is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock as Turn
from typing import TypeVar

from bridge.domain.attestations import Attested, Cover, Deployment, Lock, Opening, Outcome, Receipt, Refusal, Reversal
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import ClassMetadata
from bridge.domain.observed import Statement
from bridge.domain.serials import SerialSpace
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import BridgeError, Conflict, NotYet, RegistryRefused
from bridge.registry.embedded import LedgerRegistry, no_receipt
from bridge.registry.ledger.locking import no_instruction, no_lock
from bridge.registry.ledger.requests import undecided
from bridge.registry.ledger.reversing import no_reversal
from bridge.registry.port import Instruction, Locked, LockOrder, Reservation, TakenBack

_Answer = TypeVar("_Answer")

_WORDING = Turn()
"""Two threads that word one event at once could sign two truths."""


class Bound:
    """Implements `port.Registry` for one deployment. An id of another's locks, requests and events is refused as an
    unknown one is, so that nobody learns of it; and its own eyes see no other deployment's requests."""

    def __init__(self, registry: LedgerRegistry, deployment: Deployment) -> None:
        self._registry = registry.looking_at(deployment)
        self._ledger = registry.ledger
        self._deployment = deployment

    def instruction(self, instruction_id: Hex32) -> Instruction:
        found = self._registry.instruction(instruction_id)
        if found.deployment != self._deployment:
            raise no_instruction(instruction_id)
        return found

    def waiting(self, deployment: Deployment) -> tuple[Instruction, ...]:
        self._require_own(deployment)
        return self._registry.waiting(deployment)

    def waiting_after(self, after: Hex32 | None, most: int) -> tuple[Instruction, ...]:
        """A page of them."""
        return self._ledger.waiting(self._deployment, after, most)

    def lock(self, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        strange = self._strange(orders)
        answers = iter(self._registry.lock([order for order in orders if order not in strange]))
        return [strange[order] if order in strange else next(answers) for order in orders]

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        known = self._ledger.known_instructions([instruction_id]).get(instruction_id)
        return self._registry.locked_as(instruction_id) if known and known.deployment == self._deployment else None

    def attest_locks(self, lock_ids: Sequence[Hex32]) -> Attested[Lock]:
        self._require_locks(lock_ids)
        return self._registry.attest_locks(lock_ids)

    def attest_covers(self, lock_ids: Sequence[Hex32]) -> Attested[Cover]:
        self._require_locks(lock_ids)
        return self._registry.attest_covers(lock_ids)

    def release(self, lock_id: Hex32) -> None:
        self._require_locks([lock_id])
        self._registry.release(lock_id)

    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        self._require_seen(request_id)
        self._registry.disclose(request_id, opening)

    def reserve(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return self._of_own(request_ids, self._registry.reserve, _unseen)

    def reconsider(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return self._of_own(request_ids, self._registry.reconsider, undecided)

    def attest_outcomes(self, parts: Sequence[tuple[Hex32, int]]) -> Attested[Outcome]:
        self._require_decided([request_id for request_id, _ in parts])
        return self._registry.attest_outcomes(parts)

    def attest_refusals(self, request_ids: Sequence[Hex32]) -> Attested[Refusal]:
        self._require_decided(request_ids)
        return self._registry.attest_refusals(request_ids)

    def reversals(self, deployment: Deployment) -> tuple[TakenBack, ...]:
        self._require_own(deployment)
        return self._registry.reversals(deployment)

    def attest_reversal(self, event_id: Hex32) -> Attested[Reversal]:
        if self._ledger.reversal(event_id).deployment != self._deployment:
            raise no_reversal(event_id)
        with _WORDING:
            return self._registry.attest_reversal(event_id)

    def execute(self, request_ids: Sequence[Hex32]) -> list[Attested[Receipt] | BridgeError]:
        return self._of_own(request_ids, self._registry.execute, _unseen)

    def receipt(self, request_id: Hex32) -> Attested[Receipt]:
        if self._anothers([request_id]):
            raise no_receipt(request_id)
        return self._registry.receipt(request_id)

    def withdraw(self, request_ids: Sequence[Hex32]) -> list[BridgeError | None]:
        return self._of_own(request_ids, self._registry.withdraw, _unseen)

    def statement(self, registry: RegistryCode, deployment: Deployment) -> Statement:
        self._require_own(deployment)
        return self._registry.statement(registry, deployment)

    def locks(self, lock_ids: Sequence[Hex32]) -> tuple[Locked, ...]:
        return tuple(one for one in self._registry.locks(lock_ids) if one.deployment == self._deployment)

    def credit_class(self, class_id: Hex32) -> CreditClass | None:
        return self._registry.credit_class(class_id)

    def metadata(self, class_id: Hex32) -> ClassMetadata | None:
        found = self._registry.metadata(class_id)
        if found is None:
            return None
        return found.model_copy(update={"pins": tuple(p for p in found.pins if p.deployment == self._deployment)})

    def space(self, space_id: Hex32) -> SerialSpace | None:
        return self._registry.space(space_id)

    def receipts(self, request_ids: Sequence[Hex32]) -> tuple[Attested[Receipt], ...]:
        strange = self._anothers(request_ids)
        return self._registry.receipts([one for one in request_ids if one not in strange])

    def _require_own(self, deployment: Deployment) -> None:
        if deployment != self._deployment:
            raise RegistryRefused(f"deployment {deployment} is another's; this token is for {self._deployment}")

    def _strange(self, orders: Sequence[LockOrder]) -> Mapping[LockOrder, BridgeError]:
        """Orders that are not for this deployment, with what they are answered."""
        known = self._ledger.known_instructions([order.instruction_id for order in orders])
        locks = self._ledger.known_locks([order.lock_id for order in orders])
        found: dict[LockOrder, BridgeError] = {}
        for order in orders:
            instruction, lock = known.get(order.instruction_id), locks.get(order.lock_id)
            if instruction is not None and instruction.deployment != self._deployment:
                found[order] = no_instruction(order.instruction_id)
            elif lock is not None and lock.instruction.deployment != self._deployment:
                found[order] = Conflict(f"lock id {order.lock_id} is taken; make another")
        return found

    def _require_locks(self, lock_ids: Sequence[Hex32]) -> None:
        for lock_id, record in self._ledger.known_locks(lock_ids).items():
            if record.instruction.deployment != self._deployment:
                raise no_lock(lock_id)

    def _require_seen(self, request_id: Hex32) -> None:
        if self._anothers([request_id]):
            raise _unseen(request_id)

    def _require_decided(self, request_ids: Sequence[Hex32]) -> None:
        if strange := self._anothers(request_ids):
            raise undecided(next(one for one in request_ids if one in strange))

    def _of_own(
        self,
        request_ids: Sequence[Hex32],
        ask: Callable[[Sequence[Hex32]], list[_Answer | BridgeError]],
        no: Callable[[Hex32], BridgeError],
    ) -> list[_Answer | BridgeError]:
        """`no`: what is answered about another deployment's."""
        strange = self._anothers(request_ids)
        answers = iter(ask([one for one in request_ids if one not in strange]))
        return [no(one) if one in strange else next(answers) for one in request_ids]

    def _anothers(self, request_ids: Sequence[Hex32]) -> set[Hex32]:
        decisions = self._ledger.decisions(request_ids)
        return {one for one, decision in decisions.items() if decision.deployment != self._deployment}


def _unseen(request_id: Hex32) -> NotYet:
    return NotYet(f"request {request_id} is not seen at a final block yet; repeat later")
