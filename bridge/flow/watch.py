"""What the final chain says has happened. Whoever did it, and whatever the journal expected, this is what counts."""

from __future__ import annotations

from bridge.domain.lifecycle import DepositState, ExitState
from bridge.domain.observed import (
    BlockStamp,
    ChainEvent,
    Minted,
    OutcomeSettled,
    RequestOpened,
    RequestRefused,
    RequestReturned,
)
from bridge.domain.values import Hex32
from bridge.errors import Halted
from bridge.flow.bridge import Bridge

_ENDS = {ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED, ExitState.EXECUTED, ExitState.WITHDRAWN}
WATCHED = (Minted, RequestOpened, OutcomeSettled, RequestRefused, RequestReturned)


def watch(bridge: Bridge) -> BlockStamp:
    """Takes all events up to the final block into the journal, then moves the cursor; repeating changes nothing.

    Raises Halted when a block that was final is not in the chain any more.
    """
    final = bridge.contract.connection.final()
    cursor = bridge.journal.cursor(bridge.deployment)
    first = bridge.contract.first_block
    if cursor is not None:
        _require_same_history(bridge, *cursor)
        first = cursor[0] + 1
    for event in bridge.contract.events(first, final.number, *WATCHED):
        _take(bridge, event)
    if cursor is None or final.number > cursor[0]:
        bridge.journal.set_cursor(bridge.deployment, final)
    return final


def _require_same_history(bridge: Bridge, number: int, block_hash: Hex32) -> None:
    stamp = bridge.contract.connection.stamp_at(number)
    if stamp is None or stamp.hash != block_hash:
        raise Halted(
            f"block {number} was final and has left the chain: nothing is signed or sent any more. "
            "Compare chain, registry and journal before restarting; raise the finality depth."
        )


def _take(bridge: Bridge, event: ChainEvent) -> None:
    journal = bridge.journal
    match event:
        case Minted() if journal.deposit(event.lock_id):
            journal.move_deposit(event.lock_id, DepositState.MINTED)
        case RequestOpened():
            registry = bridge.contract.credit_class(event.class_id).registry
            journal.see_exit(event, registry, bridge.deployment)
        case OutcomeSettled() if event.remaining == 0:
            _end(bridge, event.request_id, ExitState.SETTLED)
        case RequestRefused():
            _end(bridge, event.request_id, ExitState.REFUSED)
        case RequestReturned():
            _end(bridge, event.request_id, ExitState.RETURNED)
        case _:
            pass


def _end(bridge: Bridge, request_id: Hex32, end: ExitState) -> None:
    """A refused request whose units are then credited ends once, as refused."""
    row = bridge.journal.exit(request_id)
    if row is not None and ExitState(row.state) not in _ENDS:
        bridge.journal.move_exit(request_id, end)
