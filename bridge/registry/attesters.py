"""Attesters: people or machines with keys of their own, who sign only what they have checked with their own eyes.

Each reads the ledger and, through his own `ChainWitness`, the final chain. Nothing that a bridge or another attester
says is evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from bridge.domain.attestations import (
    NO_EVIDENCE,
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
    StatementHead,
    typed_data,
)
from bridge.domain.lifecycle import RequestStatus
from bridge.domain.metadata import sealed
from bridge.domain.observed import WitnessedRequest
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Address, Hex32, Hex64, RegistryCode
from bridge.errors import BridgeError, NotYet, Refused, RegistryRefused, SignerRefused, Unreachable, UsageError
from bridge.registry.abroad import ENDING, done_abroad
from bridge.registry.counterpart import Counterparts, Verb, act_id
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.requests import Decision, SetAside
from bridge.registry.ledger.reversing import ReversalEvent
from bridge.registry.port import ChainWitness, Signer

Eyes = Mapping[Deployment, ChainWitness]
"""A witness for each deployment that one looks at."""


@contextmanager
def pinned(eyes: Eyes) -> Iterator[None]:
    """Each of them at one and the same final block."""
    with ExitStack() as stack:
        for witness in eyes.values():
            stack.enter_context(witness.pinned())
        yield


Message = TypeVar("Message", Lock, Cover, Outcome, Refusal, Reversal, Receipt, StatementHead, Pin)


_Given = TypeVar("_Given")


class Attester:
    """One key and its own eyes. Every method raises RegistryRefused with the reason when it does not sign, and as the
    key's signer does where that is another process."""

    def __init__(self, signer: Signer, eyes: Eyes, counterparts: Counterparts | None = None) -> None:
        self._signer = signer
        self._eyes = eyes
        self._counterparts = counterparts or {}

    @property
    def address(self) -> Address:
        return self._signer.address

    def sign_locks(self, ledger: Ledger, deployment: Deployment, locks: Sequence[Lock]) -> Hex64:
        """Locks whose serials all stand locked, for this deployment, and which can still be minted."""
        self._check_locks(ledger, deployment, [(lock, None) for lock in locks])
        return self._signer.sign(typed_data(deployment, locks))

    def sign_covers(self, ledger: Ledger, deployment: Deployment, covers: Sequence[Cover]) -> Hex64:
        """The same for locks whose depositor named the class that they cover: he alone may, and they never mint to
        him outright."""
        self._check_locks(ledger, deployment, [(cover.lock, cover.short_class_id) for cover in covers])
        return self._signer.sign(typed_data(deployment, covers))

    def sign_reversals(self, ledger: Ledger, deployment: Deployment, reversals: Sequence[Reversal]) -> Hex64:
        """Serials that the ledger has taken back, and which are live in the contract's own ledger."""
        for reversal in reversals:
            self._check_reversal(ledger, deployment, reversal)
        return self._signer.sign(typed_data(deployment, reversals))

    def sign_outcomes(self, ledger: Ledger, deployment: Deployment, outcomes: Sequence[Outcome]) -> Hex64:
        """Outcomes of open requests, each a part as it was decided, with serials reserved for it from minted locks."""
        parts: dict[Hex32, tuple[Outcome, ...]] = {}
        for outcome in outcomes:
            parts[outcome.request_id] = (*parts.get(outcome.request_id, ()), outcome)
        with self._witness(deployment).pinned():
            self._check_outcomes(ledger, deployment, parts)
        return self._signer.sign(typed_data(deployment, outcomes))

    def sign_refusals(self, ledger: Ledger, deployment: Deployment, refusals: Sequence[Refusal]) -> Hex64:
        """Refusals that the ledger decided on, of requests that are open."""
        request_ids = [refusal.request_id for refusal in refusals]
        with self._witness(deployment).pinned():
            decisions = _decided(ledger, deployment, request_ids)
            seen = self._witness(deployment).requests(request_ids)
            for refusal in refusals:
                decision = decisions[refusal.request_id]
                if decision.reservation.refusal != refusal:
                    raise RegistryRefused(f"request {refusal.request_id} was not refused for {refusal.reason!r} here")
                self._open_request(decision, seen)
        return self._signer.sign(typed_data(deployment, refusals))

    def sign_receipts(
        self, ledger: Ledger, deployment: Deployment, receipts: Sequence[Receipt]
    ) -> list[Hex64 | BridgeError]:
        """Receipts that the ledger gave for exactly what is settled at a final block: a signature for each, or why
        there is none."""
        request_ids = [receipt.request_id for receipt in receipts]
        seen, given = self._witness(deployment).requests(request_ids), ledger.receipts(request_ids)
        decisions = ledger.decisions(request_ids)

        def sign(receipt: Receipt) -> Hex64:
            request = self._known(seen, receipt.request_id)
            settled = tuple(span for part in request.settled for span in part.ranges)
            stated = given.get(receipt.request_id)
            if stated != receipt or receipt.ranges != settled or not request.status.ended:
                raise RegistryRefused(f"receipt {receipt.reference} is not what ledger and final chain show; reconcile")
            self._check_receipt_abroad(ledger, receipt, decisions.get(receipt.request_id))
            return self._signer.sign(typed_data(deployment, [receipt]))

        return [answer_of(partial(sign, receipt)) for receipt in receipts]

    def sign_statement(
        self, ledger: Ledger, registry: RegistryCode, deployment: Deployment, head: StatementHead
    ) -> Hex64:
        if not ledger.has_stated(registry, deployment, head):
            raise RegistryRefused(f"statement {head.sequence} of {registry} is not the ledger's")
        return self._signer.sign(typed_data(deployment, [head]))

    def sign_pin(self, ledger: Ledger, deployment: Deployment, pin: Pin) -> Hex64:
        """The seal of what the ledger says of a class, at no later moment than is final."""
        found, now = ledger.class_metadata(pin.class_id), self._witness(deployment).stamp().timestamp
        if found is None or sealed(found.body) != pin.sha256:
            raise RegistryRefused(f"this is not what the ledger says of class {pin.class_id}; never sign it")
        if pin.number != sum(one.deployment == deployment for one in found.pins) + 1:
            raise RegistryRefused(f"pin {pin.number} of class {pin.class_id} is not the next one; never sign it")
        if pin.as_of > now:
            raise RegistryRefused(f"second {pin.as_of} is to come; it is {now} at the final block")
        return self._signer.sign(typed_data(deployment, [pin]))

    def _check_locks(
        self, ledger: Ledger, deployment: Deployment, covering: Sequence[tuple[Lock, Hex32 | None]]
    ) -> None:
        """Locks, each with the class that it covers, if it does."""
        now = self._witness(deployment).stamp().timestamp
        records = ledger.lock_records([lock.lock_id for lock, _ in covering])
        for (lock, covers), record in zip(covering, records, strict=True):
            if record.lock != lock or record.instruction.deployment != deployment:
                raise RegistryRefused(f"lock {lock.lock_id} says something else in the ledger; never sign it")
            if record.instruction.covers != covers:
                raise RegistryRefused(f"lock {lock.lock_id} is {_covering(record.instruction.covers)} in the ledger")
            if record.released or not record.whole:
                raise RegistryRefused(f"serials {lock.range} of lock {lock.lock_id} are no longer all locked")
            if now > lock.not_after:
                raise RegistryRefused(f"lock {lock.lock_id} expired at {lock.not_after}; release it and lock anew")
            if counterpart := self._counterparts.get(record.instruction.registry):
                done_abroad(ledger, counterpart, act_id(Verb.TAKE, lock.lock_id), [lock.range])

    def _check_receipt_abroad(self, ledger: Ledger, receipt: Receipt, decision: Decision | None) -> None:
        """It carries the reference and evidence of what was done at the programme's own registry, or no evidence."""
        counterpart = self._counterparts.get(decision.registry) if decision else None
        stated = (receipt.reference, receipt.evidence)
        if counterpart is not None:
            act = act_id(ENDING[receipt.kind], receipt.request_id)
            done = done_abroad(ledger, counterpart, act, receipt.ranges)
            if stated != (done.reference, done.evidence):
                raise RegistryRefused(
                    f"receipt {receipt.reference} is not what was done at its registry; never sign it"
                )
        elif receipt.evidence != NO_EVIDENCE:
            raise RegistryRefused(f"receipt {receipt.reference} names evidence of a registry that nobody here looks at")

    def _check_reversal(self, ledger: Ledger, deployment: Deployment, reversal: Reversal) -> None:
        event, event_id = ledger.reversal(reversal.event_id), reversal.event_id
        if ledger.wording(event_id) != reversal or event.deployment != deployment or event.reason != reversal.reason:
            raise RegistryRefused(f"reversal {event_id} says something else in the ledger; never sign it")
        witness = self._witness(deployment)
        if witness.reversal_done(event.registry, event_id):
            raise RegistryRefused(f"reversal {event_id} has landed; nothing more is signed for it")
        live = witness.live(event.class_id, event.range.space)
        for span in reversal.ranges:
            if not event.range.contains(span) or not ledger.is_taken_back(span):
                raise RegistryRefused(f"serials {span} of reversal {event_id} were not taken back here; never sign it")
            if reversal.class_id != event.class_id or not any(one.contains(span) for one in live):
                raise RegistryRefused(f"serials {span} of reversal {event_id} are not live on {deployment}")

    def _check_outcomes(
        self, ledger: Ledger, deployment: Deployment, parts: Mapping[Hex32, tuple[Outcome, ...]]
    ) -> None:
        witness, request_ids = self._witness(deployment), list(parts)
        decisions = _decided(ledger, deployment, request_ids)
        seen = witness.requests(request_ids)
        opened = {request_id: self._open_request(decisions[request_id], seen) for request_id in request_ids}
        openings = ledger.disclosed({one: request.opened.commitment for one, request in opened.items()})
        aside = ledger.still_reserved(request_ids)
        wanted_back = ledger.wanted_back([span for one in aside.values() for span in one.ranges])
        closed = {one: is_closed(ledger, witness, one) for one in {d.class_id for d in decisions.values()}}
        for request_id, its_parts in parts.items():
            if closed[decisions[request_id].class_id]:
                raise RegistryRefused(f"the class of request {request_id} is short; only its refusal is signed")
            require_true_opening(opened[request_id], openings.get(request_id))
            _check_parts(decisions[request_id], opened[request_id].opened.units, its_parts, aside[request_id])
            if any(span.overlaps(taken) for part in its_parts for span in part.ranges for taken in wanted_back):
                raise RegistryRefused(f"serials of request {request_id} were taken back; only its refusal is signed")
        locks: dict[RegistryCode, dict[Hex32, Hex32]] = {}
        for request_id in request_ids:
            uses = dict.fromkeys(aside[request_id].locks, request_id)
            locks.setdefault(decisions[request_id].registry, {}).update(uses)
        for registry, used_by in locks.items():
            minted = witness.locks_used(registry, sorted(used_by))
            if unminted := [lock_id for lock_id in used_by if lock_id not in minted]:
                request_id = used_by[unminted[0]]
                raise RegistryRefused(f"request {request_id} would use serials of lock {unminted[0]}, not minted yet")

    def _open_request(
        self, decision: Decision, seen: Mapping[Hex32, WitnessedRequest | Unreachable]
    ) -> WitnessedRequest:
        """The request as decided upon, while it has not ended on the final chain."""
        request_id = decision.reservation.request_id
        request = self._known(seen, request_id)
        if request.status not in (RequestStatus.OPEN, RequestStatus.CALLED_BACK):
            raise RegistryRefused(f"request {request_id} has ended ({request.status.name}); nothing is signed for it")
        opened = request.opened
        asked = (opened.class_id, opened.kind, opened.units, opened.commitment)
        if asked != (decision.class_id, decision.kind, decision.units, decision.commitment):
            raise RegistryRefused(f"request {request_id} says something else on chain than was decided upon")
        return request

    def _known(self, seen: Mapping[Hex32, WitnessedRequest | Unreachable], request_id: Hex32) -> WitnessedRequest:
        found = seen.get(request_id)
        if found is None:
            raise NotYet(f"{self.address} does not see request {request_id} at a final block yet; repeat later")
        if isinstance(found, BridgeError):
            raise found
        return found

    def _witness(self, deployment: Deployment) -> ChainWitness:
        try:
            return self._eyes[deployment]
        except KeyError as error:
            raise RegistryRefused(f"{self.address} has no eyes on deployment {deployment}; give it a node") from error


