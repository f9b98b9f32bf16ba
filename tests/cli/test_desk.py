"""Officers at their desk, from the command line: a deposit and a retirement at a registry that has only screens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Office, chain_process

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
DESK = """
[programmes.GS.desk]
account = "1000-0001"
holder = "架け橋株式会社"
officers = ["officer-1", "officer-2"]
uses = ["annual report", "donation"]
certification = '(?P<scheme>)(?P<type>)[0-9]+'
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("office"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        for name in ("officer-1", "officer-2", "mallory"):
            made.done("key", "new", name, "--dev")
        config = made.folder / "carbonbridge.toml"
        config.write_text(config.read_text() + DESK)
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        made.done("registry", "issue", STOVES.format(1, 1000), "--account", "Alice Ltd")
        yield made


def ordered(office: Office, first: int, last: int) -> str:
    serial = STOVES.format(first, last)
    given = office.told("registry", "instruct", serial, "--account", "Alice Ltd", "--to", "holder")
    return str(given["instruction_id"])


def work(office: Office, verb: str) -> Any:
    """The newest open act of a kind."""
    found = [one for one in office.told("registry", "desk", "list") if one["verb"] == verb]
    return found[-1]


def screen(office: Office, words: str) -> str:
    file = office.folder / f"{words}.txt"
    file.write_text(words)
    return str(file)


def confirmed(office: Office, act: str, reference: str, key: str) -> Any:
    shown = screen(office, reference)
    return office.told(
        *("registry", "desk", "confirm", act, "--key", key, "--reference", reference, "--evidence", shown)
    )


def test_a_deposit_and_a_retirement_by_two_officers(office: Office, tmp_path: Path) -> None:
    order = ordered(office, 1, 100)
    office.run("operator", "deposit", order)
    taking = work(office, "take")
    assert (taking["state"], taking["confirmed"], taking["threshold"]) == ("planned", 0, 2)
    assert "waits for account 'Alice Ltd' to move them to 1000-0001" in taking["waits"]
    confirmed(office, taking["act"], "moved-1", "officer-1")
    assert confirmed(office, taking["act"], "moved-1", "officer-2")["state"] == "done"
    office.done("operator", "deposit", order)

    asked = office.told("holder", "retire", "GS 11236", "30", "--for", "Acme [K.K.]", "--purpose", "annual report")
    office.run("operator", "settle")
    act = work(office, "retire")
    assert act["subject"] == asked["request_id"]
    page = tmp_path / "sheet.html"
    office.done("registry", "desk", "sheet", act["act"][:10], "--out", str(page), "--lang", "ja")
    assert "無効化 指示書" in page.read_text()
    shown = office.done("registry", "desk", "sheet", act["act"][:10], "--lang", "en")
    assert "Acme [K.K.]" in shown
    assert "Final on chain: by block" in shown

    early = (
        "registry",
        "desk",
        "confirm",
        act["act"],
        "--key",
        "officer-1",
        "--reference",
        "r",
        "--evidence",
        str(page),
    )
    assert "is not filed yet" in office.refused(4, *early)
    assert "is no officer" in office.refused(4, "registry", "desk", "file", act["act"], "--key", "mallory")
    assert "file it now at the screens" in office.done("registry", "desk", "file", act["act"], "--key", "officer-1")
    assert "never filed twice" in office.refused(4, "registry", "desk", "file", act["act"], "--key", "officer-2")
    confirmed(office, act["act"], "retired-7", "officer-1")
    other = ("registry", "desk", "confirm", act["act"], "--key", "officer-2", "--reference", "retired-8")
    assert "Look again together" in office.refused(4, *other, "--evidence", screen(office, "retired-7"))
    assert confirmed(office, act["act"], "retired-7", "officer-2")["reference"] == "retired-7"
    office.done("operator", "settle")

    certificate = tmp_path / "certificate.json"
    office.done("holder", "certificate", asked["request_id"], "--out", str(certificate))
    receipt = json.loads(certificate.read_text())["receipt"]["items"][0]
    assert receipt["reference"] == "retired-7"
    assert (office.folder / "evidence" / f"{receipt['evidence']}.txt").read_text() == "retired-7"
    office.done("holder", "verify", str(certificate))
    assert office.done("registry", "desk", "list").strip() == "nothing waits at a desk"


def test_the_list_fits_eighty_columns_and_says_what_may_come_too_late(office: Office) -> None:
    order = ordered(office, 501, 1000)
    office.run("operator", "deposit", order)
    shown = office.done("registry", "desk", "list", "--all")
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "take" in shown
    act = work(office, "take")
    assert act["may_be_late"] is False
    assert act["days_left"] in (29, 30)
    steps = office.told("registry", "desk", "show", act["act"][:12])["steps"]
    assert [step["state"] for step in steps] == ["planned"]
    assert "planned" in office.done("registry", "desk", "show", act["act"][:12])


def test_an_act_in_doubt_waits_for_the_list(office: Office, tmp_path: Path) -> None:
    order = ordered(office, 201, 300)
    office.run("operator", "deposit", order)
    taking = next(one for one in office.told("registry", "desk", "list") if one["units"] == 100)
    for key in ("officer-1", "officer-2"):
        confirmed(office, taking["act"], "moved-2", key)
    office.done("operator", "deposit", order)
    office.told("holder", "retire", "GS 11236", "10", "--for", "Acme", "--purpose", "annual report")
    office.run("operator", "settle")
    act = work(office, "retire")["act"]
    office.done("registry", "desk", "file", act, "--key", "officer-1")
    assert "it is unknown" in office.done("registry", "desk", "doubt", act, "--key", "officer-1")
    listed = tmp_path / "list.csv"
    shown = office.told("registry", "desk", "show", act)
    span = shown["document"]["ranges"][0]
    listed.write_text(
        "認証番号,シリアル番号（開始）,シリアル番号（終了）,状態,口座番号\n"
        f"30307,{span['first']},{span['last']},無効化,1000-0001\n",
        encoding="utf-8",
    )
    resolve = ("registry", "desk", "resolve", act, "--list", str(listed), "--reference", "retired-9")
    assert "is no time" in office.refused(2, *resolve, "--key", "officer-1", "--as-of", "yesterday")
    assert "older than the filing" in office.refused(5, *resolve, "--key", "officer-1", "--as-of", "2001-01-01")
    as_of = datetime.fromtimestamp(shown["since"], UTC).isoformat()
    assert office.told(*resolve, "--key", "officer-1", "--as-of", as_of)["state"] == "unknown"
    assert office.told(*resolve, "--key", "officer-2", "--as-of", as_of)["state"] == "done"
    office.done("operator", "settle")
