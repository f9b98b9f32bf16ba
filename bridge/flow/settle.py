"""Exit, second step: bring the signed outcomes, or refusals, to the chain. Anyone could; the operator does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bridge.chain.contract import ContractCall
from bridge.domain.attestations import Attested, Outcome, Refusal, Request
from bridge.domain.lifecycle import ExitState
from bridge.domain.observed import RequestOpened
from bridge.domain.values import Hex32
from bridge.errors import BridgeError
from bridge.flow.bridge import Bridge
from bridge.flow.sending import needs_new_signatures
from bridge.journal.models import Exit
from bridge.journal.store import ExitMove


def settle_attested(bridge: Bridge) -> None:
    attested = bridge.journal.exits(bridge.deployment, ExitState.ATTESTED)
    for attestation_id in dict.fromkeys(row.attestation_id for row in attested if row.attestation_id is not None):
        rows = [row for row in attested if row.attestation_id == attestation_id]
        bridge.attempt(partial(_settle_batch, bridge, attestation_id), partial(_note, bridge, rows))


def _settle_batch(bridge: Bridge, attestation_id: int) -> None:
    bridge.sender.submit(_call(bridge, attestation_id), attestation_id)


def _note(bridge: Bridge, rows: list[Exit], error: BridgeError) -> None:
    """Outcomes never expire; noted, the requests of a refused batch are signed anew, each alone."""
    state = ExitState.RESERVED if needs_new_signatures(error, len(rows)) else ExitState.ATTESTED
    bridge.journal.move_exits([ExitMove(row.request_id, state, note=str(error)) for row in rows])


def request_of(row: Exit) -> Request:
    """What the contract's request id commits to, from the event that opened it."""
    return RequestOpened.model_validate_json(row.opened).request


def _call(bridge: Bridge, attestation_id: int) -> ContractCall:
    stored = bridge.journal.attestation(attestation_id)
    if stored.kind == "outcomes":
        outcomes = Attested[Outcome].model_validate_json(stored.body)
        return bridge.contract.settle(outcomes, _requests(bridge, [item.request_id for item in outcomes.items]))
    refusals = Attested[Refusal].model_validate_json(stored.body)
    return bridge.contract.refuse(refusals, _requests(bridge, [item.request_id for item in refusals.items]))


def _requests(bridge: Bridge, request_ids: Sequence[Hex32]) -> list[Request]:
    rows = bridge.journal.exits_by(request_ids)
    return [request_of(rows[request_id]) for request_id in request_ids]
