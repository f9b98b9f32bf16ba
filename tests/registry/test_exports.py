"""Reading whole export files: no row is dropped, whatever it holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.domain.lifecycle import SerialState
from bridge.errors import MalformedInput, UsageError
from bridge.registry.statements import verra
from bridge.registry.statements.canonical import CanonicalRow, Head, RejectedRow
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import How, read_statement

HEADER = verra.TRANSACTIONS.needs
ROW = {
    "Issuance Date": "2026-04-03",
    "Vintage Start": "2020-01-01",
    "ID": "1340",
    "Name": "Bale Mountains Eco-region REDD+ project",
    "Country/Area": "Ethiopia",
    "Methodology": "VM0015",
    "Quantity Issued": "1,425",
    "Serial Number": "19385-1001-2425-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
    "Retirement/Cancellation Date": "",
    "Retirement Beneficiary": "",
    "Retirement Reason": "",
    "Retirement Details": "",
}


def text_of(*rows: Mapping[str, str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows([{**ROW, **row}[name] for name in HEADER] for row in rows)
    return out.getvalue()


class Read(NamedTuple):
    head: Head
    issued: list[CanonicalRow]
    rejected: list[RejectedRow]


def read(tmp_path: Path, text: str, encoding: str = "utf-8", how: How | None = None) -> Read:
    path = tmp_path / "transactions.csv"
    path.write_bytes(text.encode(encoding))
    with read_statement(path, grammar("VERRA"), how or How()) as statement:
        return Read(statement.head, list(statement.rows()), list(statement.refused()))


def numbered(first: int, last: int) -> dict[str, str]:
    spelt = ROW["Serial Number"].replace("1001-2425", f"{first}-{last}")
    return {"Serial Number": spelt, "Quantity Issued": str(last - first + 1)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Quantity Issued": "1,424"}, "not the 1425 serials"),
        ({"Quantity Issued": "1425.0"}, "not a whole number"),
        ({"Quantity Issued": "14,25"}, "not a whole number"),
        ({"Quantity Issued": ""}, "not a whole number"),
        ({"Serial Number": "see below"}, "fields"),
        ({"ID": "1341"}, "project 1340, the column '1341'"),
        ({"Vintage Start": "2019-01-01"}, "vintage 2020, the column '2019'"),
        ({"Issuance Date": "03/04/2026"}, "not a day"),
        ({"Serial Number": f"{ROW['Serial Number']}, {ROW['Serial Number']}"}, "not the 2850 serials"),
    ],
)
def test_a_malformed_row_is_reported_by_line_reason_and_content(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    export = read(tmp_path, text_of(numbered(1, 10), change, numbered(11, 20)))
    (rejected,) = export.rejected
    assert (export.head.read, export.head.taken, export.head.refused) == (3, 2, 1)
    assert rejected.line == 3
    assert reason in rejected.reason
    assert next(iter(change.values())) in rejected.content


def test_a_row_with_too_few_fields_is_reported(tmp_path: Path) -> None:
    export = read(tmp_path, text_of({}) + "2026-04-03,2020-01-01\r\n")
    assert [(r.line, r.content) for r in export.rejected] == [(3, "2026-04-03,2020-01-01")]


def test_an_unclosed_quote_rejects_what_it_swallowed_and_keeps_its_text(tmp_path: Path) -> None:
    export = read(tmp_path, text_of({}) + '"open,\r\nlost?\r\n')
    (rejected,) = export.rejected
    assert rejected.line == 3
    assert "lost?" in rejected.content
    assert len(export.issued) == 1


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    three_lines = numbered(1, 10) | {"Retirement Details": "one\ntwo\nthree"}
    export = read(tmp_path, text_of(three_lines, {"ID": "9"}))
    assert [row.line for row in (*export.issued, *export.rejected)] == [2, 5]


def test_serials_named_by_two_rows_are_taken_once_and_reported_once(tmp_path: Path) -> None:
    export = read(
        tmp_path, text_of(numbered(10, 20), numbered(21, 30), numbered(5, 10), numbered(12, 12), numbered(1, 99))
    )
    assert [row.line for row in export.issued] == [2, 3]
    assert [(r.line, r.reason) for r in export.rejected] == [
        (4, "serials of this row stand in line 2 already"),
        (5, "serials of this row stand in line 2 already"),
        (6, "serials of this row stand in line 4 already"),
    ]
    assert "-12-12-" in export.rejected[1].content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_names_survive_every_encoding_that_is_read(tmp_path: Path, encoding: str) -> None:
    ended = {"Retirement/Cancellation Date": "2026-04-10", "Retirement Beneficiary": "東京炭素株式会社"}
    (row,) = read(tmp_path, text_of(ended), encoding).issued
    assert (row.beneficiary, row.state, row.ended_on) == ("東京炭素株式会社", SerialState.RETIRED, date(2026, 4, 10))


def test_an_unknown_encoding_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="neither UTF-8 nor UTF-16"):
        read(tmp_path, text_of({"Name": "東京炭素"}), "cp932")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="Quantity Issued"):
        read(tmp_path, text_of({}).replace("Quantity Issued", "Quantity"))


@pytest.mark.parametrize("text", ["", "\r\n"])
def test_an_empty_file_says_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(MalformedInput, match="no header"):
        read(tmp_path, text)


def test_another_programmes_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "transactions.csv"
    path.write_text(text_of({}))
    with pytest.raises(MalformedInput, match="no CAR export"), read_statement(path, grammar("CAR")):
        pass


def test_an_unknown_programme_or_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known are VERRA"):
        grammar("NOBODY")
    with pytest.raises(UsageError, match="cannot read"), read_statement(tmp_path / "x.csv", grammar("VERRA")):
        pass
