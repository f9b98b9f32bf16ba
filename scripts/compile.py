"""Compile contracts/src with npm's solc through py-solc-x and keep ABI and bytecode inside the package."""

import json
import sys
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "bridge" / "chain" / "artifacts"
BRIDGE, EXTENSIONS = "CarbonBridge", ("Office", "Remedies")
KEPT = (BRIDGE, *EXTENSIONS, "BridgeLens", "FreezePolicy", "AllowListPolicy")
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 20_000},
    "viaIR": True,
    "evmVersion": "prague",  # py-evm stops there
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}


def compile_contracts() -> dict[str, str]:
    """Artifact file name → its JSON text, compiled anew."""
    sources = {f"src/{path.name}": {"content": path.read_text()} for path in sorted(CONTRACTS.glob("src/*.sol"))}
    output = solcx.compile_standard(
        {"language": "Solidity", "sources": sources, "settings": SETTINGS}, solc_binary=CONTRACTS / "solc"
    )
    for problem in output.get("errors", []):
        print(problem["formattedMessage"], file=sys.stderr)
    contracts = {name: output["contracts"][f"src/{name}.sol"][name] for name in KEPT}
    return {f"{name}.json": _artifact(contracts[name], _abi(name, contracts)) for name in KEPT}


def _abi(name: str, contracts: dict[str, Any]) -> list[dict[str, Any]]:
    """What answers at the contract's address: with that of the bridge's extensions."""
    own: list[dict[str, Any]] = list(contracts[name]["abi"])
    if name == BRIDGE:
        for part in EXTENSIONS:
            own += [item for item in contracts[part]["abi"] if item not in own and item["type"] != "constructor"]
    return own


def _artifact(contract: dict[str, Any], abi: list[dict[str, Any]]) -> str:
    kept = {
        "abi": abi,
        "bytecode": contract["evm"]["bytecode"]["object"],
        "deployedBytecode": contract["evm"]["deployedBytecode"]["object"],
    }
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, text in compile_contracts().items():
        (ARTIFACTS / name).write_text(text)
        size = len(json.loads(text)["deployedBytecode"]) // 2
        print(f"{name:20} {size:6} bytes deployed")
