"""A key that a signer of another process holds: Web3Signer, Clef, or a node with keys of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from eth_utils.address import to_checksum_address

from bridge.chain.signers.answers import Asked, read_accounts, read_signature, read_transaction
from bridge.chain.signers.rpc import call
from bridge.chain.signers.signer import SignedTransaction
from bridge.domain.attestations import TypedData
from bridge.domain.signing import RemoteKey, SignerKind
from bridge.domain.values import Address, Hex64
from bridge.errors import SignerRefused


class _Dialect(NamedTuple):
    """Names of methods, and how a document is handed over."""

    accounts: str
    transaction: str
    typed_data: str
    document: Callable[[Any], Any]


_DIALECTS = {
    SignerKind.WEB3SIGNER: _Dialect("eth_accounts", "eth_signTransaction", "eth_signTypedData", json.dumps),
    SignerKind.CLEF: _Dialect("account_list", "account_signTransaction", "account_signTypedData", lambda it: it),
    SignerKind.NODE: _Dialect("eth_accounts", "eth_signTransaction", "eth_signTypedData_v4", lambda it: it),
}


class RemoteSigner:
    """It asks, and checks what comes back. `name`: the key's, for errors; `token`: the bearer's, shown to nobody."""

    def __init__(self, name: str, key: RemoteKey, token: str | None = None) -> None:
        self.name = name
        self._who = f"the signer of key {name} at {key.url}"
        self._key = key
        self._token = token

    def __repr__(self) -> str:
        return f"RemoteSigner({self.address} at {self._key.url})"

    @property
    def address(self) -> Address:
        return self._key.address

    @property
    def url(self) -> str:
        return self._key.url

    def sign(self, document: TypedData) -> Hex64:
        dialect = _DIALECTS[self._key.kind]
        parameters = [to_checksum_address(self.address), dialect.document(_wire(document))]
        return read_signature(self._who, self._call(dialect.typed_data, parameters), document, self.address)

    def sign_transaction(self, transaction: Any, now: int) -> SignedTransaction:
        asked = Asked.of(transaction)
        fields = {name: hex(value) for name, value in asked.quantities.items()}
        # Clef warns of addresses without a checksum, and refuses whatever it warns of.
        fields |= {"from": to_checksum_address(self.address), "data": asked.data}
        if asked.to is not None:
            fields["to"] = to_checksum_address(asked.to)
        answer = self._call(_DIALECTS[self._key.kind].transaction, [fields])
        return read_transaction(self._who, answer, asked, self.address, now)

    def accounts(self) -> list[Address]:
        """Those that it would sign for. Raises as `Signer`."""
        found = read_accounts(self._call(_DIALECTS[self._key.kind].accounts, []))
        if found is None:
            raise SignerRefused(f"{self._who} does not list accounts; is it of kind {self._key.kind}?")
        return found

    def _call(self, method: str, parameters: list[Any]) -> Any:
        return call(self._key, self._token, self._who, method, parameters)


def _wire(value: Any) -> Any:
    """A document in JSON: numbers as decimal text, since some signers read them as floats; bytes in hex."""
    if isinstance(value, dict):
        return {member: _wire(inner) for member, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(inner) for inner in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value) if isinstance(value, int) else value
