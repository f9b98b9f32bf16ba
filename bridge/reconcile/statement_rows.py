"""A statement's rows as one Parquet table, and again; and a foreign registry's export as a statement that nobody
signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from bridge.domain.attestations import Attested, Deployment, StatementHead
from bridge.domain.findings import NotCompared
from bridge.domain.observed import Statement, StatementRow, rows_hash
from bridge.errors import MalformedInput, RegistryRefused, UsageError
from bridge.reconcile import shelves
from bridge.registry.statements.canonical import CanonicalRow
from bridge.registry.statements.statement import open_statement

_SCHEMA = pa.schema(
    [
        ("row", pa.uint64()),
        ("space", shelves.ID),
        ("first", pa.uint64()),
        ("last", pa.uint64()),
        ("class_id", shelves.ID),
        ("state", pa.string()),
        ("holder", pa.string()),
        ("deployment", pa.string()),
        ("lock_id", shelves.ID),
        ("request_id", shelves.ID),
        ("not_after", pa.uint64()),
    ]
)


def rows_table(rows: Sequence[StatementRow]) -> pa.Table:
    """Absent ids and texts are null."""
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
    for row in rows:
        values = (row.row, _bytes(row.range.space), row.range.first, row.range.last, _bytes(row.class_id))
        where = None if row.deployment is None else str(row.deployment)
        rest = (row.state.value, row.holder, where, _bytes(row.lock_id), _bytes(row.request_id), row.not_after)
        for name, value in zip(_SCHEMA.names, (*values, *rest), strict=True):
            columns[name].append(value)
    return pa.table(columns, schema=_SCHEMA)


def row_of(row: Mapping[str, Any]) -> StatementRow:
    """Raises MalformedInput."""
    fields: dict[str, Any] = {
        name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in row.items()
    }
    try:
        where = fields.pop("deployment")
        chain, _, contract = where.partition(":") if where else ("", "", "")
        return StatementRow(
            range=shelves.required(fields),
            deployment=Deployment(chain_id=int(chain), contract=contract) if where else None,
            **{name: value for name, value in fields.items() if name not in shelves.RANGE},
        )
    except (ValidationError, ValueError, KeyError) as error:
        raise MalformedInput(f"a statement's row is damaged: {error}") from error


def read_statement_file(path: Path) -> tuple[Statement, tuple[NotCompared, ...]]:
    """A statement that a registry signed (`registry statement --out`), or a canonical one of a foreign registry
    (`registry read --out`), which nobody has signed; with what of it names no serials. Raises UsageError."""
    if path.suffix.lower() == ".json" and (signed := _signed(path)):
        return signed, ()
    with open_statement(path) as read:
        head = read.head
        if head.as_of is None:
            raise UsageError(
                f"{path} does not say of when it is; read it again with: carbonbridge registry read {head.registry} "
                "FILE --as-of DAY --out STATEMENT"
            )
        left = [_left(path, row.line, row.reason, row.content) for row in read.refused()]
        rows = tuple(_numbered(path, read.rows(), left))
    made = StatementHead(sequence=0, as_of=head.as_of, rows_hash=rows_hash(rows), totals=())
    unsigned = Attested[StatementHead](items=(made,), signers=(), signatures=())
    return Statement(registry=head.registry, head=unsigned, rows=rows), tuple(left)


def _signed(path: Path) -> Statement | None:
    try:
        return Statement.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError:
        return None


def _numbered(path: Path, rows: Iterable[CanonicalRow], left: list[NotCompared]) -> Iterator[StatementRow]:
    for number, row in enumerate(rows):
        try:
            serials = row.range
        except RegistryRefused as error:
            left.append(_left(path, row.line, str(error), row.form))
            continue
        if serials is None or not row.class_id:
            reason = "its registry numbers no units" if serials is None else "it states no vintage, and so no class"
            left.append(_left(path, row.line, reason, row.form))
            continue
        yield StatementRow(row=number, range=serials, class_id=row.class_id, state=row.state, holder=row.holder)


def _left(path: Path, line: int, reason: str, content: str) -> NotCompared:
    return NotCompared(source=path.name, line=line, reason=reason, content=content)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text[2:])
