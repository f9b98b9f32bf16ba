"""Three deployments on two chains that lock in one registry, each with a folder, a journal and a daemon of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.chain.conftest import anvil_process
from tests.cli.office import Office
from tests.cli.test_running import STOVES, daemon, order, owned, until

pytestmark = pytest.mark.slow

MINED = ("--wait", "120")  # anvil answers before the block is there


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Office]]:
    """One on the first chain, two on the second. The same keys serve all, so that two contracts on different chains
    have one address."""
    folder = tmp_path_factory.mktemp("deployments")
    with ExitStack() as running:
        near, far = (running.enter_context(anvil_process("--chain-id", chain)) for chain in ("31337", "31338"))
        first = Office(folder / "first")
        first.folder.mkdir()
        first.done("init", "--dev", "--rpc", near)
        offices = [first, first.beside("second", far), first.beside("third", far)]
        for office in offices:
            office.done("dev", "fund")
            office.done("operator", "deploy")
            office.done("operator", "class", STOVES.format(1, 1))
        first.done("registry", "account", "Alice Ltd")
        first.done("registry", "issue", STOVES.format(1, 900), "--account", "Alice Ltd")
        yield offices


@pytest.fixture(autouse=True)
def _nothing_is_counted_twice(offices: list[Office]) -> Iterator[None]:
    """After each test: every serial is in one place, and what is locked for a deployment is live there."""
    yield
    accounts = offices[0].told("registry", "balances")
    assert sum(row["units"] for row in accounts) == 900
    for office in offices:
        assert office.told("operator", "status") == [], office.folder.name
        assert office.told("compliance", "reconcile")["clean"], office.folder.name
    live = [sum(one["supply"] for one in office.told("operator", "class")) for office in offices]
    locked = [row["units"] for row in accounts if row["state"] == "locked"]
    assert sorted(locked) == sorted(units for units in live if units)


def all_owned(offices: list[Office]) -> list[int]:
    return [owned(office) for office in offices]


def retire(office: Office, units: int) -> str:
    return str(office.told("holder", "retire", "GS 11236", str(units), "--for", "Acme")["request_id"])


def executed(office: Office, request_id: str) -> bool:
    return {"executed"} == {
        row["state"] for row in office.told("holder", "requests") if row["request_id"] == request_id
    }


def test_each_daemon_serves_its_own_and_a_stop_of_one_holds_up_no_other(offices: list[Office]) -> None:
    before = all_owned(offices)
    with ExitStack() as stopping:
        for office in offices[:2]:
            stopping.enter_context(daemon(office))
        with daemon(offices[2]) as third:
            for n, office in enumerate(offices):
                order(office, 30 * n + 1, 30 * n + 30)
            until(lambda: all_owned(offices) == [units + 30 for units in before])
            third.kill()
        asked = [retire(office, n + 1) for n, office in enumerate(offices)]
        order(offices[2], 91, 100)
        until(lambda: executed(offices[0], asked[0]) and executed(offices[1], asked[1]))
        assert not executed(offices[2], asked[2])
        stopping.enter_context(daemon(offices[2]))
        until(lambda: executed(offices[2], asked[2]))
        until(lambda: all_owned(offices) == [before[0] + 29, before[1] + 28, before[2] + 37])


def test_an_order_is_for_one_deployment_and_no_other_takes_it_up(offices: list[Office]) -> None:
    given = order(offices[0], 201, 210)
    for other in offices[1:]:
        assert "is for 31337:" in other.refused(2, "operator", "deposit", given)
        other.done("operator", "settle")
        assert other.told("operator", "status") == []
    offices[0].done("operator", "deposit", given, *MINED)


def test_serials_that_are_ordered_for_all_are_locked_for_the_first_that_asks(offices: list[Office]) -> None:
    given = [order(office, 301, 310) for office in offices]
    before = all_owned(offices)
    offices[1].done("operator", "deposit", given[1], *MINED)
    for n in (0, 2):
        assert "301" in offices[n].refused(4, "operator", "deposit", given[n])
    assert all_owned(offices) == [before[0], before[1] + 10, before[2]]


def test_a_chain_whose_clock_runs_ahead_disturbs_no_other(offices: list[Office]) -> None:
    offices[1].done("dev", "pass", "--seconds", str(40 * 86_400))
    for n, office in enumerate(offices):
        office.done("operator", "deposit", order(office, 401 + 10 * n, 410 + 10 * n), *MINED)


def test_each_deployment_s_account_is_told_from_the_others(offices: list[Office]) -> None:
    shown = offices[0].done("registry", "balances")
    named = set(re.findall(r"bridge \d+:0x\w{8}", shown))
    assert len(named) == 3
