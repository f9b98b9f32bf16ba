"""An event of an ABI → columns. Everything follows from the ABI, but for a few names.

Columns have the ABI's names in snake_case, and a range is `space`, `first` and `last`. Numbers of up to 64 bits are
unsigned integers of the next size; a uint256 is an id, and so 32 bytes, unless it is named in `AMOUNTS`: then it must
fit 64 bits. What a log says beside its arguments stands in `PLACE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from eth_utils.abi import event_abi_to_log_topic

from bridge.chain.archive.words import (
    WORD,
    Bytes,
    Matrix,
    Misfit,
    Whole,
    addresses,
    codes,
    counts_of,
    fixed,
    flags,
    lists,
    numbers,
    seen,
    spread,
    texts,
    whole,
)
from bridge.domain.serials import MAX_SERIAL
from bridge.domain.values import Hex32

Abi = Mapping[str, Any]
Cube = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]
"""Logs, topics, bytes."""
Columns = dict[str, pa.Array]

AMOUNTS = frozenset({"units", "value", "values", "amount"})
CODES = frozenset({"registry", "reason"})
"""A bytes32 of these names is a short text."""
RENAMED = {
    **{"from": "sender", "previousOwner": "previous", "newOwner": "account"},
    "requestDeadline": "request_deadline_seconds",
}
MOVED = {"from": "sender", "id": "class_id", "ids": "class_id", "value": "units", "values": "units"}
"""How a movement of ERC-1155 units is named here."""
TABLES: Mapping[str, str] = {"TransferSingle": "Transferred", "TransferBatch": "Transferred"}
"""Events that share a table; a batch has a row a movement, numbered by `item`."""

PLACE = pa.schema(
    [
        ("block", pa.uint64()),
        ("time", pa.int64()),
        ("block_hash", pa.binary(32)),
        ("transaction", pa.binary(32)),
        ("transaction_index", pa.uint32()),
        ("log_index", pa.uint32()),
    ]
)


@dataclass(frozen=True)
class Data:
    """What is not indexed, of many logs: all words behind each other, and where each log's begin and end."""

    words: Matrix
    starts: Whole
    ends: Whole

    @property
    def content(self) -> Bytes:
        return self.words.reshape(-1)

    def at(self, places: Whole) -> Matrix:
        return self.words[places]

    def tail(self, heads: Whole, room: int) -> tuple[Whole, Whole]:
        """Where what a head points to begins, and the count or length that stands there; `room` bytes an item."""
        offsets = numbers(self.at(heads), 64).astype(np.int64)
        places = self.starts + offsets // WORD
        if (offsets < 0).any() or (offsets % WORD).any() or (places >= self.ends).any():
            raise Misfit("an offset out of its log")
        counts = numbers(self.at(places), 64)
        if (counts > (self.ends - places - 1).astype(np.uint64) * np.uint64(WORD) // np.uint64(room)).any():
            raise Misfit("a list or text longer than its log")
        return places + 1, counts.astype(np.int64)


class EventShape:
    """One event: how its topics and data become columns. `bridge`: it is ours, with our names; `prefix` tells the
    tables of contracts beside it from its own."""

    def __init__(self, abi: Abi, *, bridge: bool = True, prefix: str = "") -> None:
        self.name: str = abi["name"]
        self.topic: Hex32 = "0x" + bytes(event_abi_to_log_topic(dict(abi))).hex()  # type: ignore[arg-type]
        self.is_movement = bridge and self.name in TABLES
        self.table = prefix + (TABLES[self.name] if self.is_movement else self.name)
        self._bridge = bridge
        self._indexed = [member for member in abi["inputs"] if member["indexed"]]
        self._data = [member for member in abi["inputs"] if not member["indexed"]]

    @cached_property
    def indexed(self) -> int:
        return len(self._indexed)

    def columns(self, topics: Cube, data: Data) -> Columns:
        """`topics`: of each log all but the first. Raises Misfit."""
        found: Columns = {}
        for number, member in enumerate(self._indexed):
            words = topics[:, number]
            found[self._named(member["name"])] = self._plain(self._kind(member), member)(words)
        head = 0
        for member in self._data:
            found |= self._member(member, data, data.starts + head)
            head += _size(member)
        if (data.starts + head > data.ends).any():
            raise Misfit("less data than the event has")
        if self._bridge and {"space", "first", "last"} <= found.keys():
            _require_ranges(found["first"], found["last"])
        return found

    def _plain(self, kind: str, member: Abi) -> Callable[[Matrix], pa.Array]:
        """Others' names mean nothing here, and their amounts may need more than 64 bits."""
        return _plain(kind, member["name"] if self._bridge else "")

    def _kind(self, member: Abi) -> str:
        kind: str = member["type"]
        is_plain = re.fullmatch(r"u?int\d+|address|bool|bytes32", kind)
        return kind if is_plain else "bytes32"  # of others a topic holds the hash

    def _named(self, name: str) -> str:
        if not self._bridge:
            return name
        renamed = MOVED if self.name in TABLES else RENAMED
        return renamed.get(name) or re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()

    def _member(self, member: Abi, data: Data, heads: Whole) -> Columns:
        kind, name = member["type"], self._named(member["name"])
        if (heads >= data.ends).any():
            raise Misfit("less data than the event has")
        if kind == "tuple":
            found: Columns = {}
            for place, part in enumerate(member["components"]):
                found |= self._member(part, data, heads + place)
            return found
        if kind in {"string", "bytes"}:
            starts, lengths = data.tail(heads, room=1)
            return {name: texts(data.content, starts * WORD, lengths)}
        if kind.endswith("[]"):
            return {name: self._list(member, data, heads)}
        return {name: self._plain(kind, member)(data.at(heads))}

    def _list(self, member: Abi, data: Data, heads: Whole) -> pa.Array:
        kind = member["type"].removesuffix("[]")
        parts = member["components"] if kind == "tuple" else [{"type": kind, "name": member["name"]}]
        starts, counts = data.tail(heads, room=WORD * len(parts))
        if kind in {"string", "bytes"}:  # their offsets count from where the list's begin
            own = Data(data.words, np.repeat(starts, counts), np.repeat(data.ends, counts))
            places, lengths = own.tail(spread(starts, counts, 1), room=1)
            return lists(texts(data.content, places * WORD, lengths), counts)
        places = spread(starts, counts, len(parts))
        arrays = [self._plain(part["type"], part)(data.at(places + at)) for at, part in enumerate(parts)]
        if kind != "tuple":
            return lists(arrays[0], counts)
        names = [self._named(part["name"]) for part in parts]
        if self._bridge and names == ["space", "first", "last"]:
            _require_ranges(arrays[1], arrays[2])
        return lists(pa.StructArray.from_arrays(arrays, names), counts)


def _plain(kind: str, name: str) -> Callable[[Matrix], pa.Array]:
    """What reads one word a row."""
    if kind == "address":
        return addresses
    if kind == "bool":
        return flags
    if kind == "bytes32":
        return codes if name in CODES else fixed
    if kind in {"uint256", "int256"} and name not in AMOUNTS:
        return fixed
    if found := re.fullmatch(r"uint(\d+)", kind):
        bits = min(int(found.group(1)), 64)
        size = next(size for size in (8, 16, 32, 64) if bits <= size)
        kind_of = pa.type_for_alias(f"uint{size}")
        return lambda words: whole(numbers(words, bits).astype(f"u{size // 8}"), kind_of)
    raise Misfit(f"arguments of type {kind} are not read")


def _size(member: Abi) -> int:
    """Words that it has in the head."""
    return sum(map(_size, member["components"])) if member["type"] == "tuple" else 1


def _require_ranges(first: pa.Array, last: pa.Array) -> None:
    low, high = seen(first), seen(last)
    if ((low < 1) | (low > high) | (high > MAX_SERIAL)).any():
        raise Misfit("a range that runs backwards, or beyond what serials can be")


def one_a_movement(columns: Columns, place: Mapping[str, pa.Array]) -> tuple[Columns, dict[str, pa.Array]]:
    """A batch's rows as one a movement, and a single's beside them."""
    ids, units = columns["class_id"], columns["units"]
    if not pa.types.is_list(ids.type):
        item = whole(np.zeros(len(ids), np.uint32), pa.uint32())
        return {"item": item} | columns, dict(place)
    counts = counts_of(ids)
    if (counts_of(units) != counts).any():
        raise Misfit("a batch of movements with more ids than values, or fewer")
    rows = whole(np.repeat(np.arange(len(ids)), counts), pa.int64())
    item = whole(spread(np.zeros(len(ids), np.int64), counts, 1).astype(np.uint32), pa.uint32())
    moved = {name: column.take(rows) for name, column in columns.items() if name not in {"class_id", "units"}}
    kept = {name: column.take(rows) for name, column in place.items()}
    return {"item": item} | moved | {"class_id": ids.flatten(), "units": units.flatten()}, kept


def shapes_of(abi: Sequence[Abi], prefix: str = "") -> dict[Hex32, EventShape]:
    """Of all events of an ABI that say something, by topic."""
    events = [EventShape(entry, prefix=prefix) for entry in abi if entry["type"] == "event" and entry["inputs"]]
    return {shape.topic: shape for shape in events}
