"""An honest house of any number of ranges as archives: one registry, two contracts, one statement; seeded.

Each range is minted once, in an order of its own. Of a hundred, five change hands, and three are asked for retirement,
settled whole and executed, but for the last few; for a hundred that are minted three more rows are their holders' own.
A thousand at most are in flight each way at once: locked and not minted yet, settled and not executed yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bridge.domain.attestations import Attested, ClassTotal, Deployment, StatementHead
from bridge.domain.observed import BlockStamp
from bridge.domain.values import hex32
from bridge.reconcile import event_tables
from bridge.reconcile.evidence import ChainArchive, Endorsement, Evidence, StatementArchive, StatementDelta

REGISTRY = "VERRA"
HERE = Deployment(chain_id=1, contract="0x" + "c1" * 20)
THERE = Deployment(chain_id=10, contract="0x" + "c2" * 20)
DEPLOYMENTS = (HERE, THERE)
SPACES, CLASSES, ACCOUNTS = 24, 2_000, 50_000
START, SECONDS, PER_BLOCK = 1_700_000_000, 12, 8
NOBODY = bytes(20)

Numbers = np.ndarray[Any, np.dtype[Any]]
ROW_GROUP = 122_880  # rows that DuckDB hands to a thread at once


@dataclass(frozen=True)
class Ranges:
    """Column by column. `of`: which contract minted it, -1 for none; `fate`: what became of it."""

    space: Numbers
    credit_class: Numbers
    first: Numbers
    last: Numbers
    lock: Numbers
    of: Numbers
    fate: Numbers

    @property
    def units(self) -> Numbers:
        return self.last - self.first + np.uint64(1)


LIVE, SETTLED, EXECUTED, FREE, AWAITED = range(5)


class House:
    """`count`: ranges that are minted."""

    def __init__(self, count: int, folder: Path, seed: int = 6) -> None:
        self.dice = np.random.default_rng(seed)
        self.folder = folder
        self.spaces, self.classes = self._ids(SPACES), self._ids(CLASSES)
        self.accounts = self._ids(ACCOUNTS, 20)
        self.ranges = self._ranges(count)
        self.end = count // PER_BLOCK + 1

    def build(self) -> None:
        for number, deployment in enumerate(DEPLOYMENTS):
            self._chain(number, deployment)
        self.state(0, START + (4 * self.end - 1) * SECONDS)

    # ------------------------------------------------------------- columns

    def _ranges(self, count: int) -> Ranges:
        every = count + 3 * count // 100
        credit_class = self.dice.integers(0, CLASSES, every)
        space = (np.arange(CLASSES) % SPACES)[credit_class]
        order = np.argsort(space, kind="stable")
        units = self.dice.integers(1, 1_000, every).astype(np.uint64)
        gaps = self.dice.integers(0, 50, every).astype(np.uint64)
        last = np.cumsum(units + gaps)
        fate = self._fates(count, every)
        of = np.where(fate >= FREE, -1, (self.dice.random(every) < 0.3).astype(int))
        lock = np.frombuffer(self.dice.bytes(32 * every), "V32")
        return Ranges(space[order], credit_class[order], last - units + np.uint64(1), last, lock, of, fate)

    def _fates(self, count: int, every: int) -> Numbers:
        fate = np.full(every, LIVE)
        waiting = min(count // 100, 1_000)
        fate[:waiting] = SETTLED
        fate[waiting : 3 * (count // 100)] = EXECUTED
        fate[count:] = FREE
        fate[count : count + waiting] = AWAITED
        self.dice.shuffle(fate)
        return fate

    def _ids(self, count: int, size: int = 32) -> pa.Array:
        return fixed(np.frombuffer(self.dice.bytes(size * count), f"V{size}"))

    # -------------------------------------------------------------- chains

    def _chain(self, number: int, deployment: Deployment) -> None:
        folder = self.folder / "chains" / f"{deployment.chain_id}-{deployment.contract}" / "events"
        mine = self.dice.permutation(np.flatnonzero(self.ranges.of == number))
        asked = mine[self.ranges.fate[mine] != LIVE]
        count, some = len(asked), mine[: len(mine) // 20]
        opened = np.sort(self.dice.integers(0, self.end // 2, count)) + 2 * self.end
        settled = 4 * self.end - 10 - np.sort(self.dice.integers(0, min(self.end // 2, 40_000), count))[::-1]
        later = np.sort(self.dice.integers(0, self.end // 2, len(some))) + self.end
        tables = self._registrations() | self.mints(mine, 2 + np.sort(self.dice.integers(0, self.end, len(mine))))
        tables |= self.exits(asked, opened, settled)
        moved = [self.burned(asked, opened), self.moved(some, later)]
        tables["Transferred"] = pa.concat_tables([tables["Transferred"], *moved])
        for name, table in tables.items():
            kept(completed(name, table), folder / name / "0.parquet")
        stamp = BlockStamp(number=4 * self.end, hash=hex32(number + 1), timestamp=START + 4 * self.end * SECONDS)
        (folder.parent / "stamp-0.json").write_text(stamp.model_dump_json())

    def _registrations(self) -> dict[str, pa.Table]:
        spaces, classes = np.arange(SPACES), np.arange(CLASSES)
        return {
            "SpaceRegistered": self._events(
                np.zeros(SPACES),
                {
                    "space": self.spaces,
                    "registry": texts(REGISTRY, SPACES),
                    "kind": small(0, SPACES),
                    "key": pa.array(map(str, spaces)),
                },
            ),
            "ClassCreated": self._events(
                np.ones(CLASSES),
                {
                    "class_id": self.classes,
                    "registry": texts(REGISTRY, CLASSES),
                    "project": pa.array(map(str, classes)),
                    "vintage": whole(2010 + classes % 15),
                    "credit_type": texts("VCU", CLASSES),
                    "kg_per_unit": whole(np.full(CLASSES, 1000)),
                },
            ),
        }

    def mints(self, mine: Numbers, block: Numbers) -> dict[str, pa.Table]:
        r, count = self.ranges, len(mine)
        holder = self._somebody(mine)
        minted = {
            "lock_id": fixed(r.lock[mine]),
            "class_id": one_of(self.classes, r.credit_class[mine]),
            "space": one_of(self.spaces, r.space[mine]),
            "first": whole(r.first[mine]),
            "last": whole(r.last[mine]),
            "recipient": holder,
        }
        moved = {
            "sender": nobody(count),
            "to": holder,
            "class_id": minted["class_id"],
            "units": whole(r.units[mine]),
        }
        return {"Minted": self._events(block, minted), "Transferred": self._events(block, moved, turn=1)}

    def exits(self, asked: Numbers, opened: Numbers, settled: Numbers) -> dict[str, pa.Table]:
        r, count = self.ranges, len(asked)
        classes, units = one_of(self.classes, r.credit_class[asked]), whole(r.units[asked])
        request, kind, holder = self._request(asked), small(0, count), self._somebody(asked)
        opening = {"request_id": request, "holder": holder, "class_id": classes, "kind": kind, "units": units}
        opening |= {"commitment": request, "salt": request, "deadline": whole(np.full(count, START + 10**9))}
        parts = pa.StructArray.from_arrays(
            [one_of(self.spaces, r.space[asked]).dictionary_decode(), whole(r.first[asked]), whole(r.last[asked])],
            ["space", "first", "last"],
        )
        outcome = {"request_id": request, "class_id": classes, "kind": kind, "part": whole(np.zeros(count))}
        outcome["ranges"] = pa.ListArray.from_arrays(pa.array(np.arange(count + 1), pa.int32()), parts)
        outcome["remaining"] = whole(np.zeros(count))
        return {
            "RequestOpened": self._events(opened, opening),
            "OutcomeSettled": self._events(settled, outcome),
            "CreditRetired": self._events(settled, {"account": holder, "class_id": classes, "units": units}, turn=1),
        }

    def burned(self, asked: Numbers, opened: Numbers) -> pa.Table:
        """Units that requests take."""
        r = self.ranges
        burned = {
            "sender": self._somebody(asked),
            "to": nobody(len(asked)),
            "class_id": one_of(self.classes, r.credit_class[asked]),
            "units": whole(r.units[asked]),
        }
        return self._events(opened, burned, turn=2)

    def moved(self, some: Numbers, later: Numbers) -> pa.Table:
        """Units that change hands."""
        r = self.ranges
        moved = {
            "sender": self._somebody(some),
            "to": self._somebody(some + 1),
            "class_id": one_of(self.classes, r.credit_class[some]),
            "units": whole(np.ones(len(some))),
        }
        return self._events(later, moved, turn=3)

    def _events(self, block: Numbers, columns: Mapping[str, Any], turn: int = 0) -> pa.Table:
        """`turn`: so that events of several kinds share a block and no log."""
        block = block.astype(np.uint64)
        within = np.arange(len(block)) - np.searchsorted(block, block)
        place = {
            "block": pa.array(block),
            "time": pa.array((START + block * SECONDS).astype(np.int64)),
            "transaction": self._ids(len(block)),
            "log_index": pa.array((4 * within + turn).astype(np.uint32)),
        }
        return pa.table(place | dict(columns))

    def _somebody(self, ranges: Numbers) -> pa.Array:
        return one_of(self.accounts, ranges % ACCOUNTS)

    def _request(self, ranges: Numbers) -> pa.Array:
        """A range's request is named by its number, since each has one at most."""
        named = np.zeros((len(ranges), 4), np.uint64)
        named[:, 0], named[:, 3] = ranges + 1, 0xBEEF
        return fixed(np.ascontiguousarray(named).view("V32").reshape(-1))

    # ----------------------------------------------------------- statement

    def state(self, day: int, as_of: int, split: Numbers | None = None) -> Path:
        """`split`: ranges that stand as two rows each."""
        split = np.zeros(0, int) if split is None else split
        r = _divided(self.ranges, split)
        count = len(r.first)
        named = np.insert(np.arange(len(self.ranges.first)), split + 1, split)
        ours, acted = r.fate != FREE, (r.fate == SETTLED) | (r.fate == EXECUTED)
        states = np.array([0, 1, 2, 3, 0])[r.fate]
        rows = pa.table(
            {
                "position": pa.array(np.arange(count)),
                "row": pa.array(np.arange(count) + 2),
                "space": one_of(self.spaces, r.space),
                "first": whole(r.first),
                "last": whole(r.last),
                "class_id": one_of(self.classes, r.credit_class),
                "state": one_of(pa.array(["locked", "reserved", "retired", "held"]), states),
                "holder": one_of(pa.array(["bridge", "retired", "somebody"]), np.array([0, 0, 1, 2])[states]),
                "deployment": masked(one_of(pa.array(list(map(str, DEPLOYMENTS))), np.maximum(r.of, 0)), ours),
                "lock_id": masked(fixed(r.lock), ours),
                "request_id": masked(self._request(named), acted),
                "not_after": pa.array(np.full(count, START + 10**9), mask=~ours),
            }
        )
        file = kept(rows, self.folder / "statements" / f"{REGISTRY}-{day}" / "rows.parquet")
        head = StatementHead(sequence=1 + day, as_of=as_of, rows_hash=hex32(1), totals=self._totals())
        signed = Attested[StatementHead](items=(head,), signers=(), signatures=())
        file.with_name("head.json").write_text(signed.model_dump_json())
        return file

    def _totals(self) -> tuple[ClassTotal, ...]:
        r = self.ranges
        here = (r.of == 0) | (r.fate == AWAITED)
        locked, retired = (
            np.bincount(r.credit_class[of], r.units[of].astype(float), CLASSES).astype(np.uint64)
            for of in (here, (r.of == 0) & (r.fate == EXECUTED))
        )
        return tuple(
            ClassTotal(class_id="0x" + of.as_py().hex(), locked=a, released=0, retired=b, handed_over=0)
            for of, a, b in zip(self.classes, map(int, locked), map(int, retired), strict=True)
        )


