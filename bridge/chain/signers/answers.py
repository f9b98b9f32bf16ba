"""What a signer answered, against what was asked: everything is decoded and recovered here, nothing is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

from bridge.chain.signers.signatures import in_short, recover
from bridge.chain.signers.signer import SignedTransaction
from bridge.domain.attestations import TypedData
from bridge.domain.signing import CURVE_ORDER
from bridge.domain.values import Address, Fact, Hex64, keccak_hex, to_bytes
from bridge.errors import Halted

_Hex = Annotated[str, StringConstraints(strict=True, pattern=r"^0x([0-9a-fA-F]{2})+$")]
_Signature = Annotated[str, StringConstraints(strict=True, pattern=r"^0x[0-9a-fA-F]{130}$")]
_ACCOUNTS: TypeAdapter[list[Address]] = TypeAdapter(list[Address])
_SIGNATURE: TypeAdapter[str] = TypeAdapter(_Signature)
_TYPE_2 = 2
_QUANTITIES = {
    "chain id": "chainId",
    "nonce": "nonce",
    "tip": "maxPriorityFeePerGas",
    "fee": "maxFeePerGas",
    "gas": "gas",
    "value": "value",
}


class _Raw(BaseModel):
    """A signed transaction; some signers tell its fields beside it, which nobody needs."""

    raw: _Hex


class Asked(Fact):
    """A transaction of type 2 without an access list, as JSON-RPC names its fields."""

    quantities: dict[str, int]
    to: Address | None
    data: str

    @classmethod
    def of(cls, transaction: Mapping[str, Any]) -> Asked:
        """From web3's fields, or from those of a decoded transaction."""
        return cls(
            quantities={name: int(transaction[name]) for name in _QUANTITIES.values()},
            to=HexBytes(transaction.get("to") or b"").to_0x_hex() if transaction.get("to") else None,
            data=HexBytes(transaction.get("data", b"")).to_0x_hex(),
        )

    def differences(self, other: Asked) -> list[str]:
        """Each field that is not the same, in words."""
        found = [
            f"{word} {other.quantities[name]:,}, not {self.quantities[name]:,}"
            for word, name in _QUANTITIES.items()
            if other.quantities[name] != self.quantities[name]
        ]
        if other.to != self.to:
            found.append(f"to {other.to or 'nobody'}, not {self.to or 'nobody'}")
        if other.data != self.data:
            found.append("other data")
        return found


def read_transaction(who: str, answer: Any, asked: Asked, address: Address, now: int) -> SignedTransaction:
    """Raises Halted unless it is the transaction that was asked for, to the last field, signed by the address."""
    try:
        raw = to_bytes(_Raw.model_validate({"raw": answer} if isinstance(answer, str) else answer).raw)
    except ValidationError:
        _halt(who, "no transaction at all")
    if raw[0] != _TYPE_2:
        _halt(who, f"a transaction of type {raw[0] if raw[0] < 0x80 else 0}, not {_TYPE_2}")
    try:
        decoded, signer = TypedTransaction.from_bytes(HexBytes(raw)), str(Account.recover_transaction(raw)).lower()
        fields, (bit, _, _) = decoded.as_dict(), decoded.vrs()
    except Exception:  # the libraries below trust the bytes, and fail in as many ways as they can be wrong
        _halt(who, "bytes that are no signed transaction")
    if fields.get("accessList"):
        _halt(who, "a transaction with an access list")
    if differences := asked.differences(Asked.of(fields)):
        _halt(who, f"a transaction with {'; '.join(differences)}")
    if bit not in (0, 1):
        _halt(who, f"a transaction whose recovery bit is {bit}, which no node takes")
    if int(fields["s"]) > CURVE_ORDER // 2:
        _halt(who, "a transaction whose signature has a high s, which no node takes")
    if signer != address:
        _halt(who, f"with the key of {signer}, not of {address}")
    return SignedTransaction(
        hash=keccak_hex(raw),
        chain_id=asked.quantities["chainId"],
        sender=address,
        nonce=asked.quantities["nonce"],
        raw="0x" + raw.hex(),
        signed_at=now,
    )


def read_signature(who: str, answer: Any, document: TypedData, address: Address) -> Hex64:
    """As a compact one. Raises Halted unless the address signed this very document."""
    try:
        text = _SIGNATURE.validate_python(answer).lower()
    except ValidationError:
        _halt(who, "no signature of 65 bytes")
    s, v = int(text[66:130], 16), int(text[130:], 16)
    if s > CURVE_ORDER // 2:
        _halt(who, "a signature with a high s, which contracts refuse")
    signature = in_short(f"{text[:130]}{v + 27 if v < 2 else v:02x}")
    if signature is None:
        _halt(who, f"a signature whose v is {v}")
    signer = recover(document, signature)
    if signer != address:
        _halt(who, f"another document, or with another key than that of {address}: {signer or 'nobody'} would have")
    return signature


def read_accounts(answer: Any) -> list[Address] | None:
    """None when it is no list of accounts."""
    try:
        return _ACCOUNTS.validate_python(answer)
    except ValidationError:
        return None


def _halt(who: str, what: str) -> NoReturn:
    raise Halted(
        f"{who} signed something else: {what}; nothing was sent. Find out who answers there before anything goes on"
    )
