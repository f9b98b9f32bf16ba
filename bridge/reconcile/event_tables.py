"""What happened on chain as tables, one per event, named and shaped as the events themselves (`domain.observed`).

This is the form in which chains are archived (Parquet) and in which the reconciler reads them. Ids and hashes are 32
bytes, accounts 20; a range is `space`, `first` and `last`. Where an event stands is its columns `block`, `time` (null
where nobody knows it), `transaction` and `log_index`; whose it is, the reader adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
from pyarrow import parquet

from bridge.domain import observed as seen
from bridge.domain.observed import BY, POLICY, POWERS, ChainEvent, ClassCreated, Place
from bridge.domain.serials import SerialRange
from bridge.domain.values import to_bytes
from bridge.errors import MalformedInput
from bridge.reconcile.evidence import ChainArchive, ChainView
from bridge.reconcile.plan import Files

_ID = _ACCOUNT = pa.binary()
_TEXT, _UNITS, _CODE, _TIME = pa.string(), pa.uint64(), pa.uint8(), pa.int64()
_RANGE = {"space": _ID, "first": _UNITS, "last": _UNITS}
_ACCOUNTS = pa.list_(_ACCOUNT)
_POWER = {"by": _ACCOUNTS, "of_policy": pa.bool_()}
_RANGES = pa.list_(pa.struct(list(_RANGE.items())))

PLACE: Mapping[str, pa.DataType] = {
    "chain": pa.int64(),  # the number of the deployment among those that are read
    "deployment": _TEXT,
    "contract": _ACCOUNT,
    "stamped": _TIME,  # of the final block, which stands for a time that is not known
    "block": pa.uint64(),
    "time": _TIME,
    "transaction": _ID,
    "log_index": pa.uint32(),
}

READERS = ("chain", "deployment", "contract", "stamped")
"""What no file has."""

COLUMNS: Mapping[type[ChainEvent], Mapping[str, pa.DataType]] = {
    seen.SpaceRegistered: {"space": _ID, "registry": _TEXT, "kind": _CODE, "key": _TEXT},
    seen.ClassCreated: {
        **{"class_id": _ID, "registry": _TEXT, "project": _TEXT, "vintage": _UNITS, "credit_type": _TEXT},
        **{"kg_per_unit": _UNITS, "request_deadline_seconds": _TIME, "challenge_seconds": _TIME},
        **{"statement_seconds": _TIME},  # of its terms, null where nobody kept them
    },
    seen.MethodologySet: {"registry": _TEXT, "project": _TEXT, "methodology": _TEXT},
    seen.Minted: {"lock_id": _ID, "class_id": _ID, **_RANGE, "recipient": _ACCOUNT},
    seen.RequestOpened: {
        **{"request_id": _ID, "holder": _ACCOUNT, "class_id": _ID, "kind": _CODE, "units": _UNITS},
        **{"commitment": _ID, "salt": _ID, "deadline": _UNITS},
    },
    seen.OutcomeSettled: {
        **{"request_id": _ID, "class_id": _ID, "kind": _CODE, "part": _UNITS, "ranges": _RANGES},
        **{"remaining": _UNITS},
    },
    seen.CreditRetired: {"account": _ACCOUNT, "class_id": _ID, "units": _UNITS},
    seen.RequestRefused: {"request_id": _ID, "reason": _TEXT, "units": _UNITS},
    seen.RequestCalledBack: {"request_id": _ID, "units": _UNITS},
    seen.RequestReturned: {"request_id": _ID, "to": _ACCOUNT, "units": _UNITS},
    seen.Reversed: {"event_id": _ID, "class_id": _ID, "reason": _TEXT, "ranges": _RANGES, "shortfall": _UNITS},
    seen.CoverOffered: {"cover_id": _ID, "lock_id": _ID, "short_class_id": _ID, "units": _UNITS},
    seen.CoverTaken: {
        **{"cover_id": _ID, "holder": _ACCOUNT, "short_class_id": _ID, "units": _UNITS, "shortfall": _UNITS}
    },
    seen.CoverWithdrawn: {"cover_id": _ID, "to": _ACCOUNT, "units": _UNITS},
    seen.RecoveryOrdered: {
        **{"recovery_id": _ID, "sender": _ACCOUNT, "class_id": _ID, "to": _ACCOUNT, "units": _UNITS, "salt": _ID},
        **{"matures_at": _UNITS},
    },
    seen.RecoveryVetoed: {"recovery_id": _ID, "by": _ACCOUNT},
    seen.Recovered: {"recovery_id": _ID, "sender": _ACCOUNT, "to": _ACCOUNT, "units": _UNITS},
    seen.Quarantined: {"class_id": _ID, "until": _UNITS},
    seen.Transferred: {
        **{"sender": _ACCOUNT, "to": _ACCOUNT, "class_id": _ID, "units": _UNITS},
        **{"operator": _ACCOUNT},  # null where nobody looked
    },
    seen.ReserveStated: {"class_id": _ID, "sequence": _UNITS, "as_of": _UNITS, "locked": _UNITS},
    seen.AllowanceSet: {**_POWER, "operator": _ACCOUNT, "units_per_day": _UNITS},
    seen.ClassAllowanceSet: {**_POWER, "class_id": _ID, "units_per_day": _UNITS},
    seen.AttestersSet: {**_POWER, "registry": _TEXT, "added": _ACCOUNTS, "removed": _ACCOUNTS, "threshold": _CODE},
    seen.GuardianSet: {**_POWER, "account": _ACCOUNT, "enabled": pa.bool_()},
    seen.ListerSet: {**_POWER, "account": _ACCOUNT, "enabled": pa.bool_()},
    seen.OwnershipTransferred: {**_POWER, "previous": _ACCOUNT, "account": _ACCOUNT},
    seen.Frozen: {"account": _ACCOUNT, "until": _UNITS},
    seen.Listed: {"account": _ACCOUNT, "listed": pa.bool_()},
}
assert COLUMNS.keys() == set(get_args(ChainEvent))  # noqa: S101 an event that nobody reads would be overlooked in silence

SCHEMAS: Mapping[str, Mapping[str, pa.DataType]] = {kind.__name__: {**PLACE, **own} for kind, own in COLUMNS.items()}
KINDS: Mapping[str, type[ChainEvent]] = {kind.__name__: kind for kind in COLUMNS}

AT = ("chain", "block", "log_index")
LOG_BITS, BLOCK_BITS, CHAIN_BITS = 22, 32, 9
"""An event's number is chain, block and log in one, so that it rises with time within a deployment and says where its
event is to be found. So many logs no block has gas for: each costs 375 at least."""


def number_of(chain: int, place: Place) -> int:
    """Raises MalformedInput where a block or log is beyond what any chain has."""
    if place.block >> BLOCK_BITS or place.log_index >> LOG_BITS or chain >> CHAIN_BITS:
        raise MalformedInput(f"block {place.block} log {place.log_index} of deployment {chain} is beyond any chain")
    return (chain << BLOCK_BITS | place.block) << LOG_BITS | place.log_index


def tables(views: Sequence[tuple[int, ChainView]]) -> dict[str, pa.Table]:
    """Events in memory as tables: the one place where the reconciler loops over them. Each view with its number."""
    rows: dict[type[ChainEvent], list[tuple[Any, ...]]] = {kind: [] for kind in COLUMNS}
    for number, view in views:
        whose = (str(view.deployment), to_bytes(view.deployment.contract), view.stamp.timestamp)
        for event in sorted(view.events, key=lambda e: (e.place.block, e.place.log_index)):
            place = event.place
            number_of(number, place)
            when = view.block_times.get(place.block)
            head = (number, *whose, place.block, when, to_bytes(place.transaction), place.log_index)
            rows[type(event)].append(head + _values(event))
    return {kind.__name__: arrow(SCHEMAS[kind.__name__], found) for kind, found in rows.items()}


def whose(number: int, archive: ChainArchive) -> dict[str, Any]:
    """What the reader adds to its tables."""
    deployment = archive.deployment
    of = {"chain": number, "deployment": str(deployment), "contract": to_bytes(deployment.contract)}
    return of | {"stamped": archive.stamp.timestamp}


def archived(number: int, archive: ChainArchive) -> list[tuple[str, Files]]:
    """An archive's files, each with the name of its event."""
    deployment, stamp = archive.deployment, archive.stamp
    constants = whose(number, archive)
    if stamp.number >> BLOCK_BITS or number >> CHAIN_BITS:
        raise MalformedInput(f"block {stamp.number} of {deployment} is beyond any chain")
    return [
        (event, Files(tuple(paths), constants | more, stamp.number))
        for name, found in archive.files.items()
        if (event := name.removeprefix(POLICY)) in KINDS
        for more, paths in _alike(event, name, found)
    ]


