"""Chains that live on this machine: eth-tester inside the process, or anvil beside it."""

from __future__ import annotations

from typing import Any

from web3 import Web3

from bridge.chain.connection import Connection
from bridge.chain.signers import KeySigner
from bridge.errors import UsageError

FAUCET_KEYS = 10
ETHER = 10**18


class EmbeddedChain:
    """An eth-tester chain: one block a transaction, final at once, its clock moved by hand."""

    def __init__(self) -> None:
        try:
            from eth_tester import EthereumTester, PyEVMBackend
            from web3.providers.eth_tester import EthereumTesterProvider
        except ImportError as error:
            raise UsageError("the embedded chain needs: pip install 'carbonbridge[local]'") from error
        self._tester = EthereumTester(PyEVMBackend())
        self._w3 = Web3(EthereumTesterProvider(self._tester))
        self.connection = Connection(self._w3, finality=0)

    def fund(self, account: str) -> None:
        """Ten ether for gas."""
        transaction: Any = {
            "from": self._w3.eth.accounts[0],
            "to": self._w3.to_checksum_address(account),
            "value": 10 * ETHER,
        }
        self._w3.eth.send_transaction(transaction)

    def signer(self, seed: int) -> KeySigner:
        """A funded key that is the same in every run: for demonstrations and tests only."""
        signer = KeySigner(seed.to_bytes(32, "big"))
        self.fund(signer.address)
        return signer

    def pass_seconds(self, seconds: int) -> None:
        """Moves the chain's clock and mines a block that carries the new time."""
        self._tester.time_travel(self.connection.head().timestamp + seconds)
        self._tester.mine_blocks(1)

    def mine(self, blocks: int) -> None:
        self._tester.mine_blocks(blocks)

    def snapshot(self) -> Any:
        return self._tester.take_snapshot()

    def revert(self, snapshot: Any) -> None:
        self._tester.revert_to_snapshot(snapshot)
