"""The holder's exit: he calls back what nobody answered, and takes it after the challenge, or at once when refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.flow.hold import Holder
    from bridge.journal.models import OwnRequest


def take_a_step_out(holder: Holder, row: OwnRequest, receiver: str, as_json: bool) -> None:
    from bridge.domain.lifecycle import RequestStatus
    from bridge.errors import AlreadyDone, Refused

    state = holder.contract.request_state(row.request_id)
    status = state.status
    if status is RequestStatus.OPEN:
        _call_back(holder, row, as_json)
    elif status is RequestStatus.CALLED_BACK or (status is RequestStatus.REFUSED and state.remaining):
        # Refused units return by themselves to accounts without code only; the others take theirs, at once.
        _take_back(holder, row, receiver, as_json)
    elif status is RequestStatus.NONE:
        raise Refused(f"request {row.request_id} was never sent: nothing was burned, nothing is to take back")
    elif status is RequestStatus.SETTLED:
        raise Refused(f"request {row.request_id} has ended: it is settled, and its units are gone for good")
    else:
        raise AlreadyDone(f"request {row.request_id} has ended: it is {status.name.lower()}; nothing is left to do")


def _call_back(holder: Holder, row: OwnRequest, as_json: bool) -> None:
    from bridge.cli.screen import moment
    from bridge.domain.attestations import Request
    from bridge.errors import NotYet
    from bridge.flow import hold

    state = holder.contract.request_state(row.request_id)
    now = holder.contract.connection.head().timestamp
    if now <= state.deadline:
        raise NotYet(f"the registry may answer request {row.request_id} until {moment(state.deadline)}; exit after it")
    tx_hash = hold.call_back(holder, row.request_id)
    created = holder.contract.class_state(Request.model_validate_json(row.request).class_id)
    if created is None:
        raise LookupError(row.request_id)
    next_at = holder.contract.connection.head().timestamp + created.terms.challenge_seconds
    step = {"done": "called back", "next_at": next_at, "next_blocks": created.terms.challenge_blocks}
    words = (
        f"called back. A settlement may still land until {moment(next_at)} and for {_blocks(step['next_blocks'])}; "
        "a pause makes it longer"
    )
    _say_step(row, step | {"transaction": tx_hash}, words, as_json)


def _take_back(holder: Holder, row: OwnRequest, receiver: str, as_json: bool) -> None:
    from bridge.cli.screen import checksummed, moment
    from bridge.errors import ContractRefused, NotYet
    from bridge.flow import hold

    try:
        tx_hash = hold.take_back(holder, row.request_id, receiver)
    except ContractRefused as refusal:
        if refusal.name != "ChallengeNotPassed":
            raise
        _, seconds, blocks = refusal.arguments
        at = moment(holder.contract.connection.head().timestamp + int(str(seconds)))
        raise NotYet(
            f"a settlement may still land: take it back from {at} on, and after {_blocks(blocks)}"
        ) from refusal
    step = {"done": "taken back", "to": checksummed(receiver), "next_at": None, "next_blocks": None}
    words = f"taken back: the unsettled units are with {checksummed(receiver)}"
    _say_step(row, step | {"transaction": tx_hash}, words, as_json)


def _blocks(count: object) -> str:
    return f"{count} block{'' if count == 1 else 's'}"


def _say_step(row: OwnRequest, step: dict[str, Any], words: str, as_json: bool) -> None:
    from bridge.cli.screen import emit, say

    if as_json:
        emit({"request_id": row.request_id} | step)
        return
    say(words, f"transaction {step['transaction']}")
    if step["done"] == "called back":
        say(f"Next: carbonbridge holder exit {row.request_id[:10]}")
