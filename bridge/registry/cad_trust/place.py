"""Where a programme's units stand in CAD Trust, and as whose."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from bridge.domain.attestations import Deployment
from bridge.domain.values import Fact, Hex32


class CadTrust(Fact):
    """`url` of the node that writes for organisation `org_uid`, https beyond this machine. `counter` names the
    numbering of units whose block numbers have no letters before them. `marketplace` is what tokenized units are listed
    as. `answer_seconds`: how long one answer may take. `evidence`: the folder in which is kept what was read of acts
    that are done."""

    url: str
    org_uid: str = Field(pattern=r"^[0-9a-zA-Z-]{1,128}$")
    counter: str = Field(default="UNITS", pattern=r"^[A-Z0-9][A-Z0-9+.-]*$")
    marketplace: str = Field(default="carbonbridge", min_length=1, max_length=64)
    answer_seconds: float = Field(default=30, gt=0, le=600)
    evidence: Path = Path("evidence")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        parts = urlsplit(url)
        if not url.isascii() or not url.isprintable() or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it is neither http://HOST nor https://HOST")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("no user, password, query or fragment may stand in it: secrets never stand in this file")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("http only reaches this machine; use https")
        return url.rstrip("/")


def mark_of(deployment: Deployment, lock_id: Hex32) -> str:
    """What `marketplaceIdentifier` says of units that a lock has taken out of circulation."""
    return f"{marks_of(deployment)}{lock_id}"


def marks_of(deployment: Deployment) -> str:
    """How all marks of a deployment begin."""
    return f"eip155:{deployment.chain_id}:{deployment.contract}/"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
