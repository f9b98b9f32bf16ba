"""Deposit, last step: mint what is attested; release what was never minted in time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bridge.chain.contract import ContractCall
from bridge.domain.attestations import Attested, Cover, Lock
from bridge.domain.lifecycle import DepositState
from bridge.domain.serials import SerialRange
from bridge.domain.values import RegistryCode
from bridge.errors import BridgeError, ContractRefused, NotYet
from bridge.flow.bridge import Bridge
from bridge.flow.reserves import RESERVE_REFUSALS, bring_statement
from bridge.flow.sending import needs_new_signatures
from bridge.flow.watch import found_minted
from bridge.journal.models import Deposit

WAITING = (DepositState.LOCKED, DepositState.ATTESTED, DepositState.SENT)


def mint_attested(bridge: Bridge) -> None:
    _drop_taken_back(bridge)
    attested = bridge.journal.deposits(bridge.deployment, DepositState.ATTESTED)
    for attestation_id in dict.fromkeys(d.attestation_id for d in attested if d.attestation_id is not None):
        _mint_batch(bridge, attestation_id, [d for d in attested if d.attestation_id == attestation_id])


def release_expired(bridge: Bridge) -> None:
    """Asks the registry to hand back what no mint can use any more; the registry looks for itself."""
    final = bridge.contract.connection.final()
    for deposit in bridge.journal.deposits(bridge.deployment, *WAITING):
        if final.timestamp > lock_of(deposit).not_after:
            bridge.attempt(partial(_release, bridge, deposit), bridge.note_deposit(deposit))


def lock_of(deposit: Deposit) -> Lock:
    return Lock.model_validate_json(deposit.lock or "")


def _release(bridge: Bridge, deposit: Deposit) -> None:
    if found_minted(bridge, deposit):
        return
    bridge.registry.release(deposit.lock_id)
    bridge.journal.move_deposit(deposit.lock_id, DepositState.RELEASED)


def _mint_batch(bridge: Bridge, attestation_id: int, deposits: list[Deposit]) -> None:
    items, door = _door(bridge, attestation_id)

    def note(error: BridgeError) -> None:
        """A batch mints whole or not at all; noted, each of its locks is signed anew and alone."""
        state = DepositState.LOCKED if needs_new_signatures(error, items) else DepositState.ATTESTED
        for deposit in deposits:
            if not found_minted(bridge, deposit):
                bridge.journal.move_deposit(deposit.lock_id, state, note=str(error))

    bridge.attempt(lambda: _submit(bridge, door, attestation_id, deposits[0].registry_code), note)


def _submit(bridge: Bridge, door: Callable[[], ContractCall], attestation_id: int, registry: RegistryCode) -> None:
    try:
        bridge.sender.submit(door(), attestation_id)
    except ContractRefused as refusal:
        if refusal.name not in RESERVE_REFUSALS or not bring_statement(bridge, registry, refusal):
            raise
        raise NotYet(f"{registry}'s newest statement is on its way to the chain, which the mint leans on") from refusal


def _door(bridge: Bridge, attestation_id: int) -> tuple[int, Callable[[], ContractCall]]:
    """How many locks the batch holds, and the call that brings them: cover is never minted outright."""
    stored = bridge.journal.attestation(attestation_id)
    if stored.kind == "covers":
        covers = Attested[Cover].model_validate_json(stored.body)
        return len(covers.items), partial(bridge.contract.cover, covers)
    locks = Attested[Lock].model_validate_json(stored.body)
    return len(locks.items), partial(bridge.contract.mint, locks)


def _drop_taken_back(bridge: Bridge) -> None:
    """What the registry took back after it was signed could be minted still, and nothing would stand behind it."""
    taken = [SerialRange.model_validate_json(saga.serials) for saga in bridge.journal.reversals(bridge.deployment)]
    attested = bridge.journal.deposits(bridge.deployment, DepositState.ATTESTED) if taken else []
    spoilt = {row.attestation_id for row in attested if any(lock_of(row).range.overlaps(span) for span in taken)}
    for row in attested:
        if row.attestation_id in spoilt:
            note = "signed together with serials that the registry has taken back since; to be signed anew"
            bridge.journal.move_deposit(row.lock_id, DepositState.LOCKED, note=note)