class AttesterSet(NamedTuple):
    """A programme's attesters: `threshold` of them make a quorum."""

    threshold: int
    attesters: Sequence[Attester]

    def attest(self, items: tuple[Message, ...], sign: Callable[[Attester], Hex64]) -> Attested[Message]:
        """The first quorum that signs, in rising order of signer.

        Raises RegistryRefused with each one's reason when too many refuse, Unreachable or NotYet when the missing ones
        may sign later.
        """
        signed: list[tuple[Address, Hex64]] = []
        troubles: list[tuple[Address, BridgeError]] = []
        for attester in sorted(self.attesters, key=lambda one: one.address):
            try:
                signed.append((attester.address, sign(attester)))
            except _NO_SIGNATURE as trouble:
                troubles.append((attester.address, trouble))
            if len(signed) == self.threshold:
                signers, signatures = zip(*signed, strict=True)
                return Attested(items=items, signers=signers, signatures=signatures)
        raise self._no_quorum(len(signed), troubles)

    def attest_each(
        self, items: Sequence[Message], sign: Callable[[Attester, Sequence[Message]], Sequence[Hex64 | BridgeError]]
    ) -> list[Attested[Message] | BridgeError]:
        """Each item signed by itself, by the first quorum that does; an answer for each."""
        signed: list[list[tuple[Address, Hex64]]] = [[] for _ in items]
        troubles: list[list[tuple[Address, BridgeError]]] = [[] for _ in items]
        halted: dict[int, BridgeError] = {}
        for attester in sorted(self.attesters, key=lambda one: one.address):
            left = [n for n, found in enumerate(signed) if len(found) < self.threshold and n not in halted]
            for place, answer in zip(left, _signed_each(attester, [items[n] for n in left], sign), strict=True):
                if isinstance(answer, _NO_SIGNATURE):
                    troubles[place].append((attester.address, answer))
                elif isinstance(answer, BridgeError):
                    halted[place] = answer
                else:
                    signed[place].append((attester.address, answer))
        whole = {n: _attested(items[n], found) for n, found in enumerate(signed) if len(found) == self.threshold}
        missing = {n: self._no_quorum(len(signed[n]), troubles[n]) for n in range(len(items)) if n not in whole}
        return [(missing | whole | halted)[n] for n in range(len(items))]

    def _no_quorum(self, signed: int, troubles: Sequence[tuple[Address, BridgeError]]) -> BridgeError:
        reasons = "; ".join(f"{address}: {trouble}" for address, trouble in troubles)
        refused = sum(isinstance(trouble, Refused) for _, trouble in troubles)
        message = f"{signed} of {self.threshold} attesters signed ({reasons})"
        if len(self.attesters) - refused < self.threshold:
            return RegistryRefused(message)
        unreachable = any(isinstance(trouble, Unreachable) for _, trouble in troubles)
        return Unreachable(message) if unreachable else NotYet(message)


