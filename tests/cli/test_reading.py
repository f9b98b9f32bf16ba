"""Registries' files on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.registry.statements.statement import open_statement
from tests.cli.office import Office

ROWS = (
    "serial,quantity,state\n"
    "FCPF-CI-130-2023-20-1 to 10,10,held\n"
    "FCPF-CI-130-2023-20-11 to 20,9,held\n"
    "FCPF-CI-130-2023-20-2 to 3,2,held\n"
)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    (tmp_path / "rows.csv").write_text(ROWS)
    return Office(tmp_path)


def test_people_see_what_was_taken_and_each_refused_row(office: Office) -> None:
    ran = office.run("registry", "read", "fcpf", str(office.folder / "rows.csv"))
    assert ran.code == 1
    assert "3 rows read, 1 taken, 2 refused" in " ".join(ran.out.split())
    assert "1 blocks of 10 units (10 t)" in ran.out
    assert "quantity" in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_machines_are_told_the_same(office: Office) -> None:
    told = office.told("registry", "read", "FCPF", str(office.folder / "rows.csv"), code=1)
    assert (told["read"], told["taken"], told["refused"], told["kg"]) == (3, 1, 2, 10_000)
    assert [(row["line"], row["column"]) for row in told["refused_rows"]] == [(3, "quantity"), (4, "")]


def test_what_is_written_says_when_the_registry_stated_it(office: Office) -> None:
    out, refused = office.folder / "statement.parquet", office.folder / "refused.csv"
    arguments = ("--as-of", "2026-04-01T00:00:00Z", "--out", str(out), "--refused", str(refused))
    assert office.run("registry", "read", "FCPF", str(office.folder / "rows.csv"), *arguments).code == 1
    with open_statement(out) as statement:
        assert statement.head.as_of == 1_775_001_600
    assert refused.read_text().count("\n") == 3


def test_a_clean_file_ends_with_zero_and_needs_no_configuration(office: Office) -> None:
    clean = office.folder / "clean.csv"
    clean.write_text("\n".join(ROWS.splitlines()[:2]) + "\n")
    assert office.run("registry", "read", "FCPF", str(clean)).code == 0


@pytest.mark.parametrize("command", [("read", "FCPF"), ("import", "FCPF", "--into", "alice")])
def test_an_encoding_is_named_and_never_guessed(office: Office, command: tuple[str, ...]) -> None:
    file = office.folder / "cp932.csv"
    file.write_bytes("serial,quantity,state,holder\nFCPF-CI-130-2023-20-1 to 10,10,held,炭素\n".encode("cp932"))
    assert "name its --encoding" in office.refused(2, "registry", *command, str(file))
    assert "name its --encoding" not in office.run("registry", *command, str(file), "--encoding", "cp932").err


def test_a_registry_that_nobody_knows_lists_the_known(office: Office) -> None:
    complaint = office.refused(2, "registry", "read", "NOBODY", str(office.folder / "rows.csv"))
    assert "known are VERRA, GS" in complaint


def test_a_registry_that_the_configuration_describes_is_read(office: Office) -> None:
    office.done("init", "--dev")
    with (office.folder / "carbonbridge.toml").open("a") as config:
        config.write(
            '\n[formats.J-CREDIT]\nname = "J-Credit"\nspace = "JC-{project}"\ncredit_type = "JC"\n'
            'example = "JC-1-2020-1-9"\n'
            "pattern = 'JC-(?P<project>[0-9]+)-(?P<vintage>[0-9]{4})-(?P<first>[0-9]+)-(?P<last>[0-9]+)'\n"
            'spelling = "JC-{project}-{vintage}-{first}-{last}"\n'
        )
    file = office.folder / "j.csv"
    file.write_text("serial,quantity,state\nJC-7-2021-1-10,10,held\n")
    assert office.told("registry", "read", "J-CREDIT", str(file))["units"] == 10
