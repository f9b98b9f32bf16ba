"""One transaction's life: simulate, sign, (the caller stores it), send, follow to finality.

What is stored is the signed transaction itself, so sending again after a crash sends the same one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from hexbytes import HexBytes
from web3.contract.contract import ContractFunction
from web3.exceptions import TransactionNotFound

from bridge.chain.connection import Connection, answering, rpc_error_text
from bridge.chain.contract import TRANSACTION_GAS_CAP
from bridge.chain.reverts import refusals_in_words
from bridge.chain.signers import KeySigner, SignedTransaction
from bridge.domain.attestations import TypedData
from bridge.domain.observed import BlockStamp
from bridge.domain.values import Address, Fact, Hex64
from bridge.errors import Refused


class TransactionState(StrEnum):
    ABSENT = "absent"  # the node does not know it; sending it again is safe
    WAITING = "waiting"  # in the pool
    MINED = "mined"  # in a block that may still be reorganised away
    FINAL = "final"
    REVERTED = "reverted"  # final, and without effect
    REPLACED = "replaced"  # its nonce is finally used by another one; it can never land


class Sighting(Fact):
    """Where a transaction was last seen."""

    state: TransactionState
    block: int | None = None
    gas_used: int | None = None


class Sender:
    """One account's transactions. Nonces are the caller's to keep, since only the journal knows what was promised."""

    def __init__(self, connection: Connection, signer: KeySigner) -> None:
        self._connection = connection
        self._signer = signer

    @property
    def address(self) -> Address:
        return self._signer.address

    def sign(self, document: TypedData) -> Hex64:
        """EIP-712, for others to send: costs this account nothing."""
        return self._signer.sign(document)

    def ether_wei(self) -> int:
        with answering():
            return int(self._w3.eth.get_balance(self._account))

    def next_nonce(self) -> int:
        with answering():
            return int(self._w3.eth.get_transaction_count(self._account, "pending"))

    def prepare(self, call: ContractFunction | Any, nonce: int) -> SignedTransaction:
        """Simulate, then sign. Raises ContractRefused when it would revert, Refused when it needs too much gas."""
        chain_id = self._connection.chain_id
        with answering(), refusals_in_words():
            call.call({"from": self._account})
            gas = call.estimate_gas({"from": self._account}) * 12 // 10
            if gas > TRANSACTION_GAS_CAP:
                raise Refused(f"the batch needs {gas:,} gas; one transaction has {TRANSACTION_GAS_CAP:,}: send less")
            facts: Any = {"from": self._account, "nonce": nonce, "gas": gas, "chainId": chain_id, **self._fees()}
            transaction: Any = call.build_transaction(facts)
        transaction.pop("from", None)
        return self._signer.sign_transaction(transaction)

    def send(self, signed: SignedTransaction) -> None:
        """Hands it to the node. A node that has it already, pooled or mined, is content whatever it answers.

        Raises Refused when the node does not have it afterwards: its nonce is used, or its fee is too low.
        """
        try:
            with answering():
                self._w3.eth.send_raw_transaction(HexBytes(signed.raw))
        except Exception as error:
            # eth-tester raises its own errors where nodes answer with one of JSON-RPC's
            if type(error).__module__.split(".")[0] not in {"web3", "eth_tester", "eth", "eth_utils"}:
                raise
            if self.look(signed).state in {TransactionState.ABSENT, TransactionState.REPLACED}:
                reason = rpc_error_text(error)
                raise Refused(f"the node does not take transaction {signed.hash}: {reason}; try again") from error

    def look(self, signed: SignedTransaction) -> Sighting:
        """Where it is now, by its hash."""
        final = self._connection.final()
        with answering():
            try:
                receipt = self._w3.eth.get_transaction_receipt(HexBytes(signed.hash))
            except TransactionNotFound:
                return self._unmined(signed, final)
        block, gas_used = receipt["blockNumber"], receipt["gasUsed"]
        if block > final.number:
            return Sighting(state=TransactionState.MINED, block=block, gas_used=gas_used)
        state = TransactionState.FINAL if receipt["status"] == 1 else TransactionState.REVERTED
        return Sighting(state=state, block=block, gas_used=gas_used)

    def _unmined(self, signed: SignedTransaction, final: BlockStamp) -> Sighting:
        if self._used_nonces(signed.sender, final.number) > signed.nonce:
            return Sighting(state=TransactionState.REPLACED)
        try:
            self._w3.eth.get_transaction(HexBytes(signed.hash))
        except TransactionNotFound:
            return Sighting(state=TransactionState.ABSENT)
        return Sighting(state=TransactionState.WAITING)

    def _used_nonces(self, sender: Address, block: int) -> int:
        return int(self._w3.eth.get_transaction_count(self._w3.to_checksum_address(sender), block))

    def _fees(self) -> dict[str, int]:
        base = self._w3.eth.get_block("latest")["baseFeePerGas"]
        tip = self._w3.eth.max_priority_fee
        return {"maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip}

    @property
    def _w3(self) -> Any:
        return self._connection.w3

    @property
    def _account(self) -> str:
        return str(self._w3.to_checksum_address(self._signer.address))
