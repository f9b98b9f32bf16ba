"""Evidence is collected once and compared as often as one likes; what was collected needs no node any more."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chain.conftest import anvil_process
from tests.cli.office import Office, chain_process
from tests.cli.test_deployments import MINED
from tests.cli.test_running import STOVES
from tests.registry.test_exports import numbered, text_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployment with two hundred serials deposited and fifty on their way to be retired, and another deployment on
    another chain that locks in the same registry."""
    folder = tmp_path_factory.mktemp("archive")
    with anvil_process("--chain-id", "31337") as near, anvil_process("--chain-id", "31338") as far:
        office = Office(folder / "first")
        office.folder.mkdir()
        office.done("init", "--dev", "--rpc", near)
        other = office.beside("second", far)
        for one in (office, other):
            one.done("dev", "fund")
            one.done("operator", "deploy")
            one.done("operator", "class", STOVES.format(1, 1))
        office.done("registry", "account", "Alice Ltd")
        office.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        _deposit(office, 1, 200)
        office.done("holder", "retire", "GS 11236", "50", "--for", "Acme")
        office.done("operator", "settle", *MINED)
        _deposit(other, 301, 400)
        config = office.folder / "carbonbridge.toml"
        config.write_text(config.read_text() + _beside((other.folder / "carbonbridge.toml").read_text()))
        yield office


def _deposit(office: Office, first: int, last: int) -> None:
    order = office.told("registry", "instruct", STOVES.format(first, last), "--account", "Alice Ltd", "--to", "holder")
    office.done("operator", "deposit", order["instruction_id"], *MINED)


def _beside(text: str) -> str:
    """The other's chain and contract, as a deployment beside the first."""
    sections = dict(re.findall(r"(?ms)^\[(chain|contract)\]\n(.*?)(?=^\[|\Z)", text))
    return "\n".join(f"\n[deployments.other.{name}]\n{body.strip()}\n" for name, body in sections.items())


def collected(office: Office, archive: Path, *more: str) -> Any:
    return office.told("compliance", "collect", "--archive", str(archive), *more)


def compared(office: Office, *more: str, code: int = 0) -> Any:
    return office.told("compliance", "reconcile", *more, code=code)


def test_both_deployments_are_compared_and_the_archive_says_the_same(begun: Office, tmp_path: Path) -> None:
    live = compared(begun)
    assert {pin["deployment"]["chain_id"] for pin in live["blocks"]} == {31337, 31338}
    assert sorted(row["live"] for row in live["totals"]) == [100, 150]
    found = collected(begun, tmp_path)
    assert [one["deployment"]["chain_id"] for one in found] == [31337, 31338]
    kept = compared(begun, "--archive", str(tmp_path))
    for name in ("findings", "in_flight", "shown", "totals", "labels", "clean", "not_compared"):
        assert kept[name] == live[name], name
    assert {one["logs"] for one in collected(begun, tmp_path)} == {0}
    assert compared(begun, "--archive", str(tmp_path))["totals"] == live["totals"]


def test_the_second_comparison_of_an_archive_reads_what_is_new_and_says_so(begun: Office, tmp_path: Path) -> None:
    collected(begun, tmp_path)
    archive = ("--archive", str(tmp_path))
    told = compared(begun, *archive)
    collected(begun, tmp_path)
    words = begun.done("compliance", "reconcile", *archive)
    assert "compared what is new since block" in words
    assert "all was compared: as was asked for" in begun.done("compliance", "reconcile", *archive, "--full")
    assert compared(begun, *archive)["totals"] == told["totals"]
    shutil.rmtree(tmp_path / "checkpoint")
    assert "all was compared: no checkpoint is in" in begun.done("compliance", "reconcile", *archive)


def test_an_archive_is_compared_without_a_run(begun: Office, tmp_path: Path) -> None:
    """It may be old: it must not close what was found since."""
    collected(begun, tmp_path)
    before = compared(begun)["run"]["number"]
    assert compared(begun, "--archive", str(tmp_path))["run"] is None
    assert compared(begun)["run"]["number"] == before + 1


def test_an_archive_needs_no_node_no_registry_and_no_configuration(begun: Office, tmp_path: Path) -> None:
    archive, elsewhere = tmp_path / "evidence", Office(tmp_path / "elsewhere")
    collected(begun, archive)
    kept = compared(begun, "--archive", str(archive))
    shutil.copytree(archive, elsewhere.folder / "copy")
    assert compared(elsewhere, "--archive", str(elsewhere.folder / "copy")) == kept
    journal = sorted((archive / "chains").glob("31337-*/journal/*.parquet"))
    assert len(journal) == 1


def test_an_earlier_statement_is_kept_and_a_signed_file_is_taken(begun: Office, tmp_path: Path) -> None:
    archive, file = tmp_path / "evidence", tmp_path / "statement.json"
    begun.done("registry", "statement", "GS", "--out", str(file))
    collected(begun, archive, "--statement", str(file))
    collected(begun, archive)
    statements = sorted(path.parent.name for path in archive.glob("statements/GS/*/head.json"))
    assert len(statements) == 3
    head = json.loads(next(archive.glob(f"statements/GS/{statements[0]}/head.json")).read_text())
    assert head["endorsements"][0]["attesters"] >= head["endorsements"][0]["threshold"]
    assert compared(begun, "--archive", str(archive))["clean"]
    assert compared(begun, "--statement", str(file))["clean"]


