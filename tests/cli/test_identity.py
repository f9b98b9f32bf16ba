"""What is said of a class, from the officer who states it to the holder who reads it; and the gate before a lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Office, chain_process

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
VCU = "19385-{}-{}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
LETTER = ("--source", "https://registry.example/letters/7", "--stated-on", "2024-05-01")
GRANT = ("--article6", "oimp", "--article6-by", "UG", "--article6-reference", "UG-LoA-7")
FLIGHT = ("--corsia", "yes", "--corsia-phase", "first", "--corsia-vintages", "2021-2026")
CLASS = ("registry", "class")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("identity"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        made.done("dev", "fund")
        made.done("operator", "deploy", "--uri", "https://registry.example/metadata/{id}.json")
        made.done("registry", "account", "alice")
        for serial in (STOVES.format(1, 1000), VCU.format(1, 100)):
            made.done("registry", "issue", serial, "--account", "alice")
        order = made.told("registry", "instruct", STOVES.format(1, 100), "--account", "alice", "--to", "holder")
        made.done("operator", "deposit", order["instruction_id"])
        yield made


def known(office: Office) -> Any:
    return office.told(*CLASS, "show", "GS 11236")["attributes"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("--host-country", "Uganda"), "no country of ISO 3166-1"),
        (("--article6", "ndc"), "needs the country"),
        (("--article6", "yes"), "article6.authorised_for"),
        (("--corsia-phase", "first"), "add --corsia yes"),
        (("--corsia", "yes"), "named phases"),
        (("--corsia", "yes", "--corsia-phase", "first", "--corsia-vintages", "2021"), "FIRST-LAST"),
        ((), "nothing is said"),
    ],
    ids=str,
)
def test_what_cannot_be_said_is_refused_and_nothing_is_recorded(
    office: Office, said: tuple[str, ...], why: str
) -> None:
    before = known(office)
    assert why in office.refused(2, *CLASS, "set", "GS 11236", *said, *LETTER)
    assert known(office) == before


def test_a_day_to_come_and_a_class_that_is_not_there_are_refused(office: Office) -> None:
    said = ("--host-country", "UG", "--source", "x")
    assert "to come" in office.refused(2, *CLASS, "set", "GS 11236", *said, "--stated-on", "2199-01-01")
    assert "no class" in office.refused(2, *CLASS, "set", "GS 99", *said, "--stated-on", "2024-01-01")


def test_from_the_officer_to_the_holder(office: Office, tmp_path: Path) -> None:
    found = office.told("holder", "metadata", "GS 11236", code=1)
    assert found["standing"] == "unsigned"
    assert found["uri"] == f"https://registry.example/metadata/{found['class'][2:]}.json"

    made = office.told(*CLASS, "set", "GS 11236", "--host-country", "UG", *GRANT, *FLIGHT, *LETTER)
    assert made["recorded"] == ["host_country", "article6", "corsia"]
    assert made["attributes"]["methodology"] == "unknown"
    assert office.told(*CLASS, "set", "GS 11236", "--host-country", "UG", *LETTER)["recorded"] == []
    assert "UG-LoA-7" in office.done(*CLASS, "show", "GS 11236", "--history")
    assert [one["label"] for one in office.told(*CLASS, "list")] == ["GS 11236 2024 VER", "VERRA 1340 2020 VCU"]

    assert len(office.told(*CLASS, "pin")) == 2
    assert office.told(*CLASS, "pin") == []
    assert office.told("holder", "metadata", "GS 11236")["standing"] == "pinned"
    (held,) = office.told("holder", "balance")["holdings"]
    assert held["attributes"]["corsia"]["phases"] == ["first"]

    request = office.told("holder", "retire", "GS 11236", "5", "--for", "Acme", "--purpose", "2026")["request_id"]
    office.done("operator", "settle")
    file = tmp_path / "certificate.json"
    shown = office.done("holder", "certificate", request, "--lang", "ja", "--out", str(file))
    for words in ("ホスト国", "UG", "その他の国際的な緩和目的向けに承認", "第1フェーズ", "相当調整", "不明", "方法論"):
        assert words in shown
    assert office.told("holder", "verify", str(file))["valid"]

    forged = json.loads(file.read_text())
    forged["metadata"]["body"] = forged["metadata"]["body"].replace("oimp", "both")
    file.write_text(json.dumps(forged))
    assert office.told("holder", "verify", str(file), code=1)["faults"]

    office.done(
        *CLASS, "set", "GS 11236", "--article6", "unknown", "--source", "withdrawn", "--stated-on", "2024-06-01"
    )
    told = office.run("holder", "metadata", "GS 11236")
    assert told.code == 1
    assert "was changed since attesters signed it" in told.out
    assert "article6.value.authorised_for: oimp → unknown" in told.out


def test_static_files_are_checked_as_the_service_is(office: Office, tmp_path: Path) -> None:
    office.done(*CLASS, "pin")
    folder = tmp_path / "metadata"
    office.done("operator", "class", VCU.format(1, 100))
    rows = office.told("operator", "metadata", "--out", str(folder))
    assert {row["standing"] for row in rows} == {"pinned"}
    assert len(list(folder.iterdir())) == 2 * len(rows)
    there = ("holder", "metadata", "GS 11236", "--folder", str(folder))
    assert office.told(*there)["standing"] == "pinned"
    (file,) = (path for path in folder.glob("*.json") if "11236" in path.read_text() and "pins" not in path.name)
    file.write_text(file.read_text().replace('"unknown"', '"森林"', 1))
    assert office.told(*there, code=1)["standing"] == "changed"
    file.write_text("[" * 10_000)
    assert office.told(*there, code=1)["standing"] == "false"
    file.unlink()
    assert "cannot be read" in office.refused(2, *there)


def test_what_was_barred_is_refused_before_anything_is_locked(office: Office) -> None:
    order = ("registry", "instruct", VCU.format(1, 50), "--account", "alice", "--to", "holder")
    waiting = office.told(*order)["instruction_id"]
    office.done("compliance", "bar", "project", "VERRA", "1340")
    assert "its project is barred on chain" in office.refused(4, *order)
    assert "its project is barred on chain" in office.refused(4, "operator", "deposit", waiting)
    held = office.told("registry", "blocks", "--account", "alice")
    assert [(one["first"], one["last"]) for one in held if one["label"].startswith("VERRA")] == [(1, 100)]
    office.done("admin", "act", "setVerdict", "VERRA", "project", "1340", "none")
    assert office.told("operator", "deposit", office.told(*order)["instruction_id"])["state"] == "minted"


def test_rules_of_the_configuration_stand_before_a_lock(office: Office) -> None:
    config = office.folder / "carbonbridge.toml"
    before = config.read_text()
    order = ("registry", "instruct", STOVES.format(501, 510), "--account", "alice", "--to", "holder")
    try:
        config.write_text(before + '\n[programmes.GS.gate]\nmethodologies = { barred = ["TPDDTEC"] }\n')
        assert "its methodology is unknown here" in office.refused(4, *order)
        office.done(*CLASS, "set", "GS 11236", "--methodology", "tpddtec", *LETTER)
        assert "methodology tpddtec is barred" in office.refused(4, *order)
        office.done(*CLASS, "set", "GS 11236", "--methodology", "AMS-II.G", *LETTER)
        office.done(*order)
        config.write_text(before + '\n[programmes.GS.gate]\nmethodologes = { barred = ["TPDDTEC"] }\n')
        assert "methodologes" in office.refused(2, *order)
        config.write_text(
            before.replace("[programmes.GS]\n", '[programmes.GS]\ncategories = ["森林", "省エネルギー"]\n')
        )
        wrong = office.refused(2, *CLASS, "set", "GS 11236", "--category", "forest", *LETTER)
        assert "there are 森林, 省エネルギー" in wrong
        office.done(*CLASS, "set", "GS 11236", "--category", "森林", *LETTER)
    finally:
        config.write_text(before)
