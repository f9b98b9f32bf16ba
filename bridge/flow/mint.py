"""Deposit, last step: mint what is attested; release what was never minted in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from bridge.chain.contract import ContractCall
from bridge.domain.attestations import Attested, Cover, Lock
from bridge.domain.lifecycle import DepositState
from bridge.domain.serials import SerialRange
from bridge.domain.values import RegistryCode, to_int
from bridge.errors import BridgeError, ContractRefused, NotYet
from bridge.flow.batches import lock_of
from bridge.flow.bridge import Bridge
from bridge.flow.reserves import RESERVE_REFUSALS, bring_statement
from bridge.flow.sending import needs_new_signatures
from bridge.flow.watch import left_unminted
from bridge.journal.models import Deposit

MOST_ON_THEIR_WAY = 16
"""Transactions that wait for a block: geth promises to keep as many of an account."""

WAITING = (DepositState.LOCKED, DepositState.ATTESTED, DepositState.SENT)


def mint_attested(bridge: Bridge) -> None:
    _drop_taken_back(bridge)
    batches: dict[int, list[Deposit]] = {}
    for row in bridge.journal.deposits(bridge.deployment, DepositState.ATTESTED):
        if row.attestation_id is not None:
            batches.setdefault(row.attestation_id, []).append(row)
    room = MOST_ON_THEIR_WAY - len(bridge.journal.open_transactions(bridge.deployment.chain_id))
    coming = [lock_of(row) for row in bridge.journal.deposits(bridge.deployment, DepositState.SENT)] if batches else []
    for attestation_id, deposits in islice(batches.items(), max(room, 0)):
        _mint_batch(bridge, attestation_id, deposits, coming)


def release_expired(bridge: Bridge) -> None:
    """Asks the registry to hand back what no mint can use any more; the registry looks for itself."""
    final = bridge.contract.connection.final()
    for deposit in bridge.journal.deposits(bridge.deployment, *WAITING):
        if final.timestamp > lock_of(deposit).not_after:
            bridge.attempt(partial(_release, bridge, deposit), bridge.note_deposit(deposit))


def _release(bridge: Bridge, deposit: Deposit) -> None:
    if not left_unminted(bridge, [deposit]):
        return
    bridge.registry.release(deposit.lock_id)
    bridge.journal.move_deposit(deposit.lock_id, DepositState.RELEASED)


def _mint_batch(bridge: Bridge, attestation_id: int, deposits: list[Deposit], coming: list[Lock]) -> None:
    """`coming`: what was sent before and no block has taken yet, which this batch will lie beside in the ledger."""
    locks, door = _door(bridge, attestation_id)

    def note(error: BridgeError) -> None:
        """A batch mints whole or not at all: those that the refusal names are set apart, and the others are signed anew
        together; when it names none, each is signed anew and alone. When some are minted already, the others are signed
        anew together."""
        left = left_unminted(bridge, deposits)
        again, alone = DepositState.LOCKED, left
        if len(left) < len(deposits):
            alone = []
        elif needs_new_signatures(error, len(locks)):
            alone = [row for row in left if _is_named(lock_of(row), error)] or left
        else:
            again = DepositState.ATTESTED
        for deposit in left:
            bridge.journal.move_deposit(deposit.lock_id, again, note=str(error) if deposit in alone else "")

    def submit() -> None:
        now, then = door(coming)
        _submit(bridge, now, then if coming else None, attestation_id, deposits[0].registry_code)
        coming.extend(locks)

    bridge.attempt(submit, note)


def _is_named(lock: Lock, error: BridgeError) -> bool:
    """Whether the contract's refusal is about this lock: by its id, its serials, its recipient or its class."""
    about = error.arguments[:2] if isinstance(error, ContractRefused) else ()
    match error.name if isinstance(error, ContractRefused) else "":
        case "LockUsed" | "LockExpired":
            return about[0] == to_int(lock.lock_id)
        case "SerialsTaken" | "RangeInvalid":
            return about == (lock.range.first, lock.range.last)
        case "AccountFrozen" | "NotListed":
            return str(about[0]).lower() == lock.recipient
        case "ClassShort" | "ClassQuarantined" | "ClassUnknown" | "NotAdmitted":
            return about[0] == to_int(lock.class_id)
        case _:
            return False


def _submit(
    bridge: Bridge, call: ContractCall, landing: ContractCall | None, attestation_id: int, registry: RegistryCode
) -> None:
    try:
        bridge.sender.submit(call, attestation_id, landing)
    except ContractRefused as refusal:
        if refusal.name not in RESERVE_REFUSALS or not bring_statement(bridge, registry, refusal):
            raise
        raise NotYet(f"{registry}'s newest statement is on its way to the chain, which the mint leans on") from refusal


_Door = Callable[[Sequence[Lock]], tuple[ContractCall, ContractCall]]


def _door(bridge: Bridge, attestation_id: int) -> tuple[Sequence[Lock], _Door]:
    """The batch's locks, and the call that brings them, now and once others are there: cover is never minted
    outright."""
    stored = bridge.journal.attestation(attestation_id)
    if stored.kind == "covers":
        covers = Attested[Cover].model_validate_json(stored.body)
        return [cover.lock for cover in covers.items], partial(bridge.contract.cover_behind, covers)
    locks = Attested[Lock].model_validate_json(stored.body)
    return locks.items, partial(bridge.contract.mint_behind, locks)


def _drop_taken_back(bridge: Bridge) -> None:
    """What the registry took back after it was signed could be minted still, and nothing would stand behind it."""
    taken = [SerialRange.model_validate_json(saga.serials) for saga in bridge.journal.reversals(bridge.deployment)]
    attested = bridge.journal.deposits(bridge.deployment, DepositState.ATTESTED) if taken else []
    spoilt = {row.attestation_id for row in attested if any(lock_of(row).range.overlaps(span) for span in taken)}
    for row in attested:
        if row.attestation_id in spoilt:
            note = "signed together with serials that the registry has taken back since; to be signed anew"
            bridge.journal.move_deposit(row.lock_id, DepositState.LOCKED, note=note)