def test_a_changed_archive_is_refused(begun: Office, tmp_path: Path) -> None:
    collected(begun, tmp_path)
    for file in sorted(tmp_path.rglob("*.parquet")):
        if "checkpoint" in file.parts:
            continue
        whole = file.read_bytes()
        file.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
        if "events" in file.parts and file.parts[-2] not in _READ:
            file.write_bytes(whole)
            continue
        refusal = begun.refused(2, "compliance", "reconcile", "--archive", str(tmp_path))
        assert file.name in refusal, file
        assert "put it back from a copy" in refusal
        file.write_bytes(whole)
    assert compared(begun, "--archive", str(tmp_path))["clean"]


_READ = {"SpaceRegistered", "ClassCreated", "Minted", "RequestOpened", "OutcomeSettled", "CreditRetired", "Transferred"}


def test_an_export_of_a_registry_that_signs_its_statements_displaces_none(begun: Office, tmp_path: Path) -> None:
    export, statement = tmp_path / "verra.csv", tmp_path / "verra.parquet"
    export.write_text(text_of(numbered(1001, 1010)))
    stated = ("--as-of", "2026-01-01T00:00:00Z", "--out", str(statement))
    begun.done("registry", "read", "VERRA", str(export), *stated)
    archive = ("--archive", str(tmp_path / "evidence"))
    for command in (("reconcile",), ("collect", *archive)):
        refusal = begun.refused(2, "compliance", *command, "--statement", str(statement))
        assert "is signed by nobody" in refusal


def test_a_node_that_is_gone_leaves_the_archive_and_says_so(begun: Office, tmp_path: Path) -> None:
    collected(begun, tmp_path)
    config = begun.folder / "carbonbridge.toml"
    text = config.read_text()
    config.write_text(re.sub(r'(?s)(\[deployments\.other\.chain\].*?rpc = )"[^"]*"', r'\1"http://127.0.0.1:1"', text))
    try:
        assert "did not answer" in begun.refused(3, "compliance", "collect", "--archive", str(tmp_path))
    finally:
        config.write_text(text)
    assert compared(begun, "--archive", str(tmp_path))["clean"]


def test_nothing_is_made_where_no_archive_is(begun: Office, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert "compliance collect" in begun.refused(2, "compliance", "reconcile", "--archive", str(nowhere))
    assert not nowhere.exists()


def test_another_bridges_contract_is_read_by_its_mapping(begun: Office, tmp_path: Path) -> None:
    """Our own contract, as others would map it: it claims what we have minted."""
    config = (begun.folder / "carbonbridge.toml").read_text()
    rpc, address, first = (
        re.findall(rf'(?m)^{name} = "?([^"\n]*)', config)[0] for name in ("rpc", "address", "first_block")
    )
    mapping = tmp_path / "other-bridge.toml"
    mapping.write_text(_MAPPING.format(rpc=rpc, contract=address, first_block=first))
    archive = ("--archive", str(tmp_path / "evidence"))
    live = compared(begun, "--mapping", str(mapping), code=1)
    (found,) = live["findings"]
    assert (found["rule"], [(r["first"], r["last"]) for r in found["ranges"]]) == (
        "overlapping-tokenization",
        [(1, 200)],
    )
    collected(begun, Path(archive[1]), "--mapping", str(mapping))
    assert compared(begun, *archive, code=1)["findings"] == [{**found, "first_seen": found["first_seen"]}]
    mapping.write_text(mapping.read_text().replace("{first}", "{start}"))
    assert "asks for start" in begun.refused(2, "compliance", "collect", *archive, "--mapping", str(mapping))


_MAPPING = """
name = "other-bridge"
rpc = "{rpc}"
finality = 0
chain_id = 31337
contract = "{contract}"
standard = "ERC-1155"
first_block = {first_block}
registry = "GS"

[[events]]
signature = "event Minted(uint256 indexed lockId, uint256 indexed classId, bytes32 indexed space, uint64 first, uint64 last, address recipient)"
state = "minted"
serial = "GS1-1-UG-GS11236-16-2024-30307-{{first}}-{{last}}"
"""  # noqa: E501


def test_the_chain_for_rehearsals_is_archived_as_any_other(tmp_path: Path) -> None:
    office = Office(tmp_path)
    with chain_process() as told:
        office.done("init", "--dev", "--rpc", told["rpc"])
        office.done("dev", "fund")
        office.done("operator", "deploy")
        office.done("operator", "class", STOVES.format(1, 1))
        office.done("registry", "account", "Alice Ltd")
        office.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        _deposit(office, 1, 200)
        (found,) = collected(office, tmp_path / "evidence")
    assert found["logs"] > 4
    told = compared(office, "--archive", str(tmp_path / "evidence"))
    assert (told["clean"], [row["live"] for row in told["totals"]]) == (True, [200])


def test_one_contract_named_twice_is_refused(begun: Office, tmp_path: Path) -> None:
    config = begun.folder / "carbonbridge.toml"
    text = config.read_text()
    config.write_text(text + _beside(text).replace("deployments.other", "deployments.again"))
    try:
        assert "names one contract twice" in begun.refused(2, "compliance", "collect", "--archive", str(tmp_path))
    finally:
        config.write_text(text)
