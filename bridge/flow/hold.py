"""The holder's side: ask for a retirement or a redemption, tell the registry for whom, or take the units back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bridge.chain.contract import BridgeContract, ContractCall
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Opening, Request
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.values import Address, Hex32, moment
from bridge.errors import Refused
from bridge.flow.sending import resume
from bridge.journal.store import Journal
from bridge.registry.port import Registry


@dataclass(frozen=True)
class Holder:
    """One account with its own journal, which keeps the openings of its requests."""

    contract: BridgeContract
    registry: Registry
    journal: Journal
    sender: Sender


def plan_request(holder: Holder, kind: Kind, class_id: Hex32, units: int, beneficiary: str, purpose: str) -> Hex32:
    """Stores a new request with its secret opening. Nothing is burned yet."""
    opening = Opening(
        holder=holder.sender.address,
        class_id=class_id,
        units=units,
        beneficiary=beneficiary,
        purpose=purpose,
        secret="0x" + secrets.token_hex(32),
    )
    request = Request(
        kind=kind,
        holder=opening.holder,
        class_id=class_id,
        units=units,
        commitment=opening.commitment,
        salt="0x" + secrets.token_hex(32),
    )
    return holder.journal.keep_request(request, opening, holder.contract.deployment)


def ask(holder: Holder, request_id: Hex32) -> None:
    """Burns the units into the stored request, unless that has happened, and discloses its opening to the registry."""
    row = holder.journal.own_request(request_id)
    resume(holder.journal, holder.sender, holder.contract.connection)
    if holder.contract.request_state(request_id).status is RequestStatus.NONE:
        request = Request.model_validate_json(row.request)
        tx_hash = send(holder, holder.contract.open_request(request))
        holder.journal.sent_request(request_id, tx_hash)
    holder.registry.disclose(request_id, Opening.model_validate_json(row.opening))


def forget(contract: BridgeContract, journal: Journal, request_id: Hex32) -> None:
    """Discards a stored request that nothing can open any more. Raises Refused while something may, or has."""
    until = journal.own_request(request_id).not_after
    if contract.request_state(request_id).status is not RequestStatus.NONE:
        raise Refused(f"request {request_id} is on chain: without its opening nobody could serve it, so it is kept")
    if until is not None and contract.connection.head().timestamp <= until:
        raise Refused(f"request {request_id} is signed until {moment(until)}: whoever has the file may open it")
    journal.forget_request(request_id)


def disclose_opened(contract: BridgeContract, registry: Registry, journal: Journal, account: Address) -> None:
    """Tells the registry the openings of the account's open requests, whoever has sent them. Needs no key, and changes
    nothing when repeated."""
    for row in journal.own_requests(contract.deployment):
        ours = Request.model_validate_json(row.request).holder == account
        if ours and contract.request_state(row.request_id).status in (RequestStatus.OPEN, RequestStatus.CALLED_BACK):
            registry.disclose(row.request_id, Opening.model_validate_json(row.opening))


def call_back(holder: Holder, request_id: Hex32) -> Hex32:
    """Past the deadline: asks for what is unsettled. A settlement may still land until `take_back`."""
    return send(holder, holder.contract.call_back(_own(holder, request_id)))


def take_back(holder: Holder, request_id: Hex32, to: Address) -> Hex32:
    """After the challenge, or after a refusal: the units go to `to`."""
    return send(holder, holder.contract.take_back(_own(holder, request_id), to))


def transfer(holder: Holder, to: Address, class_id: Hex32, units: int) -> Hex32:
    return send(holder, holder.contract.transfer(holder.sender.address, to, class_id, units))


def _own(holder: Holder, request_id: Hex32) -> Request:
    return Request.model_validate_json(holder.journal.own_request(request_id).request)


def send(holder: Holder, call: ContractCall) -> Hex32:
    """Sends and waits for the block, so that nobody is told of what never landed. A request's id is usable once, so
    sending it again after a crash cannot burn twice."""
    resume(holder.journal, holder.sender, holder.contract.connection)
    return holder.sender.send_and_wait(call)
