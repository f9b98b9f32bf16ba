"""The two-phase way of sending: store the signed transaction, then send it; after a crash, send the same one."""

from __future__ import annotations

from functools import partial

from bridge.chain.contract import ContractCall
from bridge.chain.signers import SignedTransaction
from bridge.chain.transactions import TransactionState
from bridge.domain.values import Hex32
from bridge.errors import BridgeError, ContractRefused, Refused
from bridge.flow.bridge import Bridge
from bridge.journal.models import Transaction


def submit(bridge: Bridge, call: ContractCall, attestation_id: int | None = None) -> Hex32:
    """Simulates, signs, stores, sends; without an attestation where no item waits for it.

    Raises ContractRefused before anything is stored when it would revert.
    """
    journal, sender = bridge.journal, bridge.sender
    nonce = journal.next_nonce(bridge.deployment.chain_id, sender.address, sender.next_nonce())
    signed = sender.prepare(call, nonce)
    journal.keep_transaction(signed, attestation_id)
    sender.send(signed)
    return signed.hash


def follow(bridge: Bridge) -> None:
    """Looks after every transaction that may still land: sends again what no node knows, ends what is final."""
    for row in bridge.journal.open_transactions():
        bridge.attempt(partial(_follow, bridge, row), lambda _: None)


def _follow(bridge: Bridge, row: Transaction) -> None:
    signed = signed_of(row)
    match bridge.sender.look(signed).state:
        case TransactionState.ABSENT:
            bridge.sender.send(signed)
        case TransactionState.FINAL:
            bridge.journal.end_transaction(row.hash, landed=True)
        case TransactionState.REVERTED | TransactionState.REPLACED:
            bridge.journal.end_transaction(row.hash, landed=False)
        case TransactionState.WAITING | TransactionState.MINED:
            pass


def needs_new_signatures(error: BridgeError, items: int) -> bool:
    """Whether a refused batch must be taken apart, or was signed by a set of attesters that is no longer the set. A
    node that does not answer, or a refusal of one item, is waited out with the signatures there are."""
    if isinstance(error, ContractRefused) and error.name in {"SignerNotAttester", "QuorumNotReached"}:
        return True
    return isinstance(error, Refused) and items > 1


def signed_of(row: Transaction) -> SignedTransaction:
    return SignedTransaction(hash=row.hash, chain_id=row.chain_id, sender=row.sender, nonce=row.nonce, raw=row.raw)
