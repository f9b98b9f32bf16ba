"""What a contract's views say of its classes and its serial ledger at one block: its storage, and no event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bridge.chain.contract import BridgeContract, live_serials
from bridge.domain.observed import ClassSnapshot, LedgerSnapshot
from bridge.domain.values import Hex32


def ledger_snapshots(contract: BridgeContract, spaces: Iterable[Hex32], block: int) -> list[LedgerSnapshot]:
    """One view call for every 64 ranges of a space."""
    return [_ledger(contract, space, block) for space in dict.fromkeys(spaces)]


def class_snapshots(
    contract: BridgeContract, class_ids: Iterable[Hex32], block: int, ledgers: Iterable[LedgerSnapshot] | None = None
) -> list[ClassSnapshot]:
    """`ledgers`, of all spaces at that block, give the live serials; without them nobody counts."""
    live: Counter[Hex32] = Counter()
    for ledger in ledgers or ():
        for class_id, serials in ledger.live:
            live[class_id] += serials.units
    states = {class_id: contract.class_state(class_id, block) for class_id in dict.fromkeys(class_ids)}
    return [
        ClassSnapshot(
            deployment=contract.deployment,
            block=block,
            class_id=class_id,
            supply=state.supply,
            pending=state.pending_retirement + state.pending_redemption,
            shortfall=state.shortfall,
            live=None if ledgers is None else live[class_id],
        )
        for class_id, state in states.items()
        if state
    ]


def _ledger(contract: BridgeContract, space: Hex32, block: int) -> LedgerSnapshot:
    nodes = ((node.class_id, live_serials(space, node)) for node in contract.ranges(space, block))
    live = tuple((class_id, serials) for class_id, serials in nodes if serials)
    return LedgerSnapshot(deployment=contract.deployment, block=block, space=space, live=live)
