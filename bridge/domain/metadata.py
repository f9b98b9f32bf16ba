"""What a wallet or a buyer reads of a class: ERC-1155 metadata, and the attesters' seal on it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

import orjson
from pydantic import Field

from bridge.domain.attestations import Attested, Deployment, Pin
from bridge.domain.attributes import NAMES, UNKNOWN, Described
from bridge.domain.values import Fact, Hex32

_MOST_LETTERS = 100_000
_DEEPEST = 8
_BUYERS_WORDS = "One unit is one serial of the registry, {kg} kg of CO2 equivalent, locked there for this token."


class PinnedMetadata(Fact):
    """Metadata as attesters signed it for a deployment: `body` is what has the hash in the pin."""

    deployment: Deployment
    body: str
    signed: Attested[Pin]


class ClassMetadata(Fact):
    """A class's metadata now, in canonical JSON (RFC 8785), and all that was ever signed, the oldest first."""

    class_id: Hex32
    body: str
    pins: tuple[PinnedMetadata, ...] = Field(repr=False)


def sealed(body: str) -> Hex32:
    """The SHA-256 that a pin names and an ETag shows."""
    return "0x" + hashlib.sha256(body.encode()).hexdigest()


def file_name(class_id: Hex32) -> str:
    """As ERC-1155 has it for {id}: 64 small hex digits without 0x."""
    return f"{class_id.removeprefix('0x')}.json"


def pins_name(class_id: Hex32) -> str:
    """Beside it, what attesters signed."""
    return f"{class_id.removeprefix('0x')}.pins.json"


def metadata(one: Described) -> dict[str, Any]:
    """The document. What is not known says so; what was stated carries its source and day."""
    c = one.credit_class
    return {
        "name": c.label,
        "description": f"{_named(one)}. {_BUYERS_WORDS.format(kg=c.kg_per_unit)}",
        "decimals": 0,
        "image": _image(c.registry, c.project, c.vintage),
        "properties": {
            "registry": c.registry,
            "project": c.project,
            "project_name": c.project_name or UNKNOWN,
            "vintage": c.vintage,
            "credit_type": c.credit_type,
            "kg_per_unit": c.kg_per_unit,
            **{name: _attribute(one, name) for name in NAMES},
        },
    }


def read(body: str) -> dict[str, Any]:
    """A body from somewhere else. Raises ValueError for what is no JSON object, or is larger or deeper than
    metadata."""
    if len(body) > _MOST_LETTERS:
        raise ValueError(f"it is longer than {_MOST_LETTERS:,} letters")
    document = orjson.loads(body)  # bounds nesting by itself, where json.loads runs out of stack
    level: list[object] = [document]
    for _ in range(_DEEPEST):
        level = [inner for value in level for inner in _within(value)]
    if level or not isinstance(document, dict):
        raise ValueError("it is no JSON object, or a very deep one")
    return document


def _within(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def changes(before: str, after: str) -> tuple[str, ...]:
    """What differs between two bodies, by name, in words."""
    old, new = dict(_leaves(read(before), "")), dict(_leaves(read(after), ""))
    return tuple(
        f"{name}: {old.get(name, 'nothing')} → {new.get(name, 'nothing')}"
        for name in sorted(old.keys() | new.keys())
        if name != "image" and old.get(name) != new.get(name)
    )


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name.removeprefix("properties.").removesuffix(".value"), value


def _attribute(one: Described, name: str) -> dict[str, Any]:
    source = one.sources.get(name)
    stated = source.stated_on if source else None
    return {
        "value": one.attributes.model_dump(mode="json")[name],
        "source": source.source if source else UNKNOWN,
        "stated_on": stated.isoformat() if stated else UNKNOWN,
    }


def _named(one: Described) -> str:
    c = one.credit_class
    name = f" ({c.project_name})" if c.project_name else ""
    return f"Carbon credits of {c.registry}: project {c.project}{name}, vintage {c.vintage}, type {c.credit_type}"


def _image(registry: str, project: str, vintage: int) -> str:
    lines = "".join(
        f'<text x="16" y="{y}" font-family="sans-serif" font-size="{size}" fill="#fff">{escape(text)}</text>'
        for y, size, text in ((56, 28, registry), (104, 20, project), (150, 20, str(vintage)))
    )
    sheet = '<rect width="240" height="180" fill="#14532d"/>'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="240" height="180">{sheet}{lines}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode()
