"""Looks after what was sent until it is final: the same again after a crash, a dearer one where it is stuck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bridge.chain.connection import Connection
from bridge.chain.sightings import TransactionState, look
from bridge.chain.signers import SignedTransaction
from bridge.chain.transactions import Sender
from bridge.domain.observed import BlockStamp
from bridge.errors import BridgeError, ContractRefused, Refused, SignerRefused, Unreachable
from bridge.flow.bridge import Bridge
from bridge.flow.watch import left_unminted
from bridge.journal.models import Transaction
from bridge.journal.store import Journal


def follow(bridge: Bridge, final: BlockStamp) -> None:
    """Looks after every transaction of the journal that may still land on this chain, also those of other keys, as of
    the final block up to which events are taken in."""
    for attempts in bridge.journal.open_transactions(bridge.deployment.chain_id):
        landed = partial(_take_hidden, bridge)
        after = partial(_follow, bridge.journal, bridge.sender, bridge.contract.connection, attempts, final, landed)
        bridge.attempt(after, lambda _: None)


def _take_hidden(bridge: Bridge, attempts: Sequence[Transaction]) -> None:
    """A node may have kept back the events of a mint that it shows to be final."""
    batch = attempts[0].attestation_id
    hidden = [] if batch is None else bridge.journal.sent_deposits(batch)
    if hidden and left_unminted(bridge, hidden):
        raise Unreachable(f"transaction {attempts[-1].hash} is final, and the node shows no mint of it; try again")


def resume(journal: Journal, sender: Sender, connection: Connection) -> None:
    """Before an account sends anew: waits for what it has sent before, which may have been lost on the way. Raises
    Unreachable when that lies behind one that was final and that the chain lacks."""
    final = connection.final()
    own = (rows for rows in journal.open_transactions(connection.chain_id) if rows[0].sender == sender.address)
    for attempts in own:
        journal.require_history(connection.chain_id, sender.address, sender.nonces_used())
        if _follow(journal, sender, connection, attempts, final) in {TransactionState.ABSENT, TransactionState.WAITING}:
            sender.wait([signed_of(row) for row in attempts])


def _follow(
    journal: Journal,
    sender: Sender,
    connection: Connection,
    attempts: Sequence[Transaction],
    final: BlockStamp,
    landed: Callable[[Sequence[Transaction]], None] = lambda _: None,
) -> TransactionState:
    """Where it was before anything was done. `landed`: what must be so before it ends with effect."""
    signed = [signed_of(row) for row in attempts]
    sighting = look(connection, attempts, final)
    match sighting.state:
        case TransactionState.ABSENT:
            if not sender.urge(signed):
                sender.send(signed[-1])
        case TransactionState.WAITING:
            sender.urge(signed)
        case TransactionState.FINAL:
            landed(attempts)
            journal.end_transaction(attempts, sighting.hash)
        case TransactionState.REVERTED | TransactionState.REPLACED:
            journal.end_transaction(attempts, None)
        case TransactionState.MINED:
            pass
    return sighting.state


def needs_new_signatures(error: BridgeError, items: int) -> bool:
    """Whether a refused batch must be taken apart, or was signed by a set of attesters that is no longer the set. A
    node that does not answer, our own key's signer that refuses, or a refusal of one item, is waited out with the
    signatures there are."""
    if isinstance(error, ContractRefused) and error.name in {"SignerNotAttester", "QuorumNotReached"}:
        return True
    return isinstance(error, Refused) and not isinstance(error, SignerRefused) and items > 1


def signed_of(row: Transaction) -> SignedTransaction:
    return SignedTransaction(
        hash=row.hash,
        chain_id=row.chain_id,
        sender=row.sender,
        nonce=row.nonce,
        raw=row.raw,
        signed_at=row.signed_at,
    )
