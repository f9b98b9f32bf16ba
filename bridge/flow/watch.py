"""What the final chain says has happened. Whoever did it, and whatever the journal expected, this is what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.chain.contract import BridgeContract
from bridge.domain.attestations import Attested, Outcome
from bridge.domain.lifecycle import DepositState, ExitState, ReversalState
from bridge.domain.observed import (
    BlockStamp,
    ChainEvent,
    Minted,
    OutcomeSettled,
    RequestOpened,
    RequestRefused,
    RequestReturned,
    Reversed,
)
from bridge.domain.values import Hex32
from bridge.errors import Halted, Unreachable
from bridge.flow.bridge import OVERLAP_BLOCKS, Bridge
from bridge.journal.models import Deposit, ReversalSaga
from bridge.journal.store import ExitMove, Journal

_UNMINTED = (DepositState.LOCKED, DepositState.ATTESTED, DepositState.SENT)
_ENDS = {ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED, ExitState.EXECUTED, ExitState.WITHDRAWN}
WATCHED = (RequestOpened, OutcomeSettled, RequestRefused, RequestReturned, Reversed)


def watch(bridge: Bridge) -> BlockStamp:
    """Takes all events up to the final block into the journal, then moves the cursor; repeating changes nothing.

    Raises Halted when a block that was final is not in the chain any more, Unreachable while the node is behind it.
    """
    final = bridge.contract.connection.final()
    cursor = bridge.journal.cursor(bridge.deployment)
    first = bridge.contract.first_block
    if cursor is not None:
        _require_same_history(bridge, *cursor)
        first = cursor[0] + 1 - OVERLAP_BLOCKS
    _take(bridge, list(bridge.contract.events(first, final.number, *WATCHED)))
    _take_mints(bridge, bridge.contract.first_block if cursor is None else cursor[0] + 1, final)
    if cursor is None or final.number > cursor[0]:
        bridge.journal.set_cursor(bridge.deployment, final)
    return final


def unseen_requests(contract: BridgeContract, journal: Journal) -> list[RequestOpened]:
    """Requests that are open on chain, final or not, and which the journal has not taken up. Changes nothing."""
    cursor, newest = journal.cursor(contract.deployment), contract.connection.head().number
    first = contract.first_block if cursor is None else cursor[0] + 1 - OVERLAP_BLOCKS
    opened = [e for e in contract.events(first, newest, RequestOpened) if isinstance(e, RequestOpened)]
    return [
        event
        for event in opened
        if journal.exit(event.request_id) is None and not contract.request_state(event.request_id).status.ended
    ]


def _require_same_history(bridge: Bridge, number: int, block_hash: Hex32) -> None:
    connection = bridge.contract.connection
    stamp = connection.stamp_at(number)
    if stamp is None:
        raise Unreachable(
            f"the node's chain ends at block {connection.head().number}, and block {number} was final: the node is "
            "behind, or its history was taken back; nothing is signed or sent until it has caught up"
        )
    if stamp.hash != block_hash:
        raise Halted(
            f"block {number} was final and has left the chain: nothing is signed or sent any more. "
            "Compare chain, registry and journal before restarting; raise the finality depth."
        )


def _take(bridge: Bridge, events: Sequence[ChainEvent]) -> None:
    """Those that were taken before change nothing, and are not written again."""
    opened = [event for event in events if isinstance(event, RequestOpened)]
    registries = [bridge.contract.credit_class(event.class_id).registry for event in opened]
    bridge.journal.see_exits(list(zip(opened, registries, strict=True)), bridge.deployment)
    ends: dict[Hex32, ExitState] = {}
    for event in events:
        match event:
            case OutcomeSettled() if event.remaining == 0:
                ends.setdefault(event.request_id, ExitState.SETTLED)
            case OutcomeSettled():
                _go_on(bridge, event)
            case RequestRefused():
                ends.setdefault(event.request_id, ExitState.REFUSED)
            case RequestReturned():
                ends.setdefault(event.request_id, ExitState.RETURNED)
            case Reversed():
                _reverse(bridge, event.event_id)
            case _:
                pass
    _end(bridge, ends)


def left_unminted(bridge: Bridge, deposits: Sequence[Deposit]) -> list[Deposit]:
    """Those of one programme's deposits that the contract itself does not show minted; the others are taken into the
    journal. The watch may have passed a mint before a restored journal knew the deposit."""
    final = bridge.contract.connection.final().number
    used = bridge.contract.locks_used(deposits[0].registry_code, [row.lock_id for row in deposits], final)
    if used:
        bridge.journal.keep_minted([row.lock_id for row in deposits if row.lock_id in used])
    return [row for row in deposits if row.lock_id not in used]


def found_reversed(bridge: Bridge, saga: ReversalSaga) -> bool:
    """Looks at the contract itself, for a journal that knew of the event too late to watch it land."""
    done = bridge.contract.reversal_done(saga.registry_code, saga.event_id, bridge.contract.connection.final().number)
    if done:
        bridge.journal.move_reversal(saga.event_id, ReversalState.REVERSED)
    return done


def _reverse(bridge: Bridge, event_id: Hex32) -> None:
    saga = bridge.journal.reversal(event_id)
    if saga is not None and ReversalState(saga.state) not in {ReversalState.REVERSED, ReversalState.MOOT}:
        bridge.journal.move_reversal(event_id, ReversalState.REVERSED)


def _take_mints(bridge: Bridge, first: int, final: BlockStamp) -> None:
    """No block is read twice for these: a mint that a node has kept back is found when its transaction has ended, or
    when it is tried again.

    What this journal has only planned is taken up when the registry is asked; what failed was another's lock.
    """
    waiting = {row.lock_id for row in bridge.journal.deposits(bridge.deployment, *_UNMINTED)}
    if waiting:
        events = bridge.contract.events(first, final.number, Minted)
        minted = [event.lock_id for event in events if isinstance(event, Minted) and event.lock_id in waiting]
        bridge.journal.keep_minted(minted)


def _end(bridge: Bridge, ends: Mapping[Hex32, ExitState]) -> None:
    """A refused request whose units are then credited ends once, as refused."""
    rows = bridge.journal.exits_by(list(ends))
    going = [request_id for request_id in ends if request_id in rows and ExitState(rows[request_id].state) not in _ENDS]
    bridge.journal.move_exits([ExitMove(request_id, ends[request_id]) for request_id in going])


def _go_on(bridge: Bridge, event: OutcomeSettled) -> None:
    """A part is settled and another is due: the request is `reserved` again, unless it is already further."""
    row = bridge.journal.exit(event.request_id)
    if row is None or ExitState(row.state) is not ExitState.SENT or row.attestation_id is None:
        return
    sent = Attested[Outcome].model_validate_json(bridge.journal.attestation(row.attestation_id).body)
    last = max(item.part for item in sent.items if item.request_id == event.request_id)
    if last == event.part:
        bridge.journal.move_exit(event.request_id, ExitState.RESERVED)
