"""The archive of evidence: a folder that can be kept, copied, and compared again without any node or registry.

chains/<chain>-<contract>/     events of a deployment (bridge.chain.archive), `signed/` locks and receipts, `journal`
statements/<registry>/<as_of>-<sequence>/     rows.parquet and head.json, with who had signed when it came
claims/<source>/               another bridge's: from a file (`current.json`), or from its contract (`mapping.json`)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.chain.archive.archive import MANIFEST, EventArchive
from bridge.chain.archive.archived import ArchivedChain
from bridge.chain.archive.files import KeptFile, keep, keep_table, table_of
from bridge.domain.attestations import Attested, Deployment, Lock, Receipt, StatementHead
from bridge.domain.findings import NotCompared
from bridge.domain.observed import Statement
from bridge.domain.peers import Peer
from bridge.domain.values import Fact, RegistryCode, faults, keccak_hex
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile import shelves
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.evidence import ChainView, Claim, ClaimLink, Endorsement, Evidence, JournalEntry
from bridge.reconcile.peers import read_peer
from bridge.reconcile.sources import view
from bridge.reconcile.statement_rows import row_of, rows_table
from bridge.registry.statements.canonical import RejectedRow

_HEAD, _ROWS, _CURRENT, _MAPPING = "head.json", "rows.parquet", "current.json", "mapping.json"
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
_CLAIMS = {"claim_id": shelves.TEXT, "state": shelves.TEXT, **shelves.RANGE, "kg": shelves.WHOLE} | {
    "evidence": shelves.TEXT
}
_LINKS = {"later": shelves.TEXT, "earlier": shelves.TEXT, "kg": shelves.WHOLE}

Model = TypeVar("Model", bound=BaseModel)


class KeptHead(Fact):
    """`endorsements`: as they were found when the statement came."""

    registry: RegistryCode
    head: Attested[StatementHead]
    endorsements: tuple[Endorsement, ...]
    rows: KeptFile
    not_compared: tuple[NotCompared, ...] = ()


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
                rows=keep_table(place, _ROWS, rows_table(statement.rows)),
                not_compared=tuple(left),
            )
            self._write(place / _HEAD, kept)
        return place

    def statements(self) -> tuple[list[Statement], list[Endorsement], tuple[NotCompared, ...]]:
        """The oldest first; who vouches for them; and what of files could not be read as serials."""
        found: list[tuple[Statement, KeptHead]] = []
        for path in self._glob(f"statements/*/*/{_HEAD}"):
            kept = _read(path, KeptHead)
            rows = tuple(row_of(row) for row in table_of(path.parent, kept.rows).to_pylist())
            found.append((Statement(registry=kept.registry, head=kept.head, rows=rows), kept))
        found.sort(key=lambda one: (one[0].head.items[0].as_of, one[0].head.items[0].sequence))
        return (
            [statement for statement, _ in found],
            [endorsed for _, kept in found for endorsed in kept.endorsements],
            tuple(row for _, kept in found for row in kept.not_compared),
        )

    # ---------------------------------------------------------------- claims

    def keep_claims(self, source: str, read: ClaimsFile) -> None:
        """The source's newest word."""
        folder = self._source(source)
        rows = [claim.model_dump(mode="json") | shelves.spread(claim.range) for claim in read.claims]
        current = CurrentClaims(
            claims=shelves.put(folder, rows, _CLAIMS),
            links=shelves.put(folder, [link.model_dump() for link in read.links], _LINKS),
            rejected=read.rejected,
        )
        self._write(folder / _CURRENT, current)

    def keep_peer(self, peer: Peer) -> Path:
        """The mapping, beside the events that it names; where those are."""
        folder = self._source(peer.name)
        self._write(folder / _MAPPING, peer)
        return folder

    def peers(self) -> list[tuple[Peer, Path]]:
        """Those whose contracts are read, and where their events are."""
        return [(_read(path, Peer), path.parent) for path in self._glob(f"claims/*/{_MAPPING}")]

    def claims(self) -> dict[str, ClaimsFile]:
        """By source."""
        found: dict[str, ClaimsFile] = {}
        for path in self._glob(f"claims/*/{_CURRENT}"):
            found[path.parent.name] = _claims_of(path.parent.name, path.parent, _read(path, CurrentClaims))
        for peer, folder in self.peers():
            if folder.name in found:
                raise MalformedInput(f"{folder} holds claims of a file and of a contract; give one another name")
            found[folder.name] = read_peer(peer, folder)
        return found

    # ------------------------------------------------------------------ all

    def evidence(self) -> tuple[Evidence, tuple[NotCompared, ...]]:
        """All that is kept, and what of the claims could not be read."""
        chains = self.chains()
        seen: list[ChainView] = [view(chain) for chain in chains]
        deployments = [chain.deployment for chain in chains]
        statements, endorsements, left = self.statements()
        claims = self.claims()
        return (
            Evidence(
                chains=seen,
                statements=statements,
                endorsements=endorsements,
                claims=[claim for read in claims.values() for claim in read.claims],
                links=[link for read in claims.values() for link in read.links],
                locks=[(where, lock) for where in deployments for lock in self.locks(where)],
                receipts=[(where, receipt) for where in deployments for receipt in self.receipts(where)],
                accounts=[account for where in deployments for account in self.accounts(where)],
                journal=[entry for where in deployments for entry in self.journal(where)],
            ),
            (*left, *not_compared(claims)),
        )

    def _source(self, name: str) -> Path:
        safe = name.replace("/", "_").lstrip(".") or "_"
        return self.folder / "claims" / safe

    def _glob(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))

    def _write(self, place: Path, model: BaseModel) -> None:
        keep(place.parent, place.name, model.model_dump_json(indent=1).encode() + b"\n")


def not_compared(claims: Mapping[str, ClaimsFile]) -> tuple[NotCompared, ...]:
    """What could not be compared is never dropped in silence."""
    return tuple(
        NotCompared(source=name, line=row.line, reason=row.reason, content=row.content)
        for name, read in claims.items()
        for row in read.rejected
    )


def _claims_of(source: str, folder: Path, current: CurrentClaims) -> ClaimsFile:
    claims = shelves.take(folder, current.claims, _CLAIMS)
    links = shelves.take(folder, current.links, _LINKS)
    return ClaimsFile(
        claims=tuple(Claim(source=source, range=shelves.gathered(row), **_without_range(row)) for row in claims),
        links=tuple(ClaimLink(source=source, **row) for row in links),
        rejected=current.rejected,
    )


def _without_range(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in shelves.RANGE}


def _read(path: Path, kind: type[Model]) -> Model:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MalformedInput(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise MalformedInput(f"{path} is damaged: {faults(error, 'file')}; put it back from a copy") from error
