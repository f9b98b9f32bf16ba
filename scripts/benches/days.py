"""The day after, in the same honest house: one range of a hundred is changed.

What was settled is executed. Of ten such ranges, four are minted anew, with a row of their own; two are asked for
retirement, settled whole and executed; two change hands, and two are split in the registry, which changes nothing but
their rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ranges import (
    CHANGES,
    DEPLOYMENTS,
    EXECUTED,
    LIVE,
    REGISTRY,
    SECONDS,
    SETTLED,
    START,
    House,
    Numbers,
    Ranges,
    completed,
    kept,
)

from bridge.domain.observed import BlockStamp
from bridge.domain.values import hex32
from bridge.reconcile.deltas import delta

BLOCKS = 7_200  # of twelve seconds


class NextDay:
    def __init__(self, house: House) -> None:
        self.house, self.folder = house, house.folder
        ranges = house.ranges
        self.before = len(ranges.first)
        live = house.dice.permutation(np.flatnonzero(ranges.fate == LIVE))
        tenth = max(len(live) // 1_000, 1)
        self.retired, self.moved, split = live[: 2 * tenth], live[2 * tenth : 4 * tenth], live[4 * tenth : 6 * tenth]
        self.split = np.sort(split[ranges.units[split] > 1])
        self.ranges = self._longer(4 * tenth)
        self.minted = np.arange(self.before, len(self.ranges.first))

    def _longer(self, count: int) -> Ranges:
        """With new ranges behind all that there are, and the retired ones as they are now."""
        r, dice = self.house.ranges, self.house.dice
        credit_class = dice.integers(0, len(self.house.classes), count)
        units = dice.integers(1, 1_000, count).astype(np.uint64)
        last = r.last.max() + np.cumsum(units)
        fate = np.concatenate([r.fate, np.full(count, LIVE)])
        fate[self.retired] = EXECUTED
        fate[fate == SETTLED] = EXECUTED
        return replace(
            r,
            space=np.concatenate([r.space, credit_class % len(self.house.spaces)]),
            credit_class=np.concatenate([r.credit_class, credit_class]),
            first=np.concatenate([r.first, last - units + np.uint64(1)]),
            last=np.concatenate([r.last, last]),
            lock=np.concatenate([r.lock, np.frombuffer(dice.bytes(32 * count), "V32")]),
            of=np.concatenate([r.of, (dice.random(count) < 0.3).astype(int)]),
            fate=fate,
        )

    def build(self) -> None:
        house, today = self.house, 4 * self.house.end + 1
        house.ranges = self.ranges
        for number, deployment in enumerate(DEPLOYMENTS):
            folder = self.folder / "chains" / f"{deployment.chain_id}-{deployment.contract}" / "events"
            mint, retire, move = (
                some[self.ranges.of[some] == number] for some in (self.minted, self.retired, self.moved)
            )
            opened = self._blocks(retire) + today + BLOCKS
            tables = house.mints(mint, self._blocks(mint) + today)
            tables |= house.exits(retire, opened, self._blocks(retire) + today + 2 * BLOCKS)
            changed = house.moved(move, self._blocks(move) + today)
            tables["Transferred"] = pa.concat_tables([tables["Transferred"], house.burned(retire, opened), changed])
            for name, table in tables.items():
                kept(completed(name, table), folder / name / "1.parquet")
            end = today + 3 * BLOCKS
            stamp = BlockStamp(number=end, hash=hex32(100 + number), timestamp=START + end * SECONDS)
            (folder.parent / "stamp-1.json").write_text(stamp.model_dump_json())
        before = self.folder / "statements" / f"{REGISTRY}-0" / "rows.parquet"
        after = house.state(1, START + (today + 3 * BLOCKS - 1) * SECONDS, self.split)
        change = delta([before], [after])
        if change is None:
            raise SystemExit("the statements of two days differ too much")
        for name in CHANGES:
            pq.write_table(getattr(change, name), after.with_name(f"{name}.parquet"))

    def _blocks(self, ranges: Numbers) -> Numbers:
        return np.sort(self.house.dice.integers(0, BLOCKS, len(ranges)))
