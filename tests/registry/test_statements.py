"""Files as registries export them, read into canonical statements, written, and read back."""

from __future__ import annotations

import csv
from contextlib import AbstractContextManager
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from bridge.domain.lifecycle import SerialState
from bridge.errors import MalformedInput, RegistryRefused, UsageError
from bridge.registry.statements import cer, unpacking
from bridge.registry.statements.canonical import COLUMNS, CanonicalRow
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.serial import MendedSerial, Serial
from bridge.registry.statements.statement import How, Statement, open_statement, read_statement
from bridge.registry.statements.unpacking import require_bounded

from .workbooks import write_xlsx

PLAIN = "serial,quantity,state,beneficiary\n"
GS_HEADER = (
    "Serial Number,Quantity,Credit Status,Vintage,GSID,Product Type,Project Name,Country,Methodology,Issuance Date\n"
)
PAIR = "RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014"


def reading(
    folder: Path, text: str, code: str = "FCPF", encoding: str = "utf-8", how: How | None = None
) -> AbstractContextManager[Statement]:
    path = folder / "file.csv"
    path.write_bytes(text.encode(encoding))
    return read_statement(path, grammar(code), how or How())


def fcpf(ends: str, quantity: int, beneficiary: str = "") -> str:
    return f"FCPF-CI-130-2023-20-{ends},{quantity},retired,{beneficiary}\n"


# ------------------------------------------------------------------------------------------------ written and read


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_a_statement_that_is_written_reads_back_as_it_was(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"statement{suffix}"
    text = PLAIN + fcpf("1 to 10", 10, "東京炭素") + fcpf("11 to 20", 9) + fcpf("5 to 6", 2)
    with reading(tmp_path, text, how=How(as_of=1_700_000_000)) as made:
        made.save(out)
        rows, refused = list(made.rows()), list(made.refused())
    with open_statement(out) as again:
        assert again.head == made.head
        assert list(again.rows()) == rows
        assert list(again.refused()) == (refused if suffix == ".json" else [])
    assert [row.serial for row in rows] == ["FCPF-CI-130-2023-20-1 to 10"]
    assert (rows[0].beneficiary, rows[0].state, rows[0].as_of) == ("東京炭素", SerialState.RETIRED, 1_700_000_000)
    assert [(row.line, row.column) for row in refused] == [(3, "quantity"), (4, "")]


def test_the_head_counts_every_row_and_weighs_what_was_taken(tmp_path: Path) -> None:
    with reading(tmp_path, PLAIN + fcpf("1 to 10", 10) + fcpf("11 to 20", 9)) as statement:
        head = statement.head
    assert (head.read, head.taken, head.refused, head.rows, head.units, head.kg) == (2, 1, 1, 1, 10, 10_000)
    assert len(head.sha256) == 64


def test_any_reader_of_parquet_finds_the_documented_columns(tmp_path: Path) -> None:
    out = tmp_path / "statement.parquet"
    with reading(tmp_path, PLAIN + fcpf("1 to 10", 10)) as statement:
        statement.save(out)
    schema = parquet.read_schema(out)
    assert schema.names == list(COLUMNS)
    assert schema.types == [pa.type_for_alias(column.type) for column in COLUMNS.values()]
    found = duckdb.execute("select first, last, units, kg, state, line from read_parquet(?)", [str(out)]).fetchall()
    assert found == [(1, 10, 10, 10_000, "retired", 2)]


def test_what_a_spreadsheet_would_take_for_a_formula_is_text(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://evil")'
    quoted = '"' + evil.replace('"', '""') + '"'
    with reading(tmp_path, PLAIN + fcpf("1 to 10", 10, quoted) + f"{quoted},1,held,\n-1+1,1,held,\n") as statement:
        statement.save(tmp_path / "rows.csv")
        statement.save_refused(tmp_path / "refused.csv")
    with (tmp_path / "rows.csv").open(newline="") as file:
        assert [row["beneficiary"] for row in csv.DictReader(file)] == [f"'{evil}"]
    for cell in (cell for row in csv.reader((tmp_path / "refused.csv").open(newline="")) for cell in row):
        assert cell[:1] not in ("=", "+", "-", "@")


@pytest.mark.parametrize("name", ["x.xlsx", "x"])
def test_a_statement_is_written_in_three_forms_and_no_other(tmp_path: Path, name: str) -> None:
    with reading(tmp_path, PLAIN) as statement, pytest.raises(UsageError, match=r"\.parquet, \.json or \.csv"):
        statement.save(tmp_path / name)


def test_a_parquet_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    parquet.write_table(pa.table({"first": [1]}), other)
    with pytest.raises(MalformedInput, match="no canonical statement"), open_statement(other):
        pass


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"units":10', '"units":11', "are not the serials"),
        ('"kg":10000', '"kg":1', "are not 10 units"),
        ('{"rows": [', '{"lines": [', "no canonical statement"),
        ('"head": ', '"tail": ', "ends without its head|row"),
    ],
)
def test_a_json_file_that_was_tampered_with_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    out = tmp_path / "statement.json"
    with reading(tmp_path, PLAIN + fcpf("1 to 10", 10)) as statement:
        statement.save(out)
    out.write_text(out.read_text().replace(old, new))
    with pytest.raises(MalformedInput, match=why), open_statement(out):
        pass


