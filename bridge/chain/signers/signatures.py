"""One signature in its forms, and who made it."""

from __future__ import annotations

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError as ValidationFault

from bridge.domain.attestations import TypedData
from bridge.domain.values import Address, Hex64


def in_full(signature: Hex64) -> str:
    """The same signature in 65 bytes, as OpenZeppelin's SignatureChecker takes it."""
    v, r, s = _parts(signature)
    return f"0x{r:064x}{s:064x}{v:02x}"


def in_short(signature: str) -> Hex64 | None:
    """A signature of 65 bytes as a compact one; None for what is none, such as a contract's own."""
    if len(signature) != 2 + 2 * 65 or signature[-2:] not in ("1b", "1c") or int(signature[66:68], 16) > 0x7F:
        return None
    top = 0x80 if signature[-2:] == "1c" else 0
    return f"{signature[:66]}{int(signature[66:68], 16) | top:02x}{signature[68:-2]}"


def recover(document: TypedData, signature: Hex64) -> Address | None:
    """Who signed. A wrong signature recovers to somebody else, or to nobody at all, so compare the answer."""
    parts = _parts(signature)
    try:
        return str(Account.recover_message(encode_typed_data(full_message=document), vrs=parts)).lower()
    except (BadSignature, ValidationFault):
        return None


def _parts(signature: Hex64) -> tuple[int, int, int]:
    """v, r and s."""
    number = int(signature, 16)
    r, vs = number >> 256, number & (2**256 - 1)
    return 27 + (vs >> 255), r, vs & (2**255 - 1)
