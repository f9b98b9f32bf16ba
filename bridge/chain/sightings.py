"""Where a stored transaction is now: in the pool, in a block, final, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound

from bridge.chain.connection import Connection, answering
from bridge.domain.observed import BlockStamp
from bridge.domain.values import Address, Fact, Hex32


class TransactionState(StrEnum):
    ABSENT = "absent"  # the node does not know it; sending it again is safe
    WAITING = "waiting"  # in the pool
    MINED = "mined"  # in a block that may still be reorganised away
    FINAL = "final"
    REVERTED = "reverted"  # final, and without effect
    REPLACED = "replaced"  # its nonce is finally used by a stranger's; it can never land


class Sighting(Fact):
    """Where a transaction was last seen. `hash`: of all signed for its nonce, the mined one, else the newest."""

    state: TransactionState
    hash: Hex32
    block: int | None = None
    gas_used: int | None = None


class Stored(Protocol):
    @property
    def hash(self) -> Hex32: ...

    @property
    def raw(self) -> str: ...


class Placed(Stored, Protocol):
    @property
    def sender(self) -> Address: ...

    @property
    def nonce(self) -> int: ...


def look(connection: Connection, attempts: Sequence[Placed], final: BlockStamp) -> Sighting:
    """Where the transaction is now; `attempts`: all that was signed for its nonce, the newest last."""
    newest, receipt = attempts[-1], receipt_of(connection, attempts)
    if receipt is None:
        if _used_nonces(connection, newest.sender, final.number) > newest.nonce:
            return Sighting(state=TransactionState.REPLACED, hash=newest.hash)
        state = TransactionState.WAITING if is_pooled(connection, newest) else TransactionState.ABSENT
        return Sighting(state=state, hash=newest.hash)
    if receipt["blockNumber"] > final.number:
        state = TransactionState.MINED
    else:
        state = TransactionState.FINAL if receipt["status"] == 1 else TransactionState.REVERTED
    return Sighting(state=state, hash=hash_of(receipt), block=receipt["blockNumber"], gas_used=receipt["gasUsed"])


def receipt_of(connection: Connection, attempts: Sequence[Stored]) -> Any | None:
    """Of the one that is in a block."""
    for signed in reversed(attempts):
        try:
            with answering():
                return connection.w3.eth.get_transaction_receipt(HexBytes(signed.hash))
        except TransactionNotFound:
            continue
    return None


def is_pooled(connection: Connection, signed: Stored) -> bool:
    """Whether the node knows it, in its pool or in a block."""
    try:
        with answering():
            connection.w3.eth.get_transaction(HexBytes(signed.hash))
    except TransactionNotFound:
        return False
    return True


def hash_of(receipt: Any) -> Hex32:
    return "0x" + bytes(receipt["transactionHash"]).hex()


def _used_nonces(connection: Connection, sender: Address, block: int) -> int:
    with answering():
        return int(connection.w3.eth.get_transaction_count(connection.w3.to_checksum_address(sender), block))