_NO_SIGNATURE = (RegistryRefused, SignerRefused, NotYet, Unreachable)


def _signed_each(
    attester: Attester,
    items: Sequence[Message],
    sign: Callable[[Attester, Sequence[Message]], Sequence[Hex64 | BridgeError]],
) -> Sequence[Hex64 | BridgeError]:
    if not items:
        return []
    try:
        return sign(attester, items)
    except _NO_SIGNATURE as trouble:
        return [trouble] * len(items)


def _attested(item: Message, signed: Sequence[tuple[Address, Hex64]]) -> Attested[Message]:
    signers, signatures = zip(*signed, strict=True)
    return Attested(items=(item,), signers=signers, signatures=signatures)


def answer_of(act: Callable[[], _Given]) -> _Given | BridgeError:
    """What one item of many gives, or would raise."""
    try:
        return act()
    except BridgeError as trouble:
        return trouble


def require_true_opening(seen: WitnessedRequest, opening: Opening | None) -> Opening:
    """Raises RegistryRefused unless the disclosure is the one that the holder committed to, and of this request."""
    opened = seen.opened
    if opening is None or opening.commitment != opened.commitment:
        raise RegistryRefused(f"nothing disclosed for request {opened.request_id} matches its commitment")
    if (opening.holder, opening.class_id, opening.units) != (opened.holder, opened.class_id, opened.units):
        raise RegistryRefused(f"what the holder of request {opened.request_id} committed to is another request")
    return opening