def _divided(r: Ranges, split: Numbers) -> Ranges:
    """Each of these, which rise, in two, the second behind the first."""
    columns = {field.name: getattr(r, field.name) for field in fields(r)}
    longer = {name: np.insert(column, split + 1, column[split]) for name, column in columns.items()}
    second = split + 1 + np.arange(len(split))
    longer["first"][second] = r.first[split] + r.units[split] // np.uint64(2)
    longer["last"][second - 1] = longer["first"][second] - np.uint64(1)
    return Ranges(**longer)


def completed(name: str, table: pa.Table) -> pa.Table:
    """With the event's other columns, null as where nobody looked."""
    for column, kind in event_tables.SCHEMAS[name].items():
        if column not in table.column_names and column not in event_tables.PLACE:
            table = table.append_column(column, pa.nulls(len(table), kind))
    return table


def evidence_in(folder: Path, days: int = 1) -> Evidence:
    """As it was collected on the first day, or on the first and the second."""
    statements = [_statement_in(folder / "statements" / f"{REGISTRY}-{day}", day) for day in range(days)]
    vouched = [
        Endorsement(registry=REGISTRY, deployment=HERE, head=one.head, attesters=2, threshold=2) for one in statements
    ]
    return Evidence(
        chains=[_chain_in(folder, deployment, days) for deployment in DEPLOYMENTS],
        statements=statements,
        endorsements=vouched,
        accounts=[(REGISTRY, deployment, "bridge") for deployment in DEPLOYMENTS],
    )


