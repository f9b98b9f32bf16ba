"""What a full comparison leaves behind, so that the next one need not read again what is at rest (`incremental.py`).

calm/                       quiet pairs, searched where they lie (`calm.py`), and which of them are `active`
mints-<chain>.parquet       all other mints, of the chain with that number
moved-<chain>.parquet       movements of units that may still be judged one by one
rows-<statement>.parquet    rows of the statement with that number, but for those on active ranges
<fact>_before.parquet       sums over all that is in no other file
batches.parquet             of which class each batch is that has calm ranges
locks.parquet               which locks were signed by then
about.json                  of what evidence; with the hash of every file that is read whole

A checkpoint is no evidence: whoever takes it away changes no answer. One that is damaged is not used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import duckdb
import ibis
import numpy as np
import pyarrow as pa
from pyarrow import dataset, parquet
from pydantic import ValidationError

from bridge import domain
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp
from bridge.domain.serials import SpaceKind
from bridge.domain.values import ZERO_ADDRESS, Fact, Hex32, RegistryCode, to_bytes
from bridge.errors import MalformedInput
from bridge.reconcile import calm as sets
from bridge.reconcile import quiet, statement_tables
from bridge.reconcile.calm import Calm, Numbers, Spans, hashes, row_sums
from bridge.reconcile.duckdb_engine import DuckDBMachine
from bridge.reconcile.event_tables import BLOCK_BITS, LOG_BITS, READERS, SCHEMAS
from bridge.reconcile.evidence import ChainArchive, Evidence, StatementArchive
from bridge.reconcile.facts import BEFORE
from bridge.reconcile.reconcile import Docket, Judged

_ABOUT, _CALM, _ACTIVE, _LOCKS = "about.json", "calm", "calm/active.npy", "locks.parquet"
_BATCHES = "batches.parquet"
SUMS = {f"{name}_before": schema for name, schema in BEFORE.items()} | {quiet.BEFORE: quiet.UNITS}
_ID, _ACCOUNT = pa.binary(32), pa.binary(20)
TOLD = {
    **{"chain": pa.int32(), "block": pa.uint64(), "time": pa.int64(), "transaction": _ID, "log_index": pa.uint32()},
    **{"lock_id": _ID, "class": pa.int32(), "recipient": _ACCOUNT},
    **{"statement": pa.int32(), "position": pa.int64(), "row": pa.int64(), "holder": pa.string()},
    "not_after": pa.int64(),
}
"""Of a quiet pair, all that its mint and its row say beside the serials."""
_PAIR = ("first", "last", "locks", "sums", "event", "chain", "class")
_NUMBER = f"(chain * {2 ** (BLOCK_BITS + LOG_BITS)} + block::BIGINT * {2**LOG_BITS} + log_index::BIGINT)"
_ROW = f"(statement * {2**40} + position)"
_NOBODY = f"from_hex('{to_bytes(ZERO_ADDRESS).hex()}')"


class ChainMark(Fact):
    """`lists`: only listed accounts take units there. `allowances`: operators have some."""

    deployment: Deployment
    stamp: BlockStamp
    keeps_list: bool
    pieces: tuple[str, ...]
    lists: bool
    allowances: bool


class StatementMark(Fact):
    registry: RegistryCode
    digest: str


class About(Fact):
    """`software`: that made it. `spaces`, `starts`, `classes`: of the calm ranges."""

    format: Literal["carbonbridge-checkpoint-1"] = "carbonbridge-checkpoint-1"
    software: str
    chains: tuple[ChainMark, ...]
    statements: tuple[StatementMark, ...]
    accounts: tuple[tuple[RegistryCode, Deployment, str], ...]
    spaces: tuple[Hex32, ...]
    starts: tuple[int, ...]
    classes: tuple[Hex32, ...]
    files: dict[str, str]


class Checkpoint:
    """Raises MalformedInput where a file is not what was written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.about = About.model_validate_json((folder / _ABOUT).read_bytes())
            self._require_whole()
            spaces = [to_bytes(space) for space in self.about.spaces]
            self.calm = Calm(folder / _CALM, spaces, self.about.starts)
            self.active: Numbers = np.load(folder / _ACTIVE)
            self.batches = parquet.read_table(folder / _BATCHES)
            self.locks = parquet.read_table(folder / _LOCKS)
        except (OSError, ValidationError) as error:
            raise MalformedInput(f"no checkpoint is in {folder}") from error

    def _require_whole(self) -> None:
        for path, found in self.about.files.items():
            if _hash(self.folder / path) != found:
                raise MalformedInput(f"{self.folder / path} is not what was written")

    def mints(self, chain: int) -> Path:
        return self.folder / f"mints-{chain}.parquet"

    def moved(self, chain: int) -> Path:
        return self.folder / f"moved-{chain}.parquet"

    def rows(self, statement: int) -> pa.Table:
        return parquet.read_table(self.folder / f"rows-{statement}.parquet")

    def sums(self) -> Mapping[str, pa.Table]:
        return {
            name: parquet.read_table(self.folder / f"{name}.parquet").cast(pa.schema(list(schema.items())))
            for name, schema in SUMS.items()
        }


