"""Serials taken back, seen from the command line: the class closes, is covered, and opens again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge import bootstrap
from bridge.settings import load
from tests.cli.office import PASSWORD, Office, chain_process

pytestmark = pytest.mark.slow

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
FLARE = "ACR-FR-1129-2025-2917-{} to {}"
SHORT = "GS 11236 2024 VER"
COVERING = "ACR 1129 2025"


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """100 units of stoves with `holder`, and serials of another class that could cover them."""
    with chain_process("--embedded") as chain:
        made = Office(tmp_path_factory.mktemp("office"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        made.done("key", "new", "provider", "--dev")
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        for serial in (STOVES.format(1, 1000), FLARE.format(1, 1000)):
            made.done("registry", "issue", serial, "--account", "Alice Ltd")
        deposit(made, STOVES.format(1, 100), "holder")
        yield made


def instruct(office: Office, serial: str, to: str, *options: str) -> str:
    given = office.told("registry", "instruct", serial, "--account", "Alice Ltd", "--to", to, *options)
    return str(given["instruction_id"])


def deposit(office: Office, serial: str, to: str, *options: str) -> Any:
    return office.told("operator", "deposit", instruct(office, serial, to, *options))


def units(office: Office, label: str, key: str = "holder") -> int:
    held = office.told("holder", "balance", "--key", key)["holdings"]
    return sum(one["units"] for one in held if one["label"].startswith(label))


def narrow(shown: str) -> str:
    """In one line; it fits 80 columns."""
    assert max(len(line) for line in shown.splitlines()) <= 80, shown
    return " ".join(shown.split())


def test_a_class_is_taken_back_covered_and_opened_again(office: Office) -> None:
    assert office.told("holder", "cover", "list") == []
    assert "lacks nothing" in office.refused(
        2, "registry", "instruct", FLARE.format(1, 30), "--account", "Alice Ltd", "--to", "provider", "--covers", "GS"
    )
    request_id = office.told("holder", "retire", "GS 11236", "10", "--for", "Acme")["request_id"]
    assert "no reason code" in office.refused(
        2, "registry", "reverse", STOVES.format(81, 100), "--reason", "A forest fire"
    )
    taken = office.told("registry", "reverse", STOVES.format(81, 100), "--reason", "fire")
    (event,) = taken["events"]
    assert (taken["units"], event["class_id"]) == (20, taken["class"])
    assert "operator settle" in office.done("registry", "reverse", STOVES.format(81, 100), "--reason", "fire")
    waiting = {row["what"]: row["state"] for row in office.told("operator", "status")}
    assert waiting == {"reversal": "not taken up yet", "retirement": "not taken up yet"}
    assert "81-100" in office.done("registry", "blocks", "--account", _bridge(office), "--state", "reversed")

    settled = office.told("operator", "settle")
    ended = {row["what"]: row["state"] for row in settled["ended"]}
    assert ended == {"reversal": "reversed", "retirement": "refused"}
    assert office.told("operator", "status", event["event_id"][:10])["state"] == "reversed"
    asked = next(r for r in office.told("holder", "requests") if r["request_id"] == request_id)
    assert (asked["state"], asked["reason"], units(office, SHORT)) == ("refused", "short", 100)
    assert "refused: short" in " ".join(office.done("holder", "requests").split())

    (closed,) = [row for row in office.told("operator", "status") if row["what"] == "class"]
    assert (closed["label"], closed["state"], closed["units"]) == (SHORT, "short", 20)
    assert "holder cover list" in narrow(office.done("operator", "status"))
    assert "holder cover list" in " ".join(narrow(office.done("holder", "balance")).split())
    moving = ("holder", "transfer", "GS", "1", "--to", "provider")
    assert "ClassShort" in office.refused(4, *moving)

    itself = (STOVES.format(201, 220), "--account", "Alice Ltd", "--to", "provider", "--covers", "GS 11236")
    assert "cannot cover itself" in office.refused(2, "registry", "instruct", *itself)
    late = instruct(office, FLARE.format(31, 60), "provider", "--covers", "GS 11236")
    first = instruct(office, FLARE.format(1, 30), "provider", "--covers", "GS 11236")
    shown = office.done("operator", "deposit", first)
    assert "offered  30 units" in shown
    assert f"the holders of {SHORT}, by choice" in shown
    covering = office.told("operator", "deposit", first)
    assert (covering["what"], covering["state"]) == ("cover", "minted")
    (offered,) = office.told("holder", "cover", "list")
    assert (offered["missing"], offered["left"], offered["serials"]) == (20, 30, "1-30")
    assert "cover take" in narrow(office.done("holder", "cover", "list"))
    one = offered["cover_id"][:10]
    assert "StillShort" in office.refused(5, "holder", "cover", "withdraw", one, "--key", "provider")
    assert "CoverExceeded" in office.refused(4, "holder", "cover", "take", one, "21")
    assert "nothing was sent" in office.refused(4, "holder", "cover", "take", one, "1", "--key", "provider")
    assert office.told("holder", "cover", "take", one, "20")["left"] == 10
    assert (units(office, SHORT), units(office, COVERING)) == (80, 20)

    office.done(*moving)
    assert "cover withdraw" in narrow(office.done("holder", "cover", "list"))
    assert office.told("holder", "cover", "withdraw", one)["units"] == 10  # anybody may, to the provider alone
    assert office.told("holder", "cover", "withdraw", one)["units"] == 0
    assert "nothing is left of cover" in office.done("holder", "cover", "withdraw", one, "--key", "provider")
    assert units(office, COVERING, "provider") == 10
    assert office.told("holder", "cover", "list") == []
    assert len(office.told("holder", "cover", "list", "--all")) == 1
    assert {row["state"] for row in office.told("operator", "status")} == {"not taken up yet"}  # an order unused

    refused = office.run("operator", "deposit", late)
    assert (refused.code, "NotShort" in refused.complaint, "run the same command again" in refused.complaint) == (
        4,
        True,
        False,
    )
    assert "releases its lock after" in refused.complaint


def test_a_quarantined_class_is_shown_with_its_end(office: Office) -> None:
    config = load(office.folder / "carbonbridge.toml")
    guardian = bootstrap.sender(config, "guardian", lambda _: PASSWORD)
    contract, (made, *_) = bootstrap.contract(config), office.told("operator", "class")
    guardian.send_and_wait(contract.quarantine(made["class"]))
    (closed,) = office.told("holder", "balance")["closed"]
    assert (closed["state"], closed["quarantined_until"] > 0) == ("quarantined", True)
    assert "wait until" in narrow(office.done("operator", "status"))


def _bridge(office: Office) -> str:
    balances = office.told("registry", "balances")
    return str(next(one["account"] for one in balances if one["account"].startswith("bridge ")))
