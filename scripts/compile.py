"""Compile contracts/src with npm's solc through py-solc-x and keep ABI and bytecode inside the package."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "bridge" / "chain" / "artifacts"
KEPT = ("RegistryBook", "CarbonBridge", "BridgeLens", "FreezePolicy", "TimelockController")
BORROWED = ("@openzeppelin/contracts/governance/TimelockController.sol",)
"""Sources of others that we deploy as they are."""
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,
    "evmVersion": "prague",  # py-evm stops there
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {
        "*": {
            "": ["ast"],
            "*": [
                "abi",
                "evm.bytecode.object",
                "evm.bytecode.linkReferences",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.linkReferences",
                "evm.deployedBytecode.immutableReferences",
            ],
        }
    },
}


def compile_contracts() -> dict[str, str]:
    """Artifact file name → its JSON text, compiled anew."""
    ours = {f"src/{path.name}": path for path in sorted(CONTRACTS.glob("src/*.sol"))}
    # Each is compiled by itself, so that its code does not depend on what else there is.
    outputs = [_compile(ours), *(_compile({name: CONTRACTS / "node_modules" / name}) for name in BORROWED)]
    found = {}
    for output in outputs:
        nodes = [node for source in output["sources"].values() for node in _walk(source["ast"])]
        for contracts in output["contracts"].values():
            found.update({f"{name}.json": _artifact(contracts[name], nodes) for name in contracts if name in KEPT})
    return {f"{name}.json": found[f"{name}.json"] for name in KEPT}


def _compile(sources: dict[str, Path]) -> dict[str, Any]:
    contents = {name: {"content": path.read_text()} for name, path in sources.items()}
    output: dict[str, Any] = solcx.compile_standard(
        {"language": "Solidity", "sources": contents, "settings": SETTINGS}, solc_binary=CONTRACTS / "solc"
    )
    for problem in output.get("errors", []):
        print(problem["formattedMessage"], file=sys.stderr)
    return output


def _artifact(contract: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    bytecode, deployed = contract["evm"]["bytecode"], contract["evm"]["deployedBytecode"]
    kept = {
        "abi": contract["abi"],
        "bytecode": bytecode["object"],
        "links": _links(bytecode),
        "deployedBytecode": deployed["object"],
        "deployedLinks": _links(deployed),
        "immutables": _immutables(deployed, nodes),
        "ownerOnly": _owner_only(contract["abi"], nodes),
    }
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def _links(bytecode: dict[str, Any]) -> dict[str, list[int]]:
    """For each library the places of its address."""
    return {
        name: sorted(place["start"] for place in places)
        for libraries in bytecode["linkReferences"].values()
        for name, places in libraries.items()
    }


def _immutables(bytecode: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, list[int]]:
    """For each immutable the places of its 32 bytes. A library has one without a declaration: its own address."""
    names = {str(node["id"]): node["name"] for node in nodes if node.get("mutability") == "immutable"}
    return {
        names.get(key, key): sorted(place["start"] for place in places)
        for key, places in bytecode["immutableReferences"].items()
    }


def _owner_only(abi: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> list[str]:
    """The names in this ABI that some contract guards by `onlyOwner`."""
    guarded = {
        node["name"]
        for node in nodes
        if node.get("nodeType") == "FunctionDefinition"
        and any(modifier["modifierName"]["name"] == "onlyOwner" for modifier in node["modifiers"])
    }
    return sorted(guarded & {entry.get("name") for entry in abi if entry["type"] == "function"})


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for member in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _walk(member)


if __name__ == "__main__":
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, text in compile_contracts().items():
        (ARTIFACTS / name).write_text(text)
        size = len(json.loads(text)["deployedBytecode"]) // 2
        print(f"{name:20} {size:6} bytes deployed")