def _chain_in(folder: Path, deployment: Deployment, days: int) -> ChainArchive:
    place = folder / "chains" / f"{deployment.chain_id}-{deployment.contract}"
    stamp = BlockStamp.model_validate_json((place / f"stamp-{days - 1}.json").read_text())
    files = {
        event.name: [file for day in range(days) if (file := event / f"{day}.parquet").exists()]
        for event in (place / "events").iterdir()
    }
    return ChainArchive(deployment, stamp, files, pieces=[f"day {day}" for day in range(days)])


CHANGES = ("gone", "fresh", "shifts")
"""How the rows of a statement differ from those of the day before."""


def _statement_in(folder: Path, day: int) -> StatementArchive:
    head = Attested[StatementHead].model_validate_json((folder / "head.json").read_text())
    change = StatementDelta(f"day {day - 1}", *(folder / f"{name}.parquet" for name in CHANGES)) if day else None
    return StatementArchive(REGISTRY, head, [folder / "rows.parquet"], True, f"day {day}", change)


def fixed(values: Numbers) -> pa.Array:
    size = values.dtype.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(values), [None, pa.py_buffer(values.tobytes())])


def one_of(values: pa.Array, which: Numbers) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), values)


def nobody(count: int) -> pa.DictionaryArray:
    return one_of(pa.array([NOBODY], pa.binary(20)), np.zeros(count))


def texts(value: str, count: int) -> pa.Array:
    return pa.array([value] * count)


def small(value: int, count: int) -> pa.Array:
    return pa.array(np.full(count, value, np.uint8))


def whole(values: Numbers) -> pa.Array:
    return pa.array(values.astype(np.uint64))


def masked(values: pa.Array, there: Numbers) -> pa.Array:
    return pa.compute.if_else(pa.array(there), values, pa.scalar(None, values.type))


def kept(table: pa.Table, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    repeated = [f.name for f in table.schema if pa.types.is_dictionary(f.type)]
    pq.write_table(
        table, file, compression="zstd", row_group_size=ROW_GROUP, use_dictionary=repeated, store_schema=False
    )
    return file
