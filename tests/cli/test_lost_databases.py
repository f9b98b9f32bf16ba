"""A journal or registry that is gone is not made anew in silence, and can be begun anew on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.office import Office, chain_process

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]

STOVES = "GS1-1-UG-GS11236-16-2024-30307-1-10"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path)
        made.done("init", "--dev", "--rpc", chain["rpc"])
        made.done("dev", "fund")
        made.done("operator", "deploy")
        yield made


def lose(office: Office, which: str) -> None:
    for file in office.folder.glob(f"{which}.db*"):
        file.unlink()


def test_what_is_lost_is_missed_and_begun_anew_only_on_purpose(office: Office) -> None:
    office.done("registry", "account", "Alice Ltd")
    office.done("registry", "issue", STOVES, "--account", "Alice Ltd")
    given = office.told("registry", "instruct", STOVES, "--account", "Alice Ltd", "--to", "holder")
    office.done("operator", "deposit", given["instruction_id"])
    assert "is not lost" in office.refused(2, "init", "--anew", "journal")

    lose(office, "journal")
    for command in (("operator", "status"), ("operator", "settle"), ("holder", "requests")):
        refused = office.refused(2, *command)
        assert "journal.db is missing" in refused
        assert "carbonbridge init --anew journal" in refused
    assert not (office.folder / "journal.db").exists()
    assert "found again" in office.done("init", "--anew", "journal")
    assert (office.folder / "journal.db").stat().st_mode & 0o777 == 0o600
    assert office.told("operator", "deposit", given["instruction_id"])["state"] == "minted"

    lose(office, "registry")
    assert "registry.db is missing" in office.refused(2, "registry", "accounts")
    assert "no database" in office.refused(2, "init", "--anew", "ledger")
    assert office.told("init", "--anew", "registry") == {"registry": str(office.folder / "registry.db")}
    assert office.told("registry", "accounts") == []