# ------------------------------------------------------------------------------------------------ how files are spelt


@pytest.mark.parametrize("encoding", ["cp932", "shift_jis", "utf-16", "utf-16-le"])
def test_an_encoding_that_is_named_is_read(tmp_path: Path, encoding: str) -> None:
    text = PLAIN + fcpf("1 to 10", 10, "炭素株式会社")
    with reading(tmp_path, text, encoding=encoding, how=How(encoding=encoding)) as statement:
        assert [row.beneficiary for row in statement.rows()] == ["炭素株式会社"]


def test_latin_1_is_read_when_it_is_named(tmp_path: Path) -> None:
    text = PLAIN + fcpf("1 to 10", 10, "Société Générale")
    with reading(tmp_path, text, encoding="latin-1", how=How(encoding="latin-1")) as statement:
        assert [row.beneficiary for row in statement.rows()] == ["Société Générale"]


@pytest.mark.parametrize(("real", "named"), [("cp932", None), ("cp932", "utf-16"), ("latin-1", "cp932")])
def test_another_encoding_than_the_named_one_ends_the_reading(tmp_path: Path, real: str, named: str | None) -> None:
    text = PLAIN + fcpf("1 to 10", 10, "é" if real == "latin-1" else "炭")
    with pytest.raises(MalformedInput, match=r"encoding|header"), reading(tmp_path, text, "FCPF", real, How(named)):
        pass


def test_a_mark_that_contradicts_the_named_encoding_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(MalformedInput, match="mark of utf-8 and is no cp932"),
        reading(tmp_path, PLAIN, encoding="utf-8-sig", how=How("cp932")),
    ):
        pass


def test_an_encoding_that_nobody_knows_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no encoding 'klingon'"), reading(tmp_path, PLAIN, how=How("klingon")):
        pass


def test_a_column_that_stands_twice_is_not_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="several columns named 'serial'"), reading(tmp_path, "serial," + PLAIN):
        pass


def test_serials_listed_in_one_cell_become_rows_of_one_line(tmp_path: Path) -> None:
    listed = '"FCPF-CI-130-2023-20-1 to 10,FCPF-CI-130-2023-20-21 to 25",15,held,\n'
    with reading(tmp_path, PLAIN + listed) as statement:
        assert [(row.line, row.part, row.first, row.last) for row in statement.rows()] == [
            (2, 1, 1, 10),
            (2, 2, 21, 25),
        ]
        assert (statement.head.read, statement.head.taken, statement.head.rows) == (1, 1, 2)


