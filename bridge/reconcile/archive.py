"""The archive of evidence: a folder that can be kept, copied, and compared again without any node or registry.

collected.json                 when
chains/<chain>-<contract>/     events of a deployment (bridge.chain.archive), `views.json`, locks, receipts, `journal`
statements/<registry>/<as_of>-<sequence>/     rows.parquet and head.json, with who had signed when it came
claims/<source>/               another bridge's: from a file (`current.json`), or from its contract (`mapping.json`)

Events, statements' rows and files' claims are never turned into objects here: the engine reads their Parquet, once each
file is seen to be what was kept. What other bridges' contracts say has to be parsed, and what is signed or believed
about our own sagas is small beside the rest; these are objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.chain.archive.archive import MANIFEST, EventArchive
from bridge.chain.archive.archived import ArchivedChain
from bridge.chain.archive.files import KeptFile, keep, keep_table, verified
from bridge.domain.attestations import Attested, Deployment, Lock, Receipt, StatementHead
from bridge.domain.findings import NotCompared
from bridge.domain.observed import BlockStamp, ClassSnapshot, LedgerSnapshot, Statement, rows_hash
from bridge.domain.peers import Peer
from bridge.domain.values import Fact, RegistryCode, faults, keccak_hex
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile import claim_tables, shelves, statement_tables
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.deltas import delta
from bridge.reconcile.evidence import (
    ChainArchive,
    ClaimArchive,
    ClaimLink,
    Endorsement,
    Evidence,
    JournalEntry,
    StatementArchive,
    StatementDelta,
)
from bridge.reconcile.peers import read_peer
from bridge.registry.statements.canonical import RejectedRow

_HEAD, _ROWS, _CURRENT, _MAPPING = "head.json", "rows.parquet", "current.json", "mapping.json"
_COLLECTED, _VIEWS = "collected.json", "views.json"
_PLAIN = ("position", "row", "first", "last", "lock_id", "request_id", "claim_id", "evidence")  # repeat nothing
_LOCKS = {"lock_id": shelves.ID, "class_id": shelves.ID, **shelves.RANGE, "recipient": shelves.ADDRESS} | {
    "not_after": shelves.WHOLE
}
_RECEIPTS = {"receipt": shelves.WHOLE, "request_id": shelves.ID, "kind": shelves.WHOLE, **shelves.RANGE} | {
    "reference": shelves.TEXT,
    "executed_at": shelves.WHOLE,
    "evidence": shelves.ID,
}
_JOURNAL = {
    **{"saga": shelves.TEXT, "key": shelves.ID, "registry": shelves.TEXT, "state": shelves.TEXT},
    **{"class_id": shelves.ID, **shelves.RANGE, "units": shelves.WHOLE},
}
_LINKS = {"later": shelves.TEXT, "earlier": shelves.TEXT, "kg": shelves.WHOLE}

Model = TypeVar("Model", bound=BaseModel)


class KeptHead(Fact):
    """`endorsements`: as they were found when the statement came; `whole`: so were its rows, those that its head binds,
    and they stand in the file that is named here by its hash."""

    registry: RegistryCode
    head: Attested[StatementHead]
    endorsements: tuple[Endorsement, ...]
    rows: KeptFile
    whole: bool | None = None
    delta: KeptDelta | None = None
    not_compared: tuple[NotCompared, ...] = ()

    @property
    def moment(self) -> tuple[int, int]:
        head = self.head.items[0]
        return (head.as_of, head.sequence)

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.head.model_dump_json()} {self.rows.sha256}".encode()).hexdigest()


class KeptDelta(Fact):
    """How the rows differ from those of the registry's statement before, named by its digest (`deltas`)."""

    before: str
    gone: KeptFile
    fresh: KeptFile
    shifts: KeptFile


class Views(Fact):
    """What a contract's views said at one block; `ledgers` are None where they are too large to be read."""

    stamp: BlockStamp
    classes: tuple[ClassSnapshot, ...]
    ledgers: tuple[LedgerSnapshot, ...] | None


class Collected(Fact):
    """When statements were last asked for, in seconds since 1970."""

    moment: int


