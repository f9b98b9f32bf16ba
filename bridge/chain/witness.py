"""A registry's own eyes on a deployment: everything at one final block, through its own node."""

from __future__ import annotations

from bridge.chain.contract import BridgeContract
from bridge.domain.attestations import Deployment, Outcome
from bridge.domain.lifecycle import RequestStatus
from bridge.domain.observed import BlockStamp, ChainEvent, OutcomeSettled, RequestOpened, WitnessedRequest
from bridge.domain.values import Hex32, RegistryCode


class FinalWitness:
    """Implements the registry's `ChainWitness`. Events are read once and kept while their block stays final."""

    def __init__(self, contract: BridgeContract) -> None:
        self._contract = contract
        self._next = contract.first_block
        self._opened: dict[Hex32, RequestOpened] = {}
        self._settled: dict[Hex32, list[Outcome]] = {}

    @property
    def deployment(self) -> Deployment:
        return self._contract.deployment

    def stamp(self) -> BlockStamp:
        return self._contract.connection.final()

    def lock_used(self, registry: RegistryCode, lock_id: Hex32) -> bool:
        return self._contract.lock_used(registry, lock_id, self.stamp().number)

    def request(self, request_id: Hex32) -> WitnessedRequest | None:
        """None while no final block holds it."""
        final = self.stamp()
        self._read_up_to(final)
        opened = self._opened.get(request_id)
        if opened is None:
            return None
        state = self._contract.request_state(request_id, final.number)
        if state.status is RequestStatus.NONE:
            return None
        return WitnessedRequest(
            opened=opened,
            status=state.status,
            remaining=state.remaining,
            settled=tuple(self._settled.get(request_id, ())),
        )

    def _read_up_to(self, final: BlockStamp) -> None:
        for event in self._contract.events(self._next, final.number, RequestOpened, OutcomeSettled):
            self._keep(event)
        self._next = max(self._next, final.number + 1)

    def _keep(self, event: ChainEvent) -> None:
        match event:
            case RequestOpened():
                self._opened[event.request_id] = event
            case OutcomeSettled():
                part = Outcome(request_id=event.request_id, part=event.part, ranges=event.ranges)
                self._settled.setdefault(event.request_id, []).append(part)
