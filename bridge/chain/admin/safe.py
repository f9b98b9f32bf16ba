"""Batches as Safe's Transaction Builder imports them, with the checksum that it looks for.

| member | what it is |
|---|---|
| version, chainId | "1.0"; the chain's id as text |
| createdAt | milliseconds |
| meta | name, description, the builder's version, the Safe, and `checksum` over all but the name and itself |
| transactions | to, value (text, wei), data; no method, so that the bytes are signed as they are |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from bridge.chain.admin.acts import Call
from bridge.domain.values import Address

_BUILDER = "1.18.0"


def batch(chain_id: int, safe: Address, name: str, description: str, calls: Sequence[Call], at: int) -> dict[str, Any]:
    """A file's content; `at` is in seconds."""
    meta = {
        "name": name,
        "description": description,
        "txBuilderVersion": _BUILDER,
        "createdFromSafeAddress": to_checksum_address(safe),
        "createdFromOwnerAddress": "",
    }
    made: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": at * 1000,
        "meta": meta,
        "transactions": [_transaction(call) for call in calls],
    }
    return made | {"meta": meta | {"checksum": checksum(made)}}


def checksum(made: dict[str, Any]) -> str:
    """Keccak of the builder's own serialization, in which the name counts as null."""
    meta = {key: value for key, value in made["meta"].items() if key != "checksum"}
    return "0x" + keccak(text=_serialized(made | {"meta": meta | {"name": None}})).hex()


def _transaction(call: Call) -> dict[str, Any]:
    return {
        "to": to_checksum_address(call.to),
        "value": str(call.value),
        "data": call.data,
        "contractMethod": None,
        "contractInputsValues": None,
    }


def _serialized(value: Any) -> str:
    """Lists as JSON has them; objects as the list of their sorted keys, then each value with a comma after it."""
    if isinstance(value, list):
        return "[" + ",".join(_serialized(one) for one in value) + "]"
    if isinstance(value, dict):
        keys = sorted(value)
        return "{" + _json(keys) + "".join(_serialized(value[key]) + "," for key in keys) + "}"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