class CurrentClaims(Fact):
    """Which files of a source's folder are its newest word; older ones are kept."""

    claims: str
    links: str
    rejected: tuple[RejectedRow, ...]


class Accounts(Fact):
    """By registry, the one account that stands for the deployment there."""

    deployment: Deployment
    accounts: dict[RegistryCode, str]


class EvidenceArchive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # ---------------------------------------------------------------- chains

    def place(self, deployment: Deployment) -> Path:
        return self.folder / "chains" / f"{deployment.chain_id}-{deployment.contract}"

    def events(self, deployment: Deployment) -> EventArchive:
        return EventArchive(self.place(deployment))

    def chains(self) -> list[ArchivedChain]:
        """Of all deployments. Raises UsageError where there is none."""
        found = [ArchivedChain(EventArchive(path.parent)) for path in self._glob(f"chains/*/{MANIFEST}")]
        if not found:
            raise UsageError(
                f"no chain is archived in {self.folder}; run: carbonbridge compliance collect --archive {self.folder}"
            )
        return found

    def chain(self, chain: ArchivedChain) -> ChainArchive:
        return ChainArchive(chain.deployment, chain.stamp(), chain.files(), chain.keeps_list, chain.pieces())

    def keep_views(self, deployment: Deployment, views: Views) -> None:
        self._write(self.place(deployment) / _VIEWS, views)

    def views(self, deployment: Deployment, stamp: BlockStamp) -> Views | None:
        """None where nobody read them at that block."""
        place = self.place(deployment) / _VIEWS
        found = _read(place, Views) if place.exists() else None
        return found if found and found.stamp == stamp else None

    def keep_signed(self, deployment: Deployment, locks: Iterable[Lock], receipts: Iterable[Receipt]) -> None:
        """What a registry has signed for a deployment, as far as it is new."""
        rows = [lock.model_dump() | shelves.spread(lock.range) for lock in locks]
        if rows:
            shelves.put(self.place(deployment) / "locks", rows, _LOCKS)
        lines = [
            receipt.model_dump() | {"receipt": number} | shelves.spread(r)
            for number, receipt in enumerate(receipts)
            for r in receipt.ranges
        ]
        if lines:
            shelves.put(self.place(deployment) / "receipts", lines, _RECEIPTS)

    def locks(self, deployment: Deployment) -> list[Lock]:
        rows = shelves.take_all(self.place(deployment) / "locks", _LOCKS)
        return [Lock(range=shelves.required(row), **_without_range(row)) for row in rows]

    def receipts(self, deployment: Deployment) -> list[Receipt]:
        found: list[Receipt] = []
        folder = self.place(deployment) / "receipts"
        for path in sorted(folder.glob("*.parquet")):
            lines: dict[int, list[dict[str, Any]]] = {}
            for row in shelves.take(folder, path.name, _RECEIPTS):
                lines.setdefault(row["receipt"], []).append(row)
            for rows in lines.values():
                ranges = tuple(shelves.required(row) for row in rows)
                fields = {name: value for name, value in _without_range(rows[0]).items() if name != "receipt"}
                found.append(Receipt(ranges=ranges, **fields))
        return found

    def keep_accounts(self, deployment: Deployment, accounts: dict[RegistryCode, str]) -> None:
        self._write(self.place(deployment) / "accounts.json", Accounts(deployment=deployment, accounts=accounts))

    def accounts(self, deployment: Deployment) -> list[tuple[RegistryCode, Deployment, str]]:
        place = self.place(deployment) / "accounts.json"
        found = _read(place, Accounts).accounts if place.exists() else {}
        return [(code, deployment, account) for code, account in found.items()]

    def keep_journal(self, deployment: Deployment, entries: Iterable[JournalEntry]) -> None:
        """What the operator's journal believes now; what it believed before is kept beside it."""
        rows = [entry.model_dump() | shelves.spread(entry.range) for entry in entries]
        folder = self.place(deployment) / "journal"
        name = shelves.put(folder, rows, _JOURNAL)
        keep(folder, "current", name.encode())

    def journal(self, deployment: Deployment) -> list[JournalEntry]:
        folder = self.place(deployment) / "journal"
        if not (folder / "current").exists():
            return []
        rows = shelves.take(folder, (folder / "current").read_text(), _JOURNAL)
        return [JournalEntry(deployment=deployment, range=shelves.gathered(row), **_without_range(row)) for row in rows]

    # ------------------------------------------------------------ statements

    def keep_statement(
        self, statement: Statement, endorsements: Sequence[Endorsement] = (), left: Sequence[NotCompared] = ()
    ) -> Path:
        """Where it is. One that is there already is left as it came, with those who had signed it then."""
        head = statement.head.items[0]
        place = self.folder / "statements" / statement.registry / f"{head.as_of}-{head.sequence}"
        if (place / _HEAD).exists() and _read(place / _HEAD, KeptHead).head != statement.head:
            # Two statements of one number are evidence, too.
            place = place.with_name(f"{place.name}-{keccak_hex(statement.head.model_dump_json().encode())[2:10]}")
        if not (place / _HEAD).exists():
            kept = KeptHead(
                registry=statement.registry,
                head=statement.head,
                endorsements=tuple(endorsements),
                rows=keep_table(place, _ROWS, statement_tables.table(statement.rows), _PLAIN),
                whole=head.rows_hash == rows_hash(statement.rows),
                not_compared=tuple(left),
            )
            kept = kept.model_copy(update={"delta": self._delta(place, kept)})
            self._write(place / _HEAD, kept)
        return place

    def _delta(self, place: Path, kept: KeptHead) -> KeptDelta | None:
        heads = [(path.parent, _read(path, KeptHead)) for path in self._glob(f"statements/{kept.registry}/*/{_HEAD}")]
        earlier = [one for one in heads if one[1].moment < kept.moment]
        if not earlier:
            return None
        folder, before = max(earlier, key=lambda one: one[1].moment)
        found = delta([verified(folder, before.rows)], [verified(place, kept.rows)])
        if found is None:
            return None
        files = {
            name: keep_table(place, f"{name}.parquet", table, _PLAIN)
            for name, table in (("gone", found.gone), ("fresh", found.fresh), ("shifts", found.shifts))
        }
        return KeptDelta(before=before.digest, **files)

    def statements(self) -> tuple[list[StatementArchive], list[Endorsement], tuple[NotCompared, ...]]:
        """The oldest first; who vouches for them; and what of files could not be read as serials."""
        found: list[tuple[StatementArchive, KeptHead]] = []
        for path in self._glob(f"statements/*/*/{_HEAD}"):
            kept = _read(path, KeptHead)
            if kept.whole is None:
                raise MalformedInput(f"{path} is of an earlier form; take its folder away, and have it stated anew")
            file = verified(path.parent, kept.rows)
            change = kept.delta and StatementDelta(
                kept.delta.before,
                *(verified(path.parent, one) for one in (kept.delta.gone, kept.delta.fresh, kept.delta.shifts)),
            )
            found.append(
                (StatementArchive(kept.registry, kept.head, [file], kept.whole, kept.digest, change or None), kept)
            )
        found.sort(key=lambda one: one[1].moment)
        return (
            [statement for statement, _ in found],
            [endorsed for _, kept in found for endorsed in kept.endorsements],
            tuple(row for _, kept in found for row in kept.not_compared),
        )

    # ---------------------------------------------------------------- claims

    def keep_claims(self, source: str, read: ClaimsFile) -> None:
        """The source's newest word. Raises UsageError where a contract's claims have its name."""
        folder = self._source(source)
        if (folder / _MAPPING).exists():
            raise named_twice(source)
        rows = [claim.model_copy(update={"source": folder.name}) for claim in read.claims]
        current = CurrentClaims(
            claims=shelves.put_table(folder, claim_tables.table(rows), _PLAIN),
            links=shelves.put(folder, [link.model_dump() for link in read.links], _LINKS),
            rejected=read.rejected,
        )
        self._write(folder / _CURRENT, current)

    def keep_peer(self, peer: Peer) -> Path:
        """The mapping, beside the events that it names; where those are. Raises UsageError where its name is that of a
        file of claims or of another contract."""
        folder = self._source(peer.name)
        there = _read(folder / _MAPPING, Peer) if (folder / _MAPPING).exists() else peer
        if (folder / _CURRENT).exists() or there.deployment != peer.deployment:
            raise named_twice(peer.name)
        self._write(folder / _MAPPING, peer)
        return folder

    def peers(self) -> list[tuple[Peer, Path]]:
        """Those whose contracts are read, and where their events are."""
        return [(_read(path, Peer), path.parent) for path in self._glob(f"claims/*/{_MAPPING}")]

    def files_of_claims(self) -> dict[str, CurrentClaims]:
        """By source."""
        return {path.parent.name: _read(path, CurrentClaims) for path in self._glob(f"claims/*/{_CURRENT}")}

    def claims_of_peers(self) -> dict[str, ClaimsFile]:
        """By source."""
        return {folder.name: read_peer(peer, folder) for peer, folder in self.peers()}

    def sources(self) -> list[str]:
        return sorted({*self.files_of_claims(), *(folder.name for _, folder in self.peers())})

    # ------------------------------------------------------------------ all

    def evidence(self) -> tuple[Evidence, tuple[NotCompared, ...]]:
        """All that is kept, and what of the claims could not be read."""
        chains = [self.chain(chain) for chain in self.chains()]
        deployments = [chain.deployment for chain in chains]
        views = [found for one in chains if (found := self.views(one.deployment, one.stamp))]
        statements, endorsements, left = self.statements()
        files, peers = self.files_of_claims(), self.claims_of_peers()
        return (
            Evidence(
                chains=chains,
                statements=statements,
                endorsements=endorsements,
                claims=[claim for read in peers.values() for claim in read.claims],
                claim_archives=[self._claims(source, current) for source, current in files.items()],
                links=[link for source, current in files.items() for link in self._links(source, current)],
                snapshots=[snapshot for one in views for snapshot in one.classes],
                ledgers=[ledger for one in views for ledger in one.ledgers or ()],
                moment=self.moment(),
                locks=[(where, lock) for where in deployments for lock in self.locks(where)],
                receipts=[(where, receipt) for where in deployments for receipt in self.receipts(where)],
                accounts=[account for where in deployments for account in self.accounts(where)],
                journal=[entry for where in deployments for entry in self.journal(where)],
            ),
            (*left, *not_compared({source: read.rejected for source, read in (files | peers).items()})),
        )

    def keep_moment(self, moment: int) -> None:
        self._write(self.folder / _COLLECTED, Collected(moment=moment))

    def moment(self) -> int | None:
        """Of the comparison: an archive is judged as of when it was collected, whenever that is done."""
        place = self.folder / _COLLECTED
        return _read(place, Collected).moment if place.exists() else None

    def _claims(self, source: str, current: CurrentClaims) -> ClaimArchive:
        return ClaimArchive([shelves.verified(self._source(source), current.claims, claim_tables.COLUMNS)])

    def _links(self, source: str, current: CurrentClaims) -> list[ClaimLink]:
        rows = shelves.take(self._source(source), current.links, _LINKS)
        return [ClaimLink(source=source, **row) for row in rows]

    def _source(self, name: str) -> Path:
        safe = name.replace("/", "_").lstrip(".") or "_"
        return self.folder / "claims" / safe

    def _glob(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))

    def _write(self, place: Path, model: BaseModel) -> None:
        keep(place.parent, place.name, model.model_dump_json(indent=1).encode() + b"\n")


def not_compared(rejected: Mapping[str, Sequence[RejectedRow]]) -> tuple[NotCompared, ...]:
    """What could not be compared, by source, is never dropped in silence."""
    return tuple(
        NotCompared(source=name, line=row.line, reason=row.reason, content=row.content)
        for name, rows in rejected.items()
        for row in rows
    )


def named_twice(source: str) -> UsageError:
    return UsageError(f"two files or contracts give claims under the name {source}; give one of them another name")


def _without_range(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in shelves.RANGE}


def _read(path: Path, kind: type[Model]) -> Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MalformedInput(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise MalformedInput(f"{path} is damaged: {faults(error, 'file')}; put it back from a copy") from error