def _alike(event: str, name: str, paths: Sequence[Path]) -> list[tuple[dict[str, Any], list[Path]]]:
    """Whose power was changed is in the table's name, and by whom is there only where somebody looked."""
    if event not in POWERS:
        return [({}, list(paths))] if paths else []
    absent = {"of_policy": name != event, BY: ()}
    found: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        there = parquet.read_schema(path).names
        found.setdefault(tuple(one for one in absent if one not in there), []).append(path)
    return [({one: absent[one] for one in lacking}, some) for lacking, some in found.items()]


def classes(view: ChainView | ChainArchive) -> list[ClassCreated]:
    """From an archive without their terms."""
    if isinstance(view, ChainView):
        return [event for event in view.events if isinstance(event, ClassCreated)]
    name, upto = ClassCreated.__name__, view.stamp.number
    columns = ["block", "transaction", "log_index", *COLUMNS[ClassCreated]]
    tables = [parquet.read_table(path, columns=columns) for path in view.files.get(name, ())]
    return [event_of(name, row) for table in tables for row in table.to_pylist() if row["block"] <= upto]  # type: ignore[misc]


def place_of(number: int) -> tuple[int, int, int]:
    """Chain, block and log."""
    block = number >> LOG_BITS
    return block >> BLOCK_BITS, block & (1 << BLOCK_BITS) - 1, number & (1 << LOG_BITS) - 1


