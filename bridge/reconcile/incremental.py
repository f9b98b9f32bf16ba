"""A comparison that reads only what is new, and what that touches; its answers are those of the full one.

A full comparison leaves a *checkpoint*: quiet pairs (`quiet.py`) are calm from then on, as long as nothing touches
them. What is compared is all that happened since, all that was not calm, and the calm ranges that are touched; of the
rest only units and sums are given. The plan and the rules are the very same. Why no answer is lost:

*Mints and rows.* That no rule depends on a quiet pair holds for each pair by itself, so any of them may be left out, if
their units are added. Those left out are quiet in the evidence as it is now:

1. What made a pair quiet is all still there: the chain's pieces and the statements are named by their content, and
   nothing is taken out of history.
2. Nothing since then has a serial of it: no mint, settlement, reversal, nor row of a later statement that differs from
   the one before (`deltas.py`); nor is there a claim on it. Every range that shares a serial with any of these is
   compared anew.
3. Nothing since then names its lock: no mint, row, offer of cover, nor lock that was signed; else it is compared anew.
4. Its class and space were not registered anew, its batch got no other class, the accounts that stand for deployments
   are the same, nobody reads its space from storage or tells of its re-issue; else all is compared.
5. A later statement has no earlier moment, and a class that is closed is closed by a later event.

Its row stood unchanged in every statement from the first that had it. So no two statements contradict one another over
it, and it can be missing in all of them at once. One that is compared anew comes back in the last statement of the
checkpoint and in all since: the rules look at each statement and the one before it, and two of them that both lack a
row have nothing to say of it.

*Movements of units* are most of what happens, and are asked for by four rules and for sums. A movement is compared
when it was later than its class's first closing or its giver's first freezing, when a mint that allowances still count
brought it, when a finding names it, and when its time is not known. Of the others only sums are asked ever after:
closings, freezes and allowances that come later bear on later movements only. What would bear on earlier ones is that a
deployment keeps a list, or gives out its first allowance, and then all is compared.

*Mints under an allowance* are compared as long as they may still count (`allowance_exceeded.counting`).

All other events, and whatever is handed in beside chains and statements, are compared whole each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, dataset, parquet

from bridge.domain.attestations import Deployment
from bridge.domain.findings import Reconciliation
from bridge.domain.observed import BY, POLICY
from bridge.domain.values import to_bytes
from bridge.errors import MalformedInput
from bridge.reconcile import checkpoint, facts, quiet, statement_tables
from bridge.reconcile.calm import Numbers, Spans, run
from bridge.reconcile.checkpoint import Checkpoint, follows, in_order, software
from bridge.reconcile.deltas import Delta, later
from bridge.reconcile.duckdb_engine import DuckDB
from bridge.reconcile.event_tables import READERS, SCHEMAS, text, whose
from bridge.reconcile.evidence import Evidence, Limits, StatementArchive
from bridge.reconcile.plan import Files, Parts
from bridge.reconcile.reconcile import docket_of, judged, require_same_moments

_SHARE, _FEW = 5, 1_000
"""When what is new and what it touches is more than a fifth of the calm ranges, all is compared, and a new checkpoint
is made."""


class DoesNotFit(Exception):
    """Why all has to be compared."""


@dataclass(frozen=True)
class Compared:
    """`words`: how, for people."""

    found: Reconciliation
    incremental: bool
    words: str


def compare(
    evidence: Evidence,
    limits: Limits | None = None,
    *,
    folder: Path,
    full: bool = False,
    engine: DuckDB | None = None,
) -> Compared:
    """As `reconcile`, by the checkpoint in `folder` where it fits; where not, by all, and leaves a new one there."""
    require_same_moments(evidence)
    limits, engine = limits or Limits(), engine or DuckDB()
    try:
        return _since(evidence, limits, _opened(folder, full), engine)
    except DoesNotFit as reason:
        words = f"all was compared: {reason}"
    docket = docket_of(limits, True, engine.dialect)
    with judged(evidence, docket, engine.machine(facts.given(evidence), docket.plan)) as one:
        checkpoint.write(folder, evidence, docket, one)
        return Compared(one.found, False, words)


def _opened(folder: Path, full: bool) -> Checkpoint:
    if full:
        raise DoesNotFit("as was asked for")
    try:
        return Checkpoint(folder)
    except MalformedInput as error:
        raise DoesNotFit(str(error)) from error


def _since(evidence: Evidence, limits: Limits, point: Checkpoint, engine: DuckDB) -> Compared:
    try:
        given = Reduced(evidence, point).given()
    except MalformedInput as error:
        raise DoesNotFit(str(error)) from error
    docket = docket_of(limits, False, engine.dialect)
    with judged(evidence, docket, engine.machine(given, docket.plan)) as one:
        if not one.complete:
            raise DoesNotFit("a finding names an event that is older than the checkpoint")
        blocks = ", ".join(f"block {mark.stamp.number} of {mark.deployment}" for mark in point.about.chains)
        return Compared(one.found, True, f"compared what is new since {blocks}, and what it touches")


class Reduced:
    """Raises DoesNotFit."""

    def __init__(self, evidence: Evidence, point: Checkpoint) -> None:
        known = checkpoint.archives(evidence)
        if known is None:
            raise DoesNotFit("not all of the evidence is archived")
        self._evidence, self._point = evidence, point
        self._chains, self._statements = known
        self._read: dict[tuple[str, int], pa.Table] = {}
        self._require_same_history()
        self._order = in_order(self._statements)
        self._marked = {mark.digest: number for number, mark in enumerate(point.about.statements)}
        self._require_later_statements()
        self._require_same_kinds()

    def given(self) -> dict[str, Parts]:
        recalled = self._recalled()
        told = self._point.calm.told(recalled)
        space = self._spaces_of(recalled)
        first, last = self._point.calm.first[recalled], self._point.calm.last[recalled]
        spans = {"space": space, "first": pa.array(first), "last": pa.array(last)}
        given = facts.given(self._evidence)
        given |= {name: [table] for name, table in self._sums(told, first, last).items()}
        given["Minted"] = [*self._residual("Minted"), *self._mints(told, spans)]
        given["Transferred"] = self._residual("Transferred")
        given[statement_tables.NAME] = list(self._rows(told, spans))
        return given

    # ------------------------------------------------------------ does it fit

    def _require_same_history(self) -> None:
        about = self._point.about
        if about.software != software():
            raise DoesNotFit("the checkpoint is of another version")
        if [one.deployment for one in self._chains] != [mark.deployment for mark in about.chains]:
            raise DoesNotFit("other deployments are compared than before")
        for number, (chain, mark) in enumerate(zip(self._chains, about.chains, strict=True)):
            if tuple(chain.pieces[: len(mark.pieces)]) != mark.pieces or chain.stamp.number < mark.stamp.number:
                raise DoesNotFit(f"the history of {chain.deployment} is another than before")
            if chain.keeps_list != mark.keeps_list:
                raise DoesNotFit(f"{chain.deployment} keeps a list now, or none any more")
            for event, known in (("Listed", mark.lists), ("AllowanceSet", mark.allowances)):
                if not known and self._since(event, number).num_rows:
                    raise DoesNotFit(f"{event} happened for the first time on {chain.deployment}")
        if sorted(map(str, self._evidence.accounts)) != sorted(map(str, about.accounts)):
            raise DoesNotFit("other accounts stand for the deployments")

    def _require_later_statements(self) -> None:
        """The checkpoint's statements of each registry, and then others of which it is known what they changed."""
        marked: dict[str, list[str]] = {}
        for mark in self._point.about.statements:
            marked.setdefault(mark.registry, []).append(mark.digest)
        if marked.keys() != self._order.keys():
            raise DoesNotFit("a registry gave its first statement")
        for registry, numbers in self._order.items():
            digests = {self._statements[number].digest for number in numbers[: len(marked[registry])]}
            if digests != set(marked[registry]) or len(digests) < len(marked[registry]):
                raise DoesNotFit(f"{registry} has other earlier statements than before")
            since = numbers[len(digests) - 1 :]
            for before, after in pairwise(since):
                if not follows(self._statements[after], self._statements[before]):
                    raise DoesNotFit(f"it is not known how a statement of {registry} differs from the one before")

    def _require_same_kinds(self) -> None:
        about, evidence = self._point.about, self._evidence
        spaces, classes = set(about.spaces), set(about.classes)
        looked = {one.space for one in evidence.ledgers}
        looked |= {r.space for one in evidence.reissues for r in (one.origin, one.becomes)}
        if looked & spaces:
            raise DoesNotFit("a serial space is looked at from beginning to end")
        for number in range(len(self._chains)):
            made = {text(one) for one in self._since("ClassCreated", number)["class_id"].to_pylist()}
            opened = {text(one) for one in self._since("SpaceRegistered", number)["space"].to_pylist()}
            if made & classes or opened & spaces:
                raise DoesNotFit("a class or serial space was registered once more")
        self._require_one_class_a_batch()

    def _require_one_class_a_batch(self) -> None:
        """A batch admits the class of its first mint, which may be calm."""
        batches = self._point.batches
        for number in range(len(self._chains)):
            minted = self._since("Minted", number).select(["space", "class_id"])
            known = batches.filter(compute.equal(batches["chain"], number))
            of = known["class_id"].take(compute.index_in(minted["space"], _values(known["space"])))
            if compute.any(compute.not_equal(of, minted["class_id"])).as_py():
                raise DoesNotFit("another class was minted of a batch")

    # --------------------------------------------------------- what is touched

    def _recalled(self) -> Numbers:
        """Calm ranges that something touches now."""
        calm = self._point.calm
        runs = [calm.touched(spans) for spans in self._touching()]
        much = sum(len(low) + int((high - low).sum()) for low, high in runs)
        if much * _SHARE > max(len(calm), _FEW):
            raise DoesNotFit("much has changed since the checkpoint was made")
        touched = [run(low, high) for low, high in runs]
        touched += [calm.locked(lock_ids) for lock_ids in self._locks()]
        numbers = np.unique(np.concatenate(touched)).astype(np.int64)
        return numbers[self._point.active[numbers]]

    def _touching(self) -> Iterator[Spans]:
        for number in range(len(self._chains)):
            yield Spans.of(self._since("Minted", number))
            for event in ("OutcomeSettled", "Reversed"):
                ranges = self._since(event, number)["ranges"].combine_chunks()
                yield Spans.of(ranges.flatten())
        claimed = [claim.range for claim in self._evidence.claims if claim.range]
        yield Spans(
            pa.array([to_bytes(r.space) for r in claimed], pa.binary()),
            np.array([r.first for r in claimed], np.uint64),
            np.array([r.last for r in claimed], np.uint64),
        )
        for archive in self._evidence.claim_archives:
            for file in archive.files:
                table = parquet.read_table(file, columns=["space", "first", "last"])
                yield Spans.of(table.filter(compute.is_valid(table["space"])))
        for statement in self._later():
            yield Spans.of(_delta(statement).gone)
            yield Spans.of(_delta(statement).fresh)

    def _locks(self) -> Iterator[pa.Array]:
        for number in range(len(self._chains)):
            for event in ("Minted", "CoverOffered"):
                yield _values(self._since(event, number)["lock_id"])
        for statement in self._later():
            yield _values(_delta(statement).fresh["lock_id"])
        signed = pa.array([to_bytes(lock.lock_id) for _, lock in self._evidence.locks], pa.binary())
        known = _values(self._point.locks["lock_id"])
        yield signed.filter(compute.invert(compute.is_in(signed, known)))

    def _later(self) -> list[StatementArchive]:
        return [one for one in self._statements if one.digest not in self._marked]

    # ---------------------------------------------------------- what is given

    def _residual(self, event: str) -> list[pa.Table | Files]:
        """What of it was not set aside, and what is new."""
        found: list[pa.Table | Files] = []
        for number, chain in enumerate(self._chains):
            file = self._point.mints(number) if event == "Minted" else self._point.moved(number)
            found += [Files((file,), whose(number, chain)), self._whole(event, self._since(event, number), number)]
        return found

    def _mints(self, told: pa.Table, spans: Mapping[str, pa.Array]) -> list[pa.Table | Files]:
        """Those that are touched, again."""
        own = ["block", "time", "transaction", "log_index", "lock_id", "recipient"]
        table = pa.table({name: told[name] for name in own} | dict(spans) | {"class_id": self._classes_of(told)})
        return [
            self._whole("Minted", table.filter(compute.equal(told["chain"], number)), number)
            for number in range(len(self._chains))
        ]

    def _whole(self, event: str, table: pa.Table, number: int) -> pa.Table:
        return _with(table, whose(number, self._chains[number]), SCHEMAS[event])

    def _since(self, event: str, number: int) -> pa.Table:
        """Of the chain with that number, later than the checkpoint and not later than it is compared."""
        if (event, number) not in self._read:
            chain, after = self._chains[number], self._point.about.chains[number].stamp.number
            files = [str(f) for name in (event, POLICY + event) for f in chain.files.get(name, ())]
            schema = {name: kind for name, kind in SCHEMAS[event].items() if name not in (*READERS, BY, "of_policy")}
            table = pa.schema(list(schema.items())).empty_table()
            if files:
                block = dataset.field("block")
                when = (block > after) & (block <= chain.stamp.number)
                table = dataset.dataset(files).to_table(columns=list(schema), filter=when).cast(table.schema)
            self._read[event, number] = table
        return self._read[event, number]

    def _spaces_of(self, numbers: Numbers) -> pa.Array:
        at = np.searchsorted(self._point.calm.starts, numbers, "right") - 1
        return self._point.calm.spaces.take(pa.array(at))

    def _sums(self, told: pa.Table, first: Numbers, last: Numbers) -> dict[str, pa.Table]:
        """Without the units of what is touched."""
        sums = dict(self._point.sums())
        units = last - first + np.uint64(1)
        kinds = told["chain"].to_numpy().astype(np.int64) << 32 | told["class"].to_numpy()
        left: dict[tuple[Deployment, str], list[int]] = {}
        for kind, some in zip(kinds.tolist(), units.tolist(), strict=True):
            where = (self._chains[kind >> 32].deployment, self._point.about.classes[kind & 0xFFFFFFFF])
            so_far = left.setdefault(where, [0, 0])
            so_far[0] += some
            so_far[1] += 1
        rows, deployments = [], {str(chain.deployment): chain.deployment for chain in self._chains}
        for row in sums[quiet.BEFORE].to_pylist():
            gone, pairs = left.get((deployments[row["deployment"]], row["class_id"]), (0, 0))
            if row["pairs"] > pairs:
                rows.append(row | {"units": row["units"] - gone, "pairs": row["pairs"] - pairs})
        sums[quiet.BEFORE] = pa.Table.from_pylist(rows, sums[quiet.BEFORE].schema)
        return sums

    def _rows(self, told: pa.Table, spans: Mapping[str, pa.Array]) -> Iterator[pa.Table | Files]:
        current = {id(one) for one in statement_tables.current(self._statements).values()}
        for numbers in self._order.values():
            rows: pa.Table | None = None
            for place, number in enumerate(numbers):
                statement = self._statements[number]
                marked = self._marked.get(statement.digest)
                if marked is not None:
                    rows = self._point.rows(marked)
                    if place + 1 == len(numbers) or self._statements[numbers[place + 1]].digest not in self._marked:
                        rows = pa.concat_tables([rows, self._rows_again(told, spans, marked)])
                else:
                    assert rows is not None  # noqa: S101 a registry's first statement is one of the checkpoint's
                    change = _delta(statement)
                    rows = pa.concat_tables([later(rows, change), change.fresh])
                of = {"statement": number, "registry": statement.registry, "current": id(statement) in current}
                moment = statement_tables.moment_of(statement)[0]
                yield _with(rows, of | {"as_of": moment}, statement_tables.SCHEMA)

    def _rows_again(self, told: pa.Table, spans: Mapping[str, pa.Array], marked: int) -> pa.Table:
        names = pa.array([str(chain.deployment) for chain in self._chains])
        columns = {name: told[name] for name in ("position", "row", "holder", "lock_id", "not_after")}
        columns |= {"deployment": names.take(told["chain"].combine_chunks()), "class_id": self._classes_of(told)}
        table = _with(
            pa.table(columns | dict(spans)), {"state": "locked", "request_id": None}, statement_tables.COLUMNS
        )
        return table.filter(compute.equal(told["statement"], marked))

    def _classes_of(self, told: pa.Table) -> pa.Array:
        ids = pa.array([to_bytes(one) for one in self._point.about.classes], pa.binary())
        return ids.take(told["class"].combine_chunks())


def _delta(statement: StatementArchive) -> Delta:
    change = statement.delta
    assert change is not None  # noqa: S101 seen before
    return Delta(*(parquet.read_table(file) for file in (change.gone, change.fresh, change.shifts)))


def _with(table: pa.Table, constants: Mapping[str, Any], schema: Mapping[str, pa.DataType]) -> pa.Table:
    columns = [
        pa.repeat(pa.scalar(constants[name], kind), table.num_rows) if name in constants else table[name].cast(kind)
        for name, kind in schema.items()
    ]
    return pa.table(columns, schema=pa.schema(list(schema.items())))


def _values(column: pa.ChunkedArray) -> pa.Array:
    return column.cast(pa.binary()).combine_chunks()
