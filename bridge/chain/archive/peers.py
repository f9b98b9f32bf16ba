"""Other bridges' contracts: the events that a mapping names, archived like our own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa

from bridge.chain.archive.archive import EventArchive
from bridge.chain.archive.collect import Collected, Told, collect
from bridge.chain.archive.node import Node
from bridge.chain.archive.pages import Emitters
from bridge.chain.archive.shapes import EventShape
from bridge.chain.connection import Connection
from bridge.domain.peers import Peer, PeerEvent
from bridge.errors import UsageError

_SIGNATURE = re.compile(r"(?:event\s+)?([A-Za-z_$][\w$]*)\s*\((.*)\)\s*;?")
_ARGUMENT = re.compile(r"(u?int\d*|address|bool|bytes32|bytes|string)((?:\[\])?)(\s+indexed)?\s+([A-Za-z_$][\w$]*)")


def parsed_signature(text: str) -> dict[str, Any]:
    """An event's ABI, of plain arguments and lists of them, each with a name. Raises UsageError."""
    found = _SIGNATURE.fullmatch(text.strip())
    parts = [part.strip() for part in found.group(2).split(",")] if found and found.group(2).strip() else []
    arguments = [_ARGUMENT.fullmatch(part) for part in parts]
    if found is None or not arguments or not all(arguments):
        raise UsageError(
            f"{text!r} is no event that can be read: write it as its Solidity source has it, each argument with its "
            "name, such as: event Tokenized(uint256 indexed id, string serials, uint256 amount)"
        )
    inputs = [
        {"name": one.group(4), "type": _full(one.group(1)) + one.group(2), "indexed": bool(one.group(3))}
        for one in arguments
        if one
    ]
    return {"type": "event", "name": found.group(1), "inputs": inputs}


def fields_of(event: PeerEvent) -> set[str]:
    return {member["name"] for member in parsed_signature(event.signature)["inputs"]}


def peer_emitters(peer: Peer) -> Emitters:
    """Raises UsageError for an event that cannot be read, or that is named twice."""
    shapes = [EventShape(parsed_signature(event.signature), bridge=False) for event in peer.events]
    if len({shape.name for shape in shapes}) != len(shapes):
        raise UsageError(f"the mapping of {peer.name} names an event twice")
    return {peer.contract: {shape.topic: shape for shape in shapes}}


def collect_peer(folder: Path, peer: Peer, told: Told = lambda _: None) -> Collected:
    """Everything new of a peer. Raises UsageError where its node serves another chain."""
    connection = Connection.to(peer.rpc, peer.finality)
    if connection.chain_id != peer.chain_id:
        raise UsageError(f"the node for {peer.name} serves chain {connection.chain_id}, not {peer.chain_id}")
    archive, node = EventArchive(folder), Node.of(connection)
    return collect(archive, node, peer.deployment, peer_emitters(peer), peer.first_block, connection.final(), told)


def peer_table(folder: Path, event: PeerEvent) -> pa.Table | None:
    """Rows of one of its events; None where it never happened."""
    archive = EventArchive(folder)
    return archive.table(parsed_signature(event.signature)["name"], archive.manifest().pieces)


def _full(kind: str) -> str:
    return kind + "256" if kind in {"uint", "int"} else kind
