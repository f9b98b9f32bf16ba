"""What an operator is told of what is in flight: how old it is, what it waits for, until when."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bridge.chain.local import find_anvil
from bridge.cli.waiting import span
from bridge.domain.values import moment
from tests.cli.office import Office, chain_process

STOVES = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"
DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (7_300, "2 h"), (86_400, "1 d"), (-90, "-1 min")],
)
def test_a_span_in_words(seconds: int, words: str) -> None:
    assert span(seconds) == words


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """On a real node, where a block is final when another lies upon it."""
    if find_anvil() is None:
        pytest.skip("anvil is not installed")
    with chain_process() as chain:
        made = Office(tmp_path_factory.mktemp("status"))
        made.done("init", "--dev", "--rpc", chain["rpc"])
        config = made.folder / "carbonbridge.toml"
        config.write_text(re.sub("finality = .*", "finality = 1", config.read_text()))
        made.done("dev", "fund")
        made.done("operator", "deploy")
        made.done("registry", "account", "Alice Ltd")
        made.done("operator", "class", STOVES.format(1, 1))
        made.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        a_block(made)
        yield made


def a_block(office: Office, seconds: int = 1) -> None:
    office.done("dev", "pass", "--seconds", str(seconds))


def test_a_deposit_waits_for_finality_and_a_request_for_its_holder(office: Office) -> None:
    given = office.told("registry", "instruct", STOVES.format(1, 100), "--account", "Alice Ltd", "--to", "holder")
    assert office.run("operator", "deposit", given["instruction_id"]).code == 5
    (row,) = office.told("operator", "status")
    assert re.fullmatch(r"finality: transaction 0x\w{8} is in block \d+, final is \d+", row["waits_for"])
    assert 0 < row["begun_at"] <= row["moved_at"]
    assert max(map(len, office.done("operator", "status").splitlines())) <= 80
    a_block(office)
    assert [row["id"] for row in office.told("operator", "settle")["ended"]] == [row["id"]]
    assert office.told("operator", "settle")["ended"] == []

    asked = office.told("holder", "retire", "GS 11236", "1", "--for", "Acme")
    (row,) = office.told("operator", "status")
    assert (row["id"], row["waits_for"]) == (asked["request_id"], "carbonbridge operator settle")
    a_block(office, row["deadline"])
    (row,) = office.told("operator", "status")
    assert row["waits_for"].endswith("; past its deadline: its holder may call it back")
    called = office.told("holder", "exit", asked["request_id"])
    (row,) = office.told("operator", "status")
    assert f"called back: its holder may take the units from {moment(called['next_at'])} on" in row["waits_for"]
    assert max(map(len, office.done("operator", "status").splitlines())) <= 80
    (row,) = office.told("operator", "settle")["in_flight"]
    assert row["waits_for"].startswith("finality: ")
    assert "holder" not in row["waits_for"]  # it was answered after all
