"""Deposit, last step: mint what is attested; release what was never minted in time."""

from __future__ import annotations

from bridge.domain.attestations import Attested, Lock
from bridge.domain.lifecycle import DepositState
from bridge.errors import ContractRefused, NotYet
from bridge.flow.bridge import Bridge
from bridge.flow.sending import submit
from bridge.journal.models import Deposit

WAITING = (DepositState.LOCKED, DepositState.ATTESTED, DepositState.SENT)


def mint_attested(bridge: Bridge) -> None:
    attested = bridge.journal.deposits(bridge.deployment, DepositState.ATTESTED)
    for attestation_id in dict.fromkeys(d.attestation_id for d in attested if d.attestation_id is not None):
        _mint_batch(bridge, attestation_id, [d for d in attested if d.attestation_id == attestation_id])


def release_expired(bridge: Bridge) -> None:
    """Asks the registry to hand back what no mint can use any more; the registry looks for itself."""
    final = bridge.contract.connection.final()
    for deposit in bridge.journal.deposits(bridge.deployment, *WAITING):
        lock = lock_of(deposit)
        if final.timestamp <= lock.not_after:
            continue
        if bridge.contract.lock_used(deposit.registry_code, lock.lock_id, final.number):
            continue  # minted; the watch will say so
        try:
            bridge.registry.release(lock.lock_id)
        except NotYet as wait:
            bridge.journal.move_deposit(lock.lock_id, DepositState(deposit.state), note=str(wait))
        else:
            bridge.journal.move_deposit(lock.lock_id, DepositState.RELEASED)


def lock_of(deposit: Deposit) -> Lock:
    return Lock.model_validate_json(deposit.lock or "")


def _mint_batch(bridge: Bridge, attestation_id: int, deposits: list[Deposit]) -> None:
    batch = Attested[Lock].model_validate_json(bridge.journal.attestation(attestation_id).body)
    try:
        submit(bridge, bridge.contract.mint(batch), attestation_id)
    except ContractRefused as refusal:
        # A batch mints whole or not at all; signed anew, each lock stands for itself. An attester set may have changed.
        again = len(batch.items) > 1 or refusal.name in {"SignerNotAttester", "QuorumNotReached"}
        state = DepositState.LOCKED if again else DepositState.ATTESTED
        for deposit in deposits:
            bridge.journal.move_deposit(deposit.lock_id, state, note=str(refusal))
