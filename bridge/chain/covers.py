"""Cover as it stands on chain: who offers which serials for what a class is short of, and how much is left.

No event tells of a lock's `notAfter`, and a cover is named by all of it. So each is read from the transaction that
brought it, which everybody can see, and believed because the contract gives it the id that its event has.
"""

from __future__ import annotations

from typing import Any

from hexbytes import HexBytes
from web3.exceptions import TransactionNotFound, Web3Exception

from bridge.chain.connection import answering
from bridge.chain.contract import BridgeContract
from bridge.domain.attestations import Cover, Lock
from bridge.domain.observed import CoverOffered
from bridge.domain.serials import SerialRange
from bridge.domain.values import Fact, Hex32, hex32
from bridge.errors import Unreachable


class Offer(Fact):
    """`left`: units that nobody has taken. `cover` is None when the transaction that brought it is no plain call of
    ours, as when a contract made it: its provider then has to say what it is."""

    cover_id: Hex32
    short_class_id: Hex32
    units: int
    left: int
    cover: Cover | None


def offers(contract: BridgeContract) -> list[Offer]:
    """Every cover that was ever offered, oldest first, up to the latest block."""
    head = contract.connection.head().number
    found = contract.events(contract.first_block, head, CoverOffered)
    return [_offer(contract, event) for event in found if isinstance(event, CoverOffered)]


def _offer(contract: BridgeContract, event: CoverOffered) -> Offer:
    named = (cover for cover in _brought(contract, event.place.transaction) if cover.lock.lock_id == event.lock_id)
    cover = next((cover for cover in named if contract.cover_id(cover) == event.cover_id), None)
    return Offer(
        cover_id=event.cover_id,
        short_class_id=event.short_class_id,
        units=event.units,
        left=contract.cover_left(event.cover_id),
        cover=cover,
    )


def _brought(contract: BridgeContract, transaction: Hex32) -> list[Cover]:
    """The covers that a transaction's input names, when it is a call of the contract's own door."""
    try:
        with answering():
            sent = contract.connection.w3.eth.get_transaction(HexBytes(transaction))
    except TransactionNotFound as error:
        raise Unreachable(f"the node does not keep transaction {transaction}; ask one that keeps old ones") from error
    try:
        door, arguments = contract.decoded(sent["input"])
    except (ValueError, Web3Exception):
        return []
    return [_cover(given) for given in arguments["covers"]] if door == "cover" else []


def _cover(given: Any) -> Cover:
    lock = given["lock"]
    return Cover(
        lock=Lock(
            lock_id=hex32(lock["lockId"]),
            class_id=hex32(lock["classId"]),
            range=SerialRange(space="0x" + bytes(lock["space"]).hex(), first=lock["first"], last=lock["last"]),
            recipient=lock["recipient"],
            not_after=lock["notAfter"],
        ),
        short_class_id=hex32(given["shortClassId"]),
    )
