"""What is compared: chains at final blocks, registries at statements, others' claims; and what is tolerated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field

from bridge.domain.attestations import Attested, Deployment, Lock, Receipt, StatementHead
from bridge.domain.observed import BlockStamp, ChainEvent, ClassSnapshot, LedgerSnapshot, Statement
from bridge.domain.serials import SerialRange
from bridge.domain.values import Fact, Hex32, RegistryCode


class ClaimState(StrEnum):
    MINTED = "minted"
    BURNED = "burned"
    RETIRED = "retired"


class Claim(Fact):
    """What another bridge says of some credit. A burn names no serials, and may weigh less than one unit."""

    source: str = Field(min_length=1)
    claim_id: str = Field(min_length=1)
    range: SerialRange | None = None
    kg: int = Field(gt=0)
    state: ClaimState
    evidence: str = ""


class ClaimLink(Fact):
    """What another bridge says of two of its claims: `kg` of `burned` were served by `retired`, or `kg` of `retired`
    were taken out of `minted`."""

    source: str = Field(min_length=1)
    later: str
    earlier: str
    kg: int = Field(gt=0)


class Reissue(Fact):
    """Serials that one registry cancels so that another issues as many anew, in the same order; `source` says so."""

    source: str = Field(min_length=1)
    origin: SerialRange
    becomes: SerialRange


class JournalEntry(Fact):
    """What the operator's journal believes of one saga: a deposit by its lock, an exit by its request, or a reversal by
    its event; `state` in the words of `bridge.domain.lifecycle`. A deposit that is only planned has no serials yet."""

    deployment: Deployment
    saga: Literal["deposit", "exit", "reversal"]
    key: Hex32
    registry: RegistryCode
    state: str
    class_id: Hex32 | None = None
    range: SerialRange | None = None
    units: int | None = None


@dataclass(frozen=True)
class ChainView:
    """One contract's whole history up to a final block.

    `block_times` gives the seconds since 1970 of blocks with events; an event whose block is missing there counts as
    having happened at the stamp, which can only delay a judgement. `keeps_list`: its policy lets only listed accounts
    take units.
    """

    deployment: Deployment
    stamp: BlockStamp
    events: Sequence[ChainEvent]
    block_times: Mapping[int, int] = field(default_factory=dict)
    keeps_list: bool = False


@dataclass(frozen=True)
class ChainArchive:
    """The same from Parquet: by name of the event the files of its table (`event_tables`), of which nothing later than
    the stamp is read. Before the names of what its policy says stands `Policy`. `pieces`: what names each part of the
    history with its content, in order, as far as somebody has looked."""

    deployment: Deployment
    stamp: BlockStamp
    files: Mapping[str, Sequence[Path]]
    keeps_list: bool = False
    pieces: Sequence[str] = ()


@dataclass(frozen=True)
class StatementDelta:
    """How a statement's rows differ from those of another, which `before` names as its `digest` does (`deltas`)."""

    before: str
    gone: Path
    fresh: Path
    shifts: Path


@dataclass(frozen=True)
class StatementArchive:
    """A statement whose rows stand in Parquet (`statement_tables`). `whole`: whoever opened the files has seen that
    they hold the rows that the head binds. `digest` names their content, empty where nobody looked."""

    registry: RegistryCode
    head: Attested[StatementHead]
    files: Sequence[Path]
    whole: bool
    digest: str = ""
    delta: StatementDelta | None = None


@dataclass(frozen=True)
class ClaimArchive:
    """Claims in Parquet, numbered by `position`, with the fields of `Claim`; a burn's range is null."""

    files: Sequence[Path]


class Endorsement(Fact):
    """How many attesters of `registry`, as the deployment has them, signed `head` under that deployment's domain, each
    counted once, and how many must. It says nothing of any other head, or of the same one with other signatures."""

    registry: RegistryCode
    deployment: Deployment
    head: Attested[StatementHead]
    attesters: int = Field(ge=0)
    threshold: int = Field(ge=1)


@dataclass(frozen=True)
class Evidence:
    """Of several statements of one registry the latest is compared, and each must be sound in itself.

    A statement that nothing in `endorsements` vouches for proves nothing; its totals are those of the deployment under
    which it is signed.
    `accounts` names, by registry, the one account that stands for a deployment there.
    `locks` and `receipts` are what registries signed for a deployment, as far as the reader keeps them; `journal` is
    what the operators believe.
    `snapshots` and `ledgers` are what contracts' views said at the very blocks at which their events were read.
    `moment` is when this is compared, and `seen_before` when it was compared last; both in seconds since 1970.
    """

    chains: Sequence[ChainView | ChainArchive] = ()
    statements: Sequence[Statement | StatementArchive] = ()
    endorsements: Sequence[Endorsement] = ()
    claims: Sequence[Claim] = ()
    links: Sequence[ClaimLink] = ()
    locks: Sequence[tuple[Deployment, Lock]] = ()
    receipts: Sequence[tuple[Deployment, Receipt]] = ()
    accounts: Sequence[tuple[RegistryCode, Deployment, str]] = ()
    snapshots: Sequence[ClassSnapshot] = ()
    ledgers: Sequence[LedgerSnapshot] = ()
    reissues: Sequence[Reissue] = ()
    moment: int | None = None
    seen_before: int | None = None
    journal: Sequence[JournalEntry] = ()
    claim_archives: Sequence[ClaimArchive] = ()


class Limits(Fact):
    """How long each counterpart may take; all in seconds.

    `finality_seconds`: a registry acts only on blocks at least this old. A block that much older than a statement
    still shows everything the registry could have acted upon.
    `reversal_seconds`: from the first statement that shows serials as reversed or cancelled until the chain must
    have it.
    `statement_seconds`: how old a statement may be at the moment of the comparison.
    """

    release_seconds: int = Field(default=0, ge=0)
    execution_seconds: int = Field(default=7 * 86_400, ge=0)
    reversal_seconds: int = Field(default=86_400, ge=0)
    finality_seconds: int = Field(default=0, ge=0)
    out_of_step_seconds: int = Field(default=2 * 86_400, ge=0)
    statement_seconds: int = Field(default=2 * 86_400, ge=0)
