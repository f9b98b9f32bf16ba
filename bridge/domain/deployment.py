"""What somebody expects of a deployment, and what was found when it was checked."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from bridge.domain.values import Address, Fact, RegistryCode

TermValue = int | bool | Address
"""Seconds, blocks and kilograms; whether something is asked for; who."""


class ExpectedRegistry(Fact):
    """`terms` by the contract's own names, as many of them as matter."""

    threshold: int | None = Field(default=None, ge=1)
    attesters: frozenset[Address] | None = None
    terms: dict[str, TermValue] = Field(default={})


class Expectations(Fact):
    """Whatever is left out is not compared. `operators`: units a day; `freezers`: the policy's guardians; `listers`
    say who takes units; `recoverers` may order units from one account to another."""

    multisig: Address | None = None
    admin_delay_days: int | None = Field(default=None, ge=1)
    guardians: frozenset[Address] | None = None
    freezers: frozenset[Address] | None = None
    listers: frozenset[Address] | None = None
    recoverers: frozenset[Address] | None = None
    operators: dict[Address, int] | None = None
    registries: dict[RegistryCode, ExpectedRegistry] | None = None


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    WARNS = "warns"
    SHOWN = "shown"  # nothing was expected of it


class About(StrEnum):
    """`OWNER` is what a hand-over changes, so that everything else can be checked before it."""

    CODE = "code"
    OWNER = "owner"
    TIMELOCK = "timelock"
    POWERS = "powers"
    NODE = "node"
    KEYS = "keys"
    MACHINE = "machine"
    REPORT = "report"


class Check(Fact):
    """`advice` says what to do when it does not hold."""

    about: About
    subject: str
    verdict: Verdict
    found: str
    advice: str = ""

    @classmethod
    def holds(cls, about: About, subject: str, found: str) -> Check:
        return cls(about=about, subject=subject, verdict=Verdict.HOLDS, found=found)

    @classmethod
    def shows(cls, about: About, subject: str, found: str) -> Check:
        return cls(about=about, subject=subject, verdict=Verdict.SHOWN, found=found)

    @classmethod
    def warns(cls, about: About, subject: str, found: str, advice: str) -> Check:
        return cls(about=about, subject=subject, verdict=Verdict.WARNS, found=found, advice=advice)

    @classmethod
    def fails(cls, about: About, subject: str, found: str, advice: str) -> Check:
        return cls(about=about, subject=subject, verdict=Verdict.FAILS, found=found, advice=advice)

    @classmethod
    def compared(cls, about: About, subject: str, good: bool, found: str, advice: str) -> Check:
        return cls.holds(about, subject, found) if good else cls.fails(about, subject, found, advice)
