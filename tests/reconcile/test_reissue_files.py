"""Re-issues from CSV: each row is taken or rejected with its reason, and a file that is none is refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.reconcile.evidence import Reissue
from bridge.reconcile.reissues import ReissuesFile, read_reissues
from bridge.registry.statements.grammar import grammar

VERRA = "9000-{}-{}-VCS-VCU-1507-VER-PE-14-1360-01012020-31122020-1"
GS = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
SPACE, OTHER = "0x" + "11" * 32, "0x" + "22" * 32
SPELT = "source,origin_registry,origin_serial,becomes_registry,becomes_serial"
NUMBERED = "source,origin_space,origin_first,origin_last,becomes_space,becomes_first,becomes_last"


def read(folder: Path, *lines: str) -> ReissuesFile:
    file = folder / "reissues.csv"
    file.write_text("\n".join(lines) + "\n")
    return read_reissues(file)


def test_serials_are_read_as_their_registries_spell_them(tmp_path: Path) -> None:
    told = read(tmp_path, SPELT, f"conversions,VERRA,{VERRA.format(1, 50)},GS,{GS.format(101, 150)}", "")
    origin = grammar("VERRA").numbered(VERRA.format(1, 50)).range
    becomes = grammar("GS").numbered(GS.format(101, 150)).range
    assert told == ReissuesFile(reissues=(Reissue(source="conversions", origin=origin, becomes=becomes),), rejected=())


def test_numbers_of_spaces_are_taken_too_in_any_order_of_columns(tmp_path: Path) -> None:
    columns = NUMBERED.split(",")
    cells = ["conversions", SPACE, "1", "5", OTHER, "11", "15"]
    ways = [",".join(reversed(columns)), ",".join(reversed(cells))], [NUMBERED, ",".join(cells)]
    one, other = (read(tmp_path, *way).reissues for way in ways)
    assert one == other
    assert [(r.origin.space, str(r.origin), r.becomes.space, str(r.becomes)) for r in one] == [
        (SPACE, "1-5", OTHER, "11-15")
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"x,{SPACE},0,5,{OTHER},1,5", "origin_first '0' is not a whole number"),
        (f"x,{SPACE},5,1,{OTHER},1,5", "origin"),
        (f"x,{SPACE},1,5,{OTHER},1,", "becomes_last '' is not a whole number"),
        (f"x,0x11,1,5,{OTHER},1,5", "64 hex digits"),
        ("x,,,,,,", "origin names no serials: give origin_registry and origin_serial"),
        (f"x,{SPACE},1,5", "becomes names no serials"),
        (f",{SPACE},1,5,{OTHER},1,5", "source"),
        (f"x,{SPACE},1,5,{OTHER},1,5,more", "no column for cell 8"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_and_the_others_taken(tmp_path: Path, row: str, reason: str) -> None:
    told = read(tmp_path, NUMBERED, row, f"x,{SPACE},1,5,{OTHER},1,5")
    (rejected,) = told.rejected
    assert (rejected.line, rejected.content) == (2, row)
    assert reason in rejected.reason
    assert len(told.reissues) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"x,NOBODY,{VERRA.format(1, 5)},GS,{GS.format(1, 5)}", "no serials of registry 'NOBODY' can be read"),
        (f"x,VERRA,nonsense,GS,{GS.format(1, 5)}", "nonsense"),
    ],
)
def test_a_serial_that_its_registry_never_writes_is_rejected(tmp_path: Path, row: str, reason: str) -> None:
    (rejected,) = read(tmp_path, SPELT, row).rejected
    assert reason.lower() in rejected.reason.lower()


def test_the_same_row_again_is_no_second_reissue(tmp_path: Path) -> None:
    row = f"x,{SPACE},1,5,{OTHER},1,5"
    told = read(tmp_path, NUMBERED, row, row)
    assert (len(told.reissues), [r.reason for r in told.rejected]) == (1, ["the same stands on line 2"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"source,origin\n", "origin"),
        (b"origin_registry,origin_serial\n", "name source"),
        (b"source,source\n", "each once"),
        (b"source,origin_space\n\xff\xfe,1\n", "UTF-8"),
        (b'source,origin_space\n"a', "no CSV"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "reissues.csv"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        read_reissues(file)
    with pytest.raises(UsageError, match="No such file"):
        read_reissues(tmp_path / "absent.csv")


@pytest.mark.parametrize("side", ["origin", "becomes"])
def test_ten_thousand_nested_rows_are_refused(tmp_path: Path, side: str) -> None:
    rows = []
    for n in range(1, 18):
        origin, becomes = (f"{SPACE},{n},100", f"{OTHER},{1000 * n},{1000 * n + 1}")
        sides = (origin, becomes) if side == "origin" else (becomes, origin)
        rows.append(f"x,{','.join(sides)}")
    with pytest.raises(UsageError, match="more than 16 times"):
        read(tmp_path, NUMBERED, *rows)
