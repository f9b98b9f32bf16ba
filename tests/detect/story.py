"""A small story told inside the base: its serials lie between the base's, its acts among the base's last ones, and
whoever looks sees both as one house."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow.compute as pc

from bridge.domain import observed as seen
from bridge.domain.attestations import Attested, ClassTotal, Deployment, Receipt, StatementHead
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import ChainEvent, ClassSnapshot, LedgerSnapshot, Place, Statement, StatementRow, rows_hash
from bridge.domain.serials import SerialRange, subtract, total_units
from bridge.reconcile import statement_tables
from bridge.reconcile.evidence import (
    ChainArchive,
    ChainView,
    Claim,
    ClaimLink,
    Endorsement,
    Evidence,
    Reissue,
    StatementArchive,
)
from tests.detect.base import BATCH, CUSTOMERS, END, PLOT, WIND, Base, kept, kept_events
from tests.reconcile.story import ALICE, FOREST, HERE, START, THERE, House, endorsed, name, serials


@dataclass
class Extra:
    """What a look hands in beside chains and statements."""

    claims: list[Claim] = field(default_factory=list)
    links: list[ClaimLink] = field(default_factory=list)
    locks: list[tuple[Deployment, object]] = field(default_factory=list)
    receipts: list[tuple[Deployment, Receipt]] = field(default_factory=list)
    reissues: list[Reissue] = field(default_factory=list)
    accounts: list[tuple[str, Deployment, str]] = field(default_factory=list)
    reissued: list[SerialRange] = field(default_factory=list)


class Story(House):
    def __init__(self, base: Base, dice: Random) -> None:
        self.base, self.dice = base, dice
        self.free = dice.sample(range(base.ranges), min(base.ranges, 60))
        self.extra = Extra()
        self.caller: str | None = None
        self.listing = False
        self.folder = TemporaryDirectory(prefix="story-")
        self.kept_files = 0
        super().__init__(HERE, THERE)
        # Spaces and classes are the base's, and older than the story.
        for events in self.events.values():
            events.clear()
        self.wait(END - START - dice.randint(0, 7200))

    # --------------------------------------------------------------- places

    def plot(self, units: int = 0, credit_class: CreditClass = FOREST) -> SerialRange:
        """A block newly issued somewhere between two of the base's."""
        first = (self.free.pop() + 1) * PLOT + 501
        r = serials(first, first + (units or self.dice.randint(8, 400)) - 1)
        self.issue(r, credit_class)
        return r

    def unissued(self, units: int = 0) -> SerialRange:
        first = (self.free.pop() + 1) * PLOT + 501
        return serials(first, first + (units or self.dice.randint(8, 400)) - 1)

    def deposited(self, deployment: Deployment | None = None, credit_class: CreditClass = FOREST) -> SerialRange:
        r = self.plot(credit_class=credit_class)
        self.deposit(r, deployment or self.somewhere())
        return r

    def somewhere(self) -> Deployment:
        return HERE if self.dice.random() < 0.7 else THERE

    def part(self, r: SerialRange) -> SerialRange:
        """Some of it, often up to an edge, and seldom all."""
        first = self.dice.choice([r.first, self.dice.randint(r.first, r.last)])
        last = self.dice.choice([r.last, self.dice.randint(first, r.last)])
        return serials(first, last)

    def within(self, r: SerialRange) -> SerialRange:
        """Less than all of it."""
        first = self.dice.randint(r.first, r.last - 1)
        last = self.dice.randint(first, r.last - 1) if first == r.first else self.dice.randint(first, r.last)
        return serials(first, last)

    def reissue(self) -> None:
        """A block is cancelled here and issued anew by the other registry. While one tells of that, no range of the
        space is set aside as quiet (`reconcile.quiet`): each comes before each rule."""
        r = self.plot(self.dice.randint(5, 60))
        self.write(r, state=SerialState.CANCELLED)
        first = 4 * 10**9 + len(self.extra.reissues) * 10**6
        becomes = SerialRange(space=BATCH.id, first=first, last=first + r.units - 1)
        self.extra.reissues.append(Reissue(source="conversions", origin=r, becomes=becomes))
        self.extra.reissued.append(becomes)

    def honest_life(self) -> None:
        """What happens beside the fault."""
        if self.dice.random() < 0.25:
            self.reissue()
        for _ in range(self.dice.randint(0, 2)):
            deployment = self.somewhere()
            r = self.deposited(deployment)
            act = self.dice.choice(["hold", "retire", "redeem", "move", "split"])
            if act == "split":
                self.split(self.dice.randint(r.first + 1, r.last))
            elif act != "hold":
                kind = Kind.RETIREMENT if act == "retire" else Kind.REDEMPTION
                some = self.part(r)
                self.exit(kind, some, deployment=deployment)
                if act == "move":
                    self.deposit(some, THERE if deployment == HERE else HERE)

    def ask_and_settle(self, kind: Kind, r: SerialRange) -> None:
        """A whole exit here, whose receipt is kept."""
        request_id = self.ask(kind, r.units)
        self.reserve(request_id, r)
        self.settle(request_id, r)
        self.extra.receipts.append((HERE, self.execute(request_id)))

    def minted_by(
        self, operator: str | None, units: int, deployment: Deployment, credit_class: CreditClass = FOREST
    ) -> SerialRange:
        r = self.plot(units, credit_class)
        lock_id = self.lock(r, deployment)
        self.caller = operator
        self.mint(lock_id)
        self.caller = None
        return r

    def relist(self) -> None:
        """Everybody but BOB has been listed from the beginning."""
        self.listing = True

    # ------------------------------------------------------------- looking

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.block = 100 + self.now - START

    def _base_is_done(self) -> None:
        if self.now <= END:
            self.wait(END - self.now + 1)

    def chain(self, deployment: Deployment = HERE) -> ChainView:
        self._base_is_done()
        own = super().chain(deployment)
        return replace(own, events=[*self._listed(deployment), *own.events])

    def _listed(self, deployment: Deployment) -> list[ChainEvent]:
        if not self.listing or deployment != HERE:
            return []
        place = Place(block=1, transaction=name("listing"), log_index=0)
        return [seen.Listed(place=place, account=account, listed=True) for account in (*CUSTOMERS, ALICE)]

    def statement(self) -> Statement:
        self._base_is_done()
        return self.with_rows(super().statement())

    def own_statement(self) -> Statement:
        """The story's rows and totals alone."""
        self._base_is_done()
        return super().statement()

    def with_rows(self, own: Statement, rows: Sequence[StatementRow] | None = None) -> Statement:
        """The story's rows, or other ones, after the base's."""
        told = own.rows if rows is None else tuple(rows)
        head = own.head.items[0]
        totals: defaultdict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        ours = (total for total in self.base.statement_totals(HERE) if total.class_id != WIND.id)
        for total in (*ours, *head.totals):
            for figure, units in total.model_dump(exclude={"class_id"}).items():
                totals[total.class_id][figure] += units
        told_totals = tuple(ClassTotal(class_id=c, **units) for c, units in totals.items())
        head = head.model_copy(update={"totals": told_totals, "rows_hash": rows_hash(told)})
        return own.model_copy(update={"head": Attested(items=(head,), signers=(), signatures=()), "rows": tuple(told)})

    def other_statement(self, as_of: int) -> Statement:
        """The base's second registry, to which stories only add what is re-issued there."""
        totals = tuple(t for t in self.base.statement_totals(HERE) if t.class_id == WIND.id)
        rows = tuple(
            StatementRow(row=n, range=r, class_id=WIND.id, state=SerialState.HELD, holder="customer")
            for n, r in enumerate(self.extra.reissued, start=len(self.base.rows["GS"]) + 1)
        )
        head = StatementHead(sequence=1, as_of=as_of, rows_hash=rows_hash(rows), totals=totals)
        return Statement(registry="GS", head=Attested(items=(head,), signers=(), signatures=()), rows=rows)

    def in_memory(self, own: Statement) -> Statement:
        """With all of the base's rows, and the hash that binds them."""
        rows = (*self.base.rows[own.registry], *own.rows)
        head = own.head.items[0].model_copy(update={"rows_hash": rows_hash(rows)})
        return own.model_copy(update={"head": own.head.model_copy(update={"items": (head,)}), "rows": rows})

    def _archived(self, own: Statement) -> StatementArchive:
        """The story's rows come after the base's."""
        known, self.kept_files = len(self.base.rows[own.registry]), self.kept_files + 1
        table = statement_tables.table(own.rows)
        position = pc.add(table["position"], known)
        table = table.set_column(0, "position", position)
        file = kept(table, Path(self.folder.name) / f"{self.kept_files}.parquet")
        return StatementArchive(own.registry, own.head, [self.base.stated[own.registry], file], whole=True)

    def _of_base_too(self, view: ChainView) -> ChainArchive:
        self.kept_files += 1
        own = kept_events(view, Path(self.folder.name) / str(self.kept_files))
        base = self.base.files[view.deployment]
        files = {n: [*base.get(n, ()), *own.get(n, ())] for n in base | own}
        return ChainArchive(view.deployment, view.stamp, files, view.keeps_list)

    def seen(
        self,
        statements: Sequence[Statement] | None = None,
        chains: Sequence[ChainView] | None = None,
        endorsements: Sequence[Endorsement] | None = None,
        **given: object,
    ) -> Evidence:
        """All of the house: the statement first and the chains after it, unless they were taken before."""
        statements = list(statements) if statements is not None else [self.statement()]
        chains = list(chains) if chains is not None else [self.chain(d) for d in self.events]
        as_of = max((s.head.items[0].as_of for s in statements), default=self.now)
        statements.append(self.other_statement(as_of))
        if endorsements is None:
            endorsements = [endorsed(s) for s in statements]
        else:
            endorsements = [*endorsements, endorsed(statements[-1])]
        known = max(len(rows) for rows in self.base.rows.values())
        return Evidence(
            chains=[self._of_base_too(view) for view in chains],
            statements=[one if len(one.rows) > known else self._archived(one) for one in statements],
            endorsements=endorsements,
            claims=[*self.base.claims, *self.extra.claims],
            links=[*self.base.links, *self.extra.links],
            locks=[*self.base.locks, *self.extra.locks],  # type: ignore[list-item]
            receipts=[*self.base.receipts, *self.extra.receipts],
            reissues=[*self.base.reissues, *self.extra.reissues],
            accounts=self.extra.accounts,
            **given,  # type: ignore[arg-type]
        )

    def stored(self, view: ChainView) -> tuple[list[ClassSnapshot], list[LedgerSnapshot]]:
        """The contract's storage at that view's block, reckoned from the story's acts and not by the reconciler."""
        deployment, block = view.deployment, view.stamp.number
        own = [event for event in view.events if event.place.log_index < 1_000_000]
        live = live_after(own)
        figures: defaultdict[str, dict[str, int]] = defaultdict(lambda: {"supply": 0, "pending": 0, "shortfall": 0})
        for (where, class_id), units in self.base.supply.items():
            if where == deployment:
                figures[class_id]["supply"] += units
                figures[class_id]["pending"] += self.base.pending[where, class_id]
        for class_id, supply, pending, shortfall in changes(own):
            figures[class_id]["supply"] += supply
            figures[class_id]["pending"] += pending
            figures[class_id]["shortfall"] += shortfall
        counted: defaultdict[str, int] = defaultdict(int)
        by_space: defaultdict[str, list[tuple[str, SerialRange]]] = defaultdict(list)
        for class_id, r in (*self.base.live[deployment], *live):
            counted[class_id] += r.units
            by_space[r.space].append((class_id, r))
        at = {"deployment": deployment, "block": block}
        snapshots = [ClassSnapshot(**at, class_id=c, live=counted[c], **told) for c, told in figures.items()]
        return snapshots, [LedgerSnapshot(**at, space=s, live=tuple(ranges)) for s, ranges in by_space.items()]

    def emit(self, deployment: Deployment, event: type[ChainEvent], /, **facts: object) -> None:
        """What one act brings is one transaction. What closes or bounds a class does so for everybody, and so comes
        after the base, which knows nothing of it."""
        if event in _BINDING:
            self._base_is_done()
        if event is seen.Transferred and self.caller:
            facts = facts | {"operator": self.caller}
        self.times[self.block] = self.now
        log_index = len(self.events[deployment])
        place = Place(block=self.block, transaction=name(f"{deployment} {self.block}"), log_index=log_index)
        self.events[deployment].append(event(place=place, **facts))  # type: ignore[arg-type]


