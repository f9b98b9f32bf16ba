"""The registry port on the embedded ledger, with its attesters in the same process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy

from bridge.domain.attestations import (
    Attested,
    Cover,
    Deployment,
    Lock,
    Opening,
    Outcome,
    Pin,
    Receipt,
    Refusal,
    Reversal,
)
from bridge.domain.credit_class import CreditClass
from bridge.domain.metadata import ClassMetadata, PinnedMetadata, sealed
from bridge.domain.observed import Statement
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import BridgeError, Conflict, NotYet, RegistryRefused, UsageError
from bridge.registry.abroad import Abroad
from bridge.registry.attesters import AttesterSet, Eyes, live_of, sole
from bridge.registry.counterpart import Counterparts
from bridge.registry.exits import Exits, in_order
from bridge.registry.gate import Gatekeeper
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.locking import LockRecord
from bridge.registry.ledger.requests import Decision, undecided
from bridge.registry.ledger.reversing import ReversalEvent
from bridge.registry.port import ChainWitness, Instruction, Locked, LockOrder, Reservation, TakenBack
from bridge.registry.rules import Rules

NOWHERE_ELSE: Counterparts = {}
"""The ledger is the registry of every programme."""
NO_RULES: Rules = {}
"""What the contract lets through may be locked."""


class LedgerRegistry:
    """Implements `port.Registry`. `eyes` are the registry's own, each attester has others; `attesters` by programme,
    `counterparts` where a programme's own registry is not this ledger, and `rules` for what may be locked."""

    def __init__(
        self,
        ledger: Ledger,
        eyes: Eyes,
        attesters: Mapping[RegistryCode, AttesterSet],
        counterparts: Counterparts = NOWHERE_ELSE,
        rules: Rules = NO_RULES,
    ) -> None:
        self.ledger = ledger
        self._eyes = eyes
        self._attesters = attesters
        self._abroad = Abroad(ledger, counterparts)
        self._gate = Gatekeeper(ledger, rules)

    @property
    def _exits(self) -> Exits:
        return Exits(self.ledger, self._eyes, self._attesters, self._abroad)

    def looking_at(self, deployment: Deployment) -> LedgerRegistry:
        """The same with eyes on this deployment alone: requests of another are not seen."""
        narrowed = copy(self)
        narrowed._eyes = {deployment: self._witness(deployment)}
        return narrowed

    def sees(self, deployment: Deployment) -> bool:
        return deployment in self._eyes

    def attesters(self) -> Mapping[RegistryCode, AttesterSet]:
        return self._attesters

    def instruction(self, instruction_id: Hex32) -> Instruction:
        return self.ledger.instruction(instruction_id)

    def waiting(self, deployment: Deployment) -> tuple[Instruction, ...]:
        return self.ledger.waiting(deployment)

    def instruct(self, instruction: Instruction) -> None:
        """A depositor's order, unless it is of credits that would not be locked."""
        witness = self._eyes.get(instruction.deployment)  # the ledger refuses what it does not serve
        if witness is not None and not self.ledger.known_instructions([instruction.instruction_id]):
            self._gate.require_admitted(instruction, witness)
        self.ledger.instruct(instruction)

    def lock(self, orders: Sequence[LockOrder]) -> list[Lock | BridgeError]:
        refused = self._gate.refused([order.instruction_id for order in orders], self._eyes)
        answers = iter(self.ledger.lock([order for order in orders if order.instruction_id not in refused]))
        return [refused.get(order.instruction_id) or next(answers) for order in orders]

    def locked_as(self, instruction_id: Hex32) -> Hex32 | None:
        return self.ledger.locked_as(instruction_id)

    def attest_locks(self, lock_ids: Sequence[Hex32]) -> Attested[Lock]:
        records, registry, deployment = self._records(lock_ids)
        self._abroad.take(registry, records, self._clock(deployment))
        locks = tuple(record.lock for record in records)
        return self._set(registry).attest(locks, lambda one: one.sign_locks(self.ledger, deployment, locks))

    def attest_covers(self, lock_ids: Sequence[Hex32]) -> Attested[Cover]:
        records, registry, deployment = self._records(lock_ids)
        named = [(record.lock, record.instruction.covers) for record in records]
        covers = tuple(Cover(lock=lock, short_class_id=short) for lock, short in named if short is not None)
        if len(covers) != len(records):
            raise RegistryRefused("one of the locks covers nothing; attest it as a lock")
        self._abroad.take(registry, records, self._clock(deployment))
        return self._set(registry).attest(covers, lambda one: one.sign_covers(self.ledger, deployment, covers))

    def release(self, lock_id: Hex32) -> None:
        record = self.ledger.lock_record(lock_id)
        if record.released:
            return
        instruction = record.instruction
        witness = self._witness(instruction.deployment)
        # The block first: a use that only a later block shows cannot lie after not_after.
        final = witness.stamp()
        if final.timestamp <= instruction.not_after:
            raise NotYet(f"lock {lock_id} can be minted until {instruction.not_after}; release it later")
        if witness.locks_used(instruction.registry, [lock_id]):
            self.ledger.mark_minted([lock_id])
        else:
            self._abroad.give_back(record, final)
        self.ledger.release(lock_id)

    def disclose(self, request_id: Hex32, opening: Opening) -> None:
        found = self._exits.find([request_id]).get(request_id)
        if isinstance(found, BridgeError):
            raise found
        if found is not None and found.request.opened.commitment != opening.commitment:
            raise RegistryRefused(
                f"this is not what request {request_id} committed to; check secret, beneficiary and purpose"
            )
        self.ledger.disclose(request_id, opening)

    def reserve(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return in_order(request_ids, self._exits.reserve)

    def reconsider(self, request_ids: Sequence[Hex32]) -> list[Reservation | BridgeError]:
        return in_order(request_ids, self._exits.reconsider)

    def attest_outcomes(self, parts: Sequence[tuple[Hex32, int]]) -> Attested[Outcome]:
        decisions = self._decisions(list(dict.fromkeys(request_id for request_id, _ in parts)))
        if any(decision.reservation.refusal for decision in decisions):
            raise RegistryRefused("one of the requests is refused; attest its refusal instead")
        reserved = {(part.request_id, part.part): part for d in decisions for part in d.reservation.parts}
        if missing := [key for key in parts if key not in reserved]:
            raise RegistryRefused(f"request {missing[0][0]} has no part {missing[0][1]}; reserve again")
        outcomes = tuple(reserved[key] for key in parts)
        registry, deployment = decisions[0].registry, decisions[0].deployment
        return self._set(registry).attest(outcomes, lambda one: one.sign_outcomes(self.ledger, deployment, outcomes))

    def attest_refusals(self, request_ids: Sequence[Hex32]) -> Attested[Refusal]:
        decisions = self._decisions(request_ids)
        refusals = tuple(d.reservation.refusal for d in decisions if d.reservation.refusal)
        if len(refusals) != len(decisions):
            raise RegistryRefused("one of the requests is not refused; attest its outcome instead")
        registry, deployment = decisions[0].registry, decisions[0].deployment
        return self._set(registry).attest(refusals, lambda one: one.sign_refusals(self.ledger, deployment, refusals))

    def reversals(self, deployment: Deployment) -> tuple[TakenBack, ...]:
        due = [event for event in self.ledger.open_reversals(deployment) if self._is_due(event)]
        return tuple(
            TakenBack(event_id=e.event_id, registry=e.registry, class_id=e.class_id, range=e.range) for e in due
        )

    def attest_reversal(self, event_id: Hex32) -> Attested[Reversal]:
        event = self.ledger.reversal(event_id)
        witness = self._witness(event.deployment)
        if witness.reversal_done(event.registry, event_id):
            raise Conflict(f"reversal {event_id} has landed; nothing is left to sign for it")
        reversal = self._wording(event, live_of(witness, event))
        return self._set(event.registry).attest(
            (reversal,), lambda one: one.sign_reversals(self.ledger, event.deployment, [reversal])
        )

    def execute(self, request_ids: Sequence[Hex32]) -> list[Attested[Receipt] | BridgeError]:
        return in_order(request_ids, self._exits.execute)

    def receipt(self, request_id: Hex32) -> Attested[Receipt]:
        signed = self.ledger.signed_receipts([request_id]).get(request_id)
        if signed is None:
            raise no_receipt(request_id)
        return signed

    def withdraw(self, request_ids: Sequence[Hex32]) -> list[BridgeError | None]:
        return in_order(request_ids, self._exits.withdraw)

    def statement(self, registry: RegistryCode, deployment: Deployment) -> Statement:
        attesters = self._set(registry)
        self._witness(deployment)
        head, rows = self.ledger.statement(registry, deployment)
        signed = attesters.attest((head,), lambda one: one.sign_statement(self.ledger, registry, deployment, head))
        return Statement(registry=registry, head=signed, rows=rows)

    def locks(self, lock_ids: Sequence[Hex32]) -> tuple[Locked, ...]:
        known = self.ledger.known_locks(lock_ids)
        found = [known[lock_id] for lock_id in lock_ids if lock_id in known]
        return tuple(Locked(deployment=one.instruction.deployment, lock=one.lock) for one in found)

    def credit_class(self, class_id: Hex32) -> CreditClass | None:
        return self.ledger.credit_class(class_id)

    def metadata(self, class_id: Hex32) -> ClassMetadata | None:
        return self.ledger.class_metadata(class_id)

    def pin_metadata(self, class_id: Hex32, deployment: Deployment) -> Attested[Pin] | None:
        """Has the attesters sign what is published of a class now, for a deployment; None when that is signed already.
        Raises RegistryRefused for an unknown class."""
        found, witness = self.ledger.class_metadata(class_id), self._witness(deployment)
        credit_class = self.ledger.credit_class(class_id)
        if found is None or credit_class is None:
            raise RegistryRefused(f"no class {class_id} is known here; see: carbonbridge registry class list")
        pins = [one for one in found.pins if one.deployment == deployment]
        if pins and pins[-1].body == found.body and self._is_signed_by_todays(pins[-1], credit_class.registry):
            return None
        number, as_of = len(pins) + 1, witness.stamp().timestamp
        pin = Pin(class_id=class_id, number=number, sha256=sealed(found.body), as_of=as_of)
        attesters = self._set(credit_class.registry)
        signed = attesters.attest((pin,), lambda one: one.sign_pin(self.ledger, deployment, pin))
        self.ledger.keep_pin(deployment, found.body, signed)
        return signed

    def space(self, space_id: Hex32) -> SerialSpace | None:
        return self.ledger.space(space_id)

    def receipts(self, request_ids: Sequence[Hex32]) -> tuple[Attested[Receipt], ...]:
        signed = self.ledger.signed_receipts(request_ids)
        return tuple(signed[one] for one in request_ids if one in signed)

    def _is_signed_by_todays(self, one: PinnedMetadata, registry: RegistryCode) -> bool:
        """Whoever was replaced has signed for nothing that is published now."""
        return set(one.signed.signers) <= {attester.address for attester in self._set(registry).attesters}

    def _is_due(self, event: ReversalEvent) -> bool:
        """Whether the event has yet to land. Else it ends, once no lock can bring any of its serials to life; what
        came to life after it had landed goes on under the next id of the same act."""
        witness = self._witness(event.deployment)
        waiting = self.ledger.locks_awaiting_mint(event.event_id)
        # Before the serials: what lands in between must not pass for serials that came to life later.
        done = witness.reversal_done(event.registry, event.event_id)
        if minted := witness.locks_used(event.registry, waiting):
            self.ledger.mark_minted(sorted(minted))
        live = live_of(witness, event)
        unfinished = len(waiting) > len(minted)
        if done and live:
            self.ledger.end_reversal(event.event_id, followed=True)
        elif not live and not unfinished:
            self.ledger.end_reversal(event.event_id, followed=False)
        return not done and (bool(live) or unfinished)

    def _wording(self, event: ReversalEvent, live: tuple[SerialRange, ...]) -> Reversal:
        """As it was signed before while that can land: two wordings of one event would be two truths."""
        known = self.ledger.wording(event.event_id)
        if known is not None and all(any(one.contains(span) for one in live) for span in known.ranges):
            return known
        if not live:
            raise NotYet(f"nothing of reversal {event.event_id} ({event.range}) is live on {event.deployment}; wait")
        worded = Reversal(event_id=event.event_id, class_id=event.class_id, reason=event.reason, ranges=live)
        self.ledger.word(worded)
        return worded

    def _records(self, lock_ids: Sequence[Hex32]) -> tuple[list[LockRecord], RegistryCode, Deployment]:
        records = self.ledger.lock_records(lock_ids)
        sole([(r.instruction.registry, r.instruction.deployment) for r in records], "programme and deployment")
        return records, records[0].instruction.registry, records[0].instruction.deployment

    def _decisions(self, request_ids: Sequence[Hex32]) -> list[Decision]:
        known = self.ledger.decisions(request_ids)
        if unknown := [one for one in request_ids if one not in known]:
            raise undecided(unknown[0])
        decisions = [known[one] for one in request_ids]
        sole([(d.registry, d.deployment) for d in decisions], "programme and deployment")
        return decisions

    def _witness(self, deployment: Deployment) -> ChainWitness:
        try:
            return self._eyes[deployment]
        except KeyError as error:
            raise UsageError(f"this registry has no witness of deployment {deployment}; configure its node") from error

    def _clock(self, deployment: Deployment) -> Callable[[], int]:
        return lambda: self._witness(deployment).stamp().timestamp

    def _set(self, registry: RegistryCode) -> AttesterSet:
        try:
            return self._attesters[registry]
        except KeyError as error:
            raise UsageError(f"programme {registry} has no attesters here; configure them") from error


def no_receipt(request_id: Hex32) -> NotYet:
    return NotYet(f"request {request_id} is not executed and signed for yet; repeat later")
