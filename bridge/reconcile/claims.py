"""Other bridges' claims from files: one JSON object a line. Every line is taken or rejected with its reason.

A line is a claim or a link between two claims of the same file:

    {"claim_id": "b1", "state": "minted", "kg": 24000, "registry": "VERRA", "serial": "8040-…-1", "evidence": "tx …"}
    {"claim_id": "b2", "state": "minted", "kg": 1000, "space": "0x…", "first": 1, "last": 1}
    {"claim_id": "t1", "state": "burned", "kg": 2504}
    {"earlier": "t1", "later": "c7", "kg": 2504}
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field, ValidationError

from bridge.domain.serials import SerialRange
from bridge.domain.values import Fact, Hex32, faults
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState
from bridge.registry.statements.canonical import RejectedRow
from bridge.registry.statements.grammar import grammars

MOST_CLAIMS_OF_A_SERIAL = 16
"""Claims of one file on one serial. Ranges are cut at one another's ends, so ten thousand nested ones would become a
hundred million pieces; an honest file claims a serial once as minted and once as retired."""


class ClaimsFile(Fact):
    """A file, read whole."""

    claims: tuple[Claim, ...]
    links: tuple[ClaimLink, ...]
    rejected: tuple[RejectedRow, ...]


class _ClaimLine(Fact):
    claim_id: str
    state: ClaimState
    kg: int = Field(gt=0, strict=True)
    registry: str | None = None
    serial: str | None = None
    vintage: int | None = Field(default=None, strict=True)
    space: Hex32 | None = None
    first: int | None = Field(default=None, strict=True)
    last: int | None = Field(default=None, strict=True)
    evidence: str = ""


class _LinkLine(Fact):
    earlier: str
    later: str
    kg: int = Field(gt=0, strict=True)


def read_claims(source: str, path: Path) -> ClaimsFile:
    """Claims in our own form. Raises UsageError when the file cannot be read at all."""
    return read_lines(path, lambda content: _line(source, content))


def read_lines(path: Path, read: Callable[[bytes], Claim | ClaimLink]) -> ClaimsFile:
    """Reads each line that is not blank; what does not parse, or repeats a claim's id, is rejected with its reason."""
    claims: dict[str, Claim] = {}
    links: list[ClaimLink] = []
    rejected: list[RejectedRow] = []
    for number, content in enumerate(_lines(path), start=1):
        if not content.strip():
            continue
        try:
            found = read(content)
            if isinstance(found, ClaimLink):
                links.append(found)
            elif found.claim_id in claims:
                raise MalformedInput(f"claim id {found.claim_id!r} was used on an earlier line")  # noqa: TRY301 one list of reasons
            else:
                claims[found.claim_id] = found
        except MalformedInput as error:
            rejected.append(RejectedRow(line=number, reason=str(error), content=content.decode("utf-8", "replace")))
    require_shallow(str(path), (claim.range for claim in claims.values() if claim.range))
    return ClaimsFile(claims=tuple(claims.values()), links=tuple(links), rejected=tuple(rejected))


def parsed(content: bytes) -> Any:
    """One line's JSON value. Raises MalformedInput."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MalformedInput(f"not JSON: {error}") from error


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def serials_of(registry: str | None, serial: str, vintage: int | None) -> SerialRange:
    """A serial as its registry spells it. Raises MalformedInput."""
    grammar = grammars().get(registry or "")
    if grammar is None:
        raise MalformedInput(f"no serials of registry {registry!r} can be read; known are {', '.join(grammars())}")
    return grammar.numbered(serial, vintage).range


def require_shallow(source: str, ranges: Iterable[SerialRange]) -> None:
    """Raises UsageError where a serial is named too often."""
    ends: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for r in ranges:
        ends[r.space] += [(r.first, 1), (r.last + 1, -1)]
    for space, edges in ends.items():
        depth = 0
        for at, step in sorted(edges):
            depth += step
            if depth > MOST_CLAIMS_OF_A_SERIAL:
                raise UsageError(
                    f"{source} names serial {at} of space {space} more than {MOST_CLAIMS_OF_A_SERIAL} times; "
                    "ask its author for one line a block, and compare again"
                )


def _line(source: str, content: bytes) -> Claim | ClaimLink:
    fields = parsed(content)
    try:
        if isinstance(fields, dict) and "later" in fields:
            return ClaimLink(source=source, **_LinkLine.model_validate(fields).model_dump())
        row = _ClaimLine.model_validate(fields)
        return Claim(
            source=source,
            claim_id=row.claim_id,
            range=_range(row),
            kg=row.kg,
            state=row.state,
            evidence=row.evidence,
        )
    except ValidationError as error:
        raise MalformedInput(faults(error, "line")) from error


def _range(row: _ClaimLine) -> SerialRange | None:
    if row.serial is not None:
        return serials_of(row.registry, row.serial, row.vintage)
    if row.space is not None and row.first is not None and row.last is not None:
        return SerialRange(space=row.space, first=row.first, last=row.last)
    if row.state is not ClaimState.BURNED:
        raise MalformedInput(
            f"a {row.state.value} claim names its serials: registry and serial, or space, first and last"
        )
    return None
