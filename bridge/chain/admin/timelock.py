"""The timelock that owns a bridge: operations, by what they hash to, and where each stands."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import cached_property
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from bridge.chain.admin.acts import Call
from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.reverts import answers_in_words, refusals_in_words
from bridge.chain.verifying.code import read_code
from bridge.chain.verifying.powers import Reader, waiting
from bridge.domain.values import Address, Fact, Hex32, hex32, keccak_hex, to_bytes
from bridge.errors import ContractRefused, Refused, UsageError

NO_PREDECESSOR = hex32(0)


class OperationState(IntEnum):
    UNSET = 0
    WAITING = 1
    READY = 2
    DONE = 3


class Operation(Fact):
    """Calls executed together or not at all. `predecessor` must be done before; `salt` tells two alike apart."""

    calls: tuple[Call, ...]
    predecessor: Hex32 = NO_PREDECESSOR
    salt: Hex32 = hex32(0)

    @cached_property
    def id(self) -> Hex32:
        """As the contract's `hashOperationBatch`."""
        types = ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"]
        return keccak_hex(encode(types, self.arguments))

    @property
    def arguments(self) -> list[Any]:
        return [
            [to_checksum_address(call.to) for call in self.calls],
            [call.value for call in self.calls],
            [to_bytes(call.data) for call in self.calls],
            to_bytes(self.predecessor),
            to_bytes(self.salt),
        ]


class Scheduled(Fact):
    """An operation that is scheduled and waits: what it does, and from when it may be executed (chain seconds)."""

    operation_id: Hex32
    calls: tuple[Call, ...]
    ready_at: int
    state: OperationState


class Timelock:
    """Raises UsageError when there is no timelock of ours at the address."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self.connection, self.address = connection, address
        self._head = connection.head()
        self._code = read_code(connection, "TimelockController", address, self._head.number)
        if self._code.fault:
            raise UsageError(f"no timelock of this package at {to_checksum_address(address)}: {self._code.fault}")
        w3 = connection.w3
        self._contract: Any = w3.eth.contract(
            address=w3.to_checksum_address(address), abi=artifact("TimelockController").abi
        )

    def min_delay_seconds(self) -> int:
        return int(self._view("getMinDelay"))

    def state(self, operation_id: Hex32) -> OperationState:
        return OperationState(self._view("getOperationState", to_bytes(operation_id)))

    def ready_at(self, operation_id: Hex32) -> int:
        return int(self._view("getTimestamp", to_bytes(operation_id)))

    def operation(self, calls: Sequence[Call], predecessor: Hex32, salt: Hex32 | None) -> Operation:
        """With the first salt from zero that was not executed yet: asked again it is the same, until it is done."""
        number = 0
        while True:
            made = Operation(calls=tuple(calls), predecessor=predecessor, salt=salt or hex32(number))
            if salt is not None or self.state(made.id) is not OperationState.DONE:
                return made
            number += 1

    def schedule(self, operation: Operation, delay_seconds: int) -> Call:
        return self._call("scheduleBatch", [*operation.arguments, delay_seconds])

    def execute(self, operation: Operation) -> Call:
        return self._call("executeBatch", operation.arguments)

    def cancel(self, operation_id: Hex32) -> Call:
        return self._call("cancel", [to_bytes(operation_id)])

    def simulate(self, call: Call) -> None:
        """As the timelock would send it now. Raises ContractRefused. A node that cannot tell raises nothing: eth-tester
        calls only for who could pay."""
        w3 = self.connection.w3
        sent: Any = {"from": self._contract.address, "to": w3.to_checksum_address(call.to), "data": call.data}
        try:
            with answering(), refusals_in_words():
                w3.eth.call(sent)
        except Refused as refusal:
            if isinstance(refusal, ContractRefused):
                raise

    def scheduled(self, first_block: int) -> list[Scheduled]:
        """What waits, of all that was scheduled since that block."""
        reader = Reader(self.connection, self._code, first_block, self._head.number)
        calls: dict[Hex32, list[Call]] = {}
        for event in reader.events("CallScheduled"):
            scheduled = event["args"]
            data = "0x" + bytes(scheduled["data"]).hex()
            made = Call(to=scheduled["target"].lower(), data=data, value=scheduled["value"])
            calls.setdefault("0x" + bytes(scheduled["id"]).hex(), []).append(made)
        return [
            Scheduled(operation_id=one, calls=tuple(calls[one]), ready_at=self.ready_at(one), state=self.state(one))
            for one in waiting(reader)
        ]

    def was_scheduled(self, operation_id: Hex32, first_block: int) -> bool:
        reader = Reader(self.connection, self._code, first_block, self._head.number)
        return any("0x" + bytes(one["args"]["id"]).hex() == operation_id for one in reader.events("CallScheduled"))

    def _call(self, name: str, arguments: Sequence[Any]) -> Call:
        return Call(to=self.address, data=self._contract.encode_abi(name, arguments))

    def _view(self, name: str, *arguments: object) -> Any:
        with answering(), answers_in_words():
            return self._contract.functions[name](*arguments).call()
