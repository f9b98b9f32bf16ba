"""A deployment as its archive has it: facts again, without any node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Any, get_args

import pyarrow as pa

from bridge.chain.archive.archive import EventArchive, Piece
from bridge.chain.archive.pages import Emitters
from bridge.chain.archive.shapes import shapes_of
from bridge.chain.artifacts import artifact
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp, ChainEvent, Place
from bridge.domain.serials import SerialRange
from bridge.domain.values import Address
from bridge.errors import UsageError

_EVENTS: UnionType = ChainEvent
KINDS: Mapping[str, type[ChainEvent]] = {kind.__name__: kind for kind in get_args(_EVENTS)}


POLICY = "Policy"
"""Before the tables of the contract that says who may hold units."""


@cache
def bridge_emitters(contract: Address, policy: Address | None = None) -> Emitters:
    """All that a bridge says, and its policy where it has one."""
    found = {contract: shapes_of(artifact("CarbonBridge").abi)}
    return found | ({policy: shapes_of(artifact("AllowListPolicy").abi, POLICY)} if policy else {})


class ArchivedChain:
    """Implements the reconciler's `ChainSource`. Raises MalformedInput where a file is not what was archived."""

    def __init__(self, archive: EventArchive) -> None:
        self._archive = archive
        self._manifest = archive.manifest()

    @property
    def deployment(self) -> Deployment:
        return self._manifest.deployment

    @property
    def first_block(self) -> int:
        return self._manifest.first_block

    def stamp(self) -> BlockStamp:
        """The last block up to which everything is archived."""
        return self._manifest.pieces[-1].stamp

    def events(self, upto: BlockStamp) -> Sequence[ChainEvent]:
        """Raises UsageError for a block at which no piece ends."""
        pieces = self._pieces(upto)
        tables = {name: self._archive.table(name, pieces) for name in KINDS}
        found = [
            (row, event)
            for name, table in tables.items()
            if table is not None
            for row, event in facts_of(KINDS[name], table)
        ]
        return [event for _, event in sorted(found, key=lambda one: one[0])]

    def block_times(self, numbers: Sequence[int]) -> Mapping[int, int]:
        wanted = set(numbers)
        found: dict[int, int] = {}
        for piece in self._manifest.pieces:
            for event in {file.path.split("/")[1] for file in piece.files}:
                table = self._archive.table(event, [piece])
                if table is not None:
                    found |= zip(table["block"].to_pylist(), table["time"].to_pylist(), strict=True)
        return {number: found[number] for number in wanted if number in found}

    def _pieces(self, upto: BlockStamp) -> Sequence[Piece]:
        for count, piece in enumerate(self._manifest.pieces, start=1):
            if piece.stamp == upto:
                return self._manifest.pieces[:count]
        raise UsageError(f"the archive of {self.deployment} was never read up to block {upto.number}")


def facts_of(kind: type[ChainEvent], table: pa.Table) -> Iterator[tuple[tuple[int, int, int], ChainEvent]]:
    """Events of one kind, each with what sorts it: block, log, item."""
    fields = (kind.model_fields.keys() - {"place", "range"}) & set(table.column_names)
    named = ["block", "transaction", "log_index", *(["item"] if "item" in table.column_names else []), *sorted(fields)]
    spans = ["space", "first", "last"] if "range" in kind.model_fields else []
    for row in table.select([*named, *spans]).to_pylist():
        place = Place(block=row["block"], transaction=_text(row["transaction"]), log_index=row["log_index"])
        values = {name: _value(row[name]) for name in fields}
        if spans:
            values["range"] = _range(row)
        yield (place.block, place.log_index, row.get("item", 0)), kind(place=place, **values)


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, list):
        return tuple(_range(one) if isinstance(one, dict) else _value(one) for one in value)
    return value


def _range(row: Mapping[str, Any]) -> SerialRange:
    return SerialRange(space=_text(row["space"]), first=row["first"], last=row["last"])


def _text(value: bytes) -> str:
    return "0x" + value.hex()
