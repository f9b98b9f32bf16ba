"""What everybody may read without a token: metadata of classes, as ERC-1155 has it, and the attesters' seals on it."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response

from bridge.domain.metadata import ClassMetadata, sealed
from bridge.registry import wire
from bridge.registry.service.calls import TOLD, service_of, told
from bridge.registry.wire import NOWHERE, canonical

public = APIRouter(prefix="/metadata")

_ID = re.compile(r"[0-9a-f]{64}")
_SECONDS = 300
_READ: dict[int | str, dict[str, Any]] = {
    304: {"description": "As the one whose ETag was named in If-None-Match"},
    404: {**TOLD, "description": "No class of this id"},
    429: {**TOLD, "description": "Too many requests"},
}


@public.get("/{class_id}.pins.json", responses=_READ, response_model=wire.Pins)
def pins(class_id: str, request: Request) -> Response:
    """What attesters signed of it, for each deployment, the oldest first."""
    found = _found(class_id, request)
    if found is None:
        return told(NOWHERE.about("no class of this id is known here"))
    return _cached(canonical(wire.Pins(pins=found.pins)).decode(), request)


@public.get("/{class_id}.json", responses=_READ)
def metadata(class_id: str, request: Request) -> Response:
    """ERC-1155 metadata of a class, its id as 64 small hex digits without 0x: canonical JSON (RFC 8785), whose ETag is
    its SHA-256."""
    found = _found(class_id, request)
    return told(NOWHERE.about("no class of this id is known here")) if found is None else _cached(found.body, request)


def _found(class_id: str, request: Request) -> ClassMetadata | None:
    """Raises Denied for an address that asks too often."""
    service = service_of(request)
    service.rates.take_public(request.client.host if request.client else "")
    return service.registry.metadata(f"0x{class_id}") if _ID.fullmatch(class_id) else None


def _cached(body: str, request: Request) -> Response:
    """For caches and for pages of any origin; 304 to who has it already."""
    tag = f'"{sealed(body).removeprefix("0x")}"'
    headers = {
        "ETag": tag,
        "Cache-Control": f"public, max-age={_SECONDS}",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    named = request.headers.get("If-None-Match", "").split(",")
    if tag in (one.strip().removeprefix("W/") for one in named):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
