"""The same evidence as it would stand in an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bridge.chain.archive.archive import Manifest, Piece
from bridge.domain.observed import POLICY, POWERS, BlockStamp, ListerSet, Statement, rows_hash
from bridge.domain.values import hex32
from bridge.reconcile import claim_tables, event_tables, statement_tables
from bridge.reconcile.archive import EvidenceArchive, Views
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.evidence import ChainArchive, ChainView, ClaimArchive, Evidence, StatementArchive

_OF_THE_READER = ["chain", "deployment", "contract", "stamped"]


def archived(evidence: Evidence, folder: Path) -> Evidence:
    return replace(
        evidence,
        chains=[_chain(view, folder / f"chain {n}") for n, view in enumerate(evidence.chains)],
        statements=[_statement(s, folder / f"statement {n}") for n, s in enumerate(evidence.statements)],
        claims=(),
        claim_archives=[ClaimArchive([_kept(claim_tables.table(evidence.claims), folder / "claims")])],
    )


def _chain(view: ChainView | ChainArchive, folder: Path) -> ChainArchive:
    assert isinstance(view, ChainView)
    files = {
        name: [
            _kept(part.drop_columns(_OF_THE_READER), folder / name / f"{n}.parquet")
            for n, part in enumerate(_halves(table))
        ]
        for name, table in event_tables.tables([(0, view)]).items()
        if table.num_rows
    }
    return ChainArchive(view.deployment, view.stamp, files)


def _halves(table: pa.Table) -> list[pa.Table]:
    middle = table.num_rows // 2
    return [table.slice(0, middle), table.slice(middle)]


def _statement(statement: Statement | StatementArchive, folder: Path) -> StatementArchive:
    assert isinstance(statement, Statement)
    rows = _kept(statement_tables.table(statement.rows), folder / "rows.parquet")
    whole = statement.head.items[0].rows_hash == rows_hash(statement.rows)
    return StatementArchive(statement.registry, statement.head, [rows], whole)


def _kept(table: pa.Table, file: Path) -> Path:
    """Ids have a fixed size in archives."""
    schema = pa.schema([(f.name, _fixed(f.name, f.type)) for f in table.schema])
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.cast(schema), file)
    return file


def _fixed(name: str, kind: pa.DataType) -> pa.DataType:
    if kind != pa.binary():
        return kind
    return pa.binary(
        20 if name in {"recipient", "holder", "account", "to", "sender", "by", "operator", "previous"} else 32
    )


def collected(evidence: Evidence, folder: Path, cut: int | None = None) -> tuple[Evidence, EvidenceArchive]:
    """The evidence into an archive as it would be collected, with a piece up to block `cut`; and the same evidence in
    the order in which an archive names its parts."""
    archive = EvidenceArchive(folder)
    chains = sorted(evidence.chains, key=lambda view: f"{view.deployment.chain_id}-{view.deployment.contract}")
    for view in chains:
        collect_chain(archive, view, cut)
        snapshots = tuple(one for one in evidence.snapshots if one.deployment == view.deployment)
        ledgers = tuple(one for one in evidence.ledgers if one.deployment == view.deployment)
        archive.keep_views(view.deployment, Views(stamp=view.stamp, classes=snapshots, ledgers=ledgers))
        locks = [lock for where, lock in evidence.locks if where == view.deployment]
        receipts = [receipt for where, receipt in evidence.receipts if where == view.deployment]
        archive.keep_signed(view.deployment, locks, receipts)
        accounts = {code: account for code, where, account in evidence.accounts if where == view.deployment}
        archive.keep_accounts(view.deployment, accounts)
        archive.keep_journal(view.deployment, [one for one in evidence.journal if one.deployment == view.deployment])
    statements = [in_memory(statement) for statement in evidence.statements]
    heads = {one.head: other.head for one, other in zip(evidence.statements, statements, strict=True)}
    vouched = [one.model_copy(update={"head": heads.get(one.head, one.head)}) for one in evidence.endorsements]
    for statement in statements:
        archive.keep_statement(statement, [one for one in vouched if one.head == statement.head])
    claims = sorted(evidence.claims, key=lambda claim: claim.source)
    for source in sorted({one.source for one in (*evidence.claims, *evidence.links)}):
        own = tuple(claim for claim in claims if claim.source == source)
        links = tuple(link for link in evidence.links if link.source == source)
        archive.keep_claims(source, ClaimsFile(claims=own, links=links, rejected=()))
    if evidence.moment is not None:
        archive.keep_moment(evidence.moment)
    in_order = sorted(statements, key=lambda one: (*statement_tables.moment_of(one), one.registry))
    sorted_links = sorted(evidence.links, key=lambda link: link.source)
    deployments = [view.deployment for view in chains]
    same = replace(
        evidence,
        chains=chains,
        statements=in_order,
        endorsements=vouched,
        claims=claims,
        links=sorted_links,
        locks=[(where, lock) for where in deployments for lock in archive.locks(where)],
        receipts=[(where, receipt) for where in deployments for receipt in archive.receipts(where)],
    )
    return same, archive


def collect_chain(archive: EvidenceArchive, view: ChainView | ChainArchive, cut: int | None = None) -> None:
    """Its events up to its stamp, behind those that are there; in two pieces where `cut` lies between."""
    kept, whole = archive.events(view.deployment), view.stamp
    fresh = Manifest(deployment=view.deployment, first_block=0, asked={})
    manifest = kept.begun(fresh)
    tables = _as_collected(view)
    ends = [whole] if cut is None or not manifest.next_block <= cut < whole.number else [_stamp(cut), whole]
    for stamp in ends:
        first = manifest.next_block
        if first > stamp.number:
            continue
        own = {name: _between(table, first, stamp.number) for name, table in tables.items()}
        own = {name: table for name, table in own.items() if table.num_rows or name == POLICY + ListerSet.__name__}
        logs = sum(table.num_rows for table in own.values())
        files = kept.keep(first, stamp.number, own)
        manifest = kept.add(manifest, Piece(first=first, stamp=stamp, logs=logs, files=files))


def _stamp(block: int) -> BlockStamp:
    return BlockStamp(number=block, hash=hex32(block), timestamp=block)


def _between(table: pa.Table, first: int, last: int) -> pa.Table:
    block = table["block"]
    return table.filter(pa.compute.and_(pa.compute.greater_equal(block, first), pa.compute.less_equal(block, last)))


def _as_collected(view: ChainView | ChainArchive) -> dict[str, pa.Table]:
    """The policy's apart, and nothing of what only the reader knows."""
    if isinstance(view, ChainView):
        tables = event_tables.tables([(0, view)])
        tables = {name: table.drop_columns(_OF_THE_READER) for name, table in tables.items()}
    else:
        tables = {name: pa.concat_tables(map(pq.read_table, paths)) for name, paths in view.files.items()}
    found: dict[str, pa.Table] = {}
    for name, table in tables.items():
        if name not in POWERS:
            found[name] = table
            continue
        of_policy = table["of_policy"]
        found[name] = table.filter(pa.compute.invert(of_policy)).drop_columns(["of_policy"])
        found[POLICY + name] = table.filter(of_policy).drop_columns(["of_policy"])
    lists = POLICY + ListerSet.__name__
    if view.keeps_list and lists not in found:
        whole = event_tables.arrow(event_tables.SCHEMAS[ListerSet.__name__], [])
        found[lists] = whole.drop_columns([*_OF_THE_READER, "of_policy"])
    if not view.keeps_list and not found.get(lists, []):
        found.pop(lists, None)
    return found


def in_memory(statement: Statement | StatementArchive) -> Statement:
    """With a head that binds its rows, where whoever archived it said that they are whole."""
    if isinstance(statement, Statement):
        return statement
    table = pa.concat_tables(map(pq.read_table, statement.files)).sort_by("position")
    rows = tuple(statement_tables.row_of(row) for row in table.to_pylist())
    signed = statement.head.items[0]
    if statement.whole:
        signed = signed.model_copy(update={"rows_hash": rows_hash(rows)})
    return Statement(
        registry=statement.registry, head=statement.head.model_copy(update={"items": (signed,)}), rows=rows
    )
