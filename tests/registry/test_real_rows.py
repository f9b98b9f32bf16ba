"""Every row that four registries exported, read and imported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bridge.domain.lifecycle import SerialState
from bridge.registry.importer import ImportReport, import_rows
from bridge.registry.ledger import Ledger
from bridge.registry.statements import verra
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import read_statement

from .fakes import fixed_clock

pytestmark = pytest.mark.data

FILES = {
    "verra": ("VERRA", "verra/transactions.csv"),
    "gs-issuances": ("GS", "gold-standard/issuances.csv"),
    "gs-retirements": ("GS", "gold-standard/retirements.csv"),
    "acr-issuances": ("ACR", "american-carbon-registry/issuances.csv"),
    "acr-retirements": ("ACR", "american-carbon-registry/retirements.csv"),
    "car-issuances": ("CAR", "climate-action-reserve/issuances.csv"),
    "car-retirements": ("CAR", "climate-action-reserve/retirements.csv"),
}


def imported(ledger: Ledger, data: Path, name: str, *, as_held: bool = False) -> ImportReport:
    programme, file = FILES[name]
    with read_statement(data / "registries" / file, grammar(programme)) as statement:
        return import_rows(ledger, statement.head, statement.in_order(), "registrar", as_held=as_held)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine, fixed_clock(1_700_000_000))


@pytest.mark.parametrize(
    ("name", "rows", "units"),
    [
        ("verra", 200, 4_029_227),
        ("gs-issuances", 100, 5_380_873),
        ("gs-retirements", 100, 1_968_759),
        ("acr-retirements", 100, 298_881),
        ("car-retirements", 100, 1_506_818),
    ],
)
def test_every_row_with_a_range_is_imported_to_the_unit(
    real_data: Path, ledger: Ledger, name: str, rows: int, units: int
) -> None:
    report = imported(ledger, real_data, name)
    assert (report.read, report.imported, report.rejected) == (rows, rows, ())
    assert report.issued_units == units
    assert ledger.audit() == ()
    assert -sum(b.units for b in ledger.balances() if b.account == "issuance") == units


@pytest.mark.parametrize("name", ["acr-issuances", "car-issuances"])
def test_every_row_without_serials_is_reported(real_data: Path, ledger: Ledger, name: str) -> None:
    report = imported(ledger, real_data, name)
    assert (report.read, report.imported, len(report.rejected)) == (100, 0, 100)
    assert all("states no serials" in row.reason and row.content for row in report.rejected)
    assert [row.line for row in report.rejected] == list(range(2, 102))


def test_retired_and_cancelled_rows_end_up_so(real_data: Path, ledger: Ledger) -> None:
    imported(ledger, real_data, "gs-retirements")
    states = {s: sum(b.units for b in ledger.balances() if b.state is s and b.units > 0) for s in SerialState}
    assert states[SerialState.CANCELLED] == 1_155_441
    assert states[SerialState.RETIRED] == 813_318


@pytest.mark.parametrize("order", [("gs-issuances", "gs-retirements"), ("gs-retirements", "gs-issuances")])
def test_issuances_and_retirements_meet_in_either_order(
    real_data: Path, ledger: Ledger, order: tuple[str, str]
) -> None:
    reports = [imported(ledger, real_data, name) for name in order]
    assert [report.rejected for report in reports] == [(), ()]
    assert ledger.audit() == ()
    units = sum(b.units for b in ledger.balances() if b.units > 0)
    overlap = 5_380_873 + 1_968_759 - units
    assert overlap == 5_354 + 12_139  # two retirements out of batches that the issuances list whole


def test_importing_again_changes_nothing_and_says_so(real_data: Path, ledger: Ledger) -> None:
    imported(ledger, real_data, "verra")
    before = ledger.balances()
    again = imported(ledger, real_data, "verra")
    assert (again.imported, again.already_known, again.issued_units, again.ended_units) == (0, 200, 0, 0)
    assert ledger.balances() == before


def test_all_rows_can_be_taken_as_held_for_a_rehearsal(real_data: Path, ledger: Ledger) -> None:
    report = imported(ledger, real_data, "verra", as_held=True)
    assert (report.issued_units, report.ended_units) == (4_029_227, 0)


def test_real_cers_inside_a_gold_standard_file_stand_in_their_own_numbering(real_data: Path) -> None:
    with read_statement(real_data / "registries" / FILES["gs-issuances"][1], grammar("GS")) as statement:
        pairs = [row for row in statement.rows() if row.registry == "ITL"]
    assert [(row.space, row.units, row.vintage) for row in pairs] == [
        ("RW-5", 3657, 2019),
        ("RW-5", 3845, 2018),
        ("RW-5", 133, 2017),
    ]


def test_real_blocks_of_an_older_counter_never_collide_with_the_newer_one(real_data: Path) -> None:
    lines = (real_data / "stellarcarbon" / "minted_blocks.ndjson").read_text().splitlines()
    older = [verra.parse_serial(json.loads(line)[4]) for line in lines]
    newer = [verra.parse_serial(json.loads(line)[4].replace("-MER-", "-VER-")) for line in lines]
    assert sum(serial.range.units for serial in older) == 202
    assert {serial.space.key for serial in older} == {"APX+MER"}
    assert not any(one.range.overlaps(other.range) for one in older for other in newer)
