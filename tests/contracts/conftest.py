import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture(scope="session")
def described() -> dict[str, dict[str, Any]]:
    """What the compiler says of each contract, with the settings that the kept artifacts are made with."""
    if not (ROOT / "contracts" / "node_modules").exists():
        pytest.skip("run scripts/compile once")
    from compile import OURS, compiled

    output = compiled(OURS, "abi", "storageLayout", "evm.methodIdentifiers")
    return {name: contract for file in output["contracts"].values() for name, contract in file.items()}
