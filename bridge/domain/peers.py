"""Another bridge's contract, as a mapping file describes it: which of its events claim what, and for which serials."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from bridge.domain.attestations import Deployment
from bridge.domain.values import Address, Fact, RegistryCode

Finality = Annotated[int, Field(ge=0)] | Literal["finalized"]


class PeerEvent(Fact):
    """`signature` as Solidity has it: `event Tokenized(uint256 indexed id, string serials, uint256 amount)`.

    `serial` names the field that holds one serial or a list of them, or spells one out of fields, as in
    `GS1-1-UG-GS11236-16-2024-{batch}-{first}-{last}`. `pattern`, where there is one, finds it in the field: its first
    group. `amount` is the field with the amount, in the token's decimals; it must be what the serials weigh.
    """

    signature: str = Field(max_length=1000)
    state: Literal["minted", "burned", "retired"]
    serial: str | None = None
    pattern: str | None = None
    amount: str | None = None
    vintage: str | None = None
    registry: RegistryCode | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> PeerEvent:
        if self.serial is None and (self.state != "burned" or self.amount is None):
            raise ValueError("an event names its serials; only one that burns may name an amount alone")
        return self


class Peer(Fact):
    """`kg_per_unit`: kilograms of one whole token, which has `decimals` places. `finality` as for our own chain."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    rpc: str = Field(pattern=r"^https?://")
    finality: Finality = "finalized"
    chain_id: int = Field(gt=0)
    contract: Address
    standard: Literal["ERC-20", "ERC-721", "ERC-1155"]
    first_block: int = Field(ge=0)
    registry: RegistryCode
    kg_per_unit: int = Field(default=1000, gt=0)
    decimals: int = Field(default=0, ge=0, le=77)
    events: tuple[PeerEvent, ...] = Field(min_length=1)

    @property
    def deployment(self) -> Deployment:
        return Deployment(chain_id=self.chain_id, contract=self.contract)
