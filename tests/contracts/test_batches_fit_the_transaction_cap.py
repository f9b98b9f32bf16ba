"""No batch of ours needs more gas than is reckoned beforehand, even of the dearest items there are; so none needs more
than one transaction may use (EIP-7825)."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.attestations import Lock, Outcome
from bridge.domain.serials import SerialRange
from bridge.domain.values import hex32
from bridge.flow.batches import BATCH_GAS, gas_of_locks, gas_of_outcomes, gas_of_refusals

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "benches"))

gas = pytest.importorskip("gas")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "contracts" / "node_modules").exists(), reason="run scripts/compile once"),
]

# A hint that somebody made stale costs a walk; a wallet's hook costs what it likes up to there.
ROOM = 4_000_000


@pytest.fixture(scope="module")
def rig() -> "gas.Rig":
    rig = gas.build_rig(gas.embedded_chain())
    gas.prepare(rig)
    return rig


def locks_of(call: Any) -> list[Lock]:
    found = []
    for lock_id, class_id, space, first, last, recipient, not_after in call.args[0]:
        span = SerialRange(space="0x" + bytes(space).hex(), first=first, last=last)
        names = {"lock_id": hex32(lock_id), "class_id": hex32(class_id), "recipient": recipient.lower()}
        found.append(Lock(range=span, not_after=not_after, **names))
    return found


def outcomes_of(call: Any) -> list[Outcome]:
    found = []
    for request_id, part, ranges in call.args[0]:
        spans = [SerialRange(space="0x" + bytes(s).hex(), first=f, last=t) for s, f, t in ranges]
        found.append(Outcome(request_id="0x" + bytes(request_id).hex(), part=part, ranges=tuple(spans)))
    return found


@pytest.mark.parametrize("size", [1, 60])
def test_the_dearest_mint(rig: "gas.Rig", size: int) -> None:
    call = gas.dearest_mint(rig, size)
    assert rig.gas(call, rig.operator) <= gas_of_locks(locks_of(call))


def test_what_is_reckoned_for_a_common_mint_leaves_little_of_a_block_empty(rig: "gas.Rig") -> None:
    call = rig.mint_call([rig.lock(rig.holders[0], 10) for _ in range(120)])
    needed, reckoned = rig.gas(call, rig.operator), gas_of_locks(locks_of(call))
    assert 0.93 * reckoned <= needed <= reckoned


@pytest.mark.parametrize("size", [1, 40])
def test_the_dearest_settlement(rig: "gas.Rig", size: int) -> None:
    call = gas.dearest_settlement(rig, size)
    assert rig.gas(call, rig.operator) <= gas_of_outcomes(outcomes_of(call))


def test_retirements_that_split_a_range_each(rig: "gas.Rig") -> None:
    holder = rig.holders[0]
    firsts = [rig.mint(holder, 30) for _ in range(20)]
    outcomes = [(rig.request(holder, 10)[0], first + 10, 10) for first in firsts]
    call = rig.settle_call(outcomes, firsts, signers=3)
    assert rig.gas(call, rig.operator) <= gas_of_outcomes(outcomes_of(call))


@pytest.mark.parametrize("size", [1, 40])
def test_the_dearest_refusals(rig: "gas.Rig", size: int) -> None:
    assert rig.gas(gas.dearest_refusal(rig, size), rig.operator) <= gas_of_refusals(size)


def test_a_batch_leaves_room_under_the_cap() -> None:
    assert BATCH_GAS <= gas.TRANSACTION_GAS_CAP - ROOM


def test_no_verb_misses_its_target() -> None:
    figures = gas.measure_verbs()
    assert [verb.name for verb in gas.VERBS if gas.missed(verb, figures)] == []
