"""The old owner's part of a hand-over. Ownership moves in two steps; the timelock's is the second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.chain.admin.acts import ARTIFACTS
from bridge.chain.admin.timelock import Timelock
from bridge.chain.artifacts import artifact
from bridge.chain.connection import answering
from bridge.chain.transactions import Sender
from bridge.domain.values import Address


def unaccepted(timelock: Timelock, owned: Mapping[str, Address]) -> list[str]:
    """Those that the timelock does not own yet."""
    return [place for place, address in owned.items() if _asked(timelock, place, address, "owner") != timelock.address]


def offer(timelock: Timelock, sender: Sender, owned: Mapping[str, Address], places: Iterable[str]) -> list[str]:
    """Offers these to the timelock, but for those offered before; returns which. Safe to repeat."""
    offered = []
    for place in places:
        if _asked(timelock, place, owned[place], "pendingOwner") != timelock.address:
            target = timelock.connection.w3.to_checksum_address(timelock.address)
            contract = _contract(timelock, place, owned[place])
            sender.send_and_wait(contract.functions.transferOwnership(target))
            offered.append(place)
    return offered


def _asked(timelock: Timelock, place: str, address: Address, view: str) -> Address:
    with answering():
        return str(_contract(timelock, place, address).functions[view]().call()).lower()


def _contract(timelock: Timelock, place: str, address: Address) -> Any:
    w3 = timelock.connection.w3
    return w3.eth.contract(address=w3.to_checksum_address(address), abi=artifact(ARTIFACTS[place]).abi)
