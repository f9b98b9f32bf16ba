"""The compiled contracts that ship inside the package; `scripts/compile` makes them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from bridge.domain.values import Address


class Artifact(NamedTuple):
    """ABI, creation code and deployed code as hex text; in each the places of every library's address; in the deployed
    code those of the immutables' 32 bytes; and the functions that only an owner may call."""

    abi: list[dict[str, Any]]
    bytecode: str
    links: dict[str, list[int]]
    deployed_bytecode: str
    deployed_links: dict[str, list[int]]
    immutables: dict[str, list[int]]
    owner_only: list[str]

    def linked(self, libraries: dict[str, Address]) -> str:
        """Creation code with every library's address filled in. Raises KeyError when one is missing."""
        code = self.bytecode
        for name, byte_offsets in self.links.items():
            address = libraries[name].removeprefix("0x")
            for offset in byte_offsets:
                code = code[: 2 * offset] + address + code[2 * offset + 40 :]
        return "0x" + code


@cache
def artifact(name: str) -> Artifact:
    raw = json.loads((files(__package__) / "artifacts" / f"{name}.json").read_text())
    return Artifact(
        abi=raw["abi"],
        bytecode=raw["bytecode"],
        links=raw["links"],
        deployed_bytecode=raw["deployedBytecode"],
        deployed_links=raw["deployedLinks"],
        immutables=raw["immutables"],
        owner_only=raw["ownerOnly"],
    )
