"""Logs of one contract as typed events, read in pages and refused when they are not what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import event_abi_to_log_topic
from web3.types import FilterParams, LogReceipt

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.power_events import POLICY_READERS, POWER_READERS, EventReader
from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import Terms
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import (
    ChainEvent,
    ClassCreated,
    CoverOffered,
    CoverTaken,
    CoverWithdrawn,
    CreditRetired,
    MethodologySet,
    Minted,
    OutcomeSettled,
    Place,
    Quarantined,
    Recovered,
    RecoveryOrdered,
    RecoveryVetoed,
    RequestCalledBack,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    Reversed,
    SpaceRegistered,
    Transferred,
)
from bridge.domain.serials import SerialRange, SpaceKind
from bridge.domain.values import ZERO_ADDRESS, Address, Hex32, hex32
from bridge.errors import Halted

PAGE_BLOCKS = 2_000


def _hex(value: bytes) -> Hex32:
    return "0x" + bytes(value).hex()


def _code(value: bytes) -> str:
    return bytes(value).rstrip(b"\0").decode("ascii")


def _range(value: Sequence[Any]) -> SerialRange:
    return SerialRange(space=_hex(value[0]), first=value[1], last=value[2])


def _space_registered(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        SpaceRegistered(
            place=place,
            space=_hex(a["space"]),
            registry=_code(a["registry"]),
            kind=SpaceKind(a["kind"]),
            key=a["key"],
        )
    ]


def _class_created(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        ClassCreated(
            place=place,
            class_id=hex32(a["classId"]),
            registry=_code(a["registry"]),
            project=a["project"],
            vintage=a["vintage"],
            credit_type=a["creditType"],
            kg_per_unit=a["terms"][3],
            terms=read_terms(a["terms"]),
        )
    ]


def _methodology_set(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    registry = _code(a["registry"])
    return [MethodologySet(place=place, registry=registry, project=a["project"], methodology=a["methodology"])]


def read_terms(value: Sequence[Any]) -> Terms:
    names = ("request_deadline_seconds", "challenge_seconds", "challenge_blocks", "kg_per_unit", "statement_seconds")
    recovery_seconds, admission_required, recoverer = value[5:]
    return Terms(
        **dict(zip(names, value, strict=False)),
        recovery_seconds=recovery_seconds,
        admission_required=admission_required,
        recoverer=None if recoverer == ZERO_ADDRESS else recoverer,
    )


def _minted(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        Minted(
            place=place,
            lock_id=hex32(a["lockId"]),
            class_id=hex32(a["classId"]),
            range=_range((a["space"], a["first"], a["last"])),
            recipient=a["recipient"],
        )
    ]


def _request_opened(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        RequestOpened(
            place=place,
            request_id=_hex(a["requestId"]),
            holder=a["holder"],
            class_id=hex32(a["classId"]),
            kind=Kind(a["kind"]),
            units=a["units"],
            commitment=_hex(a["commitment"]),
            salt=hex32(a["salt"]),
            deadline=a["deadline"],
        )
    ]


def _outcome_settled(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        OutcomeSettled(
            place=place,
            request_id=_hex(a["requestId"]),
            class_id=hex32(a["classId"]),
            kind=Kind(a["kind"]),
            part=a["part"],
            ranges=tuple(_range(r) for r in a["ranges"]),
            remaining=a["remaining"],
        )
    ]


def _credit_retired(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [CreditRetired(place=place, account=a["account"], class_id=hex32(a["classId"]), units=a["units"])]


def _request_refused(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [RequestRefused(place=place, request_id=_hex(a["requestId"]), reason=_code(a["reason"]), units=a["units"])]


def _request_called_back(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [RequestCalledBack(place=place, request_id=_hex(a["requestId"]), units=a["units"])]


def _request_returned(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [RequestReturned(place=place, request_id=_hex(a["requestId"]), to=a["to"], units=a["units"])]


def _reversed(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        Reversed(
            place=place,
            event_id=_hex(a["eventId"]),
            class_id=hex32(a["classId"]),
            reason=_code(a["reason"]),
            ranges=tuple(_range(r) for r in a["ranges"]),
            shortfall=a["shortfall"],
        )
    ]


def _cover_offered(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        CoverOffered(
            place=place,
            cover_id=_hex(a["coverId"]),
            lock_id=hex32(a["lockId"]),
            short_class_id=hex32(a["shortClassId"]),
            units=a["units"],
        )
    ]


def _cover_taken(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        CoverTaken(
            place=place,
            cover_id=_hex(a["coverId"]),
            holder=a["holder"],
            short_class_id=hex32(a["shortClassId"]),
            units=a["units"],
            shortfall=a["shortfall"],
        )
    ]


def _cover_withdrawn(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [CoverWithdrawn(place=place, cover_id=_hex(a["coverId"]), to=a["to"], units=a["units"])]


def _recovery_ordered(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [
        RecoveryOrdered(
            place=place,
            recovery_id=_hex(a["recoveryId"]),
            sender=a["from"],
            class_id=hex32(a["classId"]),
            to=a["to"],
            units=a["units"],
            salt=hex32(a["salt"]),
            matures_at=a["maturesAt"],
        )
    ]


def _recovery_vetoed(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [RecoveryVetoed(place=place, recovery_id=_hex(a["recoveryId"]), by=a["by"])]


def _recovered(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [Recovered(place=place, recovery_id=_hex(a["recoveryId"]), sender=a["from"], to=a["to"], units=a["units"])]


def _quarantined(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [Quarantined(place=place, class_id=hex32(a["classId"]), until=a["until"])]


def _transfer_single(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [_transferred(place, a, a["id"], a["value"])]


def _transfer_batch(place: Place, a: dict[str, Any]) -> list[ChainEvent]:
    return [_transferred(place, a, i, v) for i, v in zip(a["ids"], a["values"], strict=True)]


def _transferred(place: Place, a: dict[str, Any], class_id: int, units: int) -> Transferred:
    return Transferred(
        place=place, sender=a["from"], to=a["to"], class_id=hex32(class_id), units=units, operator=a["operator"]
    )


_READERS: dict[str, EventReader] = {
    "SpaceRegistered": _space_registered,
    "ClassCreated": _class_created,
    "MethodologySet": _methodology_set,
    "Minted": _minted,
    "RequestOpened": _request_opened,
    "OutcomeSettled": _outcome_settled,
    "CreditRetired": _credit_retired,
    "RequestRefused": _request_refused,
    "RequestCalledBack": _request_called_back,
    "RequestReturned": _request_returned,
    "Reversed": _reversed,
    "CoverOffered": _cover_offered,
    "CoverTaken": _cover_taken,
    "CoverWithdrawn": _cover_withdrawn,
    "RecoveryOrdered": _recovery_ordered,
    "RecoveryVetoed": _recovery_vetoed,
    "Recovered": _recovered,
    "Quarantined": _quarantined,
    "TransferSingle": _transfer_single,
    "TransferBatch": _transfer_batch,
    **POWER_READERS,
}


def _type_text(member: dict[str, Any]) -> str:
    kind: str = member["type"]
    if kind.startswith("tuple"):
        return "(" + ",".join(_type_text(c) for c in member["components"]) + ")" + kind.removeprefix("tuple")
    return kind


class _EventShape:
    """How one event's topics and data decode, and which fact it makes."""

    def __init__(self, abi: dict[str, Any], read: EventReader) -> None:
        self.topic: Hex32 = _hex(event_abi_to_log_topic(abi))  # type: ignore[arg-type]
        self.name: str = abi["name"]
        self.read = read
        self._indexed = [(m["name"], m["type"]) for m in abi["inputs"] if m["indexed"]]
        self._data = [(m["name"], _type_text(m)) for m in abi["inputs"] if not m["indexed"]]

    def arguments(self, log: LogReceipt) -> dict[str, Any]:
        values = {
            name: decode([kind], topic)[0] for (name, kind), topic in zip(self._indexed, log["topics"][1:], strict=True)
        }
        decoded = decode([kind for _, kind in self._data], log["data"])
        return values | dict(zip((name for name, _ in self._data), decoded, strict=True))


