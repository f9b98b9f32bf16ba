"""A deployment's whole history up to one final block, for those who compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    def stamp(self) -> BlockStamp:
        return self._contract.connection.final()

    def events(self, upto: BlockStamp) -> Sequence[ChainEvent]:
        return list(self._contract.events(self._contract.first_block, upto.number))

    def block_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        stamps = (self._contract.connection.stamp_at(number) for number in numbers)
        return {stamp.number: stamp.timestamp for stamp in stamps if stamp}
