"""The bridge, the office and the remedies read the same slots, since all three run on the bridge's storage."""

from typing import Any

import pytest

Described = dict[str, dict[str, Any]]


def layout(described: Described, name: str) -> tuple[Any, Any]:
    """Each variable's name, type, slot and offset; and what the types are made of."""
    found = described[name]["storageLayout"]
    return _bare(found["storage"]), _bare(found["types"])


def _bare(node: Any) -> Any:
    """Without the contract that an entry was written for."""
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key not in ("astId", "contract")}
    return node


@pytest.mark.parametrize("extension", ["Office", "Remedies"])
def test_an_extension_has_the_bridges_layout(described: Described, extension: str) -> None:
    assert layout(described, extension) == layout(described, "CarbonBridge")


def test_the_shared_base_alone_declares_storage(described: Described) -> None:
    assert layout(described, "CarbonBridge") == layout(described, "BridgeBase")
    assert layout(described, "BridgeBase")[0] != []