def _shapes(contract: str, readers: Mapping[str, EventReader]) -> dict[Hex32, _EventShape]:
    shapes = (
        _EventShape(entry, readers[entry["name"]])
        for entry in artifact(contract).abi
        if entry["type"] == "event" and entry["name"] in readers
    )
    return {shape.topic: shape for shape in shapes}


_SHAPES = _shapes("CarbonBridge", _READERS)
_POLICY_SHAPES = _shapes("AllowListPolicy", POLICY_READERS)


def read_events(
    connection: Connection,
    deployment: Deployment,
    first: int,
    last: int,
    only: Collection[type[ChainEvent]] = (),
    policy: Address | None = None,
) -> Iterator[ChainEvent]:
    """Our events of blocks `first` to `last`, both included, in chain order; of all kinds when none is named, and then
    also those of the holders' policy where one is named.

    Raises Unreachable, and Halted when the node answers with logs that were not asked for.
    """
    names = {kind.__name__ for kind in only}
    shapes = {deployment.contract: {t: shape for t, shape in _SHAPES.items() if not names or shape.name in names}}
    if policy and not names:
        shapes[policy] = _POLICY_SHAPES
    for start in range(first, last + 1, PAGE_BLOCKS):
        yield from _read_page(connection, start, min(start + PAGE_BLOCKS - 1, last), shapes)


def _read_page(
    connection: Connection, first: int, last: int, shapes: dict[Address, dict[Hex32, _EventShape]]
) -> Iterator[ChainEvent]:
    addresses = [connection.w3.to_checksum_address(one) for one in shapes]
    query: FilterParams = {
        "address": addresses if len(addresses) > 1 else addresses[0],
        "fromBlock": first,
        "toBlock": last,
        "topics": [list(dict.fromkeys(topic for some in shapes.values() for topic in some))],
    }
    with answering():
        logs = connection.w3.eth.get_logs(query)
    for log in sorted(logs, key=lambda entry: (entry["blockNumber"], entry["logIndex"])):
        emitter = log["address"].lower()
        if not first <= log["blockNumber"] <= last or emitter not in shapes:
            raise Halted(f"the node answered with a log of block {log['blockNumber']}; asked for {first} to {last}")
        shape = shapes[emitter].get(_hex(log["topics"][0]))
        if shape is None:  # the other contract's event, asked for in the same words
            continue
        place = Place(block=log["blockNumber"], transaction=_hex(log["transactionHash"]), log_index=log["logIndex"])
        yield from shape.read(place, shape.arguments(log))
