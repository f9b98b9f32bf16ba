"""One account's transactions: simulate, sign, store, send, follow to finality, and offer more where one is stuck.

What is stored is the signed transaction itself, so sending again after a crash sends the same one. A lost answer is
resolved by the transaction's hash, and a replacement has the same nonce: of all that was signed for it, one can land.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Protocol

from eth_abi.abi import encode
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.abi import function_abi_to_4byte_selector, get_aligned_abi_inputs
from hexbytes import HexBytes
from web3.contract.contract import ContractFunction

from bridge.chain.connection import Connection, answering, hearing, rpc_error_text
from bridge.chain.contract import TRANSACTION_GAS_CAP
from bridge.chain.fees import FeePolicy, Fees, raised, suggested
from bridge.chain.reverts import refusals_in_words
from bridge.chain.sightings import Stored, hash_of, is_pooled, receipt_of
from bridge.chain.signers import SignedTransaction, Signer
from bridge.domain.attestations import TypedData
from bridge.domain.values import Address, Hex32, Hex64
from bridge.errors import ContractRefused, NoGas, NotYet, Refused, Unreachable

_WALK_GAS = 80_000
"""Beyond what a simulation needs and a twentieth of it: the longest walk from a hint that others have made stale."""
_TRIES = 20
_WAIT_SECONDS = 120
_POLL_SECONDS = (0.02, 1.0)


class Outbox(Protocol):
    """Where signed transactions are stored before they are sent: the one authority over an account's nonces."""

    def next_nonce(self, chain_id: int, sender: Address, on_chain: int) -> int:
        """The first nonce that neither the chain, which has used `on_chain` of them, nor a stored transaction uses.
        Raises Unreachable when the chain has not used one that was final."""
        ...

    def keep_transaction(self, signed: SignedTransaction, purpose: str, attestation_id: int | None) -> bool:
        """False, and nothing is stored, when the nonce was given to another one meanwhile."""
        ...

    def keep_replacement(self, old: SignedTransaction, new: SignedTransaction) -> bool:
        """Another one for the same nonce, beside the old one, which may still be the one that lands. False when another
        process has replaced it meanwhile."""
        ...

    def open_before(self, signed: SignedTransaction) -> Sequence[Stored]:
        """What the account has stored for lower nonces and may still land, in their order; for each the newest."""
        ...


