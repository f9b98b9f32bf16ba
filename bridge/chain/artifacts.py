"""The compiled contracts that ship inside the package; `scripts/compile` makes them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


class Artifact(NamedTuple):
    """ABI (the bridge's with its extensions'), creation code and deployed code as hex text; in the deployed code the
    places of the immutables' 32 bytes; and the functions that only an owner may call."""

    abi: list[dict[str, Any]]
    bytecode: str
    deployed_bytecode: str
    immutables: dict[str, list[int]]
    owner_only: list[str]


@cache
def artifact(name: str) -> Artifact:
    raw = json.loads((files(__package__) / "artifacts" / f"{name}.json").read_text())
    return Artifact(
        abi=raw["abi"],
        bytecode=raw["bytecode"],
        deployed_bytecode=raw["deployedBytecode"],
        immutables=raw["immutables"],
        owner_only=raw["ownerOnly"],
    )
