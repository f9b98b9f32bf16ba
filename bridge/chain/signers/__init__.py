"""Keys, wherever they live: in an encrypted file, in the environment, or with a signer of another process."""

from __future__ import annotations

from bridge.chain.signers.keystore import KeySigner, create_keystore, keystore_address, open_keystore
from bridge.chain.signers.remote import RemoteSigner
from bridge.chain.signers.signatures import in_full, in_short, recover
from bridge.chain.signers.signer import SignedTransaction, Signer

__all__ = [
    "KeySigner",
    "RemoteSigner",
    "SignedTransaction",
    "Signer",
    "create_keystore",
    "in_full",
    "in_short",
    "keystore_address",
    "open_keystore",
    "recover",
]