@lru_cache(maxsize=1)
def software() -> str:
    """What names the rules, and all that they are made from."""
    rooms = [Path(__file__).parent, Path(domain.__file__).parent]
    sources = [source for room in rooms for source in sorted(room.rglob("*.py"))]
    found = hashlib.sha256(f"{duckdb.__version__} {ibis.__version__}".encode())
    for source in sources:
        found.update(source.read_bytes())
    return found.hexdigest()


def in_order(statements: Sequence[StatementArchive]) -> dict[str, list[int]]:
    """By registry the numbers of its statements, the oldest first."""
    found: dict[str, list[int]] = {}
    for number in sorted(range(len(statements)), key=lambda n: statement_tables.moment_of(statements[n])):
        found.setdefault(statements[number].registry, []).append(number)
    return found


def follows(later: StatementArchive, earlier: StatementArchive) -> bool:
    """Whether it is known how the later differs from the earlier, which must not be the younger one."""
    told = later.delta is not None and later.delta.before == earlier.digest
    return told and statement_tables.moment_of(earlier)[0] <= statement_tables.moment_of(later)[0]


def gone_in(statements: Iterable[StatementArchive]) -> list[Spans]:
    return [Spans.of(parquet.read_table(one.delta.gone)) for one in statements if one.delta]


def archives(evidence: Evidence) -> tuple[list[ChainArchive], list[StatementArchive]] | None:
    """Chains and statements, where all are archived and named by their content."""
    chains = [one for one in evidence.chains if isinstance(one, ChainArchive) and one.pieces]
    statements = [one for one in evidence.statements if isinstance(one, StatementArchive) and one.digest]
    if not chains or len(chains) < len(evidence.chains) or len(statements) < len(evidence.statements):
        return None
    return chains, statements


