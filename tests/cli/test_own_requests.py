"""A holder's own requests when something comes in between: a refusal, Ctrl-C, a signature that waits, second thoughts.

Tests share a deployment and stand alone: each brings a holder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bridge import bootstrap
from bridge.chain.transactions import Sender
from tests.cli.office import Office, chain_process

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
DAY = 86_400
RETIRE = ("holder", "retire", "GS 11236", "3", "--for", "Acme", "--purpose", "Claim 2026")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("requests"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        for name in ("anna", "ben", "cleo", "dora", "emil"):
            made.done("key", "new", name, "--dev")
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        made.done("registry", "issue", STOVES.format(1, 1000), "--account", "Alice Ltd")
        for number, name in enumerate(("anna", "ben", "cleo", "dora", "emil")):
            serial = STOVES.format(100 * number + 1, 100 * number + 10)
            given = made.told("registry", "instruct", serial, "--account", "Alice Ltd", "--to", name)
            made.done("operator", "deposit", given["instruction_id"])
        yield made


def requests(office: Office, key: str) -> list[Any]:
    asked: list[Any] = office.told("holder", "requests", "--key", key)
    return asked


def stop(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def units(office: Office, key: str) -> int:
    return sum(one["units"] for one in office.told("holder", "balance", "--key", key)["holdings"])


def test_ctrl_c_before_anything_is_sent_says_what_is_stored(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "_prepare", stop)
        ran = office.run(*RETIRE, "--key", "anna")
    (stored,) = requests(office, "anna")
    assert (ran.code, ran.out, stored["state"]) == (130, "", "not sent")
    assert f"request {stored['request_id']} is stored and was not sent" in ran.complaint
    assert f"carbonbridge holder send {stored['request_id'][:10]}" in ran.complaint
    assert "holder forget" in stored["next"]
    assert office.told("holder", "forget", stored["request_id"][:10])["forgotten"] == stored["request_id"]
    assert requests(office, "anna") == []


def test_ctrl_c_after_the_burn_says_that_it_was_sent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "wait", stop)
        ran = office.run(*RETIRE, "--key", "ben", "--json")
    (stored,) = requests(office, "ben")
    told = json.loads(ran.err)
    assert (ran.code, told["error"], told["exit_code"], stored["state"]) == (130, "Stopped", 130, "pending")
    assert f"request {stored['request_id']} is stored and was sent" in told["message"]
    assert "is on chain" in office.refused(4, "holder", "forget", stored["request_id"])
    assert office.told("holder", "send", stored["request_id"], "--key", "ben")["purpose"] == "Claim 2026"
    assert units(office, "ben") == 7


def test_what_is_on_its_way_is_not_forgotten(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "send", stop)  # stored, and lost before the node had it
        ran = office.run(*RETIRE, "--key", "cleo")
    (stored,) = requests(office, "cleo")
    assert ("was sent" in ran.complaint, stored["state"]) == (True, "not sent")
    assert "on its way" in office.refused(4, "holder", "forget", stored["request_id"])
    assert office.told("holder", "send", stored["request_id"], "--key", "cleo")["state"] == "pending"
    assert units(office, "cleo") == 7


def test_ctrl_c_anywhere_else_is_told_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "operator", stop)
    for options in ([], ["--json"]):
        ran = office.run("operator", "settle", *options)
        assert (ran.code, ran.out, "everything stored is safe" in ran.complaint) == (130, "", True)


def test_a_signature_that_waits_is_told_from_what_was_never_sent(office: Office) -> None:
    file = office.folder / "signed.json"
    mine = ("--key", "dora", "--sign-only", "--out", str(file))
    signed = office.told(*RETIRE, *mine)
    (stored,) = requests(office, "dora")
    assert (stored["state"], stored["signed_until"]) == ("signed", signed["not_after"])
    assert "operator relay" in stored["next"]
    shown = " ".join(office.done("holder", "balance", "--key", "dora").split())
    assert "signed until" in shown
    assert "waiting to be relayed" in shown
    before = file.read_text()
    assert "exists already" in office.refused(2, *RETIRE, *mine)
    assert (file.read_text(), len(requests(office, "dora"))) == (before, 1)
    assert "may open it" in office.refused(4, "holder", "forget", stored["request_id"])
    office.done("dev", "pass", "--seconds", str(7 * DAY + 1))
    assert requests(office, "dora")[0]["state"] == "not sent"
    office.done("holder", "forget", stored["request_id"])
    assert requests(office, "dora") == []


def test_who_cannot_pay_for_gas_is_told_what_he_has(office: Office) -> None:
    office.done("key", "new", "poor", "--dev")
    address = office.told("key", "list")["poor"]["address"]
    office.done("holder", "transfer", "GS", "2", "--to", "poor", "--key", "emil")
    refused = office.refused(4, "holder", "transfer", "GS", "1", "--to", "emil", "--key", "poor")
    assert f"{address} has 0 ether" in refused
    assert "carbonbridge dev fund" in refused
