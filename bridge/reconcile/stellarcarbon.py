"""Stellarcarbon's published tables as another bridge's claims.

It mints whole Verra blocks, burns fractions of tonnes ("sinks"), and retires whole tonnes later out of its blocks.
Each file holds one JSON array a line; amounts are tonnes with decimals, which no float may touch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import StrictInt, TypeAdapter, ValidationError

from bridge.domain.quantity import parse_kilograms
from bridge.domain.values import faults
from bridge.errors import MalformedInput
from bridge.reconcile.claims import ClaimsFile, read_lines
from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState
from bridge.registry.statements.verra import parse_serial

SOURCE = "stellarcarbon"
KG_PER_TONNE = 1000


_Row = tuple[Any, ...]
_MINTED = TypeAdapter(tuple[str, str, str, StrictInt, str, StrictInt, StrictInt, Any, Any, Any, Any, Any])
_BURNED = TypeAdapter(tuple[str, str, Any, Any, Any, Decimal, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any])
_RETIRED = TypeAdapter(tuple[StrictInt, StrictInt, str, str, Any, Any, Any, Any, Any, Any, Any, Any])
_TAKEN = TypeAdapter(tuple[StrictInt, str, StrictInt])
_SERVED = TypeAdapter(tuple[str, StrictInt, Decimal, bool])


def read_stellarcarbon(folder: Path) -> dict[str, ClaimsFile]:
    """All of its tables that speak of credit, by file name. Raises UsageError when one is missing."""
    return {name: read_lines(folder / f"{name}.ndjson", _reader(*table)) for name, table in _TABLES.items()}


def _reader(
    columns: TypeAdapter[Any], read: Callable[[_Row], Claim | ClaimLink]
) -> Callable[[bytes], Claim | ClaimLink]:
    def line(content: bytes) -> Claim | ClaimLink:
        try:
            return read(columns.validate_python(_fields(content)))
        except ValidationError as error:
            raise MalformedInput(faults(error, "line")) from error

    return line


def _fields(content: bytes) -> Any:
    try:
        orjson.loads(content)  # bounds nesting; only the standard reader can leave numbers as they were written
        return json.loads(content, parse_float=Decimal)
    except ValueError as error:
        raise MalformedInput(f"not JSON: {error}") from error


def _minted(fields: _Row) -> Claim:
    serial_hash, transaction, _, _, serial, first, last, *_ = fields
    r = parse_serial(serial).range
    if (r.first, r.last) != (first, last):
        raise MalformedInput(f"the serial reads {r}, the columns {first}-{last}")
    kg = r.units * KG_PER_TONNE
    evidence = f"transaction {transaction}, serial {serial}"
    return Claim(source=SOURCE, claim_id=serial_hash, range=r, kg=kg, state=ClaimState.MINTED, evidence=evidence)


def _burned(fields: _Row) -> Claim:
    transaction, created_at, amount = fields[0], fields[1], fields[5]
    kg = parse_kilograms(str(amount), per=KG_PER_TONNE)
    evidence = f"burned {created_at}"
    return Claim(source=SOURCE, claim_id=transaction, kg=kg, state=ClaimState.BURNED, evidence=evidence)


def _retired(fields: _Row) -> Claim:
    certificate, amount, serial, date, *_ = fields
    r = parse_serial(serial).range
    if r.units != amount:
        raise MalformedInput(f"quantity {amount} is not the {r.units} serials of {r}")
    return Claim(
        source=SOURCE,
        claim_id=str(certificate),
        range=r,
        kg=r.units * KG_PER_TONNE,
        state=ClaimState.RETIRED,
        evidence=f"Verra certificate {certificate} of {date[:10]}, serial {serial}",
    )


def _taken(fields: _Row) -> ClaimLink:
    certificate, serial_hash, units = fields
    return ClaimLink(source=SOURCE, later=str(certificate), earlier=serial_hash, kg=units * KG_PER_TONNE)


def _served(fields: _Row) -> ClaimLink:
    transaction, certificate, amount, _ = fields
    kg = parse_kilograms(str(amount), per=KG_PER_TONNE)
    return ClaimLink(source=SOURCE, later=str(certificate), earlier=transaction, kg=kg)


_TABLES: dict[str, tuple[TypeAdapter[Any], Callable[[_Row], Claim | ClaimLink]]] = {
    "minted_blocks": (_MINTED, _minted),
    "sinking_txs": (_BURNED, _burned),
    "retirements": (_RETIRED, _retired),
    "retirement_from_block": (_TAKEN, _taken),
    "sink_status": (_SERVED, _served),
}
