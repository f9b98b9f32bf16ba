"""What eyes on a chain and on a registry report. The rooms that look never import each other, so these live here."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bridge.domain.attestations import Attested, Deployment, Outcome, Request, StatementHead
from bridge.domain.credit_class import Terms
from bridge.domain.lifecycle import Kind, RequestStatus, SerialState
from bridge.domain.serials import SerialRange, SpaceKind
from bridge.domain.values import Address, Fact, Hex32, RegistryCode, keccak_hex


class BlockStamp(Fact):
    """One block, named so that everybody reads the same: number, hash, seconds since 1970."""

    number: int = Field(ge=0)
    hash: Hex32
    timestamp: int


class Place(Fact):
    """Where on chain something happened; `log_index` counts within the block."""

    block: int
    transaction: Hex32
    log_index: int


class SpaceRegistered(Fact):
    place: Place
    space: Hex32
    registry: RegistryCode
    kind: SpaceKind
    key: str


class ClassCreated(Fact):
    place: Place
    class_id: Hex32
    registry: RegistryCode
    project: str
    vintage: int
    credit_type: str
    kg_per_unit: int
    terms: Terms | None = None

    @property
    def request_deadline_seconds(self) -> int | None:
        return self.terms.request_deadline_seconds if self.terms else None

    @property
    def challenge_seconds(self) -> int | None:
        return self.terms.challenge_seconds if self.terms else None

    @property
    def statement_seconds(self) -> int | None:
        """How old a statement its mints may lean on, zero for none; as the others None where nobody kept the terms."""
        return self.terms.statement_seconds if self.terms else None


class MethodologySet(Fact):
    """By which methodology a project issues, as the admin says it."""

    place: Place
    registry: RegistryCode
    project: str
    methodology: str


class Minted(Fact):
    place: Place
    lock_id: Hex32
    class_id: Hex32
    range: SerialRange
    recipient: Address


class RequestOpened(Fact):
    place: Place
    request_id: Hex32
    holder: Address
    class_id: Hex32
    kind: Kind
    units: int
    commitment: Hex32
    salt: Hex32
    deadline: int

    @property
    def request(self) -> Request:
        """What the id commits to."""
        return Request(
            kind=self.kind,
            holder=self.holder,
            class_id=self.class_id,
            units=self.units,
            commitment=self.commitment,
            salt=self.salt,
        )


class OutcomeSettled(Fact):
    place: Place
    request_id: Hex32
    class_id: Hex32
    kind: Kind
    part: int
    ranges: tuple[SerialRange, ...]
    remaining: int


class CreditRetired(Fact):
    """`units` have joined the account's retired balance for good."""

    place: Place
    account: Address
    class_id: Hex32
    units: int


class RequestRefused(Fact):
    place: Place
    request_id: Hex32
    reason: str
    units: int


class RequestCalledBack(Fact):
    place: Place
    request_id: Hex32
    units: int


class RequestReturned(Fact):
    place: Place
    request_id: Hex32
    to: Address
    units: int


class Reversed(Fact):
    """Serials that the registry took back, now tombstones; `shortfall` is the class's, with them."""

    place: Place
    event_id: Hex32
    class_id: Hex32
    reason: str
    ranges: tuple[SerialRange, ...]
    shortfall: int


class CoverOffered(Fact):
    """`Minted` with the same lock, in the same transaction, names the serials and the provider."""

    place: Place
    cover_id: Hex32
    lock_id: Hex32
    short_class_id: Hex32
    units: int


class CoverTaken(Fact):
    place: Place
    cover_id: Hex32
    holder: Address
    short_class_id: Hex32
    units: int
    shortfall: int


class CoverWithdrawn(Fact):
    place: Place
    cover_id: Hex32
    to: Address
    units: int


class RecoveryOrdered(Fact):
    place: Place
    recovery_id: Hex32
    sender: Address
    class_id: Hex32
    to: Address
    units: int
    salt: Hex32
    matures_at: int


class RecoveryVetoed(Fact):
    place: Place
    recovery_id: Hex32
    by: Address


class Recovered(Fact):
    place: Place
    recovery_id: Hex32
    sender: Address
    to: Address
    units: int


class Quarantined(Fact):
    """The class is closed until then (chain seconds); now or earlier: opened."""

    place: Place
    class_id: Hex32
    until: int


