"""What the registry takes back: the attested reversal goes to the chain, and open requests of its class are refused.

Nothing else comes before it in a turn: whoever is quicker than a reversal leaves the gap to the others.
"""

from __future__ import annotations

from collections.abc import Set
from functools import partial

from bridge.domain.attestations import Attested, Reversal
from bridge.domain.lifecycle import ExitState, ReversalState
from bridge.domain.observed import RequestOpened
from bridge.domain.values import Hex32
from bridge.errors import BridgeError, ContractRefused
from bridge.flow.answers import take_answers
from bridge.flow.attest import reservation_of
from bridge.flow.bridge import Bridge
from bridge.flow.sending import needs_new_signatures
from bridge.flow.watch import found_reversed
from bridge.journal.models import Exit, ReversalSaga
from bridge.journal.store import ExitMove
from bridge.registry.port import Reservation

UNSENT = (ReversalState.PLANNED, ReversalState.ATTESTED)


def reverse_taken_back(bridge: Bridge) -> None:
    bridge.attempt(partial(see_taken_back, bridge), lambda _: None)
    for saga in bridge.journal.reversals(bridge.deployment, ReversalState.PLANNED):
        bridge.attempt(partial(_attest, bridge, saga), bridge.note_reversal(saga))
    for saga in bridge.journal.reversals(bridge.deployment, ReversalState.ATTESTED):
        bridge.attempt(partial(_bring, bridge, saga), partial(_note, bridge, saga))


def see_taken_back(bridge: Bridge) -> None:
    """The registry's open events are sagas; one that it has closed is final on chain, or has nothing left to take."""
    open_there = {event.event_id: event for event in bridge.registry.reversals(bridge.deployment)}
    for event in open_there.values():
        bridge.journal.see_reversal(event.event_id, event.registry, bridge.deployment, event.class_id, event.range)
    for saga in bridge.journal.reversals(bridge.deployment, *UNSENT):
        if not found_reversed(bridge, saga) and saga.event_id not in open_there:
            bridge.journal.move_reversal(saga.event_id, ReversalState.MOOT)


def refuse_short(bridge: Bridge) -> None:
    """Requests of a class that lost serials are decided on again, also those whose outcome is signed or sent already:
    which of the two answers holds, the chain says. So are those that met something, since others may have brought a
    reversal, and its cover, while nobody looked here."""
    touched = {saga.class_id for saga in bridge.journal.reversals(bridge.deployment)}
    sending = {attempts[0].attestation_id for attempts in bridge.journal.open_transactions(bridge.deployment.chain_id)}
    answered = (ExitState.RESERVED, ExitState.ATTESTED, ExitState.SENT)
    again: list[Exit] = []
    skipped: set[Hex32] = set()
    for row in bridge.journal.exits(bridge.deployment, *answered):
        # A batch lands for its other items: what it skipped is answered anew.
        if row.state == ExitState.SENT and row.attestation_id not in sending:
            skipped.add(row.request_id)
        met = bool(row.note) and row.state != ExitState.SENT
        touches = row.request_id in skipped or met or _class_of(row) in touched
        if touches and reservation_of(row).refusal is None:
            again.append(row)
    take_answers(bridge, again, bridge.registry.reconsider, partial(_reconsidered, skipped))


def _attest(bridge: Bridge, saga: ReversalSaga) -> None:
    bridge.journal.keep_reversals(bridge.registry.attest_reversal(saga.event_id))


def _bring(bridge: Bridge, saga: ReversalSaga) -> None:
    if saga.attestation_id is None:
        raise LookupError(saga.event_id)
    batch = Attested[Reversal].model_validate_json(bridge.journal.attestation(saga.attestation_id).body)
    bridge.sender.submit(bridge.contract.reverse(batch), saga.attestation_id)


def _note(bridge: Bridge, saga: ReversalSaga, error: BridgeError) -> None:
    """Serials that were settled before the reversal landed are left out when it is signed anew."""
    stale = isinstance(error, ContractRefused) and error.name == "SerialsNotLive"
    state = ReversalState.PLANNED if stale or needs_new_signatures(error, 1) else ReversalState.ATTESTED
    bridge.journal.move_reversal(saga.event_id, state, note=str(error))


def _class_of(row: Exit) -> Hex32:
    return RequestOpened.model_validate_json(row.opened).class_id


def _reconsidered(skipped: Set[Hex32], row: Exit, reservation: Reservation) -> ExitMove | None:
    if reservation.refusal is None and row.request_id not in skipped:
        return None
    return ExitMove(row.request_id, ExitState.RESERVED, reservation=reservation.model_dump_json())
