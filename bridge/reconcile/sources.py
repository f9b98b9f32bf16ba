"""Where evidence is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp, ChainEvent
from bridge.reconcile.evidence import ChainView


class ChainSource(Protocol):
    """Eyes on one deployment. Raises Unreachable when the node does not answer; partial answers are never given."""

    @property
    def deployment(self) -> Deployment: ...

    @property
    def keeps_list(self) -> bool:
        """Whether the deployment's policy lets only listed accounts take units."""
        ...

    def stamp(self) -> BlockStamp:
        """The latest final block."""
        ...

    def events(self, upto: BlockStamp) -> Sequence[ChainEvent]:
        """All events of the contract from its creation to this block, both included."""
        ...

    def block_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        """Seconds since 1970 of these blocks."""
        ...


def view(source: ChainSource, upto: BlockStamp | None = None) -> ChainView:
    """A deployment at one final block, the latest unless another is named."""
    stamp = upto or source.stamp()
    events = source.events(stamp)
    times = source.block_times(sorted({e.place.block for e in events}))
    return ChainView(source.deployment, stamp, events, times, source.keeps_list)
