"""Where a key lives that no file here holds: with a signer of another process, asked over JSON-RPC."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from bridge.domain.values import Address, Fact

CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""secp256k1's: keys are from 1 to below it. An s above its half is high: contracts and nodes refuse such signatures."""


class SignerKind(StrEnum):
    """Whose methods it speaks. A node that holds keys (anvil) is for rehearsals."""

    WEB3SIGNER = "web3signer"
    CLEF = "clef"
    NODE = "node"


class RemoteKey(Fact):
    """A key by its signer. `plain_http` allows http beyond this machine, where whoever listens can ask and answer too.
    `ca`: whom to trust for its certificate, instead of the system's authorities; `certificate` and `certificate_key`:
    who we are. `answer_seconds`: how long one answer may take, people's approval included."""

    url: str
    address: Address
    kind: SignerKind
    plain_http: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    answer_seconds: float = Field(default=30, gt=0, le=3600)

    @property
    def is_private(self) -> bool:
        return is_private(self.url)

    @field_validator("url")
    @classmethod
    def _is_plain_address(cls, url: str) -> str:
        return plain_address(url)

    @model_validator(mode="after")
    def _is_safe(self) -> RemoteKey:
        if not (self.is_private or self.plain_http):
            raise ValueError("http only reaches signers on this machine; use https, or allow it with plain_http = true")
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key go together")
        if (self.ca or self.certificate) and not self.url.startswith("https:"):
            raise ValueError("ca and certificate are for https")
        return self


def plain_address(url: str) -> str:
    """The same, if it names a counterpart's address and nothing else. Raises ValueError."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it holds letters that no address has")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it is neither http://HOST nor https://HOST")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("no user, password, query or fragment may stand in it: secrets never stand in this file")
    _ = parts.port  # refuses what is none
    return url


def is_private(url: str) -> bool:
    """Whether nobody between here and there can read along."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
