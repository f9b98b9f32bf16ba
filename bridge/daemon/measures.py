"""What Prometheus reads, and what health says. Counts and seconds; credits are not measured here but reconciled."""

from __future__ import annotations

import time
from collections import Counter

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as Counting

from bridge.daemon.health import Health
from bridge.domain.attestations import Deployment
from bridge.errors import BridgeError, Halted
from bridge.flow.bridge import Bridge
from bridge.journal.store import Journal

GWEI = 10**9


class Measures:
    """One daemon's, in a registry of its own."""

    def __init__(self, health: Health) -> None:
        self.registry = CollectorRegistry()
        self._health = health
        self._turns = Counting("carbonbridge_turns", "Turns by how they ended.", ["outcome"], registry=self.registry)
        self._seconds = Histogram("carbonbridge_turn_seconds", "How long a turn took.", registry=self.registry)
        self._sagas = self._gauge("sagas", "Sagas in flight, by kind and state.", "kind", "state")
        self._oldest = self._gauge("oldest_saga_seconds", "Since the oldest saga in flight last moved.", "kind")
        self._open = self._gauge("open_transactions", "Signed transactions that may still land, by nonce.")
        self._waiting = self._gauge("oldest_transaction_seconds", "By the chain's clock, since it was first signed.")
        self._final = self._gauge("final_block", "The newest final block's number.")
        self._lag = self._gauge("final_lag_seconds", "How much older the final block is than the newest.")
        self._purse = self._gauge("operator_gwei", "What the operator's key has for gas.")
        self._allowance = self._gauge("allowance_units", "Units that the operator may mint now.")
        self._paused = self._gauge("paused", "One while a guardian's pause stops mints and requests.")
        self._halted = self._gauge("halted", "One while nothing is signed or sent until people decide.")

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(f"carbonbridge_{name}", words, labels, registry=self.registry)

    def turn(self, seconds: float, failure: BridgeError | None) -> None:
        outcome = "ok" if failure is None else type(failure).__name__
        self._turns.labels(outcome).inc()
        self._seconds.observe(seconds)
        self._halted.set(isinstance(failure, Halted))
        self._health.turned(failure)

    def look(self, bridge: Bridge) -> None:
        """Raises Unreachable when the node does not answer; what the journal says is told before."""
        self._look_at_journal(bridge.journal, bridge.deployment)
        connection, contract = bridge.contract.connection, bridge.contract
        final, head = connection.final(), connection.head()
        waiting = bridge.journal.open_transactions(bridge.deployment.chain_id)
        self._open.set(len(waiting))
        self._waiting.set(max((head.timestamp - attempts[0].signed_at for attempts in waiting), default=0))
        self._final.set(final.number)
        self._lag.set(head.timestamp - final.timestamp)
        self._purse.set(bridge.sender.ether_wei() // GWEI)
        self._allowance.set(contract.allowance(bridge.sender.address)[1])
        self._paused.set(bool(contract.view(contract.functions.paused())))

    def _look_at_journal(self, journal: Journal, deployment: Deployment) -> None:
        now = int(time.time())
        self._sagas.clear()
        self._oldest.clear()
        for kind, sagas in journal.in_flight(deployment).items():
            for state, count in Counter(saga.state for saga in sagas).items():
                self._sagas.labels(kind, state).set(count)
            self._oldest.labels(kind).set(max((now - saga.moved_at for saga in sagas if saga.moved_at), default=0))
