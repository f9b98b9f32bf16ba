"""Serial spaces and ranges. Both ends of a range are inclusive: 1 to 29251 is 29,251 units."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import cached_property

from eth_abi.abi import encode
from pydantic import Field, model_validator

from bridge.domain.quantity import Units
from bridge.domain.values import Fact, Hex32, RegistryCode, code_bytes, keccak_hex

MAX_SERIAL = 2**64 - 2
"""The contract keeps serials in uint64 and needs `last + 1`; zero ends its lists, so serials start at one."""


class SpaceKind(IntEnum):
    """The numbers are the contract's. A BATCH space admits one credit class, fixed at first use."""

    COUNTER = 0
    BATCH = 1


class SerialSpace(Fact):
    """A namespace in which block numbers are unique: a registry's counter, or one of its batches.

    `key` is the canonical spelling, made by the registry's grammar and by nothing else.
    """

    registry: RegistryCode
    kind: SpaceKind
    key: str = Field(pattern=r"^[A-Z0-9][A-Z0-9+.-]*$")

    @cached_property
    def id(self) -> Hex32:
        """`keccak256(abi.encode(bytes32 registry, uint8 kind, string key))`, as the contract computes it."""
        return keccak_hex(encode(["bytes32", "uint8", "string"], [code_bytes(self.registry), self.kind, self.key]))


class SerialRange(Fact):
    """Serials `first` to `last` of one space, both included."""

    space: Hex32
    first: int = Field(ge=1)
    last: int = Field(le=MAX_SERIAL)

    @model_validator(mode="after")
    def _rising(self) -> SerialRange:
        if self.first > self.last:
            raise ValueError(f"range {self.first} to {self.last} runs backwards")
        return self

    @property
    def units(self) -> Units:
        return Units(self.last - self.first + 1)

    @property
    def key(self) -> tuple[str, int, int]:
        """Sorts ranges by space, then by serial."""
        return (self.space, self.first, self.last)

    def overlaps(self, other: SerialRange) -> bool:
        return self.space == other.space and self.first <= other.last and other.first <= self.last

    def contains(self, other: SerialRange) -> bool:
        return self.space == other.space and self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def total_units(ranges: Iterable[SerialRange]) -> Units:
    return Units(sum(r.units for r in ranges))


def coalesce(ranges: Iterable[SerialRange]) -> list[SerialRange]:
    """The same serials in the fewest ranges, sorted; overlaps count once."""
    merged: list[SerialRange] = []
    for r in sorted(ranges, key=lambda r: r.key):
        top = merged[-1] if merged else None
        if top and top.space == r.space and r.first <= top.last + 1:
            merged[-1] = SerialRange(space=r.space, first=top.first, last=max(top.last, r.last))
        else:
            merged.append(r)
    return merged


def subtract(whole: SerialRange, parts: Iterable[SerialRange]) -> list[SerialRange]:
    """What of `whole` lies in none of `parts`, sorted."""
    rest: list[SerialRange] = []
    first = whole.first
    for part in coalesce(p for p in parts if p.overlaps(whole)):
        if part.first > first:
            rest.append(SerialRange(space=whole.space, first=first, last=part.first - 1))
        first = part.last + 1
    if first <= whole.last:
        rest.append(SerialRange(space=whole.space, first=first, last=whole.last))
    return rest
