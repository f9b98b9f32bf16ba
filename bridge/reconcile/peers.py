"""Another bridge's events as claims, by its mapping. What cannot be read is listed with its transaction, and never
dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bridge.chain.archive.peers import fields_of, peer_table
from bridge.domain.peers import Peer, PeerEvent
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile.claims import ClaimsFile, require_shallow
from bridge.reconcile.evidence import Claim, ClaimState
from bridge.registry.statements.canonical import RejectedRow
from bridge.registry.statements.grammar import Grammar, grammar
from bridge.registry.statements.serial import Serial

_BETWEEN = re.compile(r"[,;|\n]")
_FIELD = re.compile(r"\{(\w+)\}")

Row = Mapping[str, Any]


def read_peer(peer: Peer, folder: Path) -> ClaimsFile:
    """All that is archived of it. Raises UsageError where the mapping names a field that its event lacks."""
    claims: list[Claim] = []
    rejected: list[RejectedRow] = []
    for event in peer.events:
        require_fields(peer, event)
        for row in _rows(folder, event):
            try:
                claims += _claims(peer, event, row)
            except MalformedInput as error:
                rejected.append(_rejected(peer, event, row, error))
    require_shallow(peer.name, (claim.range for claim in claims if claim.range))
    return ClaimsFile(claims=tuple(claims), links=(), rejected=tuple(rejected))


def require_fields(peer: Peer, event: PeerEvent) -> None:
    there = fields_of(event)
    asked = {name for name in (event.amount, event.vintage) if name} | set(_named(event))
    if lacking := sorted(asked - there):
        raise UsageError(
            f"the mapping of {peer.name} asks for {', '.join(lacking)}, and {event.signature!r} has "
            f"{', '.join(sorted(there))}"
        )
    grammar(event.registry or peer.registry)


def _named(event: PeerEvent) -> list[str]:
    if event.serial is None:
        return []
    return _FIELD.findall(event.serial) or [event.serial]


def _rows(folder: Path, event: PeerEvent) -> Iterator[Row]:
    table = peer_table(folder, event)
    for batch in table.to_batches() if table is not None else ():
        yield from batch.to_pylist()


def _claims(peer: Peer, event: PeerEvent, row: Row) -> list[Claim]:
    kg = None if event.amount is None else _kg(peer, row[event.amount])
    where = f"{peer.deployment} block {row['block']} transaction 0x{row['transaction'].hex()} log {row['log_index']}"
    name = f"0x{row['transaction'].hex()}:{row['log_index']}"
    state = ClaimState(event.state)
    if event.serial is None:
        if not kg:
            raise MalformedInput("nothing was burned")
        return [Claim(source=peer.name, claim_id=name, kg=kg, state=state, evidence=where)]
    text = _text(event, row)
    vintage = None if event.vintage is None else _number(row[event.vintage])
    found = _serials(grammar(event.registry or peer.registry), text, vintage)
    weights = [serial.range.units * serial.kg_per_unit for serial in found]
    if kg is not None and sum(weights) != kg:
        raise MalformedInput(f"the event says {kg} kg, and its serials weigh {sum(weights)} kg")
    ids = [name] if len(found) == 1 else [f"{name}#{part}" for part in range(1, len(found) + 1)]
    return [
        Claim(source=peer.name, claim_id=one, range=serial.range, kg=weight, state=state, evidence=f"{where}: {text}")
        for one, serial, weight in zip(ids, found, weights, strict=True)
    ]


def _serials(reader: Grammar, text: str, vintage: int | None) -> list[Serial]:
    """However they are spelt, divided and ordered."""
    found = [reader.numbered(part, vintage) for part in _BETWEEN.split(text) if part.strip()]
    if not found:
        raise MalformedInput("it names no serials")
    return sorted(found, key=lambda serial: serial.range.key)


def _text(event: PeerEvent, row: Row) -> str:
    spelt = event.serial or ""
    if _FIELD.search(spelt):
        text = _FIELD.sub(lambda found: _plain(row[found.group(1)]), spelt)
    else:
        text = ",".join(map(_plain, row[spelt])) if isinstance(row[spelt], list) else _plain(row[spelt])
    if event.pattern is None:
        return text
    found = re.search(event.pattern, text)
    if found is None:
        raise MalformedInput(f"nothing in {text[:200]!r} is of the form {event.pattern}")
    return str(found.group(min(1, found.re.groups)))


def _plain(value: Any) -> str:
    """A field as a serial would have it: numbers in decimal, a bytes32 of text without its padding."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0")
        return text.decode() if text and text.isascii() and text.decode().isprintable() else str(_number(value))
    return str(value)


def _number(value: Any) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


def _kg(peer: Peer, value: Any) -> int:
    """Whole kilograms: rounding would make or lose credit."""
    kg, rest = divmod(_number(value) * peer.kg_per_unit, int(10**peer.decimals))
    if rest:
        raise MalformedInput(f"amount {_number(value)} of {peer.decimals} places is no whole number of kilograms")
    if kg >= 2**64:
        raise MalformedInput(f"{kg} kg are no amount of credits")
    return kg


def _rejected(peer: Peer, event: PeerEvent, row: Row, error: MalformedInput) -> RejectedRow:
    place = f"transaction 0x{row['transaction'].hex()} log {row['log_index']} of {peer.deployment}"
    told = ", ".join(
        f"{name}={_plain(row[name])}" for name in sorted(fields_of(event)) if not isinstance(row[name], list)
    )
    return RejectedRow(file=peer.name, line=row["block"], reason=str(error), content=f"{place}: {told}")
