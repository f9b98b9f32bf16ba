"""The fast ways of reading give what the careful ones give."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.registry.statements import acr, art, car, cercarbono, csv_file, gold_standard, isometric, verra
from bridge.registry.statements.canonical import Head
from bridge.registry.statements.columns import BlockReader
from bridge.registry.statements.csv_file import CsvFile
from bridge.registry.statements.grammar import Layout
from bridge.registry.statements.overlaps import overlaps
from bridge.registry.statements.source import block_of
from bridge.registry.statements.storage import CODED, ParquetWriter

from .spellings import apx_serials, car_serials, cer_pairs, gold_standard_serials, verra_serials

HEAD = Head(registry="ANY", kind="any", file="any.csv", as_of=1_700_000_000)

# ------------------------------------------------------------------------------------------- by column, row by row


def units_in(serial: str) -> str:
    """What the quantity column says of a generated serial."""
    ends = [int(word) for word in serial.replace(" to ", "-").replace(" - ", "-").split("-") if word.isdigit()]
    return next((f"{b - a + 1}" for a, b in pairwise(ends) if a <= b), "1")


def rows_of(
    layout: Layout, serials: st.SearchStrategy[str], cells: dict[str, st.SearchStrategy[str]]
) -> st.SearchStrategy[list[dict[str, str]]]:
    """Rows that are mostly right, with now and then a cell from another row, or any text."""

    @st.composite
    def row(draw: st.DrawFn) -> dict[str, str]:
        serial = draw(serials)
        found = {name: draw(cells.get(name, st.sampled_from(["", " x ", "東京", "x"]))) for name in layout.needs}
        found[layout.serial.columns[0]] = serial
        found[layout.units.columns[0]] = draw(st.sampled_from([units_in(serial), f"{int(units_in(serial)):,}", "7"]))
        if draw(st.integers(0, 9)) == 0:
            found[draw(st.sampled_from(layout.needs))] = draw(st.text(max_size=8))
        return found

    return st.lists(row(), max_size=12)


days = st.sampled_from(["2026-04-03", "2026-04-03T10:00:00Z", "", "4/3/2026", "03/04/2026 1:00:00 PM"])
narrow = {"number": st.sampled_from(["1", "12", "5"])}


def verra_rows() -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            "9-1-10-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
            "9-11-2425-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
            "9-1-10-VCU-150-MER-ET-14-1340-01012020-31122020-1",
            "9-10-1-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
            " 9-1-10-vcs-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
            ",".join(f"9-{ends}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1" for ends in ("1-5", "6-10")),
            "9-1-18446744073709551614-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
        ]
    )


CASES: list[tuple[str, Layout, st.SearchStrategy[str], dict[str, st.SearchStrategy[str]]]] = [
    (
        "verra",
        verra.TRANSACTIONS,
        st.one_of(verra_rows(), verra_serials()),
        {
            "ID": st.sampled_from(["1340", "1341"]),
            "Vintage Start": st.sampled_from(["2020-01-01", "2021-01-01"]),
            "Issuance Date": days,
            "Retirement/Cancellation Date": days,
            "Retirement Reason": st.sampled_from(["", "Cancelled", "Other"]),
        },
    ),
    (
        "gold standard",
        gold_standard.RETIREMENTS,
        st.one_of(
            st.sampled_from(
                ["GS1-1-UG-GS7-16-2024-30307-1-10", "GS1-1-UG-7-16-2024-30307-11-12", "GS1-1-UG-GS7-16-2024-1-0-3"]
            ),
            gold_standard_serials(),
            cer_pairs(),
        ),
        {
            "GSID": st.sampled_from(["7", "8"]),
            "Vintage": st.just("2024"),
            "Product Type": st.sampled_from(["VER", "VER", "CER"]),
            "Credit Status": st.sampled_from(["Retired", "Canceled", "Issued"]),
            "Issuance Date": days,
            "Retirement Date": days,
        },
    ),
    (
        "acr",
        acr.RETIREMENTS.among(["Account Holder", "Date Issued (GMT)"]),
        st.one_of(st.sampled_from(["ACR-FR-7-2025-29-1 to 10", "ACR-FR-7-2025-29-1 to 1"]), apx_serials("ACR")),
        {
            "Project ID": st.just("ACR7"),
            "Vintage": st.just("2025"),
            "Status Effective (GMT)": days,
            "Date Issued (GMT)": days,
        },
    ),
    (
        "art",
        art.RETIREMENTS,
        st.one_of(st.sampled_from(["ART-GY-7-2025-29-1 to 10", "FCPF-CI-7-2025-29-1 to 1"]), apx_serials("FCPF")),
        {"Program ID": st.just("ART7"), "Vintage": st.just("2025"), "Status Effective": days},
    ),
    (
        "car",
        car.RETIREMENTS,
        st.one_of(st.just("CAR-ROC-US-7-1-9-KS-2025-92-5 to 10"), car_serials()),
        {"Project ID": st.just("CAR7"), "Vintage": st.just("2025"), "Status Effective": days},
    ),
    (
        "cercarbono",
        cercarbono.RETIREMENTS,
        st.just("CDC_7_1_1_321_14_CO_1_1"),
        {"from": st.just("1"), "to": st.just("7")},
    ),
    ("isometric", isometric.ISSUANCES, st.just("iss_1KP6EDZ8K1S036PY"), {}),
]


@pytest.mark.parametrize(("layout", "serials", "cells"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@settings(deadline=None)
@given(data=st.data())
def test_a_block_reads_by_column_as_it_reads_row_by_row(
    layout: Layout, serials: st.SearchStrategy[str], cells: dict[str, st.SearchStrategy[str]], data: st.DataObject
) -> None:
    rows = data.draw(rows_of(layout, serials, cells))
    where = {name: place for place, name in enumerate(layout.needs)}
    split = [[row[name] for name in layout.needs] for row in rows]
    block = block_of(split, where, [10 * n for n in range(len(rows))], lambda at: str(rows[at]), ())
    fast, careful = (BlockReader(one, HEAD).read(block) for one in (layout, replace(layout, cut=None)))
    assert fast.batch.to_pylist() == careful.batch.to_pylist()
    assert (fast.rows, fast.rejected) == (careful.rows, careful.rejected)
    assert fast.rows + len(fast.rejected) == len(rows)


def test_regular_rows_are_read_by_column_and_not_one_by_one() -> None:
    row = {
        "Serial Number": "9-1-10-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1",
        "ID": "1340",
        "Vintage Start": "2020-01-01",
        "Quantity Issued": "10",
        "Issuance Date": "2026-04-03",
    }
    layout = verra.TRANSACTIONS
    where = {name: place for place, name in enumerate(layout.needs)}
    block = block_of([[row.get(name, "") for name in layout.needs]], where, [2], str, ())
    with patch("bridge.registry.statements.columns.read_row", side_effect=AssertionError("read one by one")):
        assert BlockReader(layout, HEAD).read(block).rows == 1


# ------------------------------------------------------------------------------------- by Arrow, by Python's reader


def rows_by_python(text: bytes) -> Iterator[tuple[list[str], bool]]:
    """Fields, or that there is trouble, of each record behind the header."""
    reader = csv.reader(io.StringIO(text.decode(), newline=""), strict=True)
    header = True
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield [], True
            continue
        if fields and not header:
            yield fields, False
        header = header and not fields


letters = st.sampled_from(
    ["a", "é", '"', '""', ",", "\n", "\r\n", '"a,b"', '"a\nb"', '"x"",""y"', "1", " ", '"a"b', '5" ', "\r"]
)
HEADER = b"one,two\n"


@settings(deadline=None)
@given(pieces=st.lists(letters, max_size=40), size=st.integers(1, 40), ended=st.booleans())
@example(pieces=["a", ",", '"', "\n", "b", ",", "c", "\n"], size=5, ended=True)
@example(pieces=["\r\n", "\r\n", "a", ",", "b"], size=3, ended=False)
@example(pieces=["1,a", '"', "\n", '"', ",b", "\n", "1,2"], size=40, ended=True)
@example(pieces=["\n", "\n"], size=40, ended=True)
def test_blocks_hold_the_rows_that_pythons_reader_finds(pieces: Sequence[str], size: int, ended: bool) -> None:
    text = HEADER + "".join(pieces).encode() + (b"\n" if ended else b"")
    expected = list(rows_by_python(text if text.endswith(b"\n") else text + b"\n"))
    with TemporaryDirectory() as folder, patch.object(csv_file, "BLOCK_BYTES", size):
        path = Path(folder) / "any.csv"
        path.write_bytes(text)
        source = CsvFile(path)
        found: list[tuple[int, list[str], bool]] = []
        for _, make in source.pieces(["one", "two"]):
            block = make()
            for at, line in enumerate(block.lines.tolist()):
                found.append((line, list(block.row(at).values()), False))
            found += [(row.line, [], True) for row in block.rejected]
        contents = dict(source.contents(np.array(sorted(line for line, _, _ in found), dtype=np.int64)))
    found.sort(key=lambda row: row[0])
    assert [(fields, bad) for _, fields, bad in found] == [
        ([], True) if bad or len(fields) != 2 else (fields, False) for fields, bad in expected
    ]
    physical = [line.decode().rstrip("\r\n") for line in text.splitlines(keepends=True)]
    assert all(contents[line].startswith(physical[line - 1]) for line, _, _ in found)


# ------------------------------------------------------------------------------------------------------ law L3


@st.composite
def stated(draw: st.DrawFn) -> tuple[str, int, int, int]:
    first = draw(st.integers(1, 30))
    return draw(st.sampled_from("AB")), first, first + draw(st.integers(0, 8)), draw(st.integers(1, 12))


def table(rows: Sequence[tuple[str, int, int, int]]) -> list[dict[str, Any]]:
    rest = dict.fromkeys(CODED.names)
    parts: dict[int, int] = {}
    made = []
    for space, first, last, line in rows:
        parts[line] = parts.get(line, 0) + 1
        made.append(
            rest | {"registry": "X", "space": space, "first": first, "last": last, "line": line, "part": parts[line]}
        )
    return made


@settings(deadline=None)
@given(rows=st.lists(stated(), max_size=14))
def test_every_row_that_names_an_earlier_rows_serial_is_found_and_no_other(
    rows: list[tuple[str, int, int, int]],
) -> None:
    made = table(rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        with ParquetWriter(path) as writer:
            columns = [pa.array([row[f.name] for row in made], f.type) for f in CODED]
            writer.write(pa.RecordBatch.from_arrays(columns, schema=CODED))
        found = overlaps(path, Path(folder))

    def shares(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return bool(one["space"] == other["space"] and one["first"] <= other["last"] and other["first"] <= one["last"])

    earlier = {
        (row["line"], other["line"])
        for row in made
        for other in made
        if (other["line"], other["part"]) < (row["line"], row["part"]) and shares(row, other)
    }
    assert sorted(found.lines.tolist()) == sorted({line for line, _ in earlier})
    assert set(zip(found.lines.tolist(), found.earlier.tolist(), strict=True)) <= earlier
