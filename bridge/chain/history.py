"""A deployment's whole history up to one final block, for those who compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.chain.callers import with_callers
from bridge.chain.contract import BridgeContract
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp, ChainEvent


class ChainHistory:
    """Implements the reconciler's `ChainSource`."""

    def __init__(self, contract: BridgeContract) -> None:
        self._contract = contract

    @property
    def deployment(self) -> Deployment:
        return self._contract.deployment

    @property
    def keeps_list(self) -> bool:
        return self._contract.keeps_list

    def stamp(self) -> BlockStamp:
        return self._contract.connection.final()

    def events(self, upto: BlockStamp) -> Sequence[ChainEvent]:
        events = self._contract.events(self._contract.first_block, upto.number)
        return list(with_callers(self._contract.connection, events))

    def block_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        stamps = (self._contract.connection.stamp_at(number) for number in numbers)
        return {stamp.number: stamp.timestamp for stamp in stamps if stamp}
