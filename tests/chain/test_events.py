"""Logs are refused when they are not what was asked for, and no block is read twice or left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chain import events
from bridge.chain.connection import Connection
from bridge.domain.attestations import Deployment
from bridge.errors import Halted

HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)


class Node:
    """A node that records what it is asked, and answers with what it is told to."""

    def __init__(self, logs: list[dict[str, Any]]) -> None:
        self.logs, self.asked = logs, []
        self.eth = self

    def to_checksum_address(self, address: str) -> str:
        return address

    def get_logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append((query["fromBlock"], query["toBlock"]))
        return self.logs


def connection(node: Node) -> Connection:
    return Connection(node, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"blockNumber": 9}, {"address": "0x" + "22" * 20}])
def test_a_log_from_elsewhere_halts(change: dict[str, Any]) -> None:
    log = {"blockNumber": 5, "logIndex": 0, "address": HERE.contract, "topics": [], "data": b""} | change
    with pytest.raises(Halted, match="asked for"):
        list(events.read_events(connection(Node([log])), HERE, 1, 7))


@given(first=st.integers(0, 10_000), size=st.integers(0, 20_000))
def test_pages_cover_every_block_once(first: int, size: int) -> None:
    node = Node([])
    list(events.read_events(connection(node), HERE, first, first + size))
    assert node.asked[0][0] == first
    assert node.asked[-1][1] == first + size
    assert all(before[1] + 1 == after[0] for before, after in zip(node.asked, node.asked[1:], strict=False))
    assert all(last - start < events.PAGE_BLOCKS for start, last in node.asked)
