"""What becomes of holders' requests: decided on, and acted upon when they have ended. Many at once, each for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from bridge.domain.attestations import Attested, Deployment, Opening, Receipt
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.observed import WitnessedRequest
from bridge.domain.serials import SerialRange
from bridge.domain.values import Hex32, Hex64, RegistryCode
from bridge.errors import BridgeError, Halted, NotYet, RegistryRefused, Unreachable, UsageError
from bridge.registry.abroad import Abroad, Ending
from bridge.registry.attesters import (
    Attester,
    AttesterSet,
    Eyes,
    answer_of,
    is_closed,
    pinned,
    require_true_opening,
)
from bridge.registry.counterpart import Done
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.custody import bridge_account
from bridge.registry.ledger.requests import Decision, Execution, Wanted, undecided
from bridge.registry.port import ChainWitness, Reservation

SHORT = "short"
"""Why requests are refused while serials of their class are missing."""

_Answer = TypeVar("_Answer")


class Found(NamedTuple):
    """A request, and the deployment on which it was seen final."""

    deployment: Deployment
    request: WitnessedRequest


class Exits:
    """`eyes` are the registry's own. Each method answers for each request, by its id; a witness or a database that is
    silent is every request's trouble, and raised."""

    def __init__(
        self, ledger: Ledger, eyes: Eyes, attesters: Mapping[RegistryCode, AttesterSet], abroad: Abroad
    ) -> None:
        self._ledger = ledger
        self._eyes = eyes
        self._attesters = attesters
        self._abroad = abroad

    def find(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Found | BridgeError]:
        """Those that a witness sees; a request id binds its deployment, so at most one knows it. One that is not found
        where a witness does not answer is Unreachable."""
        found: dict[Hex32, Found | BridgeError] = {}
        for deployment, witness in self._eyes.items():
            left = [one for one in request_ids if not isinstance(found.get(one), Found)]
            try:
                seen = witness.requests(left) if left else {}
            except Unreachable as trouble:
                found |= dict.fromkeys(left, trouble)
                continue
            for request_id, one in seen.items():
                if isinstance(one, BridgeError):
                    found[request_id] = one
                elif one.status is not RequestStatus.NONE:
                    found[request_id] = Found(deployment, one)
        return found

    # ---------------------------------------------------------------- deciding

    def reserve(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Reservation | BridgeError]:
        decisions = self._ledger.decisions(request_ids)
        answers: dict[Hex32, Reservation | BridgeError] = {
            one: decision.reservation for one, decision in decisions.items() if not decision.ended
        }
        with pinned(self._eyes):
            seen = self._see([one for one in request_ids if one not in answers], answers)
            for request_id, found in list(seen.items()):
                if trouble := _unservable(found.request, request_id in decisions):
                    answers[request_id] = trouble
                    del seen[request_id]
            for deployment, here in _by_deployment(seen).items():
                answers |= self._reserve(deployment, here)
        return answers

    def _reserve(
        self, deployment: Deployment, seen: Mapping[Hex32, WitnessedRequest]
    ) -> dict[Hex32, Reservation | BridgeError]:
        openings = self._ledger.disclosed({one: request.opened.commitment for one, request in seen.items()})
        answers: dict[Hex32, Reservation | BridgeError] = {}
        wanted: list[Wanted] = []
        for request_id, request in seen.items():
            reason = answer_of(partial(self._refusal, request, openings.get(request_id)))
            if isinstance(reason, BridgeError):
                answers[request_id] = reason
            else:
                wanted.append(Wanted(request.opened, reason))
        closed = self._closed(deployment, {one.opened.class_id for one in wanted if not one.refusal})
        wanted = [one._replace(refusal=one.refusal or closed[one.opened.class_id]) for one in wanted]
        self._mark_minted(deployment, {one.opened.class_id for one in wanted if not one.refusal})
        return answers | self._ledger.decide(deployment, wanted)

    def reconsider(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Reservation | BridgeError]:
        decisions = self._ledger.decisions(request_ids)
        open_ones = {one: d for one, d in decisions.items() if not d.ended and not d.reservation.refusal}
        with pinned(self._eyes):
            classes: dict[Deployment, set[Hex32]] = {}
            for one in open_ones.values():
                classes.setdefault(one.deployment, set()).add(one.class_id)
            closed = {deployment: self._closed(deployment, those) for deployment, those in classes.items()}
        taken = self._ledger.wanted_back([span for d in open_ones.values() for span in _spans(d)])
        answers: dict[Hex32, Reservation | BridgeError] = {}
        for request_id in request_ids:
            if request_id not in decisions:
                answers[request_id] = undecided(request_id)
                continue
            decision = decisions[request_id]
            answers[request_id] = decision.reservation
            gone = any(span.overlaps(other) for span in _spans(decision) for other in taken)
            if request_id in open_ones and (gone or closed[decision.deployment][decision.class_id]):
                answers[request_id] = answer_of(partial(self._ledger.refuse_late, request_id, SHORT))
        return answers

    def _closed(self, deployment: Deployment, class_ids: Iterable[Hex32]) -> dict[Hex32, str]:
        """By class: why its requests are refused, or empty."""
        witness = self._witness(deployment)
        return {one: SHORT if is_closed(self._ledger, witness, one) else "" for one in class_ids}

    def _refusal(self, seen: WitnessedRequest, opening: Opening | None) -> str:
        """Why this request cannot be served, as a code; empty when it can."""
        if opening is None:
            request_id = seen.opened.request_id
            raise NotYet(f"the holder of request {request_id} has not disclosed what he committed to; repeat later")
        try:
            require_true_opening(seen, opening)
        except RegistryRefused:
            return "opening-mismatch"
        if not opening.beneficiary.strip():
            return "beneficiary-missing"
        if seen.opened.kind is Kind.REDEMPTION and not self._ledger.has_account(opening.beneficiary):
            return "no-such-account"
        return self._abroad.objection(self._registry_of(seen), seen.opened.kind, opening)

    def _mark_minted(self, deployment: Deployment, class_ids: Iterable[Hex32]) -> None:
        for class_id in class_ids:
            credit_class = self._ledger.credit_class(class_id)
            locks = self._ledger.unminted_locks(deployment, class_id)
            if credit_class and (used := self._witness(deployment).locks_used(credit_class.registry, locks)):
                self._ledger.mark_minted(sorted(used))

    # ------------------------------------------------------------------ acting

    def execute(self, request_ids: Sequence[Hex32]) -> dict[Hex32, Attested[Receipt] | BridgeError]:
        answers: dict[Hex32, Attested[Receipt] | BridgeError] = {**self._ledger.signed_receipts(request_ids)}
        with pinned(self._eyes):
            seen = self._see([one for one in request_ids if one not in answers], answers)
            receipts: dict[Hex32, Receipt] = {}
            for deployment, here in _by_deployment(seen).items():
                for request_id, answer in self._execute(deployment, here).items():
                    if isinstance(answer, BridgeError):
                        answers[request_id] = answer
                    else:
                        receipts[request_id] = answer
        return answers | self._sign({one: (seen[one], receipt) for one, receipt in receipts.items()})

    def _execute(
        self, deployment: Deployment, seen: Mapping[Hex32, WitnessedRequest]
    ) -> dict[Hex32, Receipt | BridgeError]:
        answers: dict[Hex32, Receipt | BridgeError] = {**self._ledger.receipts(list(seen))}
        left = {one: request for one, request in seen.items() if one not in answers}
        openings = self._ledger.disclosed({one: request.opened.commitment for one, request in left.items()})
        decisions = self._ledger.decisions(list(left))
        final = self._witness(deployment).stamp()
        endings: dict[Hex32, Ending] = {}
        for request_id, request in left.items():
            try:
                decision, opening = _decided_and_ended(
                    deployment, request, decisions.get(request_id), openings.get(request_id)
                )
            except BridgeError as trouble:
                answers[request_id] = trouble
                continue
            endings[request_id] = Ending(decision, request, opening, bridge_account(deployment), final)
        done = self._act_abroad(endings)
        answers |= {one: answer for one, answer in done.items() if isinstance(answer, BridgeError)}
        acting = [
            _execution(endings[one], answer) for one, answer in done.items() if not isinstance(answer, BridgeError)
        ]
        return answers | self._ledger.execute(acting)

    def _act_abroad(self, endings: Mapping[Hex32, Ending]) -> dict[Hex32, Done | BridgeError | None]:
        """None where the ledger is the registry of the programme."""
        answers: dict[Hex32, Done | BridgeError | None] = {}
        elsewhere: dict[RegistryCode, list[Ending]] = {}
        for request_id, ending in endings.items():
            programme = ending.decision.registry
            answers[request_id] = None
            if self._abroad.serves(programme):
                able = partial(self._ledger.require_executable, request_id, ending.seen.settled)
                answers[request_id] = answer_of(able)
                if answers[request_id] is None:
                    elsewhere.setdefault(programme, []).append(ending)
        for programme, those in elsewhere.items():
            answers |= self._abroad.carry_out(programme, those)
        return answers

    def _sign(self, receipts: Mapping[Hex32, tuple[Found, Receipt]]) -> dict[Hex32, Attested[Receipt] | BridgeError]:
        """Each receipt by itself, since each is its holder's own."""
        answers: dict[Hex32, Attested[Receipt] | BridgeError] = {}
        batches: dict[tuple[RegistryCode, Deployment], list[Receipt]] = {}
        for found, receipt in receipts.values():
            batches.setdefault((self._registry_of(found.request), found.deployment), []).append(receipt)
        for (registry, deployment), some in batches.items():
            signed = self._set(registry).attest_each(some, partial(_sign_receipts, self._ledger, deployment))
            self._ledger.keep_signed([one for one in signed if not isinstance(one, BridgeError)])
            answers |= {receipt.request_id: one for receipt, one in zip(some, signed, strict=True)}
        return answers

    def withdraw(self, request_ids: Sequence[Hex32]) -> dict[Hex32, BridgeError | None]:
        answers: dict[Hex32, BridgeError | None] = {}
        seen = self._see(request_ids, answers)
        decisions = self._ledger.decisions(request_ids)
        ending = []
        for request_id, (_, request) in seen.items():
            if not request.status.ended:
                answers[request_id] = _not_ended(request_id)
            elif request.settled:
                answers[request_id] = RegistryRefused(f"request {request_id} is settled at least in part; execute it")
            elif request_id in decisions:
                ending.append(request_id)
            else:
                answers[request_id] = None
        return answers | self._ledger.unreserve(ending)

    # ----------------------------------------------------------------- looking

    def _see(self, request_ids: Sequence[Hex32], answers: dict[Hex32, _Answer | BridgeError]) -> dict[Hex32, Found]:
        """Those that are there; the others have their answer."""
        found = self.find(request_ids)
        seen: dict[Hex32, Found] = {}
        for request_id in request_ids:
            one = found.get(request_id)
            if one is None:
                answers[request_id] = NotYet(f"request {request_id} is not seen at a final block yet; repeat later")
            elif isinstance(one, BridgeError):
                answers[request_id] = one
            else:
                seen[request_id] = one
        return seen

    def _registry_of(self, seen: WitnessedRequest) -> RegistryCode:
        credit_class = self._ledger.credit_class(seen.opened.class_id)
        if credit_class is None:
            raise Halted(
                f"request {seen.opened.request_id} is of class {seen.opened.class_id}, unknown here: its units "
                "cannot be backed; reconcile"
            )
        return credit_class.registry

    def _witness(self, deployment: Deployment) -> ChainWitness:
        try:
            return self._eyes[deployment]
        except KeyError as error:
            raise UsageError(f"this registry has no witness of deployment {deployment}; configure its node") from error

    def _set(self, registry: RegistryCode) -> AttesterSet:
        try:
            return self._attesters[registry]
        except KeyError as error:
            raise UsageError(f"programme {registry} has no attesters here; configure them") from error


