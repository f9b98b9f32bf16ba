"""The whole journey from the command line, on a real local chain in a process of its own.

Tests share a deployment and stand alone: each brings serials and, where it must, people of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.chain.local import find_anvil
from bridge.chain.signers import open_keystore
from bridge.registry.statements import verra
from bridge.settings import load
from tests.cli.office import PASSWORD, Office, chain_process

pytestmark = pytest.mark.slow

FOREST = "19385-{}-{}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
DAY = 86_400


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A deployed bridge with funded keys, and serials in the account of Alice Ltd."""
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("office"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        for name in ("bob", "carol", "mallory"):
            made.done("key", "new", name, "--dev")
        made.done("dev", "fund")
        made.done("operator", "deploy", "--freezable")
        made.done("registry", "account", "Alice Ltd")
        made.done("registry", "issue", STOVES.format(1, 19149), "--account", "Alice Ltd")
        yield made


def deposit(office: Office, first: int, last: int, to: str = "holder") -> Any:
    """Instructed by the depositor and taken up by the operator."""
    serial = STOVES.format(first, last)
    given = office.told("registry", "instruct", serial, "--account", "Alice Ltd", "--to", to)
    return office.told("operator", "deposit", given["instruction_id"])


def owned(office: Office, key: str = "holder", label: str = "GS 11236 2024 VER") -> int:
    holdings = office.told("holder", "balance", "--key", key)["holdings"]
    return sum(one["units"] for one in holdings if one["label"] == label)


def state_of(office: Office, request_id: str, key: str = "holder") -> str:
    asked = office.told("holder", "requests", "--key", key)
    return next(r["state"] for r in asked if r["request_id"] == request_id)


def retired(office: Office, units: int) -> str:
    """The id of an executed retirement."""
    request_id = office.told("holder", "retire", "GS 11236", str(units), "--for", "Acme [Corp]")["request_id"]
    office.done("operator", "settle")
    assert state_of(office, request_id) == "executed"
    return str(request_id)


def test_a_second_deployment_is_refused(office: Office) -> None:
    assert "names a contract already" in office.refused(2, "operator", "deploy")


def test_an_export_is_imported_and_every_rejected_row_shown(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    columns = verra.TRANSACTIONS.needs
    good = {
        "Serial Number": FOREST.format(941467007, 941467431),
        "Quantity Issued": "425",
        "Vintage Start": "2020-01-01",
        "ID": "1340",
        "Name": "Bale Mountains",
        "Country/Area": "Ethiopia",
        "Issuance Date": "2026-04-03",
        "Retirement/Cancellation Date": "2026-04-10",
    }
    bad = good | {"Serial Number": "941467007-941467431-lost"}
    rows = [",".join(row.get(name, "") for name in columns) for row in (good, bad)]
    file.write_text("\n".join([",".join(columns), *rows]) + "\n")
    ran = office.run("registry", "import", "VERRA", str(file), "--into", "Alice Ltd", "--as-held")
    assert ran.code == 1
    assert "2 rows read" in ran.out
    assert "425 units (425 t) issued" in ran.out
    assert "lost" in ran.out
    again = office.told("registry", "import", "VERRA", str(file), "--into", "Alice Ltd", "--as-held", code=1)
    assert (again["imported"], again["already_known"], again["rejected"][0]["line"]) == (0, 1, 3)


def test_a_holder_finishes_the_whole_of_it(office: Office, tmp_path: Path) -> None:
    assert deposit(office, 1, 1000)["state"] == "minted"
    shown = office.done("holder", "balance")
    assert all(word in shown for word in ("GS", "11236", "2024", "VER", f"{owned(office):,}"))

    asked = office.told("holder", "retire", "GS 11236", "25", "--for", "Acme [Corp]", "--purpose", "Claim 2026")
    request_id = asked["request_id"]
    assert asked["state"] == "pending"
    assert request_id in [r["request_id"] for r in office.told("holder", "balance")["pending"]]
    assert "not executed" in office.refused(5, "holder", "certificate", request_id)

    settled = office.told("operator", "settle")
    assert request_id in [row["id"] for row in settled["ended"]]
    assert state_of(office, request_id) == "executed"

    file = tmp_path / "certificate.json"
    shown = office.done("holder", "certificate", request_id[:12], "--out", str(file))
    assert "Acme [Corp]" in shown
    assert "25 units (25 t)" in shown
    assert "GS 30307 " in shown
    assert "無効化証明書" in office.done("holder", "certificate", request_id, "--lang", "ja")
    assert office.told("holder", "certificate", request_id) == json.loads(file.read_text())
    assert office.told("holder", "verify", str(file)) == {
        "file": str(file),
        "request_id": request_id,
        "valid": True,
        "faults": [],
    }


def test_a_changed_certificate_does_not_hold(office: Office, tmp_path: Path) -> None:
    deposit(office, 1001, 1050)
    text = office.run("holder", "certificate", retired(office, 25), "--json").out
    file = tmp_path / "changed.json"
    file.write_text(text.replace("Acme", "Evil").replace('"units": 25', '"units": 26'))
    ran = office.run("holder", "verify", str(file))
    assert ran.code == 1
    assert ran.out.count("\n- ") >= 2
    broken = json.loads(text)
    del broken["receipt"]["signers"]
    broken["units"] = "many"
    file.write_text(json.dumps(broken))
    told = office.told("holder", "verify", str(file), code=1)
    assert (told["valid"], "units" in told["faults"][0]) == (False, True)
    assert "does not hold" in office.run("holder", "verify", str(file)).out
    file.write_text("{}")
    assert "is no certificate: it is empty" in office.refused(2, "holder", "verify", str(file))
    file.write_text(json.dumps({"format": "carbonbridge-request/1"}))
    assert "it is a carbonbridge-request/1" in office.refused(2, "holder", "verify", str(file))
    file.write_text(json.dumps({"findings": [], "clean": True}))
    assert "something else, with findings, clean" in office.refused(2, "holder", "verify", str(file))


def test_redeemed_serials_come_back_into_the_account(office: Office) -> None:
    deposit(office, 1101, 1110, to="carol")
    before = owned(office, "carol")
    assert "no account" in office.refused(2, "holder", "redeem", "GS", "4", "--account", "Nobody", "--key", "carol")
    office.done("holder", "redeem", "GS", "4", "--account", "Alice Ltd", "--key", "carol")
    office.done("operator", "settle")
    assert owned(office, "carol") == before - 4
    back = next(r for r in office.told("holder", "requests", "--key", "carol") if r["kind"] == "redemption")
    serials = office.told("holder", "certificate", back["request_id"])["serials"][0]["range"]
    held = office.told("registry", "blocks", "--account", "Alice Ltd")
    assert (serials["first"], serials["last"]) in [(one["first"], one["last"]) for one in held]
    steps = office.told("registry", "history", STOVES.format(serials["last"], serials["last"]))
    assert [step["verb"] for step in steps][:2] == ["issue", "lock"]
    assert (steps[-1]["verb"], steps[-1]["state"]) == ("execute", "held")


def test_units_are_sent_to_a_key_or_an_address(office: Office) -> None:
    deposit(office, 1201, 1210)
    before = owned(office), owned(office, "bob")
    office.done("holder", "transfer", "gs 11236 2024 ver", "5", "--to", "bob")
    back = office.addresses()["holder"]
    office.done("holder", "transfer", "GS", "2", "--to", back, "--key", "bob")
    assert (owned(office), owned(office, "bob")) == (before[0] - 3, before[1] + 3)


def test_what_nobody_answers_is_taken_back_after_deadline_and_challenge(office: Office) -> None:
    deposit(office, 1301, 1340)
    before = owned(office)
    request_id = office.told("holder", "retire", "GS 11236", "30", "--for", "Acme")["request_id"]
    assert "until" in office.refused(5, "holder", "exit", request_id)
    office.done("dev", "pass", "--seconds", str(DAY + 1))
    assert "late" in office.done("holder", "requests")
    step = office.told("holder", "exit", request_id)
    assert (step["done"], step["next_blocks"]) == ("called back", 1)
    assert "take it back from" in office.refused(5, "holder", "exit", request_id)
    office.done("dev", "pass", "--seconds", "3601")
    assert "taken back" in office.done("holder", "exit", request_id, "--to", "bob")
    assert owned(office) == before - 30
    assert state_of(office, request_id) == "returned"
    assert "nothing is left to do" in office.done("holder", "exit", request_id)
    office.done("operator", "settle")


def test_the_operator_sees_what_is_in_flight_and_what_it_waits_for(office: Office) -> None:
    given = office.told("registry", "instruct", STOVES.format(1401, 1410), "--account", "Alice Ltd", "--to", "bob")
    (ordered,) = office.told("operator", "status")
    assert (ordered["id"], ordered["units"], ordered["state"]) == (given["instruction_id"], 10, "not taken up yet")
    lock_id = office.told("operator", "deposit", given["instruction_id"])["id"]
    assert office.told("operator", "status") == []
    assert given["instruction_id"][:10] in office.done("operator", "status", "--all")
    told = office.told("operator", "status", given["instruction_id"][:10])
    assert [move["new"] for move in told["moves"]] == ["planned", "locked", "attested", "sent", "minted"]
    assert office.told("operator", "status", lock_id)["id"] == lock_id
    assert office.told("operator", "deposit", given["instruction_id"])["id"] == lock_id
    assert {move["at"] is not None for move in told["moves"]} == {True}
    assert office.done("operator", "status", lock_id).count(" UTC") == 0
    assert "when (UTC)" in office.done("operator", "status", lock_id)
    asked = office.told("holder", "retire", "GS 11236", "1", "--for", "Acme", "--key", "bob")
    for _ in range(2):  # looking changes nothing
        (row,) = office.told("operator", "status")
        assert (row["id"], row["state"]) == (asked["request_id"], "not taken up yet")
    assert "operator settle" in " ".join(office.done("operator", "status", asked["request_id"][:10]).split())
    listed = re.findall(r"\((0x\w+)\)", office.refused(2, "operator", "status", "0xdead"))
    assert len(listed) == len(set(listed)) > 1  # lock ids begin alike
    assert "1 ended" in office.done("operator", "settle", "--wait", "5")


def test_classes_are_made_from_a_serials_spelling(office: Office) -> None:
    made = office.told("operator", "class", "ACR-FR-1129-2025-2917-1 to 9")
    assert len(made["made"]) == 2
    assert office.told("operator", "class", "ACR-FR-1129-2025-2917-1 to 9")["made"] == []
    listed = {one["label"]: one for one in office.told("operator", "class")}
    assert listed[made["label"]]["supply"] == 0
    assert listed["GS 11236 2024 VER"]["kg_per_unit"] == 1000


def test_the_registry_moves_instructs_and_states(office: Office) -> None:
    office.done("registry", "account", "Bob KK")
    assert set(office.told("registry", "accounts")) >= {"Alice Ltd", "Bob KK"}
    office.done("registry", "transfer", STOVES.format(5001, 5100), "--account", "Alice Ltd", "--to", "Bob KK")
    by_range = ("--class", "GS 11236", "--range", "5001-5050", "--account", "Bob KK")
    given = office.told("registry", "instruct", *by_range, "--to", "bob", "--days", "3")
    assert (given["range"]["first"], given["range"]["last"]) == (5001, 5050)
    refused = office.refused(
        2, "registry", "instruct", "--class", "GS 11236", "--range", "1-9", "--account", "Bob KK", "--to", "bob"
    )
    assert "registry blocks" in refused
    assert "FIRST-LAST" in office.refused(
        2, "registry", "instruct", "--class", "GS 11236", "--range", "9-1", "--account", "Bob KK", "--to", "bob"
    )
    stated = office.told("registry", "statement", "GS")
    assert len(stated["head"]["signers"]) == 2
    assert "handed over" in office.done("registry", "statement", "GS")
    balances = office.told("registry", "balances")
    assert sum(one["units"] for one in balances if one["label"] == "GS 11236 2024 VER") == 19149


def test_long_messages_are_folded_and_commands_to_copy_stay_whole(office: Office) -> None:
    ran = office.run("operator", "deploy")
    lines = ran.err.splitlines()
    assert (ran.code, len(lines) > 1, max(map(len, lines)) <= 80) == (2, True, True)
    ran = office.run("registry", "instruct", STOVES.format(18001, 18002), "--account", "Alice Ltd", "--to", "bob")
    assert re.search("carbonbridge operator deposit 0x[0-9a-f]{64}$", ran.out, re.MULTILINE)
    assert "operator deploy" not in office.done("dev", "fund")


def test_errors_say_what_happened_and_what_to_do(office: Office) -> None:
    deposit(office, 1501, 1510)
    units = owned(office)
    assert f"has {units:,} units" in office.refused(4, "holder", "retire", "GS 11236", str(units + 1), "--for", "Acme")
    assert "there are: " in office.refused(2, "holder", "retire", "Nothing", "1", "--for", "Acme")
    assert "GS 11236 2024 VER" in office.refused(2, "holder", "transfer", "0xffff", "1", "--to", "bob")
    assert "copy it from the registry" in office.refused(2, "operator", "class", "hello")
    assert "no instruction id" in office.refused(2, "operator", "deposit", "0x12")
    assert "ask him to give it" in office.refused(4, "operator", "deposit", "0x" + "ab" * 32)
    assert "no request" in office.refused(2, "holder", "exit", "0xffff")
    assert "carbonbridge key new nobody" in office.refused(2, "holder", "balance", "--key", "nobody")
    assert "is taken" in office.refused(2, "dev", "chain", "--port", _port(office))
    again = ("registry", "issue", STOVES.format(1, 5), "--account", "Alice Ltd")
    assert "issued already" in office.refused(4, *again)
    other = Office(office.folder, password="wrong")
    assert "password does not open" in other.refused(2, "holder", "retire", "GS 11236", "1", "--for", "Acme")


def test_a_pause_stops_a_request_and_leaves_nothing_of_it(office: Office) -> None:
    deposit(office, 1601, 1610, to="carol")
    before = owned(office, "carol")
    mine = ("--key", "carol")
    office.done("compliance", "pause")
    assert "nothing is left to do" in office.done("compliance", "pause")
    refused = office.refused(4, "holder", "retire", "GS 11236", "1", "--for", "Acme", *mine)
    assert "IsPaused" in refused
    assert "nothing was sent" in refused
    assert "not sent" not in [r["state"] for r in office.told("holder", "requests", *mine)]
    office.done("compliance", "unpause")
    stored = office.told("holder", "retire", "GS 11236", "1", "--for", "Acme", *mine)["request_id"]
    assert office.told("holder", "send", stored, *mine)["state"] == "pending"
    assert owned(office, "carol") == before - 1
    office.done("operator", "settle")
    assert state_of(office, stored, "carol") == "executed"


def test_a_frozen_holder_is_told_so(office: Office) -> None:
    deposit(office, 1701, 1710, to="mallory")
    frozen = office.told("compliance", "freeze", "mallory")
    assert frozen["arguments"] == [office.addresses()["mallory"]]
    moving = ("holder", "transfer", "GS 11236", "1", "--to", "holder", "--key", "mallory")
    assert "AccountFrozen" in office.refused(4, *moving)


def test_compliance_reconciles_clean_then_finds_what_the_registrar_did(office: Office, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    deposit(office, 2001, 2100)
    assert office.told("compliance", "reconcile")["clean"] is True
    _same_serials_claimed_elsewhere_are_found(office, tmp_path / "other.ndjson")
    override = ("registry", "override", STOVES.format(2050, 2059), "--reason", "rehearsal")
    assert "they were 10 locked" in " ".join(office.done(*override).split())
    assert office.told(*override)["found"] == {}
    ran = office.run("compliance", "reconcile", "--out", str(report))
    assert ran.code == 1
    assert "2050-2059" in ran.out
    told = office.told("compliance", "findings", str(report), code=1)
    assert [(f["rule"], f["units"]) for f in told["findings"]] == [("retired-while-circulating", 10)]
    shown = office.run("compliance", "findings", str(report), "--severity", "break")
    assert (shown.code, "2050-2059" in shown.out) == (1, True)
    assert office.told("compliance", "findings", str(report), "--severity", "info", code=1) == []
    assert "不一致" in office.run("compliance", "findings", str(report), "--lang", "ja").out
    assert "retired-while-circulating" in office.run("compliance", "reconcile", "--format", "csv").out


def _same_serials_claimed_elsewhere_are_found(office: Office, claims: Path) -> None:
    serial = STOVES.format(2001, 2010)
    claim = {"claim_id": "b1", "state": "minted", "kg": 10_000, "registry": "GS", "serial": serial}
    claims.write_text(json.dumps(claim) + "\nnot a claim\n")
    told = office.told("compliance", "reconcile", "--claims", str(claims), code=1)
    assert "overlapping-tokenization" in {f["rule"] for f in told["findings"]}
    assert [(row["line"], row["content"]) for row in told["not_compared"]] == [(2, "not a claim")]


def test_screens_fit_80_columns(office: Office) -> None:
    deposit(office, 2201, 2210)
    retired(office, 1)
    for command in (
        ("holder", "balance"),
        ("holder", "requests"),
        ("operator", "status", "--all"),
        ("operator", "class"),
        ("registry", "balances"),
        ("registry", "blocks", "--account", "Alice Ltd"),
        ("registry", "history", STOVES.format(1, 1)),
        ("registry", "statement", "GS"),
        ("key", "list"),
    ):
        out = office.done(*command)
        assert max(len(line) for line in out.splitlines()) <= 80, out
        assert "\x1b" not in out


def test_no_key_was_ever_shown(office: Office) -> None:
    shown = "".join(office.transcript)
    for path in (office.folder / "keys").iterdir():
        assert bytes(open_keystore(path, PASSWORD)._account.key).hex() not in shown
    assert PASSWORD not in shown


def test_the_chain_is_anvil_where_it_is_installed() -> None:
    with chain_process() as chain:
        assert chain["chain"] == ("anvil" if find_anvil() else "embedded chain")


def _port(office: Office) -> str:
    return load(office.folder / "carbonbridge.toml").chain.rpc.rpartition(":")[2]


def test_a_chain_that_forgot_the_contract_is_told_from_one_that_has_it(office: Office, tmp_path: Path) -> None:
    config = (office.folder / "carbonbridge.toml").read_text()
    with chain_process("--embedded") as chain:
        old_rpc = load(office.folder / "carbonbridge.toml").chain.rpc
        (tmp_path / "carbonbridge.toml").write_text(config.replace(old_rpc, chain["rpc"]))
        assert "deploy again" in Office(tmp_path).refused(2, "operator", "status")
