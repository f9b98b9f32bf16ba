"""A deployment as its archive has it: facts again, without any node."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pyarrow as pa
from pyarrow import compute

from bridge.chain.archive.archive import EventArchive, Piece
from bridge.chain.archive.files import verified
from bridge.chain.archive.pages import Emitters
from bridge.chain.archive.shapes import shapes_of
from bridge.chain.artifacts import artifact
from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import Terms
from bridge.domain.observed import (
    POLICY,
    BlockStamp,
    ChainEvent,
    ClassCreated,
    Frozen,
    Listed,
    ListerSet,
    Place,
    PowerChanged,
)
from bridge.domain.serials import SerialRange
from bridge.domain.values import ZERO_ADDRESS, Address, Hex32
from bridge.errors import UsageError

_EVENTS: UnionType = ChainEvent
KINDS: Mapping[str, type[ChainEvent]] = {kind.__name__: kind for kind in get_args(_EVENTS)}


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

    @property
    def keeps_list(self) -> bool:
        """A policy that keeps a list is made with somebody who keeps it."""
        named = POLICY + ListerSet.__name__
        return any(piece.of(named) for piece in self._manifest.pieces)

    def stamp(self) -> BlockStamp:
        """The last block up to which everything is archived."""
        return self._manifest.pieces[-1].stamp

    def events(self, upto: BlockStamp) -> Sequence[ChainEvent]:
        """Raises UsageError for a block at which no piece ends."""
        pieces = self._pieces(upto)
        found = [
            (row, event)
            for of_policy in (False, True)
            for kind in _kinds_of(of_policy)
            if (table := self._archive.table(POLICY * of_policy + kind.__name__, pieces)) is not None
            for row, event in facts_of(kind, table, of_policy)
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

    def files(self) -> Mapping[str, Sequence[Path]]:
        """Of all tables that hold facts, by their names; each file is whole."""
        found: dict[str, list[Path]] = {}
        for piece in self._manifest.pieces:
            for file in piece.files:
                name = file.path.split("/")[1]
                if name.removeprefix(POLICY) in KINDS:
                    found.setdefault(name, []).append(verified(self._archive.folder, file))
        return found

    def pieces(self) -> Sequence[str]:
        """What names each piece with its block and its content."""
        return [hashlib.sha256(piece.model_dump_json().encode()).hexdigest() for piece in self._manifest.pieces]

    def ids(self, event: str, column: str, known: Sequence[Hex32] = ()) -> list[Hex32]:
        """Each that the events name and that is not known, once."""
        table = self._archive.table(event, self._manifest.pieces)
        if table is None:
            return []
        named = table[column].unique()
        new = compute.invert(compute.is_in(named, pa.array([bytes.fromhex(one[2:]) for one in known], named.type)))
        return [_text(one) for one in named.filter(new).to_pylist()]

    def count(self, event: str) -> int:
        return sum(file.rows for piece in self._manifest.pieces for file in piece.of(event))

    def _pieces(self, upto: BlockStamp) -> Sequence[Piece]:
        for count, piece in enumerate(self._manifest.pieces, start=1):
            if piece.stamp == upto:
                return self._manifest.pieces[:count]
        raise UsageError(f"the archive of {self.deployment} was never read up to block {upto.number}")


def _kinds_of(of_policy: bool) -> list[type[ChainEvent]]:
    """A policy has powers of its own, and alone says who may hold units."""
    own = (Frozen, Listed)
    return [kind for kind in KINDS.values() if not of_policy or kind in own or issubclass(kind, PowerChanged)]


def facts_of(
    kind: type[ChainEvent], table: pa.Table, of_policy: bool = False
) -> Iterator[tuple[tuple[int, int, int], ChainEvent]]:
    """Events of one kind, each with what sorts it: block, log, item."""
    columns = set(table.column_names)
    fields = (kind.model_fields.keys() - {"place", "range"}) & columns
    terms = sorted(Terms.model_fields.keys() & columns) if kind is ClassCreated else []
    named = ["block", "transaction", "log_index", *(["item"] if "item" in table.column_names else []), *sorted(fields)]
    spans = ["space", "first", "last"] if "range" in kind.model_fields else []
    for row in table.select(list(dict.fromkeys([*named, *spans, *terms]))).to_pylist():
        place = Place(block=row["block"], transaction=_text(row["transaction"]), log_index=row["log_index"])
        values = {name: _value(row[name]) for name in fields}
        if spans:
            values["range"] = _range(row)
        if terms:
            values["terms"] = _terms({name: row[name] for name in terms})
        if of_policy and issubclass(kind, PowerChanged):
            values["of_policy"] = True
        yield (place.block, place.log_index, row.get("item", 0)), kind(place=place, **values)


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, list):
        return tuple(_range(one) if isinstance(one, dict) else _value(one) for one in value)
    return value


def _terms(row: Mapping[str, Any]) -> Terms:
    recoverer = _text(row["recoverer"])
    return Terms(**{**row, "recoverer": None if recoverer == ZERO_ADDRESS else recoverer})


def _range(row: Mapping[str, Any]) -> SerialRange:
    return SerialRange(space=_text(row["space"]), first=row["first"], last=row["last"])


def _text(value: bytes) -> str:
    return "0x" + value.hex()
