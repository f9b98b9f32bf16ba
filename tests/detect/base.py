"""An honest house of any size, as it stands: what the small stories are hidden in. Made once, and never changed.

A space is cut into plots of a thousand serials. The lower half of each is the base's, the upper half is left to
stories, so that every serial of a story lies between two of the base's.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from bridge.domain import observed as seen
from bridge.domain.attestations import ClassTotal, Deployment, Lock, Receipt
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import BlockStamp, ChainEvent, Place, StatementRow
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import ZERO_ADDRESS, hex32
from bridge.reconcile import event_tables, statement_tables
from bridge.reconcile.evidence import ChainView, Claim, ClaimLink, ClaimState, Reissue
from tests.reconcile.story import DAY, FOREST, HERE, SOLAR, SPACE, START, THERE, name

PLOT, OURS = 1_000, 500
OLD_COUNTER = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="APX+MER")
BATCH = SerialSpace(registry="GS", kind=SpaceKind.BATCH, key="GS1-1-UG-GS11236-16-2024-30307")
CANCELLED = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="CDM")
ANEW = SerialSpace(registry="GS", kind=SpaceKind.BATCH, key="GS1-1-UG-GS11236-16-2024-30308")
"""Where the base's own blocks were before another registry issued them anew, and where they are now."""
WIND = CreditClass(registry="GS", project="11236", vintage=2024, credit_type="VER", kg_per_unit=1000)
OTHERS = tuple(
    CreditClass(registry="VERRA", project=str(2000 + n), vintage=2015 + n, credit_type="VCU", kg_per_unit=1000)
    for n in range(8)
)
END = START + 20 * DAY
FAR = END + 90 * DAY
CUSTOMERS = tuple("0x" + f"{n:02x}" * 20 for n in range(0x10, 0x30))
LOCKS = 0x10_0000
"""Lock ids of the base rise from here; those of stories stay far below."""


