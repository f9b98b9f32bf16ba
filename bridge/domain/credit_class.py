"""Credit classes: what one token id stands for, and the terms a registry's classes share."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property

from eth_abi.abi import encode
from pydantic import Field

from bridge.domain.values import Address, Fact, Hex32, RegistryCode, code_bytes, keccak_hex


class CreditClass(Fact):
    """Registry, project, vintage and credit type: those four are the identity, the rest describes.

    `vintage` is the year in which the reductions began. Its ERC-1155 token id is `id`, read as a number.
    """

    registry: RegistryCode
    project: str = Field(min_length=1, max_length=64)
    vintage: int = Field(ge=1990, le=2200)
    credit_type: str = Field(min_length=1, max_length=32)
    kg_per_unit: int = Field(gt=0)
    project_name: str = ""
    country: str = ""
    methodology: str = ""

    @cached_property
    def id(self) -> Hex32:
        """`keccak256(abi.encode(bytes32 registry, string project, uint16 vintage, string creditType))`."""
        identity = [code_bytes(self.registry), self.project, self.vintage, self.credit_type]
        return keccak_hex(encode(["bytes32", "string", "uint16", "string"], identity))

    @property
    def label(self) -> str:
        return f"{self.registry} {self.project} {self.vintage} {self.credit_type}"


class Subject(IntEnum):
    """What a verdict is about, within one registry."""

    PROJECT = 0
    METHODOLOGY = 1


class Verdict(IntEnum):
    """`NONE` admits, unless the class's terms ask for an admission."""

    NONE = 0
    ADMITTED = 1
    BARRED = 2


class Terms(Fact):
    """What a class copies from its registry for good.

    `statement_seconds` is how old a statement a mint may lean on, zero for no reserve gate; with `admission_required`
    nothing mints before project and methodology are admitted; `recoverer` may order units from one account to another
    after `recovery_seconds`.
    """

    request_deadline_seconds: int = Field(gt=0, lt=2**32)
    challenge_seconds: int = Field(gt=0, lt=2**32)
    challenge_blocks: int = Field(ge=0, lt=2**32)
    kg_per_unit: int = Field(gt=0, lt=2**32)
    statement_seconds: int = Field(default=0, ge=0, lt=2**32)
    recovery_seconds: int = Field(default=0, ge=0, lt=2**32)
    admission_required: bool = False
    recoverer: Address | None = None


class Gate(Fact):
    """What the contract would say of a class's project at a mint, and of the `methodology` that the admin named for it;
    none where he named none."""

    project: Verdict
    methodology: str | None
    methodology_verdict: Verdict
    admission_required: bool

    def objections(self) -> tuple[str, ...]:
        """Why nothing may be minted, in words; empty when it may."""
        named = f"its methodology {self.methodology}" if self.methodology is not None else "its methodology"
        found = [
            f"{what} is barred on chain" if verdict is Verdict.BARRED else f"{what} is not admitted on chain"
            for what, verdict in (("its project", self.project), (named, self.methodology_verdict))
            if verdict is Verdict.BARRED or (self.admission_required and verdict is not Verdict.ADMITTED)
        ]
        return tuple(found)
