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
BRIDGE, EXTENSIONS = "CarbonBridge", ("Office", "Remedies")
KEPT = (BRIDGE, *EXTENSIONS, "BridgeLens", "FreezePolicy", "AllowListPolicy", "ReportAnchor", "TimelockController")
BORROWED = ("@openzeppelin/contracts/governance/TimelockController.sol",)
"""Sources of others that we deploy as they are."""
OURS = {f"src/{path.name}": path for path in sorted(CONTRACTS.glob("src/*.sol"))}
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 20_000},
    "viaIR": True,
    "evmVersion": "prague",  # py-evm stops there
    "metadata": {"bytecodeHash": "none"},
}
BYTECODE = ("evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences")


def compile_contracts() -> dict[str, str]:
    """Artifact file name → its JSON text, compiled anew."""
    # Each is compiled by itself, so that its code does not depend on what else there is.
    borrowed = ({name: CONTRACTS / "node_modules" / name} for name in BORROWED)
    outputs = [compiled(sources, "abi", *BYTECODE, of_sources="ast") for sources in (OURS, *borrowed)]
    found = {}
    for output in outputs:
        nodes = [node for source in output["sources"].values() for node in _walk(source["ast"])]
        contracts = {name: contract for source in output["contracts"].values() for name, contract in source.items()}
        for name in contracts.keys() & set(KEPT):
            found[name] = _artifact(contracts[name], _abi(name, contracts), nodes)
    return {f"{name}.json": found[name] for name in KEPT}


def compiled(sources: dict[str, Path], *wanted: str, of_sources: str | None = None) -> dict[str, Any]:
    """What is wanted of each contract, and of each source, with the settings of what is kept. `sources`: by the names
    that the compiler knows them by."""
    contents = {name: {"content": path.read_text()} for name, path in sources.items()}
    selection = {"*": {"*": list(wanted), "": [of_sources] if of_sources else []}}
    settings = {**SETTINGS, "outputSelection": selection}
    output: dict[str, Any] = solcx.compile_standard(
        {"language": "Solidity", "sources": contents, "settings": settings}, solc_binary=CONTRACTS / "solc"
    )
    for problem in output.get("errors", []):
        print(problem["formattedMessage"], file=sys.stderr)
    return output


def _abi(name: str, contracts: dict[str, Any]) -> list[dict[str, Any]]:
    """What answers at the contract's address: with that of the bridge's extensions."""
    own: list[dict[str, Any]] = list(contracts[name]["abi"])
    if name == BRIDGE:
        for part in EXTENSIONS:
            own += [item for item in contracts[part]["abi"] if item not in own and item["type"] != "constructor"]
    return own


def _artifact(contract: dict[str, Any], abi: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> str:
    deployed = contract["evm"]["deployedBytecode"]
    kept = {
        "abi": abi,
        "bytecode": contract["evm"]["bytecode"]["object"],
        "deployedBytecode": deployed["object"],
        "immutables": _immutables(deployed, nodes),
        "ownerOnly": _owner_only(abi, nodes),
    }
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def _immutables(bytecode: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, list[int]]:
    """For each immutable the places of its 32 bytes."""
    names = {str(node["id"]): node["name"] for node in nodes if node.get("mutability") == "immutable"}
    return {
        names[key]: sorted(place["start"] for place in places)
        for key, places in bytecode["immutableReferences"].items()
    }


def _owner_only(abi: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> list[str]:
    """The names in this ABI that some contract guards by `onlyOwner`, or where it asks for the owner itself."""
    guarded = {
        node["name"]
        for node in nodes
        if node.get("nodeType") == "FunctionDefinition"
        and (
            any(modifier["modifierName"]["name"] == "onlyOwner" for modifier in node["modifiers"])
            or any(inner.get("name") == "_checkOwner" for inner in _walk(node.get("body")))
        )
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