@dataclass
class Base:
    """`files`: events by deployment and name, and `stated` rows by registry, as an archive keeps them."""

    ranges: int
    events: dict[Deployment, list[ChainEvent]] = field(default_factory=lambda: {HERE: [], THERE: []})
    times: dict[int, int] = field(default_factory=dict)
    rows: dict[str, list[StatementRow]] = field(default_factory=lambda: {"VERRA": [], "GS": []})
    files: dict[Deployment, dict[str, list[Path]]] = field(default_factory=dict)
    stated: dict[str, Path] = field(default_factory=dict)
    totals: dict[tuple[Deployment, str], dict[str, int]] = field(default_factory=dict)
    locks: list[tuple[Deployment, Lock]] = field(default_factory=list)
    receipts: list[tuple[Deployment, Receipt]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    links: list[ClaimLink] = field(default_factory=list)
    reissues: list[Reissue] = field(default_factory=list)
    live: dict[Deployment, list[tuple[str, SerialRange]]] = field(default_factory=lambda: {HERE: [], THERE: []})
    supply: defaultdict[tuple[Deployment, str], int] = field(default_factory=lambda: defaultdict(int))
    pending: defaultdict[tuple[Deployment, str], int] = field(default_factory=lambda: defaultdict(int))

    def archive(self) -> None:
        """Written once; from then on nobody reads it from memory."""
        folder = Path(_FOLDER.name) / f"{self.ranges} {id(self)}"
        for n, (deployment, events) in enumerate(self.events.items()):
            stamp = BlockStamp(number=0, hash=name(""), timestamp=END)
            view = ChainView(deployment, stamp, events, self.times)
            self.files[deployment] = kept_events(view, folder / str(n))
            events.clear()
        for registry, rows in self.rows.items():
            self.stated[registry] = kept(statement_tables.table(rows), folder / f"{registry}.parquet")

    def statement_totals(self, deployment: Deployment) -> Iterator[ClassTotal]:
        for (where, class_id), units in self.totals.items():
            if where == deployment:
                yield ClassTotal(class_id=class_id, **units)


_FOLDER = TemporaryDirectory(prefix="detect-")
_OF_THE_READER = ["chain", "deployment", "contract", "stamped"]


def kept_events(view: ChainView, folder: Path) -> dict[str, list[Path]]:
    tables = {name: table for name, table in event_tables.tables([(0, view)]).items() if table.num_rows}
    return {n: [kept(table.drop_columns(_OF_THE_READER), folder / f"{n}.parquet")] for n, table in tables.items()}


def kept(table: pa.Table, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    return file


@lru_cache(maxsize=2)
def base(ranges: int, seed: int) -> Base:
    made = _Making(Base(ranges), Random(f"base {ranges} {seed}"))
    made.set_up()
    for plot in range(ranges):
        made.live_through(plot)
    made.claim()
    made.base.archive()
    # It stays to the end, and need not be walked through for every history's garbage.
    gc.collect()
    gc.freeze()
    return made.base


@dataclass
class _Making:
    base: Base
    dice: Random
    now: int = START
    logs: int = 1_000_000
    locked: int = LOCKS
    asked: int = 0

    def set_up(self) -> None:
        for deployment in (HERE, THERE):
            for space in (SPACE, OLD_COUNTER, BATCH, CANCELLED, ANEW):
                named = {"registry": space.registry, "kind": space.kind, "key": space.key}
                self.emit(deployment, seen.SpaceRegistered, space=space.id, **named)
            for c in (FOREST, SOLAR, WIND, *OTHERS):
                told = c.model_dump(include={"registry", "project", "vintage", "credit_type", "kg_per_unit"})
                self.emit(deployment, seen.ClassCreated, class_id=c.id, **told)

    def live_through(self, plot: int) -> None:
        """One block's whole life. Few end otherwise than live, as in a young house."""
        self.now = START + 60 + (END - START - 120) * plot // self.base.ranges
        space, credit_class = self._where()
        first = (plot + 1) * PLOT + 1
        r = SerialRange(space=space.id, first=first, last=first + self.dice.randint(1, OURS - 1))
        fate = self.dice.random()
        deployment = HERE if self.dice.random() < 0.8 else THERE
        if fate < 0.05:
            self.row(r, credit_class)
        elif fate < 0.08:
            self.row(r, credit_class, state=SerialState.RETIRED)
        elif fate < 0.085 and credit_class not in (FOREST, SOLAR):
            self.row(r, credit_class, state=SerialState.LOCKED, **self.lock(r, credit_class, deployment, CUSTOMERS[0]))
        elif fate < 0.09:
            self._reissue(r)
        else:
            self._tokenized(r, credit_class, deployment, fate)

    def _where(self) -> tuple[SerialSpace, CreditClass]:
        """The story's space holds most; an older counter gives out the same numbers to others."""
        kind = self.dice.random()
        if kind < 0.1:
            return BATCH, WIND
        if kind < 0.3:
            return OLD_COUNTER, self.dice.choice(OTHERS)
        return SPACE, self.dice.choice((FOREST, SOLAR, *OTHERS))

    def _tokenized(self, r: SerialRange, c: CreditClass, deployment: Deployment, fate: float) -> None:
        owner = self.dice.choice(CUSTOMERS)
        held = self.lock(r, c, deployment, owner)
        self.mint(held["lock_id"], r, c, deployment, owner)
        if fate < 0.92 or r.units < 4:
            self.cut(r, c, state=SerialState.LOCKED, **held)
            self.base.live[deployment].append((c.id, r))
            return
        middle = self.dice.randint(r.first, r.last - 1)
        low = r.model_copy(update={"last": middle})
        high = r.model_copy(update={"first": middle + 1})
        self.row(high, c, state=SerialState.LOCKED, **held)
        self.base.live[deployment].append((c.id, high))
        if fate < 0.96:
            self._exit(Kind.RETIREMENT, low, c, deployment, owner)
            request = {"request_id": self.request_id(self.asked)}
            self.row(low, c, state=SerialState.RETIRED, **held, **request)
        elif fate < 0.995:
            self._exit(Kind.REDEMPTION, low, c, deployment, owner)
            self._after_redemption(low, c, deployment, owner)
        else:
            self.ask(Kind.REDEMPTION, low, c, deployment, owner)
            self.base.pending[deployment, c.id] += low.units
            self.base.live[deployment].append((c.id, low))
            request = {"request_id": self.request_id(self.asked)}
            self.row(low, c, state=SerialState.RESERVED, **held, **request)

    def _after_redemption(self, r: SerialRange, c: CreditClass, deployment: Deployment, owner: str) -> None:
        if self.dice.random() < 0.5:
            self.cut(r, c)
            return
        there = THERE if deployment == HERE else HERE
        held = self.lock(r, c, there, owner)
        self.mint(held["lock_id"], r, c, there, owner)
        self.row(r, c, state=SerialState.LOCKED, **held)
        self.base.live[there].append((c.id, r))

    def _reissue(self, r: SerialRange) -> None:
        """Cancelled in one registry to be issued anew by the other."""
        origin, becomes = (r.model_copy(update={"space": space.id}) for space in (CANCELLED, ANEW))
        self.row(origin, OTHERS[0], state=SerialState.CANCELLED)
        self.row(becomes, WIND)
        self.base.reissues.append(Reissue(source="conversions", origin=origin, becomes=becomes))

    # ------------------------------------------------------------ registry

    def lock(self, r: SerialRange, c: CreditClass, deployment: Deployment, owner: str) -> dict[str, object]:
        self.locked += 1
        lock_id = hex32(self.locked)
        self.total(deployment, c)["locked"] += r.units
        if self.locked % 25 == 0:
            lock = Lock(lock_id=lock_id, class_id=c.id, range=r, recipient=owner, not_after=FAR)
            self.base.locks.append((deployment, lock))
        return {"deployment": deployment, "lock_id": lock_id, "not_after": FAR}

    def total(self, deployment: Deployment, c: CreditClass) -> dict[str, int]:
        empty = dict.fromkeys(("locked", "released", "retired", "handed_over"), 0)
        return self.base.totals.setdefault((deployment, c.id), empty)

    def cut(self, r: SerialRange, c: CreditClass, **facts: object) -> None:
        """As one row, or as registries split them after the fact."""
        if r.units > 1 and self.dice.random() < 0.1:
            middle = self.dice.randint(r.first, r.last - 1)
            self.row(r.model_copy(update={"last": middle}), c, **facts)
            r = r.model_copy(update={"first": middle + 1})
        self.row(r, c, **facts)

    def row(self, r: SerialRange, c: CreditClass, state: SerialState = SerialState.HELD, **facts: object) -> None:
        rows = self.base.rows[c.registry]
        holder = "bridge" if facts.get("deployment") else "customer"
        rows.append(StatementRow(row=len(rows) + 1, range=r, class_id=c.id, state=state, holder=holder, **facts))

    # --------------------------------------------------------------- chain

    def mint(self, lock_id: object, r: SerialRange, c: CreditClass, deployment: Deployment, owner: str) -> None:
        self.emit(deployment, seen.Minted, lock_id=lock_id, class_id=c.id, range=r, recipient=owner)
        self.move(deployment, ZERO_ADDRESS, owner, c, r.units)

    def move(self, deployment: Deployment, sender: str, to: str, c: CreditClass, units: int) -> None:
        self.base.supply[deployment, c.id] += units * ((sender == ZERO_ADDRESS) - (to == ZERO_ADDRESS))
        self.emit(deployment, seen.Transferred, sender=sender, to=to, class_id=c.id, units=units)

    def request_id(self, number: int) -> str:
        return name(f"base request {number}")

    def ask(self, kind: Kind, r: SerialRange, c: CreditClass, deployment: Deployment, owner: str) -> None:
        self.asked += 1
        self.move(deployment, owner, ZERO_ADDRESS, c, r.units)
        asked = {"request_id": self.request_id(self.asked), "holder": owner, "class_id": c.id, "kind": kind}
        sealed = {"commitment": name("commitment"), "salt": name("salt"), "deadline": FAR}
        self.emit(deployment, seen.RequestOpened, units=r.units, **asked, **sealed)

    def _exit(self, kind: Kind, r: SerialRange, c: CreditClass, deployment: Deployment, owner: str) -> None:
        self.ask(kind, r, c, deployment, owner)
        self.total(deployment, c)["retired" if kind is Kind.RETIREMENT else "handed_over"] += r.units
        if kind is Kind.RETIREMENT:
            self.emit(deployment, seen.CreditRetired, account=owner, class_id=c.id, units=r.units)
        settled = {"request_id": self.request_id(self.asked), "class_id": c.id, "kind": kind}
        self.emit(deployment, seen.OutcomeSettled, part=0, ranges=(r,), remaining=0, **settled)
        if self.asked % 10 == 0:
            receipt = Receipt(
                request_id=self.request_id(self.asked),
                kind=kind,
                ranges=(r,),
                reference=f"B-{self.asked}",
                executed_at=self.now + 60,
            )
            self.base.receipts.append((deployment, receipt))

    def emit(self, deployment: Deployment, event: type[ChainEvent], /, **facts: object) -> None:
        block = 100 + self.now - START
        self.base.times[block] = self.now
        self.logs += 1
        place = Place(block=block, transaction=hex32(self.logs // 4), log_index=self.logs)
        self.base.events[deployment].append(event(place=place, **facts))

    def claim(self) -> None:
        """Another bridge's blocks, in numbers beyond ours, each retired in part for one burn."""
        for n in range(min(200, self.base.ranges // 10)):
            first = (self.base.ranges + 10 + n) * PLOT + 1
            block = SerialRange(space=SPACE.id, first=first, last=first + 99)
            part = block.model_copy(update={"last": first + self.dice.randint(0, 98)})
            kg = part.units * 1000
            told = {"source": "elsewhere"}
            self.base.claims += [
                Claim(**told, claim_id=f"m{n}", range=block, kg=100_000, state=ClaimState.MINTED),
                Claim(**told, claim_id=f"r{n}", range=part, kg=kg, state=ClaimState.RETIRED),
                Claim(**told, claim_id=f"b{n}", kg=kg, state=ClaimState.BURNED),
            ]
            self.base.links += [
                ClaimLink(**told, earlier=f"m{n}", later=f"r{n}", kg=kg),
                ClaimLink(**told, earlier=f"b{n}", later=f"r{n}", kg=kg),
            ]
