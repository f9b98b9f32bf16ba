"""A registry's own eyes on a deployment: everything at one final block, through its own node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from threading import Lock, local

from bridge.chain.contract import BridgeContract, RequestState
from bridge.domain.attestations import Deployment, Outcome
from bridge.domain.credit_class import CreditClass, Gate, Subject, Verdict
from bridge.domain.lifecycle import RequestStatus
from bridge.domain.observed import (
    BlockStamp,
    ChainEvent,
    MethodologySet,
    OutcomeSettled,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    WitnessedRequest,
)
from bridge.domain.serials import SerialRange
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import Unreachable

ENDED_KEPT = 2048
"""Requests that have ended and may still be asked about: the registry acts on them in the turns after, a thousand at
once at most."""

_OF_REQUESTS = (RequestOpened, OutcomeSettled, RequestRefused, RequestReturned)
_EVENTS = (*_OF_REQUESTS, MethodologySet)


class _Pin(local):
    """Each thread's own."""

    held: bool = False
    stamp: BlockStamp | None = None


class FinalWitness:
    """Implements the registry's `ChainWitness`. Events are kept while the block up to which they were read stays in
    the chain, and believed only where they agree with the contract's own state. Of requests that have ended only the
    last ones are kept, so that a witness does not grow with history. Threads that ask at once are served in turn."""

    def __init__(self, contract: BridgeContract) -> None:
        self._contract = contract
        self._turn = Lock()
        self._pin = _Pin()
        self._forget()

    @property
    def deployment(self) -> Deployment:
        return self._contract.deployment

    @contextmanager
    def pinned(self) -> Iterator[None]:
        outermost = not self._pin.held
        self._pin.held = True
        try:
            yield
        finally:
            if outermost:
                self._pin.held, self._pin.stamp = False, None

    def stamp(self) -> BlockStamp:
        if self._pin.stamp is not None:
            return self._pin.stamp
        final = self._contract.connection.final()
        if self._pin.held:
            self._pin.stamp = final
        return final

    def locks_used(self, registry: RegistryCode, lock_ids: Sequence[Hex32]) -> set[Hex32]:
        return self._contract.locks_used(registry, lock_ids, self.stamp().number) if lock_ids else set()

    def reversal_done(self, registry: RegistryCode, event_id: Hex32) -> bool:
        return self._contract.reversal_done(registry, event_id, self.stamp().number)

    def live(self, class_id: Hex32, space: Hex32) -> tuple[SerialRange, ...]:
        return self._contract.live(class_id, space, self.stamp().number)

    def shortfall(self, class_id: Hex32) -> int:
        state = self._contract.class_state(class_id, self.stamp().number)
        return 0 if state is None else state.shortfall

    def gate(self, c: CreditClass) -> Gate:
        final = self.stamp()
        with self._turn:
            self._read_up_to(final)
            methodology = self._methodologies.get((c.registry, c.project))
        return self._contract.gate(c, methodology, final.number)

    def is_barred(self, registry: RegistryCode, methodology: str) -> bool:
        return self._contract.verdict(registry, Subject.METHODOLOGY, methodology, self.stamp().number) is Verdict.BARRED

    def requests(self, request_ids: Sequence[Hex32]) -> dict[Hex32, WitnessedRequest | Unreachable]:
        with self._turn:
            return self._look(list(dict.fromkeys(request_ids)))

    def _look(self, request_ids: Sequence[Hex32]) -> dict[Hex32, WitnessedRequest | Unreachable]:
        final = self.stamp()
        states = zip(request_ids, self._contract.request_states(request_ids, final.number), strict=True)
        there = {one: state for one, state in states if state.status is not RequestStatus.NONE}
        if there:
            self._read_up_to(final)
        if doubtful := {one for one, state in there.items() if not self._agrees(one, state)}:
            self._search(doubtful, final)  # an answer was incomplete, or they have ended long ago
        return {one: self._witnessed(one, state) for one, state in there.items()}

    def _witnessed(self, request_id: Hex32, state: RequestState) -> WitnessedRequest | Unreachable:
        if not self._agrees(request_id, state):
            return Unreachable(f"the node's events of request {request_id} do not match its state; try again")
        return WitnessedRequest(
            opened=self._opened[request_id],
            status=state.status,
            remaining=state.remaining,
            settled=tuple(self._settled.get(request_id, ())),
        )

    def _agrees(self, request_id: Hex32, state: RequestState) -> bool:
        return request_id in self._opened and len(self._settled.get(request_id, ())) == state.parts

    def _forget(self) -> None:
        self._read: BlockStamp | None = None
        self._opened: dict[Hex32, RequestOpened] = {}
        self._settled: dict[Hex32, list[Outcome]] = {}
        self._ended: dict[Hex32, None] = {}
        self._methodologies: dict[tuple[RegistryCode, str], str] = {}

    def _read_up_to(self, final: BlockStamp) -> None:
        if self._read == final:
            return
        if self._read is not None and self._contract.connection.stamp_at(self._read.number) != self._read:
            self._forget()  # what was final has left the chain
        first = self._contract.first_block if self._read is None else self._read.number + 1
        for event in self._contract.events(first, final.number, *_EVENTS):
            self._keep(event)
        if self._read is None or final.number > self._read.number:
            self._read = final

    def _search(self, request_ids: Set[Hex32], final: BlockStamp) -> None:
        """Reads all of history once more for these requests."""
        for request_id in request_ids:
            self._settled.pop(request_id, None)
        for event in self._contract.events(self._contract.first_block, final.number, *_OF_REQUESTS):
            if isinstance(event, _OF_REQUESTS) and event.request_id in request_ids:
                self._keep(event)

    def _keep(self, event: ChainEvent) -> None:
        match event:
            case MethodologySet():
                self._methodologies[event.registry, event.project] = event.methodology
            case RequestOpened():
                self._opened[event.request_id] = event
            case OutcomeSettled():
                part = Outcome(request_id=event.request_id, part=event.part, ranges=event.ranges)
                self._settled.setdefault(event.request_id, []).append(part)
                if event.remaining == 0:
                    self._end(event.request_id)
            case RequestRefused() | RequestReturned():
                self._end(event.request_id)
            case _:
                pass

    def _end(self, request_id: Hex32) -> None:
        self._ended[request_id] = None
        if len(self._ended) > ENDED_KEPT:
            oldest = next(iter(self._ended))
            for kept in (self._ended, self._opened, self._settled):
                kept.pop(oldest, None)