@pytest.mark.parametrize(
    ("cell", "quantity", "why"),
    [
        ("FCPF-CI-130-2023-20-1 to 10,FCPF-CI-130-2023-20-21 to 25", 14, "not the 15 serials"),
        ("FCPF-CI-130-2023-20-1 to 10,FCPF-CI-130-2023-20-10 to 15", 16, "twice in this row"),
        ("FCPF-CI-130-2023-20-1 to 10,", 10, "fields"),
        ("FCPF-CI-130-2023-20-1 to 10,nonsense", 10, "fields"),
    ],
)
def test_a_list_with_anything_wrong_is_refused_whole(tmp_path: Path, cell: str, quantity: int, why: str) -> None:
    with reading(tmp_path, f'{PLAIN}"{cell}",{quantity},held,\n') as statement:
        assert list(statement.rows()) == []
        assert [why in row.reason for row in statement.refused()] == [True]


@pytest.mark.parametrize(
    ("code", "serial", "kg"),
    [
        ("J-BLUE", "202112JBCT00001-001～202112JBCT00001-194", 19_400),
        ("J-BLUE", "202112JBCT00001-007", 100),
        ("UNDP", "VU-ITMO-11-356-2022-0-27-35", 9_000),
        ("PURO", "PURO_PR_CORC100+_BO_432524_2026_11111111-2222-3333-4444-555555555555_1-12678", 12_678_000),
    ],
)
def test_units_weigh_what_their_registry_says(tmp_path: Path, code: str, serial: str, kg: int) -> None:
    units = grammar(code).numbered(serial).range.units
    with reading(tmp_path, f"serial,quantity,state\n{serial},{units},held\n", code) as statement:
        assert [(row.units, row.kg) for row in statement.rows()] == [(units, kg)]


# ------------------------------------------------------------------------------------------------ workbooks


