"""Whoever stands by a report signs its hash, as EIP-712 typed data.

The domain names no chain and no contract: a report says itself which deployments it is of, and may be of several.
"""

from __future__ import annotations

from typing import Final, Literal

from bridge.domain.attestations import TypedData
from bridge.domain.values import Address, Fact, Hex32, Hex64, to_bytes

SEAL_FORMAT: Final = "carbonbridge-report-signature/1"


class Seal(Fact):
    """Beside a report: by whom it is signed, and when by his clock (seconds since 1970). `clean` is the report's own
    word, so that whoever signs with a device reads what he signs."""

    format: Literal["carbonbridge-report-signature/1"] = SEAL_FORMAT
    report: Hex32
    clean: bool
    signed_at: int
    signer: Address
    signature: Hex64

    @property
    def document(self) -> TypedData:
        return typed_report(self.report, self.clean, self.signed_at)


def typed_report(report: Hex32, clean: bool, signed_at: int) -> TypedData:
    """The EIP-712 document of a report, as `eth_signTypedData_v4` takes it."""
    members = [("hash", "bytes32"), ("clean", "bool"), ("signedAt", "uint64")]
    types = {"EIP712Domain": [("name", "string"), ("version", "string")], "Report": members}
    return {
        "types": {key: [{"name": n, "type": t} for n, t in pairs] for key, pairs in types.items()},
        "primaryType": "Report",
        "domain": {"name": "CarbonBridge report", "version": "1"},
        "message": {"hash": to_bytes(report), "clean": clean, "signedAt": signed_at},
    }