def event_of(name: str, row: Mapping[str, Any]) -> ChainEvent:
    """The event again that stands in a row of its table."""
    kind = KINDS[name]
    place = Place(block=row["block"], transaction=text(row["transaction"]), log_index=row["log_index"])
    values = {column: _fact(row[column]) for column in COLUMNS[kind] if column in kind.model_fields}
    if "range" in kind.model_fields:
        values["range"] = _range(row)
    return kind(place=place, **values)


def _values(event: ChainEvent) -> tuple[Any, ...]:
    return tuple(_cells(event))


def _cells(event: ChainEvent) -> Iterator[Any]:
    columns = COLUMNS[type(event)]
    r = getattr(event, "range", None)
    for name, kind in columns.items():
        value = getattr(r if r is not None and name in _RANGE else event, name)
        if kind == _RANGES:
            yield [{"space": to_bytes(one.space), "first": one.first, "last": one.last} for one in value]
        elif kind == _ACCOUNTS:
            yield [to_bytes(one) for one in value]
        else:
            yield to_bytes(value) if kind == _ID and value is not None else value


def arrow(schema: Mapping[str, pa.DataType], rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.values(), strict=True)]
    return pa.table(arrays, schema=pa.schema(list(schema.items())))


def _fact(value: Any) -> Any:
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, list):
        return tuple(text(one) if isinstance(one, bytes) else _range(one) for one in value)
    return value


def _range(row: Mapping[str, Any]) -> SerialRange:
    return SerialRange(space=text(row["space"]), first=row["first"], last=row["last"])


def text(value: bytes) -> str:
    return "0x" + value.hex()
