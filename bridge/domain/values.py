"""Identifiers as they travel everywhere off chain: lower-case hex text, so that equal things compare equal; and moments
for people."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from eth_utils.crypto import keccak
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError, WithJsonSchema


def _in_schema(size: int) -> WithJsonSchema:
    """For interfaces that are described to others (OpenAPI)."""
    return WithJsonSchema({"type": "string", "pattern": f"^0x[0-9a-fA-F]{{{2 * size}}}$"})


def _lower_hex(size: int):  # type: ignore[no-untyped-def]
    pattern = re.compile(rf"0x[0-9a-f]{{{2 * size}}}")

    def check(text: str) -> str:
        lowered = text.lower()
        if not pattern.fullmatch(lowered):
            raise ValueError(f"expected 0x and {2 * size} hex digits, got {text!r}")
        return lowered

    return check


Hex32 = Annotated[str, AfterValidator(_lower_hex(32)), _in_schema(32)]
"""32 bytes: ids of locks, requests, classes, spaces; block and transaction hashes."""

Hex64 = Annotated[str, AfterValidator(_lower_hex(64)), _in_schema(64)]
"""A compact signature (ERC-2098): r, then s with the recovery bit on top."""

Address = Annotated[str, AfterValidator(_lower_hex(20)), _in_schema(20)]
"""An account or contract, in lower case; only screens show the mixed-case checksum."""

ZERO_ADDRESS: Address = "0x" + 40 * "0"
"""Nobody: where units come from when minted and go to when burned; a contract's "none"."""

RegistryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,30}$")]
"""`VERRA`, `GS`, `ACR` …; on chain the same text, padded to 32 bytes."""


class Fact(BaseModel):
    """Something that is so: validated when made, equal by content, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def faults(error: ValidationError, whole: str) -> str:
    """Which fields are wrong, and why, in one line; `whole` stands for no field in particular."""
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or whole}: {e['msg']}" for e in error.errors())


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def as_cell(value: Any) -> Any:
    """For a CSV: of a text that a spreadsheet would take for a formula, the same text behind a quote."""
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return f"'{value}"
    return value


def keccak_hex(data: bytes) -> str:
    return "0x" + keccak(data).hex()


def moment(timestamp: int) -> str:
    """A second since 1970, also one that no calendar holds: others may state any 64-bit number."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {timestamp}"


def to_bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def to_int(text: str) -> int:
    return int(text, 16)


def hex32(number: int) -> str:
    return f"0x{number:064x}"


def code_bytes(code: str) -> bytes:
    """A short ASCII text as Solidity's bytes32: left-aligned, zero-padded."""
    return code.encode("ascii").ljust(32, b"\0")


def code_text(word: bytes) -> str:
    """The text again, or hex where it is none."""
    text = word.rstrip(b"\0")
    return text.decode() if text.isascii() and text.decode().isprintable() else "0x" + word.hex()
