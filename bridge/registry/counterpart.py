"""What attesters need from a registry that is not theirs, and which their own ledger only mirrors.

An act is stored before anything is asked there (`ledger.acting`). What became of it is believed from what that registry
states, and from nothing else: without an answer an act is `unknown`, and is never tried again blindly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from bridge.domain.attestations import Confirmation, Deployment, Opening
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.observed import BlockStamp
from bridge.domain.quantity import Units
from bridge.domain.serials import SerialRange, total_units
from bridge.domain.values import Address, Fact, Hex32, Hex64, RegistryCode, keccak_hex
from bridge.errors import BridgeError


class Verb(StrEnum):
    TAKE = "take"  # out of circulation, for a lock
    GIVE_BACK = "give-back"  # to the depositor, when the lock was never minted
    RETIRE = "retire"  # for good: a settled retirement
    HAND_OVER = "hand-over"  # to the account that a settled redemption names


class ForeignAct(Fact):
    """One act on exactly these serials. `subject` is its lock's id or its request's: a request is acted upon once, when
    it has ended, for all its settled parts together. `account` is the depositor's, or the one that receives. `due`: the
    lock's not_after or the request's deadline, in chain seconds. `final`: the block at which the end that the act
    follows from was seen; none for a lock."""

    verb: Verb
    subject: Hex32
    programme: RegistryCode
    deployment: Deployment
    class_id: Hex32
    ranges: tuple[SerialRange, ...]
    account: str
    due: int
    beneficiary: str = ""
    purpose: str = ""
    final: BlockStamp | None = None

    @property
    def id(self) -> Hex32:
        return act_id(self.verb, self.subject)

    @property
    def units(self) -> Units:
        return total_units(self.ranges)

    @property
    def what(self) -> str:
        """In a few words, for messages."""
        return f"{self.verb} of {self.units:,} serials of {self.programme} (act {self.id[:10]})"


def act_id(verb: Verb, subject: Hex32) -> Hex32:
    return keccak_hex(f"{verb} {subject}".encode())


class Done(Fact):
    """`reference` is the foreign registry's own, `evidence` the seal of what shows it."""

    reference: str
    evidence: Hex32


class Confirmed(Fact):
    """An officer's signed word on an act; his newest of a round counts."""

    officer: Address
    confirmation: Confirmation
    signature: Hex64


class ActRecord(Fact):
    """An act as the ledger has it. `since`: when it came to its state, in chain seconds; `words`: why."""

    act: ForeignAct
    state: ActState
    round: int
    since: int
    words: str
    done: Done | None
    confirmed: tuple[Confirmed, ...] = ()


class Counterpart(Protocol):
    """A programme's own registry. Each attester asks through one of his own."""

    def objection(self, kind: Kind, opening: Opening) -> str:
        """Why a request could never be carried out there, as a code; empty when it can. Asked before anything is
        reserved, since a settled request cannot be refused any more."""
        ...

    def pursue(self, acts: Sequence[ForeignAct]) -> list[Done | BridgeError]:
        """Takes stored acts as far as they go now; repeatable at any time. An answer for each: done, or NotYet while it
        is pending or unknown, RegistryRefused for a no, Halted when what that registry states contradicts the act,
        Unreachable without an answer."""
        ...

    def check(self, record: ActRecord) -> None:
        """What an attester looks at by himself before he signs what follows from a done act. Raises RegistryRefused
        when it does not hold."""
        ...


Counterparts = Mapping[RegistryCode, Counterpart]
"""By programme; a programme without one is kept by the ledger alone."""