def write(folder: Path, evidence: Evidence, docket: Docket, judged: Judged) -> bool:
    """After a full comparison that set quiet pairs aside; whether it could be done."""
    known = archives(evidence)
    if known is None or not isinstance(judged.machine, DuckDBMachine) or not docket.calm:
        return False
    chains, statements = known
    for numbers in in_order(statements).values():
        if not all(follows(statements[b], statements[a]) for a, b in pairwise(numbers)):
            return False
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    try:
        (draft / _CALM).mkdir(mode=0o700, parents=True)
        about = _Maker(draft, judged.machine, evidence, chains, statements).make(docket, judged)
        (draft / _ABOUT).write_text(about.model_dump_json(indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError:  # no room or no right: the next comparison is a full one, too
        return False
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


class _Maker:
    def __init__(
        self,
        folder: Path,
        machine: DuckDBMachine,
        evidence: Evidence,
        chains: list[ChainArchive],
        statements: list[StatementArchive],
    ) -> None:
        self._folder, self._machine, self._evidence = folder, machine, evidence
        self._chains, self._statements = chains, statements

    def make(self, docket: Docket, judged: Judged) -> About:
        classes = self._hold(docket, judged)
        spaces, starts = self._pairs(docket.calm)
        calm = Calm(self._folder / _CALM, spaces, starts)
        active = self._active(calm)
        self._sum_pairs(active)
        self._batches()
        self._judge_logs()
        for number in range(len(self._chains)):
            self._mints(number)
            self._moved(number)
        for number, statement in enumerate(self._statements):
            self._rows(number, statement, calm, active)
        self._sums()
        ids = [to_bytes(lock.lock_id) for _, lock in self._evidence.locks]
        parquet.write_table(pa.table({"lock_id": pa.array(ids, _ID)}), self._folder / _LOCKS)
        files = sorted(path for path in self._folder.rglob("*") if path.is_file() and path.name != sets.TOLD)
        return About(
            software=software(),
            chains=tuple(self._mark(number, chain) for number, chain in enumerate(self._chains)),
            statements=tuple(StatementMark(registry=s.registry, digest=s.digest) for s in self._statements),
            accounts=tuple(self._evidence.accounts),
            spaces=tuple("0x" + space.hex() for space in spaces),
            starts=tuple(starts),
            classes=classes,
            files={str(path.relative_to(self._folder)): _hash(path) for path in files},
        )

    def _mark(self, number: int, chain: ChainArchive) -> ChainMark:
        return ChainMark(
            deployment=chain.deployment,
            stamp=chain.stamp,
            keeps_list=chain.keeps_list,
            pieces=tuple(chain.pieces),
            lists=self._has("Listed", number),
            allowances=self._has("AllowanceSet", number),
        )

    def _has(self, event: str, chain: int) -> bool:
        return bool(self._machine.rows(f'SELECT 1 FROM "{event}" WHERE chain = {chain} LIMIT 1'))  # noqa: S608

    def _hold(self, docket: Docket, judged: Judged) -> tuple[Hex32, ...]:
        """What findings name, and mints that still count, stay among what is compared. Gives the classes, numbered."""
        self._machine.keep("counting", docket.counting)
        named = sorted({row["event"] for row in judged.answers if row["event"] is not None})
        self._machine.give("named", pa.table({"event": pa.array(named, pa.int64())}))
        rows = sorted({row["row"] for row in judged.answers if row["row"] is not None})
        self._machine.give("named_rows", pa.table({"row": pa.array(rows, pa.int64())}))
        self._machine.keep("held", "SELECT event FROM counting UNION SELECT event FROM named")
        self._machine.keep(
            "class_numbers",
            'SELECT class_id, (row_number() OVER (ORDER BY class_id) - 1)::INTEGER AS "class" '
            'FROM (SELECT DISTINCT class_id FROM "Minted")',
        )
        found = self._machine.rows('SELECT class_id FROM class_numbers ORDER BY "class"')
        return tuple("0x" + row["class_id"].hex() for row in found)

    def _pairs(self, calm: str) -> tuple[list[bytes], list[int]]:
        """Writes them in the order of their serials; their spaces, and where each begins."""
        query = (
            f'SELECT m.*, r.statement, r.position, r."row", r.holder, r.not_after FROM ({calm}) AS c '  # noqa: S608
            f'JOIN (SELECT *, {_NUMBER} AS event FROM "Minted" JOIN class_numbers USING (class_id)) AS m USING (event) '
            f'JOIN (SELECT *, {_ROW} AS id FROM statement_rows) AS r ON r.id = c."row" '
            "ANTI JOIN held ON held.event = c.event ANTI JOIN named_rows ON named_rows.row = c.row "
            "WHERE m.time IS NOT NULL ORDER BY m.space, m.first"
        )
        schema = pa.schema(list(TOLD.items()))
        found: dict[str, list[Numbers]] = {name: [] for name in _PAIR}
        spaces: list[bytes] = []
        starts: list[int] = []
        count = 0
        with pa.OSFile(str(self._folder / _CALM / sets.TOLD), "wb") as sink, pa.ipc.new_file(sink, schema) as file:
            for batch in self._machine.batches(query):
                table = pa.Table.from_batches([batch])
                own = table.select(schema.names).cast(schema)
                file.write_table(own)
                found["sums"].append(row_sums(own))
                found["locks"].append(hashes(table["lock_id"].combine_chunks()))
                for name in ("first", "last", "event", "chain", "class"):
                    found[name].append(table[name].to_numpy())
                for space, start in _runs(table["space"].combine_chunks()):
                    if not spaces or spaces[-1] != space:
                        spaces.append(space)
                        starts.append(count + start)
                count += table.num_rows
        self._found = {name: np.concatenate(parts) if parts else np.zeros(0, np.int64) for name, parts in found.items()}
        order = np.argsort(self._found["locks"], kind="stable")
        self._save("first", self._found["first"].astype(np.uint64))
        self._save("last", self._found["last"].astype(np.uint64))
        self._save("locks", self._found["locks"][order].astype(np.uint64))
        self._save("of_lock", order.astype(np.int64))
        self._save("sums", self._found["sums"].astype(np.uint64))
        return spaces, [*starts, count]

    def _save(self, name: str, values: Numbers) -> None:
        np.save(self._folder / _CALM / f"{name}.npy", values)

    def _active(self, calm: Calm) -> Numbers:
        """Those whose row stood in every statement as it does now, from the first that had one."""
        active = np.ones(len(calm), bool)
        for spans in gone_in(self._statements):
            active[calm.numbers(spans)] = False
        np.save(self._folder / _ACTIVE, active)
        return active

    def _sum_pairs(self, active: Numbers) -> None:
        units = self._found["last"].astype(np.uint64) - self._found["first"].astype(np.uint64) + np.uint64(1)
        columns = {"units": units, **{name: self._found[name] for name in ("event", "chain", "class")}}
        self._machine.give("active_pairs", pa.table({name: pa.array(v[active]) for name, v in columns.items()}))
        self._keep(
            quiet.BEFORE,
            f"SELECT k.deployment, {_text('k.class_id')} AS class_id, k.registry, "  # noqa: S608
            "sum(p.units::DECIMAL(38, 0)) AS units, count(*) AS pairs FROM active_pairs AS p "
            'JOIN class_numbers AS n USING ("class") JOIN "ClassCreated" AS k USING (chain, class_id) GROUP BY ALL',
        )

    def _batches(self) -> None:
        self._keep(
            _BATCHES.removesuffix(".parquet"),
            'SELECT DISTINCT m.chain, m.space, m.class_id FROM "Minted" AS m '  # noqa: S608
            f'JOIN "SpaceRegistered" AS s USING (chain, space) WHERE s.kind = {int(SpaceKind.BATCH)} '
            "AND (m.chain, m.class_id) IN (SELECT (p.chain, n.class_id) FROM active_pairs AS p "
            'JOIN class_numbers AS n USING ("class"))',
        )

    def _mints(self, number: int) -> None:
        query = (
            f'SELECT {_own("Minted")} FROM (SELECT *, {_NUMBER} AS event FROM "Minted") AS m '  # noqa: S608 our names
            f"ANTI JOIN active_pairs AS p USING (event) WHERE m.chain = {number} ORDER BY event"
        )
        self._keep(f"mints-{number}", query)

    def _judge_logs(self) -> None:
        """Of classes closed by then, from accounts frozen by then, of mints that still count, and whatever was named or
        has no time."""
        first = f"min({_NUMBER}) AS since"
        closings = "SELECT * FROM closed_by_hand UNION ALL SELECT * FROM closed_by_loss"
        for name, event in (("closed_by_hand", "Quarantined"), ("closed_by_loss", "Reversed")):
            self._machine.keep(name, f'SELECT chain, class_id, {first} FROM "{event}" GROUP BY ALL')  # noqa: S608
        self._machine.keep("frozen_givers", f'SELECT chain, account AS sender, {first} FROM "Frozen" GROUP BY ALL')  # noqa: S608
        self._machine.keep(
            "counted",
            f'SELECT DISTINCT chain, "transaction", class_id FROM (SELECT *, {_NUMBER} AS event FROM "Minted") '  # noqa: S608
            "SEMI JOIN counting USING (event)",
        )
        self._machine.keep(
            "judged_logs",
            f'WITH t AS (SELECT *, {_NUMBER} AS event FROM "Transferred"), c AS ({closings}) '  # noqa: S608
            "SELECT DISTINCT event FROM (SELECT event FROM t WHERE time IS NULL "
            "UNION ALL SELECT event FROM t JOIN c USING (chain, class_id) WHERE event > since "
            "UNION ALL SELECT event FROM t JOIN frozen_givers USING (chain, sender) WHERE event > since "
            'UNION ALL SELECT event FROM t SEMI JOIN counted USING (chain, "transaction", class_id) '
            "UNION ALL SELECT event FROM t SEMI JOIN named USING (event))",
        )

    def _moved(self, number: int) -> None:
        query = (
            f'SELECT {_own("Transferred")} FROM (SELECT *, {_NUMBER} AS event FROM "Transferred") AS t '  # noqa: S608
            f"SEMI JOIN judged_logs USING (event) WHERE t.chain = {number} ORDER BY event"
        )
        self._keep(f"moved-{number}", query)

    def _sums(self) -> None:
        numbered = f'SELECT *, {_NUMBER} AS event FROM "Transferred"'  # noqa: S608
        rest = f"({numbered}) AS t ANTI JOIN judged_logs USING (event)"
        amount = "coalesce(sum(units::DECIMAL(38, 0)) FILTER (WHERE {}), 0)::DECIMAL(38, 0)"
        self._keep(
            "supply_before",
            f"SELECT deployment, NULL::BIGINT AS event, {amount.format(f't.to = {_NOBODY}')} AS burned, "  # noqa: S608
            f"{_text('class_id')} AS class_id, {amount.format(f'sender = {_NOBODY}')} AS issued, "
            f'("time" // 86400 * 86400)::BIGINT AS "time" FROM {rest} '
            f"WHERE (sender = {_NOBODY} OR t.to = {_NOBODY}) AND units > 0 GROUP BY ALL",
        )
        self._keep(
            "own_before",
            f"SELECT deployment, NULL::BIGINT AS event, {_text('class_id')} AS class_id, "  # noqa: S608
            f"{amount.format('sender = contract')} AS given, {amount.format('t.to = contract')} AS received "
            f"FROM {rest} WHERE sender = contract OR t.to = contract GROUP BY ALL",
        )

    def _rows(self, number: int, statement: StatementArchive, calm: Calm, active: Numbers) -> None:
        """But for rows on active ranges, which are theirs in every statement."""
        before = np.concatenate([[0], np.cumsum(active)])
        schema = pa.schema(list(statement_tables.COLUMNS.items()))
        with parquet.ParquetWriter(self._folder / f"rows-{number}.parquet", schema, compression="zstd") as file:
            for batch in dataset.dataset(list(map(str, statement.files))).to_batches(columns=schema.names):
                table = pa.Table.from_batches([batch])
                low, high = calm.touched(Spans.of(table))
                file.write_table(table.filter(pa.array(before[low] == before[high])).cast(schema))

    def _keep(self, name: str, query: str) -> None:
        reader = self._machine.batches(query)
        with parquet.ParquetWriter(self._folder / f"{name}.parquet", reader.schema, compression="zstd") as file:
            for batch in reader:
                file.write_batch(batch)


def _own(event: str) -> str:
    """What an archive's table of it has."""
    return ", ".join(f'"{name}"' for name in SCHEMAS[event] if name not in READERS)


def _text(column: str) -> str:
    return f"'0x' || lower(hex({column}))"


def _runs(values: pa.Array) -> Iterator[tuple[bytes, int]]:
    """Each run's value, and where it begins."""
    found = pa.compute.run_end_encode(values)
    begin = 0
    for value, end in zip(found.values.to_pylist(), found.run_ends.to_pylist(), strict=True):
        yield value, begin
        begin = end


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
