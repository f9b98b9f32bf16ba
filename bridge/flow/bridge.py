"""What every step of the operator's side holds in its hands."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.chain.contract import BridgeContract
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Deployment
from bridge.journal.store import Journal
from bridge.registry.port import Registry

MAX_LOCKS = 100
"""Locks in one transaction: well below the gas that one transaction may use."""

MAX_OUTCOMES = 50
"""Requests in one settling transaction, of up to `MAX_RANGES` ranges together."""

MAX_RANGES = 100


@dataclass(frozen=True)
class Bridge:
    """One deployment with its registry, its journal, and the operator's key."""

    contract: BridgeContract
    registry: Registry
    journal: Journal
    sender: Sender

    @property
    def deployment(self) -> Deployment:
        return self.contract.deployment
