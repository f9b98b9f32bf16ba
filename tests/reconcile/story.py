"""An honest house in a few lines: one registry's ledger and any number of contracts, moving in one clock.

Every act takes ten seconds and its own block. `chain` and `statement` show the house as it is at that moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bridge.domain.attestations import Attested, ClassTotal, Deployment, Lock, Receipt, StatementHead
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import (
    BlockStamp,
    ChainEvent,
    ClassCreated,
    CoverOffered,
    CoverTaken,
    CoverWithdrawn,
    CreditRetired,
    Minted,
    OutcomeSettled,
    Place,
    Quarantined,
    Recovered,
    RecoveryOrdered,
    RecoveryVetoed,
    RequestCalledBack,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    Reversed,
    SpaceRegistered,
    Statement,
    StatementRow,
    Transferred,
    rows_hash,
)
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind, subtract, total_units
from bridge.domain.values import ZERO_ADDRESS, hex32, keccak_hex
from bridge.reconcile.evidence import ChainView, Claim, Endorsement, Evidence

SPACE = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="VER")
FOREST = CreditClass(registry="VERRA", project="1340", vintage=2020, credit_type="VCU", kg_per_unit=1000)
SOLAR = CreditClass(registry="VERRA", project="1686", vintage=2014, credit_type="VCU", kg_per_unit=1000)
HERE = Deployment(chain_id=1, contract="0x" + "c1" * 20)
THERE = Deployment(chain_id=2, contract="0x" + "c2" * 20)
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
START, DAY = 1_700_000_000, 86_400
DEADLINE = 5 * DAY
RECOVERY = 2 * DAY


def serials(first: int, last: int, space: SerialSpace = SPACE) -> SerialRange:
    return SerialRange(space=space.id, first=first, last=last)


def name(text: str) -> str:
    return keccak_hex(text.encode())


def endorsed(statement: Statement, deployment: Deployment = HERE, attesters: int = 2) -> Endorsement:
    return Endorsement(
        registry=statement.registry,
        deployment=deployment,
        head=statement.head,
        attesters=attesters,
        threshold=2,
    )


def looked_at(
    chains: Sequence[ChainView] = (), statements: Sequence[Statement] = (), claims: Sequence[Claim] = ()
) -> Evidence:
    """Evidence in which every statement is signed for the first deployment of the house."""
    return Evidence(chains=chains, statements=statements, endorsements=[endorsed(s) for s in statements], claims=claims)


@dataclass
class Entry:
    """A block of serials in the registry's ledger."""

    range: SerialRange
    credit_class: CreditClass
    state: SerialState = SerialState.HELD
    deployment: Deployment | None = None
    lock_id: str | None = None
    request_id: str | None = None
    not_after: int | None = None


@dataclass
class Asked:
    deployment: Deployment
    credit_class: CreditClass
    kind: Kind
    units: int
    left: int
    deadline: int
    reserved: list[SerialRange] = field(default_factory=list)
    settled: list[SerialRange] = field(default_factory=list)
    parts: int = 0
    returned: int = 0
    settled_at: int = 0
    ended: bool = False
    executed: bool = False


@dataclass
class Offer:
    """Cover that the contract holds."""

    deployment: Deployment
    class_id: str
    short_class: str
    left: int


@dataclass
class Ordered:
    sender: str
    to: str
    units: int
    matures_at: int