def test_a_workbook_reads_as_the_same_csv_would(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    write_xlsx(
        path,
        {
            "Sheet 1": [
                PLAIN.strip().split(","),
                ["FCPF-CI-130-2023-20-1 to 10", 10, "retired", "炭素"],
                [],
                ["x", 1.5, "held", ""],
            ]
        },
    )
    with read_statement(path, grammar("FCPF")) as statement:
        (row,), (refused,) = statement.rows(), statement.refused()
        assert (row.file, row.line, row.units, row.beneficiary) == ("file.xlsx#Sheet 1", 2, 10, "炭素")
        assert (refused.line, refused.column, refused.content) == (4, "serial", "x,1.5,held,")


def test_a_workbook_with_several_sheets_is_not_chosen_from(tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    sheet = [PLAIN.strip().split(","), ["FCPF-CI-130-2023-20-1 to 10", 10, "retired", ""]]
    write_xlsx(path, {"old": [["x"]], "new": sheet, "empty": []})
    with pytest.raises(UsageError, match="name one by --sheet: old, new"), read_statement(path, grammar("FCPF")):
        pass
    with read_statement(path, grammar("FCPF"), How(sheet="new")) as statement:
        assert statement.head.taken == 1
    with pytest.raises(UsageError, match="no sheet 'newer'"), read_statement(path, grammar("FCPF"), How(sheet="newer")):
        pass


@pytest.mark.parametrize(
    ("cells", "refused"),
    [
        ((b"A1", b"XFD1048576"), True),
        ((b"A1048576", b"XFD1"), True),
        ((b"A1", b"BM1048576"), True),
        ((b"A1", b"BL1048576"), False),
        ((b"A1", b"XFD100"), False),
    ],
)
def test_a_sheet_whose_cells_lie_far_apart_is_refused_before_room_is_made_for_it(
    tmp_path: Path, cells: tuple[bytes, ...], refused: bool
) -> None:
    """As a file of a kilobyte: the reader would take 400 GB."""
    path = tmp_path / "file.xlsx"
    with ZipFile(path, "w", ZIP_DEFLATED) as file, file.open("xl/worksheets/sheet1.xml", "w") as sheet:
        sheet.write(b" " * (2**20 - 12))  # so that one piece of what is read ends in a cell's name
        for cell in cells:
            sheet.write(b'<c r="%s"/>' % cell)
    if refused:
        with pytest.raises(MalformedInput, match="too far apart"):
            require_bounded(path)
    else:
        require_bounded(path)


def test_what_unpacks_to_more_than_any_register_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_BYTES", 3 * 2**20)
    path = tmp_path / "file.xlsx"
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name in ("a.xml", "b.xml"):
            file.writestr(name, b" " * 2**21)
    with pytest.raises(MalformedInput, match="unpacks to more"), read_statement(path, grammar("FCPF")):
        pass


@pytest.mark.parametrize("name", ["file.xlsx", "file.xls"])
def test_what_is_no_workbook_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PLAIN)
    with (
        pytest.raises(MalformedInput, match="cannot be read as a workbook"),
        read_statement(tmp_path / name, grammar("FCPF")),
    ):
        pass


# ------------------------------------------------------------------------------------------------ lenient CERs


@pytest.mark.parametrize(
    ("text", "mends"),
    [
        (PAIR.replace(" - ", "-"), ("separators",)),
        (PAIR.replace(" - ", " \u2013 "), ("separators",)),
        (PAIR.replace("RW-5-1467609", "RW5-1467609"), ("separators",)),
        (PAIR.replace("1463953", "001463953"), ("leading zeros",)),
        (" - ".join(reversed(PAIR.split(" - "))), ("reversed ends",)),
        (
            " ".join(reversed(PAIR.replace("1463953", "01463953").split(" - "))),
            ("separators", "leading zeros", "reversed ends"),
        ),
    ],
)
def test_a_lenient_reading_names_each_mend(text: str, mends: tuple[str, ...]) -> None:
    with pytest.raises(MalformedInput):
        cer.parse_serial(text, 2019)
    mended = cer.mend(text, 2019)
    assert (mended.guess, mended.mends) == (cer.parse_serial(PAIR, 2019), mends)


@pytest.mark.parametrize(
    "text",
    [
        PAIR,
        "",
        PAIR.replace("RW-5-1463953", "RW-51463953"),
        PAIR.replace("1467609-2-2-0-7014", "1467609-2-2-0-7015"),
        PAIR.replace("RW", "R"),
        PAIR.replace("7014 -", "7014 and"),
        PAIR.split(" - ", maxsplit=1)[0],
    ],
)
def test_what_would_have_to_be_guessed_is_not_mended(text: str) -> None:
    with pytest.raises(MalformedInput):
        cer.mend(text, 2019)


def test_a_mended_serial_is_no_serial_and_its_row_gives_no_range(tmp_path: Path) -> None:
    assert not issubclass(MendedSerial, Serial)
    line = f"{PAIR.replace(' - ', '-')},3657,Issued,2019,7014,CER,x,Rwanda,,2026-04-01\n"
    with reading(tmp_path, GS_HEADER + line, "GS") as strict:
        assert [row.column for row in strict.refused()] == ["Serial Number"]
    with reading(tmp_path, GS_HEADER + line, "GS", how=How(lenient=True)) as lenient:
        (row,) = lenient.rows()
        assert (row.first, row.last, row.mends, lenient.head.lenient) == (1463953, 1467609, "separators", True)
        with pytest.raises(RegistryRefused, match="read leniently"):
            _ = row.range
        lenient.save(tmp_path / "lenient.parquet")
    with open_statement(tmp_path / "lenient.parquet") as again, pytest.raises(RegistryRefused, match="read leniently"):
        _ = [one.range for one in again.rows()]


def test_a_strict_reading_says_that_nothing_was_mended(tmp_path: Path) -> None:
    with reading(tmp_path, GS_HEADER + f"{PAIR},3657,Issued,2019,7014,CER,x,Rwanda,,2026-04-01\n", "GS") as statement:
        rows: list[CanonicalRow] = list(statement.rows())
    assert [(row.mends, row.range is not None) for row in rows] == [("", True)]
