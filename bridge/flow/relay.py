"""A holder without gas: he signs his stored request, and anybody brings it to the chain."""

from __future__ import annotations

from bridge.chain.contract import BridgeContract, ContractCall
from bridge.chain.signers import in_full, in_short, recover
from bridge.domain.attestations import Request, typed_request
from bridge.domain.lifecycle import RequestStatus
from bridge.domain.signed_request import SignedRequest
from bridge.domain.values import Hex32, to_bytes
from bridge.errors import AlreadyDone, Refused, UsageError
from bridge.flow.hold import Holder


def sign_request(holder: Holder, request_id: Hex32, seconds: int) -> SignedRequest:
    """Signs a request of the journal, good for so many chain seconds. Nothing is sent; the id is usable once, so that
    signing it twice, or sending it oneself meanwhile, burns once.

    Raises Refused for a request that is on chain already.
    """
    request = Request.model_validate_json(holder.journal.own_request(request_id).request)
    deployment = holder.contract.deployment
    _require_unused(holder.contract, request_id)
    not_after = holder.contract.connection.head().timestamp + seconds
    holder.journal.sign_request(request_id, not_after)
    signature = in_full(holder.sender.sign(typed_request(deployment, request, not_after)))
    return SignedRequest(deployment=deployment, request=request, not_after=not_after, signature=signature)


def opening(contract: BridgeContract, signed: SignedRequest) -> ContractCall:
    """The call that opens the request as if its holder had; whoever sends it pays the gas and gets nothing. What a
    wallet that is a contract says to its signature shows when the call is simulated.

    Raises UsageError for another deployment, Refused with what is wrong otherwise.
    """
    request, request_id = signed.request, signed.request_id
    if signed.deployment != contract.deployment:
        raise UsageError(
            f"request {request_id} is for {signed.deployment}, not {contract.deployment}; nothing was sent"
        )
    _require_unused(contract, request_id)
    now = contract.connection.head().timestamp
    if now > signed.not_after:
        raise Refused(
            f"the signature on request {request_id} was good until second {signed.not_after}, and it is {now}: its "
            "holder signs it again with: carbonbridge holder send --sign-only"
        )
    if not contract.connection.has_code(request.holder):
        _require_signer(signed)
    owned = contract.balance(request.holder, request.class_id)
    if owned < request.units:
        raise Refused(
            f"{request.holder} has {owned:,} units of class {request.class_id}, not the "
            f"{request.units:,} of request {request_id}; nothing was sent"
        )
    return contract.request_for(signed.request, signed.not_after, to_bytes(signed.signature))


def _require_unused(contract: BridgeContract, request_id: Hex32) -> None:
    if contract.request_state(request_id).status is not RequestStatus.NONE:
        raise AlreadyDone(f"request {request_id} is on chain already: it was opened before, and nothing is left to do")


def _require_signer(signed: SignedRequest) -> None:
    """Each member of the file is signed, so that a changed one shows as another signer."""
    short = in_short(signed.signature)
    document = typed_request(signed.deployment, signed.request, signed.not_after)
    if short is None or recover(document, short) != signed.request.holder:
        raise Refused(
            f"request {signed.request_id} is not signed by its holder {signed.request.holder}, or was changed after he "
            "signed it: ask him for the file again; nothing was sent"
        )
