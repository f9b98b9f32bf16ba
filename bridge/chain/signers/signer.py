"""What a key does, wherever it lives."""

from __future__ import annotations

from typing import Any, Protocol

from bridge.domain.attestations import TypedData
from bridge.domain.values import Address, Fact, Hex32, Hex64


class SignedTransaction(Fact):
    """A transaction that could be sent by anyone. `signed_at`: the chain's time then, in seconds."""

    hash: Hex32
    chain_id: int
    sender: Address
    nonce: int
    raw: str
    signed_at: int


class Signer(Protocol):
    """One key. Where it does not live in this process, everything raises Unreachable when its holder does not answer,
    SignerRefused when he does not sign, and Halted when he has signed something else."""

    @property
    def address(self) -> Address: ...

    def sign(self, document: TypedData) -> Hex64:
        """EIP-712, as a compact signature (ERC-2098)."""
        ...

    def sign_transaction(self, transaction: Any, now: int) -> SignedTransaction:
        """A transaction of type 2 with every field given. `now`: the chain's time, in seconds."""
        ...