def in_order(
    request_ids: Sequence[Hex32], act: Callable[[Sequence[Hex32]], Mapping[Hex32, _Answer | BridgeError]]
) -> list[_Answer | BridgeError]:
    """An answer for each, also for one that is named twice."""
    answers = act(list(dict.fromkeys(request_ids)))
    return [answers[request_id] for request_id in request_ids]


def _unservable(seen: WitnessedRequest, was_decided: bool) -> BridgeError | None:
    request_id = seen.opened.request_id
    if was_decided or seen.status.ended:
        return RegistryRefused(f"request {request_id} has ended ({seen.status.name}); nothing is reserved for it")
    if seen.settled or seen.remaining != seen.opened.units:
        return Halted(f"request {request_id} is settled in part though nothing was reserved for it")
    return None


def _decided_and_ended(
    deployment: Deployment, seen: WitnessedRequest, decision: Decision | None, opening: Opening | None
) -> tuple[Decision, Opening]:
    request_id = seen.opened.request_id
    if not seen.status.ended:
        raise _not_ended(request_id)
    if not seen.settled:
        raise RegistryRefused(f"nothing of request {request_id} is settled ({seen.status.name}); withdraw it")
    if decision is None or decision.deployment != deployment or opening is None:
        raise Halted(f"request {request_id} is settled and was never decided on here: keys must be held stolen")
    return decision, opening


def _sign_receipts(
    ledger: Ledger, deployment: Deployment, attester: Attester, receipts: Sequence[Receipt]
) -> list[Hex64 | BridgeError]:
    return attester.sign_receipts(ledger, deployment, receipts)


def _execution(ending: Ending, done: Done | None) -> Execution:
    opening = ending.opening
    note = {"beneficiary": opening.beneficiary, "purpose": opening.purpose, "holder": opening.holder}
    return Execution(ending.seen.opened.request_id, ending.seen.settled, opening.beneficiary, note, done)


def _not_ended(request_id: Hex32) -> NotYet:
    return NotYet(f"request {request_id} has not ended on the final chain; repeat later")


def _spans(decision: Decision) -> list[SerialRange]:
    return [span for part in decision.reservation.parts for span in part.ranges]


def _by_deployment(seen: Mapping[Hex32, Found]) -> dict[Deployment, dict[Hex32, WitnessedRequest]]:
    found: dict[Deployment, dict[Hex32, WitnessedRequest]] = {}
    for request_id, (deployment, request) in seen.items():
        found.setdefault(deployment, {})[request_id] = request
    return found