class Transferred(Fact):
    """An ERC-1155 movement of one class; `sender` or `to` is the zero address for a mint or a burn. `operator` is who
    called the contract, None where nobody looked."""

    place: Place
    sender: Address
    to: Address
    class_id: Hex32
    units: int
    operator: Address | None = None


class ReserveStated(Fact):
    """A statement reached the contract: `locked`, less released, of the class as of a chain second."""

    place: Place
    class_id: Hex32
    sequence: int
    as_of: int
    locked: int


class PowerChanged(Fact):
    """Somebody was given a power or lost it. `by` are the accounts through which its transaction went, so that the one
    who called the contract is among them; empty where nobody looked. `of_policy`: a power over the holders' policy."""

    place: Place
    by: tuple[Address, ...] = ()
    of_policy: bool = False


class AllowanceSet(PowerChanged):
    operator: Address
    units_per_day: int


class ClassAllowanceSet(PowerChanged):
    class_id: Hex32
    units_per_day: int


class AttestersSet(PowerChanged):
    registry: RegistryCode
    added: tuple[Address, ...]
    removed: tuple[Address, ...]
    threshold: int


class GuardianSet(PowerChanged):
    account: Address
    enabled: bool


class ListerSet(PowerChanged):
    account: Address
    enabled: bool


class OwnershipTransferred(PowerChanged):
    """`previous` is the zero address where the contract was made."""

    previous: Address
    account: Address


class Frozen(Fact):
    """The policy lets the account give nothing until then (chain seconds); now or earlier: released."""

    place: Place
    account: Address
    until: int


class Listed(Fact):
    """The policy lets the account take units, or no more."""

    place: Place
    account: Address
    listed: bool


ChainEvent = (
    SpaceRegistered
    | ClassCreated
    | MethodologySet
    | Minted
    | RequestOpened
    | OutcomeSettled
    | CreditRetired
    | RequestRefused
    | RequestCalledBack
    | RequestReturned
    | Reversed
    | CoverOffered
    | CoverTaken
    | CoverWithdrawn
    | RecoveryOrdered
    | RecoveryVetoed
    | Recovered
    | Quarantined
    | Transferred
    | ReserveStated
    | AllowanceSet
    | ClassAllowanceSet
    | AttestersSet
    | GuardianSet
    | ListerSet
    | OwnershipTransferred
    | Frozen
    | Listed
)


POLICY = "Policy"
"""Where events stand in tables, before the names of those of the contract that says who may hold units."""
POWERS = frozenset(kind.__name__ for kind in PowerChanged.__subclasses__())
BY = "by"
"""A column of these, beside what they say themselves."""


class WitnessedRequest(Fact):
    """A request at a final block, with every part that was settled on it."""

    opened: RequestOpened
    status: RequestStatus
    remaining: int
    settled: tuple[Outcome, ...]


class ClassSnapshot(Fact):
    """A class as the contract's own views have it at one block, in units. `live` is counted from its serial ledger,
    None where nobody counted."""

    deployment: Deployment
    block: int
    class_id: Hex32
    supply: int
    pending: int
    shortfall: int
    live: int | None = None


class LedgerSnapshot(Fact):
    """All live serials of one space as the contract's serial ledger has them at one block, each with its class."""

    deployment: Deployment
    block: int
    space: Hex32
    live: tuple[tuple[Hex32, SerialRange], ...]


class StatementRow(Fact):
    """One block of serials as the registry states it: exactly one live row a serial (law L3).

    `deployment` and `lock_id` stay with serials that were ever locked for it and are not free again; `request_id`
    with those reserved, retired or handed over for it. `holder` is a registry account.
    """

    row: int
    range: SerialRange
    class_id: Hex32
    state: SerialState
    holder: str
    deployment: Deployment | None = None
    lock_id: Hex32 | None = None
    request_id: Hex32 | None = None
    not_after: int | None = None


def rows_hash(rows: Sequence[StatementRow]) -> Hex32:
    """Binds a statement's rows: keccak256 over their JSON, one row a line."""
    return keccak_hex("\n".join(row.model_dump_json() for row in rows).encode())


class Statement(Fact):
    """All that a registry says of its serials at one moment, with its attesters' signatures over the head."""

    registry: RegistryCode
    head: Attested[StatementHead]
    rows: tuple[StatementRow, ...]
