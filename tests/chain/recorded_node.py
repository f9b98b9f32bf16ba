"""A node that answers from a list of logs, and that can be told to lie, to stop, and to change its mind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import orjson
from eth_abi.abi import encode

from bridge.chain.archive.node import Node
from bridge.chain.artifacts import artifact
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp
from bridge.domain.values import keccak_hex
from bridge.errors import Unreachable

HERE = Deployment(chain_id=1, contract="0x" + "11" * 20)
Log = dict[str, Any]
EVENTS: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in artifact("CarbonBridge").abi if entry["type"] == "event" and entry["inputs"]
}


class RecordedNode(Node):
    """`fork` renames blocks from a number on; `refuses` says which pages are too large; `lie` changes the logs of an
    answer; `dies_after` so many calls it is silent."""

    def __init__(self, logs: Sequence[Log], head: int) -> None:
        self.held, self.head = list(logs), head
        self.forked_from: int | None = None
        self.refuses: Callable[[int, int], bool] = lambda *_: False
        self.lie: Callable[[list[Log]], Any] = lambda logs: logs
        self.dies_after: int | None = None
        self.asked: list[tuple[int, int]] = []

    def _post(self, body: Any) -> bytes:
        self._count()
        assert body["method"] == "eth_getLogs"
        (wanted,) = body["params"]
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.asked.append((first, last))
        if self.refuses(first, last):
            error = {"code": -32005, "message": "query returned more than 10000 results"}
            return orjson.dumps({"jsonrpc": "2.0", "id": 0, "error": error})
        found = [log for log in self.held if first <= int(log["blockNumber"], 16) <= last]
        result = self.lie([{**log, "blockHash": self.hash(int(log["blockNumber"], 16))} for log in found])
        return result if isinstance(result, bytes) else orjson.dumps({"jsonrpc": "2.0", "id": 0, "result": result})

    def stamps(self, numbers: Sequence[int]) -> list[BlockStamp | None]:
        self._count()
        return [self.stamp_of(number) if number <= self.head else None for number in numbers]

    def stamp_of(self, number: int) -> BlockStamp:
        return BlockStamp(number=number, hash=self.hash(number), timestamp=1_000_000 + number)

    def final(self) -> BlockStamp:
        return self.stamp_of(self.head)

    def hash(self, number: int) -> str:
        forked = self.forked_from is not None and number >= self.forked_from
        return keccak_hex(f"{number} {forked}".encode())

    def _count(self) -> None:
        if self.dies_after is not None:
            if self.dies_after <= 0:
                raise Unreachable("the chain's node did not answer; try again")
            self.dies_after -= 1


def history(seed: int, logs: int, blocks: int, names: Sequence[str] = tuple(EVENTS)) -> list[Log]:
    """As many logs of our events, of several transactions a block, in the order of the chain."""
    chance = Random(seed)
    numbers = sorted(chance.randint(1, blocks) for _ in range(logs))
    found: list[Log] = []
    for place, number in enumerate(numbers):
        index = 1 + int(found[-1]["logIndex"], 16) if place and numbers[place - 1] == number else 0
        found.append(log_of(EVENTS[names[place % len(names)]], chance, number, index))
    return found


def log_of(abi: dict[str, Any], chance: Random, number: int, index: int) -> Log:
    from bridge.chain.archive.shapes import EventShape

    values = [(member, _value(member, chance)) for member in abi["inputs"]]
    if abi["name"] == "TransferBatch":
        count = chance.randint(0, 4)
        values[3:] = [(member, [chance.getrandbits(60) for _ in range(count)]) for member in abi["inputs"][3:]]
    if abi["name"] == "Minted":
        values[3:5] = [
            (m, v) for m, v in zip(abi["inputs"][3:5], sorted((_serial(chance), _serial(chance))), strict=True)
        ]
    topics = [_hex(encode([m["type"]], [v])) for m, v in values if m["indexed"]]
    data = encode([_type(m) for m, _ in values if not m["indexed"]], [v for m, v in values if not m["indexed"]])
    turn = index // 3
    return {
        "address": HERE.contract,
        "topics": [EventShape(abi).topic, *topics],
        "data": _hex(data),
        "blockNumber": hex(number),
        "transactionHash": keccak_hex(f"{number} {turn}".encode()),
        "transactionIndex": hex(turn),
        "logIndex": hex(index),
        "removed": False,
    }


def _value(member: dict[str, Any], chance: Random) -> Any:
    kind, name = member["type"], member["name"]
    if kind.endswith("[]"):
        return [_value({**member, "type": kind[:-2]}, chance) for _ in range(chance.randint(0, 3))]
    if kind == "tuple" and [c["name"] for c in member["components"]] == ["space", "first", "last"]:
        return (chance.randbytes(32), *sorted((_serial(chance), _serial(chance))))
    if kind == "tuple":
        return tuple(_value(part, chance) for part in member["components"])
    if kind == "address":
        return _hex(chance.randbytes(20))
    if kind == "bool":
        return chance.random() < 0.5
    if kind == "string":
        return "".join(chance.choice("AB1-森é") for _ in range(chance.randint(0, 70)))
    if kind == "bytes32":
        return b"VERRA".ljust(32, b"\0") if name in {"registry", "reason"} else chance.randbytes(32)
    if name == "kind":
        return chance.randint(0, 1)
    bits = 64 if name in {"units", "value"} else int(kind.removeprefix("uint"))
    return chance.getrandbits(min(bits, chance.choice((8, bits))))


def _serial(chance: Random) -> int:
    return chance.choice((chance.randint(1, 1000), chance.randint(1, 2**64 - 2)))


def _type(member: dict[str, Any]) -> str:
    kind: str = member["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(_type(part) for part in member["components"]) + ")" + kind.removeprefix("tuple")
    return kind


def _hex(content: bytes) -> str:
    return "0x" + content.hex()
