"""What a reconciliation says: findings, what is merely in flight, the totals, and at which moments it looked."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Literal

from pydantic import Field

from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp
from bridge.domain.quantity import Kilograms, Units
from bridge.domain.serials import SerialRange
from bridge.domain.values import Fact, Hex32, RegistryCode, keccak_hex


class Severity(StrEnum):
    BREAK = "break"  # a law does not hold: credit without backing, counted twice, or owed and overdue
    WARNING = "warning"  # cannot be judged from this evidence, or somebody is late
    INFO = "info"  # worth knowing, nothing to do


class ExhibitKind(StrEnum):
    TRANSACTION = "transaction"
    STATEMENT_ROW = "statement row"
    ATTESTATION = "attestation"
    CLAIM = "claim"
    FIGURES = "figures"


class Exhibit(Fact):
    """One piece of evidence: which kind, and the words by which anybody can look it up again."""

    kind: ExhibitKind
    text: str


class Difference(Fact):
    """What one rule saw on one subject. `ranges` are sorted and disjoint, and empty when totals differ.

    `subject` names the thing in the same words on every run: a request, a lock, a class. `kg` is unknown (None) when
    the class is. `first_seen` is the evidence's moment in seconds since 1970.
    """

    rule: str
    subject: str
    class_id: Hex32 | None = None
    ranges: tuple[SerialRange, ...] = ()
    units: Units = Units(0)
    kg: Kilograms | None = None
    evidence: tuple[Exhibit, ...] = ()
    first_seen: int

    @property
    def id(self) -> Hex32:
        """The same on every run, so that runs can be compared: a hash of rule and subject."""
        return keccak_hex(f"{self.rule}\n{self.subject}".encode())


class Finding(Difference):
    """A difference that nothing explains, and what to do about it."""

    severity: Severity
    title: str
    advice: str

    @property
    def content(self) -> Hex32:
        """A hash of what is wrong, but not of the evidence: a later block or statement shows the same thing anew. What
        was acknowledged is this, and no more."""
        facts = self.model_dump(mode="json", include={"class_id", "ranges", "units", "kg", "severity"})
        return keccak_hex(self.id.encode() + json.dumps(facts, sort_keys=True).encode())


class InFlight(Difference):
    """A difference that is explained: by an event between block and statement, or by a deadline still to come.

    `due` is the last second of that deadline; None when the next statement or block decides.
    """

    title: str
    due: int | None = None


class Shown(Difference):
    """Nothing is wrong, but a reader must know of it: a reversal, a shortfall, cover, a recovery."""

    title: str


class ClassTotals(Fact):
    """In units. `supply`, `pending`, `live` and `retired` are the chain's; `locked`, `reserved` and `executed` (retired
    for the deployment) are the registry's, in its latest statement. Of the chain too: what was ever `reversed`, the
    `shortfall` that is left of it, and `cover`, which the contract itself holds for classes that are short."""

    deployment: str
    class_id: Hex32
    supply: int
    pending: int
    live: int
    retired: int
    locked: int
    reserved: int
    executed: int
    reversed: int = 0
    shortfall: int = 0
    cover: int = 0


class PinnedBlock(Fact):
    """The final block at which a deployment was read."""

    deployment: Deployment
    stamp: BlockStamp


class PinnedStatement(Fact):
    """The statement that was compared; `as_of` in seconds since 1970."""

    registry: RegistryCode
    sequence: int
    as_of: int


class NotCompared(Fact):
    """A line of a claims file that could not be read: `source` is the file."""

    source: str
    line: int
    reason: str
    content: str


class SupplyPoint(Fact):
    """What circulates of a class at the end of a day (UTC); `day` in seconds since 1970. Days without change are left
    out."""

    deployment: str
    class_id: Hex32
    day: int
    supply: int


class Acknowledgement(Fact):
    """Somebody's word that he knows of a finding, and why it may stand. It lasts as long as what is wrong is the same
    (`content`)."""

    finding_id: Hex32
    content: Hex32
    reason: str = Field(min_length=1, max_length=2000)
    by: str = Field(min_length=1, max_length=200)
    at: int


class Standing(Fact):
    """A finding beside earlier runs: open without a break since run `since_run` (`since`, in seconds), or `new` in this
    one. `changed`: since the run before it concerns other serials, units or another severity. `acknowledged`: for what
    it is now; `lapsed`: for what it was."""

    finding_id: Hex32
    new: bool
    changed: bool = False
    since_run: int
    since: int
    acknowledged: Acknowledgement | None = None
    lapsed: Acknowledgement | None = None


class Past(Fact):
    """A finding as run `last_run` saw it last."""

    finding_id: Hex32
    rule: str
    subject: str
    severity: Severity
    title: str
    class_id: Hex32 | None = None
    units: int
    last_run: int


class Pause(Fact):
    """What the breaker did on account of findings that our own evidence proves: it `paused`, found the door `shut`, or
    `failed`, for the reason in `note`, and will try again. `transaction`: the one that it sent."""

    deployment: str
    findings: tuple[Hex32, ...]
    rules: tuple[str, ...]
    outcome: Literal["paused", "shut", "failed"]
    transaction: Hex32 | None = None
    note: str = ""


class RunNotes(Fact):
    """What the history of runs adds. `begun_at` is this machine's clock, in seconds; `scope` names what was read.

    `closed`: open before, and gone from the same evidence. `unseen`: open before, and last seen in evidence that this
    run did not read, so that nothing is said of them.
    """

    run_id: Hex32
    number: int
    begun_at: int
    scope: tuple[str, ...]
    previous: int | None = None
    standings: tuple[Standing, ...] = ()
    closed: tuple[Past, ...] = ()
    unseen: tuple[Past, ...] = ()
    pause: Pause | None = None


class Reconciliation(Fact):
    """Findings, what is in flight and what is shown, in the order of the rules and then by subject; totals by
    deployment and class.

    `not_compared`: what was handed in and could not be judged. `labels`: what people call a class. `run`: None for a
    comparison that nobody keeps.
    """

    findings: tuple[Finding, ...]
    in_flight: tuple[InFlight, ...]
    totals: tuple[ClassTotals, ...]
    blocks: tuple[PinnedBlock, ...]
    statements: tuple[PinnedStatement, ...]
    shown: tuple[Shown, ...] = ()
    not_compared: tuple[NotCompared, ...] = ()
    supply_by_day: tuple[SupplyPoint, ...] = ()
    labels: dict[Hex32, str] = Field(default={})
    run: RunNotes | None = None

    @property
    def breaks(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.BREAK)

    @property
    def standings(self) -> dict[Hex32, Standing]:
        """By finding; empty without a history."""
        return {standing.finding_id: standing for standing in self.run.standings} if self.run else {}

    @property
    def unaccepted(self) -> tuple[Finding, ...]:
        """The breaks that nobody has acknowledged as they are."""
        known = self.standings
        return tuple(f for f in self.breaks if f.id not in known or known[f.id].acknowledged is None)

    @property
    def clean(self) -> bool:
        """Nothing is a break, and all was compared. Warnings and what is in flight do not soil it."""
        return not self.not_compared and not self.breaks
