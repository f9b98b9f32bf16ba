"""The same evidence as it would stand in an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bridge.domain.observed import Statement, rows_hash
from bridge.reconcile import claim_tables, event_tables, statement_tables
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
