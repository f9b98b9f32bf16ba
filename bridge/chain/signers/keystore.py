"""Keys of this process: encrypted keystore files (Web3 Secret Storage v3), private to their owner, and keys at hand."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, Literal

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from pydantic import ConfigDict, Field, ValidationError

from bridge.chain.signers.signer import SignedTransaction
from bridge.domain.attestations import TypedData
from bridge.domain.values import Address, Fact, Hex64
from bridge.errors import UsageError


class KeySigner:
    """A private key in memory. Its text form never shows it."""

    def __init__(self, key: bytes) -> None:
        self._account: LocalAccount = Account.from_key(key)

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    @property
    def address(self) -> Address:
        return self._account.address.lower()

    def sign(self, document: TypedData) -> Hex64:
        """EIP-712, as a compact signature (ERC-2098)."""
        signed = self._account.sign_message(_hashed(document))
        s = signed.s | (signed.v - 27) << 255
        return f"0x{signed.r:064x}{s:064x}"

    def sign_transaction(self, transaction: Any, now: int) -> SignedTransaction:
        signed = self._account.sign_transaction(transaction)
        return SignedTransaction(
            hash="0x" + bytes(signed.hash).hex(),
            chain_id=transaction["chainId"],
            sender=self.address,
            nonce=transaction["nonce"],
            raw="0x" + bytes(signed.raw_transaction).hex(),
            signed_at=now,
        )


_last: tuple[str, SignableMessage] = ("", SignableMessage(b"", b"", b""))


def _hashed(document: TypedData) -> SignableMessage:
    """A quorum signs the same document one after the other, and a large batch takes long to hash."""
    global _last  # noqa: PLW0603 the pair is exchanged as one, so that threads are safe
    text, (known, message) = repr(document), _last
    if text != known:
        message = encode_typed_data(full_message=document)
        _last = text, message
    return message


def create_keystore(path: Path, password: str, *, light: bool = False) -> Address:
    """A new random key in an encrypted file that only its owner can read. Never overwrites.

    `light` uses a cheap key derivation, for chains that live on this machine alone.
    """
    signer = KeySigner(secrets.token_bytes(32))
    rounds = 2**12 if light else None
    sealed = Account.encrypt(signer._account.key, password, kdf="scrypt" if light else None, iterations=rounds)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"key file {path} exists already; keys are never overwritten") from error
    with os.fdopen(descriptor, "w") as file:
        json.dump(sealed, file)
    return signer.address


def keystore_address(path: Path) -> Address:
    """The account of a key file, without its password."""
    return "0x" + str(_read_keystore(path)["address"]).lower().removeprefix("0x")


def open_keystore(path: Path, password: str) -> KeySigner:
    """Raises UsageError when the file is missing, readable by others, broken, or the password is wrong."""
    sealed = _read_keystore(path)
    if path.stat().st_mode & 0o077:
        raise UsageError(f"key file {path} can be read by others; run: chmod 600 {path}")
    try:
        signer = KeySigner(bytes(Account.decrypt(sealed, password)))
    except (
        Exception
    ) as error:  # the library trusts the file's own words, and fails in as many ways as they can be wrong
        if "MAC mismatch" in str(error):
            raise UsageError(f"the password does not open key file {path}") from error
        raise UsageError(f"{path} is not a version 3 keystore file: its crypto section is broken") from error
    if signer.address != keystore_address(path):
        raise UsageError(f"key file {path} names another account than its key's, {signer.address}; correct it")
    return signer


class _Keystore(Fact):
    model_config = ConfigDict(extra="allow")

    address: str = Field(pattern=r"^(0x)?[0-9a-fA-F]{40}$")
    crypto: dict[str, Any]
    version: Literal[3]


def _read_keystore(path: Path) -> dict[str, Any]:
    try:
        return _Keystore.model_validate_json(path.read_bytes()).model_dump()
    except FileNotFoundError as error:
        raise UsageError(f"no key file at {path}; make one with: carbonbridge key new {path.stem}") from error
    except OSError as error:
        raise UsageError(f"key file {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"{path} is not a version 3 keystore file: {error.errors()[0]['msg']}") from error