_BINDING = (seen.Quarantined, seen.Reversed, seen.AllowanceSet, seen.ClassAllowanceSet)


def replace_head(head: StatementHead, **changes: object) -> StatementHead:
    return head.model_copy(update=changes)


def live_after(events: Sequence[ChainEvent]) -> list[tuple[str, SerialRange]]:
    live: list[tuple[str, SerialRange]] = []
    for event in events:
        match event:
            case seen.Minted():
                live.append((event.class_id, event.range))
            case seen.OutcomeSettled() | seen.Reversed():
                live = [(c, rest) for c, r in live for rest in subtract(r, event.ranges)]
    return live


def changes(events: Sequence[ChainEvent]) -> list[tuple[str, int, int, int]]:
    """By each event: its class, and what it adds to supply, pending units and shortfall."""
    zero = "0x" + "00" * 20
    asked = {event.request_id: event.class_id for event in events if isinstance(event, seen.RequestOpened)}
    told = []
    for event in events:
        match event:
            case seen.Transferred():
                told.append((event.class_id, event.units * ((event.sender == zero) - (event.to == zero)), 0, 0))
            case seen.RequestOpened():
                told.append((event.class_id, 0, event.units, 0))
            case seen.OutcomeSettled():
                told.append((event.class_id, 0, -total_units(event.ranges), 0))
            case seen.RequestReturned():
                told.append((asked[event.request_id], 0, -event.units, 0))
            case seen.Reversed():
                told.append((event.class_id, 0, 0, total_units(event.ranges)))
            case seen.CoverTaken():
                told.append((event.short_class_id, 0, 0, -event.units))
    return told