class House:
    def __init__(self, *deployments: Deployment) -> None:
        self.now = START
        self.block = 100
        self.events: dict[Deployment, list[ChainEvent]] = {d: [] for d in deployments or (HERE,)}
        self.times: dict[int, int] = {}
        self.entries: list[Entry] = []
        self.locks: dict[str, tuple[Deployment, Lock]] = {}
        self.asked: dict[str, Asked] = {}
        self.minted: set[str] = set()
        self.shortfalls: defaultdict[tuple[Deployment, str], int] = defaultdict(int)
        self.balances: defaultdict[tuple[Deployment, str, str], int] = defaultdict(int)
        self.offers: dict[str, Offer] = {}
        self.orders: dict[str, Ordered] = {}
        self.sequence = 0
        self.totals: defaultdict[tuple[Deployment, str], dict[str, int]] = defaultdict(
            lambda: dict.fromkeys(("locked", "released", "retired", "handed_over"), 0)
        )
        for deployment in self.events:
            self.register(deployment, SPACE)
            for credit_class in (FOREST, SOLAR):
                self.create_class(deployment, credit_class)

    # ------------------------------------------------------------ registry

    def issue(self, r: SerialRange, credit_class: CreditClass = FOREST) -> None:
        self.wait(10)
        self.entries.append(Entry(r, credit_class))

    def lock(self, r: SerialRange, deployment: Deployment = HERE, *, days: int = 1) -> str:
        self.wait(10)
        lock_id = hex32(len(self.locks) + 1)
        not_after = self.now + days * DAY
        class_id = self.entry_of(r).credit_class.id
        lock = Lock(lock_id=lock_id, class_id=class_id, range=r, recipient=ALICE, not_after=not_after)
        self.locks[lock_id] = (deployment, lock)
        self.totals[deployment, class_id]["locked"] += r.units
        self.write(
            r,
            state=SerialState.LOCKED,
            deployment=deployment,
            lock_id=lock_id,
            request_id=None,
            not_after=not_after,
        )
        return lock_id

    def release(self, lock_id: str) -> None:
        self.wait(10)
        deployment, lock = self.locks[lock_id]
        self.totals[deployment, lock.class_id]["released"] += lock.range.units
        self.write(lock.range, state=SerialState.HELD, deployment=None, lock_id=None, not_after=None)

    def reserve(self, request_id: str, *ranges: SerialRange) -> None:
        self.wait(10)
        self.asked[request_id].reserved += ranges
        for r in ranges:
            self.write(r, state=SerialState.RESERVED, request_id=request_id)

    def execute(self, request_id: str) -> Receipt:
        """Retires or hands over what is settled."""
        self.wait(10)
        asked = self.asked[request_id]
        asked.executed = True
        acted = "retired" if asked.kind is Kind.RETIREMENT else "handed_over"
        self.totals[asked.deployment, asked.credit_class.id][acted] += total_units(asked.settled)
        for r in asked.settled:
            if asked.kind is Kind.RETIREMENT:
                self.write(r, state=SerialState.RETIRED)
            else:
                self.write(r, state=SerialState.HELD, deployment=None, lock_id=None, not_after=None)
        return Receipt(
            request_id=request_id,
            kind=asked.kind,
            ranges=tuple(asked.settled),
            reference=f"R-{request_id[-4:]}",
            executed_at=self.now,
        )

    def withdraw(self, request_id: str) -> None:
        self.wait(10)
        for r in self.asked[request_id].reserved:
            for rest in subtract(r, self.asked[request_id].settled):
                self.write(rest, state=SerialState.LOCKED, request_id=None)

    def take_back(self, r: SerialRange) -> None:
        self.wait(10)
        self.write(r, state=SerialState.REVERSED)

    def split(self, at: int) -> None:
        """The registry cuts the block with this serial into two rows, as registries do after the fact."""
        entry = next(e for e in self.entries if e.range.first < at <= e.range.last)
        self._cut(SerialRange(space=entry.range.space, first=at, last=entry.range.last))

    def write(self, r: SerialRange, **changes: object) -> None:
        for entry in self._cut(r):
            self.entries.remove(entry)
            self.entries.append(replace(entry, **changes))  # type: ignore[arg-type]

    def entry_of(self, r: SerialRange) -> Entry:
        return next(e for e in self.entries if e.range.overlaps(r))

    # --------------------------------------------------------------- chain

    def mint(self, lock_id: str, deployment: Deployment | None = None, r: SerialRange | None = None) -> None:
        self.wait(10)
        named, lock = self.locks[lock_id]
        self.mint_unlocked(lock_id, r or lock.range, lock.class_id, deployment or named)

    def mint_unlocked(
        self, lock_id: str, r: SerialRange, class_id: str = FOREST.id, deployment: Deployment = HERE
    ) -> None:
        self.minted.add(lock_id)
        self.emit(deployment, Minted, lock_id=lock_id, class_id=class_id, range=r, recipient=ALICE)
        self._move(deployment, ZERO_ADDRESS, ALICE, class_id, r.units)

    def deposit(self, r: SerialRange, deployment: Deployment = HERE) -> str:
        lock_id = self.lock(r, deployment)
        self.mint(lock_id)
        return lock_id

    def ask(self, kind: Kind, units: int, credit_class: CreditClass = FOREST, deployment: Deployment = HERE) -> str:
        self.wait(10)
        request_id = name(f"request {len(self.asked)}")
        deadline = self.now + DEADLINE
        self.asked[request_id] = Asked(deployment, credit_class, kind, units, units, deadline)
        self._move(deployment, ALICE, ZERO_ADDRESS, credit_class.id, units)
        self.emit(
            deployment,
            RequestOpened,
            request_id=request_id,
            holder=ALICE,
            class_id=credit_class.id,
            kind=kind,
            units=units,
            commitment=name("commitment"),
            salt=name("salt"),
            deadline=deadline,
        )
        return request_id

    def settle(self, request_id: str, *ranges: SerialRange) -> None:
        self.wait(10)
        asked = self.asked[request_id]
        asked.left -= total_units(ranges)
        asked.settled += ranges
        asked.parts += 1
        asked.settled_at = self.now
        asked.ended = asked.left == 0
        if asked.kind is Kind.RETIREMENT:
            units, class_id = total_units(ranges), asked.credit_class.id
            self.emit(asked.deployment, CreditRetired, account=ALICE, class_id=class_id, units=units)
        self.emit(
            asked.deployment,
            OutcomeSettled,
            request_id=request_id,
            class_id=asked.credit_class.id,
            kind=asked.kind,
            part=asked.parts - 1,
            ranges=ranges,
            remaining=max(asked.left, 0),
        )

    def refuse(self, request_id: str, *, at_once: bool = True) -> None:
        """A holder with code takes his units back later."""
        self.wait(10)
        asked = self.asked[request_id]
        asked.ended = True
        self.emit(asked.deployment, RequestRefused, request_id=request_id, reason="no", units=asked.left)
        if at_once:
            self.give_back(request_id)

    def call_back(self, request_id: str) -> None:
        self.wait(10)
        asked = self.asked[request_id]
        self.emit(asked.deployment, RequestCalledBack, request_id=request_id, units=asked.left)

    def give_back(self, request_id: str) -> None:
        asked = self.asked[request_id]
        asked.ended = True
        self._move(asked.deployment, ZERO_ADDRESS, ALICE, asked.credit_class.id, asked.left)
        self.emit(asked.deployment, RequestReturned, request_id=request_id, to=ALICE, units=asked.left)
        asked.returned += asked.left
        asked.left = 0

    def reverse(self, *ranges: SerialRange, deployment: Deployment = HERE, event_id: str = "") -> str:
        """The attested reversal reaches the chain; returns the registry's event."""
        self.wait(10)
        event_id, class_id = event_id or name(f"reversal {self.block}"), self.entry_of(ranges[0]).credit_class.id
        self.shortfalls[deployment, class_id] += total_units(ranges)
        shortfall = self.shortfalls[deployment, class_id]
        facts = {"event_id": event_id, "class_id": class_id, "ranges": ranges, "shortfall": shortfall}
        self.emit(deployment, Reversed, reason="invalid", **facts)
        return event_id

    def cover(self, r: SerialRange, short: CreditClass = FOREST, deployment: Deployment = HERE) -> str:
        """Locks these serials and offers their units to holders of the short class."""
        return self.offer(self.lock(r, deployment), short)

    def offer(self, lock_id: str, short: CreditClass = FOREST) -> str:
        self.wait(10)
        deployment, lock = self.locks[lock_id]
        self.minted.add(lock_id)
        cover_id, units = name(f"cover {lock_id}"), lock.range.units
        self.offers[cover_id] = Offer(deployment, lock.class_id, short.id, units)
        self.emit(deployment, Minted, lock_id=lock_id, class_id=lock.class_id, range=lock.range, recipient=BOB)
        self._move(deployment, ZERO_ADDRESS, deployment.contract, lock.class_id, units)
        facts = {"cover_id": cover_id, "lock_id": lock_id, "short_class_id": short.id}
        self.emit(deployment, CoverOffered, **facts, units=units)
        return cover_id

    def take_cover(self, cover_id: str, units: int) -> None:
        self.wait(10)
        offer = self.offers[cover_id]
        offer.left -= units
        self.shortfalls[offer.deployment, offer.short_class] -= units
        self._move(offer.deployment, ALICE, ZERO_ADDRESS, offer.short_class, units)
        self._move(offer.deployment, offer.deployment.contract, ALICE, offer.class_id, units)
        facts = {"cover_id": cover_id, "holder": ALICE, "short_class_id": offer.short_class, "units": units}
        shortfall = self.shortfalls[offer.deployment, offer.short_class]
        self.emit(offer.deployment, CoverTaken, **facts, shortfall=shortfall)

    def withdraw_cover(self, cover_id: str) -> None:
        self.wait(10)
        offer = self.offers[cover_id]
        units, offer.left = offer.left, 0
        self._move(offer.deployment, offer.deployment.contract, BOB, offer.class_id, units)
        self.emit(offer.deployment, CoverWithdrawn, cover_id=cover_id, to=BOB, units=units)

    def quarantine(self, *, days: int = 30, credit_class: CreditClass = FOREST) -> None:
        """For no days it is lifted."""
        self.wait(10)
        self.emit(HERE, Quarantined, class_id=credit_class.id, until=self.now + days * DAY)

    def transfer(self, units: int, credit_class: CreditClass = FOREST) -> None:
        self.wait(10)
        self._move(HERE, ALICE, BOB, credit_class.id, units)

    def order(self, units: int, sender: str = ALICE, to: str = BOB) -> str:
        self.wait(10)
        recovery_id, matures_at = name(f"recovery {len(self.orders)}"), self.now + RECOVERY
        self.orders[recovery_id] = Ordered(sender, to, units, matures_at)
        facts = {"recovery_id": recovery_id, "sender": sender, "to": to, "units": units, "matures_at": matures_at}
        self.emit(HERE, RecoveryOrdered, class_id=FOREST.id, salt=name("salt"), **facts)
        return recovery_id

    def veto(self, recovery_id: str) -> None:
        self.wait(10)
        self.emit(HERE, RecoveryVetoed, recovery_id=recovery_id, by=self.orders[recovery_id].sender)

    def recover(self, recovery_id: str) -> None:
        self.wait(10)
        order = self.orders[recovery_id]
        self._move(HERE, order.sender, order.to, FOREST.id, order.units)
        facts = {"recovery_id": recovery_id, "sender": order.sender, "to": order.to, "units": order.units}
        self.emit(HERE, Recovered, **facts)

    def register(self, deployment: Deployment, space: SerialSpace) -> None:
        self.emit(deployment, SpaceRegistered, space=space.id, registry=space.registry, kind=space.kind, key=space.key)

    def create_class(self, deployment: Deployment, credit_class: CreditClass) -> None:
        self.emit(
            deployment,
            ClassCreated,
            class_id=credit_class.id,
            **credit_class.model_dump(include={"registry", "project", "vintage", "credit_type", "kg_per_unit"}),
        )

    def exit(self, kind: Kind, *ranges: SerialRange, deployment: Deployment = HERE) -> str:
        """Asks, reserves, settles and executes."""
        request_id = self.ask(kind, total_units(ranges), deployment=deployment)
        self.reserve(request_id, *ranges)
        self.settle(request_id, *ranges)
        self.execute(request_id)
        return request_id

    # ------------------------------------------------------------ evidence

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.block += 1

    def chain(self, deployment: Deployment = HERE) -> ChainView:
        self.wait(1)
        stamp = BlockStamp(number=self.block, hash=name(str(self.block)), timestamp=self.now)
        return ChainView(deployment, stamp, tuple(self.events[deployment]), dict(self.times))

    def statement(self) -> Statement:
        self.wait(1)
        self.sequence += 1
        rows = tuple(
            StatementRow(
                row=number,
                range=e.range,
                class_id=e.credit_class.id,
                state=e.state,
                holder="bridge" if e.deployment else "alice",
                deployment=e.deployment,
                lock_id=e.lock_id,
                request_id=e.request_id,
                not_after=e.not_after,
            )
            for number, e in enumerate(sorted(self.entries, key=lambda e: e.range.key), start=2)
        )
        totals = tuple(
            ClassTotal(class_id=class_id, **units) for (d, class_id), units in self.totals.items() if d == HERE
        )
        head = StatementHead(sequence=self.sequence, as_of=self.now, rows_hash=rows_hash(rows), totals=totals)
        return Statement(registry="VERRA", head=Attested(items=(head,), signers=(), signatures=()), rows=rows)

    def evidence(self) -> Evidence:
        """The statement first and final blocks after it: what an orderly run reads."""
        statement = self.statement()
        return looked_at([self.chain(d) for d in self.events], [statement])

    # -------------------------------------------------------------- inside

    def _cut(self, r: SerialRange) -> list[Entry]:
        for entry in [e for e in self.entries if e.range.overlaps(r) and not r.contains(e.range)]:
            self.entries.remove(entry)
            inside = SerialRange(
                space=r.space, first=max(r.first, entry.range.first), last=min(r.last, entry.range.last)
            )
            self.entries += [replace(entry, range=part) for part in [inside, *subtract(entry.range, [r])]]
        return [e for e in self.entries if r.contains(e.range)]

    def _move(self, deployment: Deployment, sender: str, to: str, class_id: str, units: int) -> None:
        self.balances[deployment, class_id, sender] -= units
        self.balances[deployment, class_id, to] += units
        self.emit(deployment, Transferred, sender=sender, to=to, class_id=class_id, units=units)

    def emit(self, deployment: Deployment, event: type[ChainEvent], /, **facts: object) -> None:
        self.times[self.block] = self.now
        log_index = len(self.events[deployment])
        place = Place(block=self.block, transaction=name(f"{deployment} {self.block}"), log_index=log_index)
        self.events[deployment].append(event(place=place, **facts))  # type: ignore[arg-type]
