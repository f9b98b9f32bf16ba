"""What a node's errors mean: a contract's revert is its no, and whatever else a node says is nobody's."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract, Deployed
from bridge.domain.attestations import Deployment
from bridge.errors import ContractRefused, Unreachable
from tests.flow.world import FOREST

DEPLOYED = Deployed(deployment=Deployment(chain_id=1, contract="0x" + "c0" * 20), lens="0x" + "c1" * 20, first_block=0)
OUT_OF_RANGE = {"code": -32602, "message": "BlockOutOfRangeError: block height is 115 but requested was 107"}
PRUNED = {"code": -32000, "message": "missing trie node 0a… (path ) state is not available"}
UNKNOWN_BLOCK = {"code": -32001, "message": "header not found"}
REVERT = {"code": 3, "message": "execution reverted", "data": "0x" + "00" * 4}


class Answering(JSONBaseProvider):
    """Says the same to every call of a contract."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self._answer = answer

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ARG002
        told: dict[str, Any] = {"result": "0x1"} if method == "eth_chainId" else self._answer
        return {"jsonrpc": "2.0", "id": 1, **told}  # type: ignore[typeddict-item]


def contract(answer: dict[str, Any]) -> BridgeContract:
    return BridgeContract(Connection(Web3(Answering(answer)), 0), DEPLOYED)


@pytest.mark.parametrize("error", [OUT_OF_RANGE, PRUNED, UNKNOWN_BLOCK])
def test_a_node_that_lacks_the_block_refuses_nothing(error: dict[str, Any]) -> None:
    with pytest.raises(Unreachable, match=error["message"].split("(")[0]):
        contract({"error": error}).class_state(FOREST.id, 107)
    with pytest.raises(Unreachable):
        contract({"error": error}).locks_used("VERRA", [FOREST.id], 107)


@pytest.mark.parametrize("error", [OUT_OF_RANGE, PRUNED, UNKNOWN_BLOCK])
def test_nor_does_it_when_it_is_asked_for_logs_nonces_or_blocks(error: dict[str, Any]) -> None:
    connection = contract({"error": error}).connection
    with pytest.raises(Unreachable, match="could not answer"):
        list(contract({"error": error}).events(0, 107))
    with pytest.raises(Unreachable, match="could not answer"):
        connection.balance_wei(DEPLOYED.lens)
    with pytest.raises(Unreachable, match="could not answer"):
        connection.final()


def test_a_contract_that_is_not_there_at_that_block_refuses_nothing() -> None:
    with pytest.raises(Unreachable, match="no such contract answers at that block"):
        contract({"result": "0x"}).class_state(FOREST.id, 1)


def test_a_revert_is_the_contracts_no() -> None:
    with pytest.raises(ContractRefused):
        contract({"error": REVERT}).class_state(FOREST.id, 107)
