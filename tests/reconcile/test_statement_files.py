"""Statements from files: signed ones come back as they were, and a foreign registry's export is one that nobody
signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.domain.findings import Severity
from bridge.domain.lifecycle import SerialState
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile.archive import EvidenceArchive
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from bridge.reconcile.reconcile import reconcile
from bridge.reconcile.statement_rows import read_statement_file
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import How, read_statement
from tests.reconcile.archive import in_memory
from tests.reconcile.story import HERE, House, endorsed, serials
from tests.registry.test_exports import numbered, text_of

AS_OF = 1_767_225_600


def exported(folder: Path, out: str, *rows: dict[str, str], as_of: int | None = AS_OF) -> Path:
    """A canonical statement, as `registry read` writes it."""
    (folder / "verra.csv").write_text(text_of(*rows))
    with read_statement(folder / "verra.csv", grammar("VERRA"), How(as_of=as_of)) as read:
        read.save(folder / out)
    return folder / out


@pytest.mark.parametrize("out", ["verra.parquet", "verra.json"])
def test_an_export_is_a_statement_that_nobody_signed(tmp_path: Path, out: str) -> None:
    ended = {"Retirement/Cancellation Date": "2025-01-01", "Retirement Reason": "Environmental Benefit"}
    statement, left = read_statement_file(
        exported(tmp_path, out, numbered(1, 10), numbered(11, 30) | ended, {"Serial Number": "nonsense"})
    )
    assert (statement.registry, statement.head.items[0].as_of, statement.head.signatures) == ("VERRA", AS_OF, ())
    assert [(str(r.range), r.state) for r in statement.rows] == [
        ("1-10", SerialState.HELD),
        ("11-30", SerialState.RETIRED),
    ]
    assert len(left) == (1 if out.endswith("json") else 0)  # Parquet holds what was taken
    space = statement.rows[0].range.space
    claims = [
        Claim(source="b", claim_id=n, range=serials(1, 5).model_copy(update={"space": space}), kg=5000, state=state)
        for n, state in (("m", ClaimState.MINTED), ("r", ClaimState.RETIRED))
    ]
    found = reconcile(Evidence(statements=[statement], claims=claims))
    assert [(f.rule, f.severity) for f in found.findings] == [("statement-unsigned", Severity.WARNING)]


def test_an_export_without_a_date_is_no_statement(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say of when it is"):
        read_statement_file(exported(tmp_path, "verra.parquet", numbered(1, 10), as_of=None))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"rows": [\n'])
def test_a_file_that_is_no_statement_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("x.json", "x.parquet"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MalformedInput):
            read_statement_file(tmp_path / name)
    with pytest.raises(UsageError, match="cannot be read"):
        read_statement_file(tmp_path / "nowhere.json")


def test_statements_come_out_of_the_archive_as_they_went_in(tmp_path: Path) -> None:
    house = House(HERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    first = house.statement()
    house.deposit(serials(51, 60))
    second = house.statement()
    archive = EvidenceArchive(tmp_path)
    for statement in (second, first, second):
        archive.keep_statement(statement, [endorsed(statement)])
    statements, endorsements, left = archive.statements()
    assert [in_memory(one) for one in statements] == [first, second]
    assert all(one.whole for one in statements)
    assert (endorsements, left) == ([endorsed(s) for s in statements], ())


def test_two_statements_of_one_number_are_both_kept(tmp_path: Path) -> None:
    house = House(HERE)
    house.issue(serials(1, 100))
    first = house.statement()
    head = first.head.items[0].model_copy(update={"rows_hash": "0x" + "9" * 64})
    altered = first.model_copy(update={"head": first.head.model_copy(update={"items": (head,)})})
    archive = EvidenceArchive(tmp_path)
    for statement in (first, altered, first, altered):
        archive.keep_statement(statement)
    assert {s.head.items[0].rows_hash for s in archive.statements()[0]} == {
        first.head.items[0].rows_hash,
        altered.head.items[0].rows_hash,
    }