def is_closed(ledger: Ledger, witness: ChainWitness, class_id: Hex32) -> bool:
    """Whether the class is short on the final chain, or about to be: serials of it that are live were taken back.
    Whoever is quicker would leave the gap to the others, so nothing of it is settled any more."""
    if witness.shortfall(class_id):
        return True
    events = ledger.open_reversals(witness.deployment, class_id)
    return any(live_of(witness, event) for event in events)


def live_of(witness: ChainWitness, event: ReversalEvent) -> tuple[SerialRange, ...]:
    """The event's serials that are live, in ranges that the contract keeps apart."""
    within, found = event.range, []
    for span in witness.live(event.class_id, within.space):
        if span.overlaps(within):
            first, last = max(span.first, within.first), min(span.last, within.last)
            found.append(SerialRange(space=span.space, first=first, last=last))
    return tuple(found)


def _covering(covers: Hex32 | None) -> str:
    return "to be minted, and covers nothing" if covers is None else f"to cover class {covers}"


def _decided(ledger: Ledger, deployment: Deployment, request_ids: Sequence[Hex32]) -> dict[Hex32, Decision]:
    decisions = ledger.decisions(request_ids)
    for request_id in request_ids:
        decision = decisions.get(request_id)
        if decision is None or decision.deployment != deployment:
            raise RegistryRefused(f"nothing was decided on request {request_id} for {deployment}; ask to reserve first")
        if decision.ended:
            raise RegistryRefused(f"request {request_id} is {decision.ended} already; nothing more is signed for it")
    return decisions


def _check_parts(decision: Decision, units: int, parts: tuple[Outcome, ...], aside: SetAside) -> None:
    request_id, reserved = decision.reservation.request_id, decision.reservation.parts
    if decision.reservation.refusal is not None:
        raise RegistryRefused(f"request {request_id} was refused here; nothing else is signed for it")
    if not set(parts) <= set(reserved) or sum(part.units for part in reserved) != units:
        raise RegistryRefused(f"the parts of request {request_id} are not those reserved; reserve again")
    if coalesce(span for part in reserved for span in part.ranges) != list(aside.ranges):
        raise RegistryRefused(f"serials of request {request_id} are no longer reserved for it; reconcile")


def sole(values: Sequence[object], what: str) -> None:
    """One signature set covers one batch of one programme on one deployment. Raises UsageError."""
    if len(set(values)) != 1:
        raise UsageError(f"a batch is of one {what}, and not empty; ask for each by itself")
