"""Statements from files: those that a registry signed, and a foreign registry's export as one that nobody signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from bridge.domain.attestations import Attested, StatementHead
from bridge.domain.findings import NotCompared
from bridge.domain.observed import Statement, StatementRow, rows_hash
from bridge.errors import RegistryRefused, UsageError
from bridge.registry.statements.canonical import CanonicalRow
from bridge.registry.statements.statement import open_statement


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
