"""No batch of ours needs more gas than one transaction may use (EIP-7825), even of the dearest items there are."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "benches"))

gas = pytest.importorskip("gas")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "contracts" / "node_modules").exists(), reason="run scripts/compile once"),
]

# A hint that somebody made stale costs a walk; this much of the cap is kept for that and for a wallet's hook.
ROOM = 4_000_000


@pytest.fixture(scope="module")
def rig() -> "gas.Rig":
    rig = gas.build_rig(gas.embedded_chain())
    gas.prepare(rig)
    return rig


@pytest.mark.parametrize(("door", "size"), list(gas.LIMITS.items()))
def test_the_largest_batch_fits_one_transaction(rig: "gas.Rig", door: str, size: int) -> None:
    assert gas.batch_gas(rig, door, size) <= gas.TRANSACTION_GAS_CAP - ROOM


def test_no_verb_misses_its_target() -> None:
    figures = gas.measure_verbs()
    assert [verb.name for verb in gas.VERBS if gas.missed(verb, figures)] == []
