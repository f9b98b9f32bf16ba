"""A request that its holder has signed for anybody to open: what travels from him to whoever pays the gas."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bridge.domain.attestations import Deployment, Request
from bridge.domain.values import Fact, Hex32

Signature = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})+$", max_length=20_000, to_lower=True)]
"""65 bytes of a key, or whatever a contract that holds units takes for its signature (ERC-1271)."""


class SignedRequest(Fact):
    """It opens this one request until `not_after` (chain seconds), and nothing else. The opening stays with the holder:
    who relays learns no more than the chain will show."""

    format: Literal["carbonbridge-request/1"] = "carbonbridge-request/1"
    deployment: Deployment
    request: Request
    not_after: int = Field(gt=0, lt=2**64)
    signature: Signature

    @property
    def request_id(self) -> Hex32:
        return self.request.id_on(self.deployment)