class Sender:
    """One account's transactions, with fees inside a policy."""

    def __init__(self, connection: Connection, signer: Signer, outbox: Outbox, policy: FeePolicy | None = None) -> None:
        self._connection = connection
        self._signer = signer
        self._outbox = outbox
        self._policy = policy or FeePolicy()

    @property
    def address(self) -> Address:
        return self._signer.address

    def sign(self, document: TypedData) -> Hex64:
        """EIP-712, for others to send: costs this account nothing."""
        return self._signer.sign(document)

    def nonces_used(self) -> int:
        """On chain, or in the node's pool."""
        with answering():
            return int(self._w3.eth.get_transaction_count(self._account, "pending"))

    def ether_wei(self) -> int:
        return self._connection.balance_wei(self.address)

    # ------------------------------------------------------------------ sending

    def submit(
        self,
        call: ContractFunction | Any,
        attestation_id: int | None = None,
        landing: ContractFunction | Any | None = None,
    ) -> Hex32:
        """Simulates, signs, stores, sends; gives the hash. `attestation_id`: the signed batch whose items wait for it;
        `landing`: the same call as it is best sent behind what no block has taken yet, which no simulation sees.

        Raises ContractRefused when it would revert, Refused when it needs too much gas, NotYet when gas is too dear,
        and as the signer does; then nothing is stored. What is stored is followed, whether or not the node has taken
        it at once.
        """
        signed = self._stored(call, attestation_id, landing)
        with suppress(Refused, Unreachable):
            self.send(signed)
        return signed.hash

    def send_and_wait(self, call: ContractFunction | Any) -> Hex32:
        """Submits and waits for the block, so that nobody is told of what never landed; gives the hash.

        Raises as `submit`, Refused when it was mined without effect, NotYet when no block has taken it in time: it
        stays stored, and may land later.
        """
        return hash_of(self.mine(call))

    def mine(self, call: ContractFunction | Any) -> Any:
        """As `send_and_wait`; gives the receipt."""
        signed = self._stored(call, None)
        self.send(signed)
        receipt = self.wait([signed])
        if receipt["status"] != 1:
            raise Refused(f"transaction {hash_of(receipt)} was mined without effect")
        return receipt

    def wait(self, attempts: Sequence[SignedTransaction]) -> Any:
        """Waits until one of them is in a block, offers more in time, and gives the receipt. Raises NotYet when no
        block has taken it in time."""
        attempts = list(attempts)
        deadline, pause = time.monotonic() + _WAIT_SECONDS, _POLL_SECONDS[0]
        while (receipt := receipt_of(self._connection, attempts)) is None:
            if time.monotonic() > deadline:
                raise NotYet(
                    f"transaction {attempts[-1].hash} is sent and stored, and no block has taken it in "
                    f"{_WAIT_SECONDS} seconds: look again before you repeat it"
                )
            time.sleep(pause)
            pause = min(2 * pause, _POLL_SECONDS[1])
            before = self._outbox.open_before(attempts[-1])  # without these it never lands
            for signed in (*before, attempts[-1]):
                if not is_pooled(self._connection, signed):
                    with suppress(Refused):  # gas is dearer than it offers, which patience mends
                        self.send(signed)  # a node has forgotten it, or a reorg has taken its block back
            attempts += self.urge(attempts)
        return receipt

    def _stored(
        self,
        call: ContractFunction | Any,
        attestation_id: int | None,
        landing: ContractFunction | Any | None = None,
    ) -> SignedTransaction:
        purpose = getattr(call, "fn_name", "create")
        for _ in range(_TRIES):
            nonce = self._outbox.next_nonce(self._connection.chain_id, self.address, self.nonces_used())
            signed = self._prepare(call, landing or call, nonce)
            if self._outbox.keep_transaction(signed, purpose, attestation_id):
                return signed
        raise NotYet(f"others keep taking the next nonce of {self.address}; try again")

    def _prepare(self, call: ContractFunction | Any, landing: ContractFunction | Any, nonce: int) -> SignedTransaction:
        """Simulates the one, then signs the other."""
        fees = suggested(self._connection, self._policy)
        with answering(), self._gas_in_words(), refusals_in_words(getattr(call, "fn_name", "")):
            simulated: Any = {"from": self._account, **_envelope(call)}
            if "to" in simulated:
                self._w3.eth.call(simulated)  # nodes say more of why it reverts than when they estimate
            need = self._w3.eth.estimate_gas(simulated)
            if need > TRANSACTION_GAS_CAP:
                raise Refused(f"the batch needs {need:,} gas; one transaction has {TRANSACTION_GAS_CAP:,}: send less")
            gas = min(need * 21 // 20 + _WALK_GAS, TRANSACTION_GAS_CAP)
            facts = {"nonce": nonce, "gas": gas, "chainId": self._connection.chain_id, "value": 0, "type": 2}
        return self._signed(facts | fees.fields | _envelope(landing))

    @contextmanager
    def _gas_in_words(self) -> Iterator[None]:
        """Nodes say in as many ways that an account has too little ether."""
        try:
            yield
        except ContractRefused:
            raise
        except Refused as refusal:
            if not re.search("insufficient funds|cannot afford|not have enough", str(refusal), re.IGNORECASE):
                raise
            ether = Decimal(self.ether_wei()).scaleb(-18).normalize()
            raise NoGas(
                f"{self._account} has {ether:f} ether, which does not pay for the gas of this transaction; nothing was "
                "sent. Send it ether, on a local chain with: carbonbridge dev fund"
            ) from refusal

    def _signed(self, transaction: Any) -> SignedTransaction:
        return self._signer.sign_transaction(transaction, self._connection.head().timestamp)

    def send(self, signed: Stored) -> None:
        """Hands it to the node. A node that has it already, pooled or mined, is content whatever it answers.

        Raises Refused when the node does not have it afterwards: its nonce is used, or its fee is too low.
        """
        try:
            with hearing():
                self._w3.eth.send_raw_transaction(HexBytes(signed.raw))
        except Exception as error:
            # eth-tester raises its own errors where nodes answer with one of JSON-RPC's
            if type(error).__module__.split(".")[0] not in {"web3", "eth_tester", "eth", "eth_utils"}:
                raise
            if receipt_of(self._connection, [signed]) is None and not is_pooled(self._connection, signed):
                reason = rpc_error_text(error)
                raise Refused(f"the node does not take transaction {signed.hash}: {reason}; try again") from error

    # ---------------------------------------------------------------- following

    def urge(self, attempts: Sequence[SignedTransaction]) -> list[SignedTransaction]:
        """Replaces what has waited longer than the policy's patience by the same with a higher fee: signed, stored,
        sent. Gives the replacement, or nothing while patience or the cap forbids one, or where another's key signs. It
        is stored, so that a node that does not take it is no failure: the one that it replaces may have just landed."""
        newest = attempts[-1]
        waited = self._connection.head().timestamp - newest.signed_at
        if waited <= self._policy.patience_seconds or newest.sender != self.address:
            return []
        transaction = _unsigned(newest)
        old = Fees(max_wei=transaction["maxFeePerGas"], tip_wei=transaction["maxPriorityFeePerGas"])
        fees = raised(old, suggested(self._connection, self._policy), self._policy)
        if fees is None:
            return []
        replacement = self._signed(transaction | fees.fields)
        if not self._outbox.keep_replacement(newest, replacement):
            return []
        with suppress(Refused, Unreachable):
            self.send(replacement)
        return [replacement]

    @property
    def _w3(self) -> Any:
        return self._connection.w3

    @property
    def _account(self) -> str:
        return str(self._w3.to_checksum_address(self._signer.address))


def _envelope(call: ContractFunction | Any) -> dict[str, Any]:
    """To whom, and the input. Encoded here: web3's own way to it takes ten times as long for a large batch."""
    if not isinstance(call, ContractFunction):
        return dict(call)
    types, values = get_aligned_abi_inputs(call.abi, call.arguments)
    return {"to": call.address, "data": "0x" + (function_abi_to_4byte_selector(call.abi) + encode(types, values)).hex()}


def _unsigned(signed: SignedTransaction) -> dict[str, Any]:
    fields = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
    return {name: value for name, value in fields.items() if name not in {"v", "r", "s"}}
