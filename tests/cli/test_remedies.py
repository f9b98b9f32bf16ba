"""Holders without gas, lost keys, closed classes, listed accounts and stated reserves, from the command line.

Tests share a deployment and stand alone: each brings serials and people of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Office, chain_process

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
FARM = "ACR-FR-1129-2025-2917-{} to {}"
LABEL = "GS 11236 2024 VER"
DAY = 86_400
WEEK = 7 * DAY


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Gold Standard's classes have a recoverer, ACR's lean on statements; accounts are listed before they take units.
    `poor` has no gas."""
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("remedies"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        for name in ("recoverer", "bob", "carol", "dave", "erin"):
            made.done("key", "new", name, "--dev")
        made.done("dev", "fund")
        made.done("key", "new", "poor", "--dev")
        _write_terms(made)
        made.done("operator", "deploy", "--allow-list")
        made.done("compliance", "list", "holder", "bob", "carol", "dave", "poor")
        made.done("registry", "account", "Alice Ltd")
        made.done("registry", "issue", STOVES.format(1, 5000), "--account", "Alice Ltd")
        made.done("registry", "issue", FARM.format(1, 500), "--account", "Alice Ltd")
        yield made


def _write_terms(office: Office) -> None:
    file = office.folder / "carbonbridge.toml"
    recoverer = office.addresses()["recoverer"]
    text = file.read_text()
    for code, terms in (
        ("GS", f'recovery_seconds = {WEEK}\nrecoverer = "{recoverer}"\n'),
        ("ACR", f"statement_seconds = {DAY}\n"),
    ):
        head = f"[programmes.{code}.terms]\n"
        assert head in text
        text = text.replace(head, head + terms)
    file.write_text(text)


def deposit(office: Office, first: int, last: int, to: str) -> Any:
    given = office.told("registry", "instruct", STOVES.format(first, last), "--account", "Alice Ltd", "--to", to)
    return office.told("operator", "deposit", given["instruction_id"])


def owned(office: Office, key: str) -> int:
    holdings = office.told("holder", "balance", "--key", key)["holdings"]
    return sum(one["units"] for one in holdings if one["label"] == LABEL)


def request(office: Office, request_id: str, key: str = "poor") -> Any:
    return next(r for r in office.told("holder", "requests", "--key", key) if r["request_id"] == request_id)


def signed(office: Office, units: int, *options: str) -> tuple[str, Path]:
    file = office.folder / f"request-{units}.json"
    ask = (
        "holder",
        "retire",
        "GS 11236",
        str(units),
        "--for",
        "Acme",
        "--key",
        "poor",
        "--sign-only",
        "--out",
        str(file),
    )
    return office.told(*ask, *options)["request_id"], file


# --------------------------------------------------------------- without gas


def test_a_holder_without_gas_signs_and_anybody_relays(office: Office, tmp_path: Path) -> None:
    deposit(office, 1, 100, "poor")
    ran = office.run("holder", "retire", "GS 11236", "5", "--for", "Acme", "--key", "poor")
    assert (ran.code, "has 0 ether" in ran.complaint, "send 0x" in ran.complaint) == (4, True, True)
    request_id, file = signed(office, 30)
    assert "Acme" not in file.read_text()
    assert (owned(office, "poor"), request(office, request_id)["state"]) == (100, "signed")

    told = office.told("operator", "relay", str(file), "--key", "bob")
    assert (told["request_id"], told["holder"]) == (request_id, office.addresses()["poor"])
    assert owned(office, "poor") == 70
    office.done("operator", "settle")  # the balance above has told the registry for whom
    assert request(office, request_id)["state"] == "executed"

    shown = office.done("holder", "certificate", request_id, "--out", str(tmp_path / "c.json"))
    in_all = r"retired in all +30 units \(30 t\)"
    assert re.search(in_all, shown)
    assert re.search(in_all, office.done("holder", "verify", str(tmp_path / "c.json")))
    retired = office.told("holder", "balance", "--key", "poor")["retired"]
    assert [(one["label"], one["units"]) for one in retired] == [(LABEL, 30)]
    assert "retired for it, for good:" in office.done("holder", "balance", "--key", "poor")


def test_a_signed_request_goes_to_stdout_where_no_file_is_named(office: Office) -> None:
    deposit(office, 101, 110, "poor")
    ask = ("holder", "redeem", "GS 11236", "1", "--account", "Alice Ltd", "--key", "poor", "--sign-only")
    assert json.loads(office.done(*ask))["format"] == "carbonbridge-request/1"
    assert "no account" in office.refused(2, *ask[:4], "--account", "Nobody", "--key", "poor", "--sign-only")


def test_bad_files_are_refused_in_words_and_nothing_is_lost(office: Office) -> None:
    deposit(office, 111, 130, "poor")
    before = owned(office, "poor")
    request_id, file = signed(office, 3, "--valid-days", "1")
    honest = json.loads(file.read_text())
    relay = ("operator", "relay", str(file), "--key", "bob")

    def refusal(code: int, content: Any) -> str:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return office.refused(code, *relay)

    assert "is no signed request" in refusal(2, "{}")
    assert "format" in refusal(2, honest | {"format": "carbonbridge-request/2"})
    assert "is not signed by its holder" in refusal(4, honest | {"request": honest["request"] | {"units": 20}})
    assert "is not signed by its holder" in refusal(4, honest | {"not_after": honest["not_after"] + 1})
    other = honest["deployment"] | {"chain_id": 5}
    assert "is for 5:" in refusal(2, honest | {"deployment": other})
    office.done("dev", "pass", "--seconds", str(DAY + 1))
    assert "holder send --sign-only" in refusal(4, honest)
    assert owned(office, "poor") == before

    again = ("holder", "send", request_id, "--key", "poor", "--sign-only", "--out", str(file))
    assert "exists already" in office.refused(2, *again)
    file.unlink()
    assert "good until" in office.done(*again)
    office.done(*relay)
    assert "nothing is left to do" in office.done(*relay)
    file.unlink()
    assert owned(office, "poor") == before - 3
    assert "nothing is left to do" in office.told(*again)["message"]


def test_options_of_a_signature_are_not_for_what_is_sent(office: Office) -> None:
    ask = ("holder", "retire", "GS 11236", "1", "--for", "Acme", "--key", "poor")
    for option in (("--valid-days", "3"), ("--out", "request.json")):
        assert "are for --sign-only" in office.refused(2, *ask, *option)


# ------------------------------------------------------------------ lost keys


def test_units_of_a_lost_key_are_ordered_vetoed_and_recovered(office: Office) -> None:
    deposit(office, 1001, 1100, "carol")
    order = ("compliance", "recovery", "order", "carol", "bob", "GS 11236")
    assert "name its key with --key" in office.refused(4, *order, "60", "--key", "bob")
    given = office.told(*order, "60")
    assert (given["state"], given["lapses_at"] - given["matures_at"]) == ("pending", WEEK)
    assert "one account" in office.refused(2, "compliance", "recovery", "order", "carol", "carol", "GS 11236", "60")
    (against,) = office.told("holder", "balance", "--key", "carol")["recoveries"]
    assert against["recovery_id"] == given["recovery_id"]
    for look in ("balance", "requests"):
        assert f"holder veto {given['recovery_id'][:10]}" in office.done("holder", look, "--key", "carol")
        assert "are ordered" not in office.done("holder", look, "--key", "bob")
    assert "one at a time" in office.refused(4, *order, "60")
    assert "UTC); its time for a veto runs still" in office.refused(
        5, "compliance", "recovery", "execute", given["recovery_id"]
    )
    by_bob = office.refused(4, "holder", "veto", given["recovery_id"], "--key", "bob")
    assert "NotHolder" in by_bob
    assert "the account itself may, or a guardian" in by_bob
    assert office.told("holder", "veto", given["recovery_id"][:10], "--key", "carol")["state"] == "vetoed"
    assert "nothing is left to do" in office.done("holder", "veto", given["recovery_id"][:10], "--key", "carol")
    assert "is vetoed" in office.refused(4, "compliance", "recovery", "execute", given["recovery_id"])

    guarded = office.told(*order, "60")["recovery_id"]
    assert guarded != given["recovery_id"]
    assert "vetoed" in office.done("compliance", "recovery", "veto", guarded)
    last = office.told(*order, "60")["recovery_id"]
    before = owned(office, "bob")
    office.done("dev", "pass", "--seconds", str(WEEK))
    assert "due until" in office.done("compliance", "recovery", "list")
    assert office.told("compliance", "recovery", "execute", last, "--key", "dave")["state"] == "executed"
    assert (owned(office, "carol"), owned(office, "bob")) == (40, before + 60)
    states = [one["state"] for one in office.told("compliance", "recovery", "list")]
    assert states == ["vetoed", "vetoed", "executed"]
    shown = office.done("compliance", "recovery", "list")
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_classes_without_a_recoverer_are_never_recovered_from(office: Office) -> None:
    office.done("operator", "class", FARM.format(1, 9))
    refused = office.refused(4, "compliance", "recovery", "order", "bob", "carol", "ACR", "1")
    assert "its terms name no recoverer" in refused


# --------------------------------------------------- closing, listing, stating


def test_a_guardian_bars_a_project_and_a_methodology(office: Office) -> None:
    issued = "GS1-1-UG-GS777-16-2024-999-1-10"
    office.done("registry", "issue", issued, "--account", "Alice Ltd")
    office.done("operator", "class", issued)
    told = office.told("compliance", "bar", "project", "GS", "777")
    assert told["classes"] == ["GS 777 2024 VER"]
    order = ("registry", "instruct", issued, "--account", "Alice Ltd", "--to", "bob")
    assert "its project is barred on chain. Nothing was locked" in office.refused(4, *order)
    (barred,) = [one for one in office.told("operator", "class") if one["barred"]]
    assert barred["label"] == "GS 777 2024 VER"
    assert "GS 777 2024 VER, barred" in office.done("operator", "class")
    assert "is it spelt so?" in office.done("compliance", "bar", "project", "GS", "778")
    assert "barred methodology M1 of GS" in office.done("compliance", "bar", "methodology", "GS", "M1")
    assert "write project or methodology" in office.refused(2, "compliance", "bar", "country", "GS 11236", "1")
    by_bob = office.refused(4, "compliance", "bar", "project", "GS", "1", "--key", "bob")
    assert "OwnableUnauthorizedAccount" in by_bob
    assert "a guardian may bar" in by_bob
    unknown = office.refused(4, "compliance", "bar", "project", "NONE", "1")
    assert "RegistryUnknown(registry NONE); this contract knows no such registry" in unknown

    assert "for 0x" in office.refused(4, "admin", "act", "setVerdict", "GS", "project", "777", "none", "--key", "bob")
    assert "admin act" in office.refused(2, "admin", "propose", "setVerdict", "GS", "project", "777", "none")
    (done,) = office.told("admin", "act", "setVerdict", "GS", "project", "777", "none")
    assert (done["by"], "verdict none" in done["act"]) == ("admin", True)
    given = office.told(*order)
    assert office.told("operator", "deposit", given["instruction_id"])["state"] == "minted"


def test_reserves_are_stated_on_request_and_by_a_deposit_that_needs_it(office: Office) -> None:
    assert "no programme" in office.refused(2, "operator", "reserves", "state", "NONE")
    given = office.told("registry", "instruct", FARM.format(1, 50), "--account", "Alice Ltd", "--to", "dave")
    first = office.run("operator", "deposit", given["instruction_id"])
    assert (first.code, "newest statement is on its way" in first.complaint) == (5, True)
    assert office.told("operator", "deposit", given["instruction_id"])["state"] == "minted"
    (stated,) = office.told("operator", "reserves", "state")
    assert (stated["registry"], [t["locked_units"] for t in stated["totals"]]) == ("ACR", [50])
    assert "50" in office.done("operator", "reserves", "state", "ACR")
    assert "GS statement" in office.done("operator", "reserves", "state", "GS")
    assert "nothing was sent" in office.done("operator", "reserves", "state", "VERRA")


def test_who_is_not_listed_takes_no_units_and_who_was_struck_off_may_leave(office: Office) -> None:
    deposit(office, 2001, 2010, "dave")
    move = ("holder", "transfer", "GS 11236", "1", "--key", "dave", "--to", "erin")
    assert "NotListed" in office.refused(4, *move)
    assert "NotLister" in office.refused(4, "compliance", "list", "erin", "--key", "erin")
    assert office.told("compliance", "list", "erin")["accounts"] == [office.addresses()["erin"]]
    office.done(*move)
    assert "takes no more units" in office.done("compliance", "strike", "erin")
    assert "NotListed" in office.refused(4, *move)
    office.done("holder", "transfer", "GS 11236", "1", "--key", "erin", "--to", "dave")


def test_the_deployment_verifies_with_its_list_and_its_recoverer(office: Office) -> None:
    found = json.loads(office.run("operator", "verify", "--json").out)
    keys = office.addresses()
    failing = [check["subject"] for check in found["checks"] if check["verdict"] == "fails"]
    assert failing == ["bridge owner"]
    assert found["policy"]["listers"] == [keys["guardian"].lower()]
    assert keys["recoverer"].lower() in found["bridge"]["recoverers"]


def test_a_quarantined_class_stands_still_until_the_admin_lifts_it(office: Office) -> None:
    deposit(office, 3001, 3010, "dave")
    told = office.told("compliance", "quarantine", "GS 11236")
    assert told["label"] == LABEL
    move = ("holder", "transfer", "GS 11236", "1", "--key", "dave", "--to", "bob")
    refused = office.refused(4, *move)
    assert f"ClassQuarantined(classId {told['class'][:10]}, until 20" in refused
    assert "QuarantineCoolingDown" in office.refused(4, "compliance", "quarantine", "GS 11236")
    assert "NotGuardian" in office.refused(4, "compliance", "quarantine", "ACR", "--key", "bob")
    assert "done: bridge.confirmQuarantine" in office.done("admin", "act", "confirmQuarantine", told["class"], "0")
    office.done(*move)
