"""The contract in which accounts stand by hashes of reports."""

from __future__ import annotations

from typing import Any

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.contract import ContractCall
from bridge.chain.deploy import create
from bridge.chain.transactions import Sender
from bridge.domain.values import Address, Fact, Hex32, to_bytes
from bridge.errors import UsageError


class Mark(Fact):
    """The block that took a hash from an account first; `timestamp` in seconds since 1970."""

    number: int
    timestamp: int


class Anchors:
    """Raises UsageError when there is no contract at the address, or another one."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        w3 = connection.w3
        with answering():
            code = bytes(w3.eth.get_code(w3.to_checksum_address(address)))
        if code.hex() != artifact("ReportAnchor").deployed_bytecode:
            raise UsageError(
                f"what stands at {address} on chain {connection.chain_id} does not keep hashes as ours does"
            )
        self._contract: Any = w3.eth.contract(address=w3.to_checksum_address(address), abi=artifact("ReportAnchor").abi)

    def anchoring(self, report: Hex32) -> ContractCall:
        call: ContractCall = self._contract.functions.anchor(to_bytes(report))
        return call

    def mark(self, by: Address, report: Hex32, *, final: bool = True) -> Mark | None:
        """As the final block has it, or the newest. None when the account has not anchored the hash by then."""
        connection = self._connection
        block = connection.final() if final else connection.head()
        call = self._contract.functions.anchoredAt(connection.w3.to_checksum_address(by), to_bytes(report))
        with answering():
            number, timestamp = call.call(block_identifier=block.number)
        return Mark(number=number, timestamp=timestamp) if timestamp else None


def deploy_anchors(connection: Connection, sender: Sender) -> Address:
    return create(connection, sender, "ReportAnchor")
