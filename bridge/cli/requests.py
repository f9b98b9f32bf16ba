"""A holder's own requests: where each stands, and what he can do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.attestations import Attested, Receipt
    from bridge.domain.credit_class import CreditClass
    from bridge.flow.hold import Holder
    from bridge.journal.models import OwnRequest
    from bridge.registry.port import Registry
    from bridge.settings import Settings


def holding(c: CreditClass, units: int) -> dict[str, Any]:
    from bridge.cli.screen import weight

    return {
        "class": c.id,
        "label": c.label,
        "registry": c.registry,
        "project": c.project,
        "vintage": c.vintage,
        "credit_type": c.credit_type,
        "units": units,
        "kg_per_unit": c.kg_per_unit,
        "tonnes": weight(units, c.kg_per_unit).replace(",", ""),
    }


def show_request(config: Settings, holder: Holder, request_id: str, as_json: bool) -> None:
    from bridge.cli.screen import amount, emit, facts

    rows = request_rows(config, holder.contract, holder.sender.address)
    row = next(row for row in rows if row["request_id"] == request_id)
    if as_json:
        emit(row)
        return
    facts(
        [
            (row["kind"], f"{amount(row['units'], row['kg_per_unit'])} of {row['label']}"),
            ("for", row["beneficiary"]),
            ("state", _state_in_words(row)),
            ("request", request_id),
            ("next", row["next"]),
        ]
    )


def chosen_request(holder: Holder, request_text: str) -> OwnRequest:
    from bridge.cli.naming import choose

    own = {row.request_id: row for row in holder.journal.own_requests(holder.contract.deployment)}
    return own[choose(request_text, dict.fromkeys(own, "request"), "request")]


def own_request(config: Settings, contract: BridgeContract, request_text: str) -> OwnRequest:
    from bridge import bootstrap
    from bridge.cli.naming import choose

    own = {row.request_id: row for row in bootstrap.journal(config).own_requests(contract.deployment)}
    return own[choose(request_text, dict.fromkeys(own, "request"), "request")]


def disclose_opened(config: Settings, contract: BridgeContract, owner: str) -> None:
    from bridge import bootstrap
    from bridge.flow import hold

    hold.disclose_opened(contract, bootstrap.registry(config, None), bootstrap.journal(config), owner)


def request_rows(config: Settings, contract: BridgeContract, owner: str) -> list[dict[str, Any]]:
    from bridge import bootstrap
    from bridge.domain.attestations import Request

    journal = bootstrap.journal(config)
    now = contract.connection.head().timestamp
    own = [(row, Request.model_validate_json(row.request)) for row in journal.own_requests(contract.deployment)]
    registry = bootstrap.registry(config, None)
    rows = [_request_row(registry, contract, row, now) for row, request in own if request.holder == owner]
    if any(row["state"] == "refused" for row in rows):
        _add_reasons(contract, rows)
    return sorted(rows, key=lambda row: (not row["pending"], row["deadline"] or 0))


def _add_reasons(contract: BridgeContract, rows: list[dict[str, Any]]) -> None:
    """Why the registry refused, as its attesters signed it."""
    from bridge.domain.observed import RequestRefused

    head = contract.connection.head().number
    events = contract.events(contract.first_block, head, RequestRefused)
    reasons = {event.request_id: event.reason for event in events if isinstance(event, RequestRefused)}
    for row in rows:
        row["reason"] = reasons.get(row["request_id"])


def _request_row(registry: Registry, contract: BridgeContract, row: OwnRequest, now: int) -> dict[str, Any]:
    from bridge.cli.naming import class_of
    from bridge.cli.screen import moment
    from bridge.domain.attestations import Opening, Request
    from bridge.domain.lifecycle import RequestStatus

    request, opening = Request.model_validate_json(row.request), Opening.model_validate_json(row.opening)
    chain = contract.request_state(row.request_id)
    state = _STATES[chain.status.name]
    if state == "not sent" and row.not_after is not None and now <= row.not_after:
        state = "signed"
    acted = chain.parts > 0 and signed_receipt(registry, row.request_id) is not None
    if chain.status is RequestStatus.SETTLED and acted:
        state = "executed"
    deadline = chain.deadline if chain.status is not RequestStatus.NONE else None
    return {
        "request_id": row.request_id,
        "kind": request.kind.name.lower(),
        **holding(class_of(contract.credit_class(request.class_id)), request.units),
        "unsettled_units": chain.remaining,
        "beneficiary": opening.beneficiary,
        "purpose": opening.purpose,
        "state": state,
        "reason": None,
        "signed_until": row.not_after if state == "signed" else None,
        "pending": state in ("not sent", "signed", "pending", "called back", "settled"),
        "deadline": deadline,
        "deadline_text": moment(deadline) if deadline else "",
        "transaction": row.transaction_hash,
        "next": _next(
            state,
            row.request_id,
            late=deadline is not None and now > deadline,
            acted=acted,
            waiting=chain.remaining,
        ),
    }


_STATES = {
    "NONE": "not sent",
    "OPEN": "pending",
    "CALLED_BACK": "called back",
    "SETTLED": "settled",
    "REFUSED": "refused",
    "RETURNED": "returned",
}


def _next(state: str, request_id: str, *, late: bool, acted: bool, waiting: int) -> str:
    """What the holder can do, or what he waits for. `waiting`: units neither settled nor back with him."""
    one = request_id[:10]
    if state == "pending":
        return f"late; take back: carbonbridge holder exit {one}" if late else "wait for the registry's answer"
    if state == "refused" and waiting:
        return f"carbonbridge holder exit {one}"
    if acted:
        return f"carbonbridge holder certificate {one}"
    return {
        "not sent": f"carbonbridge holder send {one}, or holder forget {one}",
        "signed": "carbonbridge operator relay FILE",
        "called back": f"after the challenge: carbonbridge holder exit {one}",
        "settled": "wait for the registry to act",
        "refused": "nothing: the units are back",
        "returned": "nothing: the units are back",
    }[state]


def draw_requests(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, short, table

    drawn = [
        (
            short(row["request_id"]),
            f"{row['kind']} of {amount(row['units'], row['kg_per_unit'])}, {row['label']}",
            _state_in_words(row),
            row["deadline_text"].removesuffix(" UTC")[:16] if row["state"] == "pending" else "",
            row["next"].replace("carbonbridge ", ""),
        )
        for row in rows
    ]
    table(["request", "what", "state", "deadline (UTC)", "next"], drawn, "no requests were made here")


def _state_in_words(row: dict[str, Any]) -> str:
    from bridge.cli.screen import moment

    if row["state"] == "signed":
        return f"signed until {moment(row['signed_until'])[:16]}, waiting to be relayed"
    return f"refused: {row['reason']}" if row["reason"] else str(row["state"])


def signed_receipt(registry: Registry, request_id: str) -> Attested[Receipt] | None:
    """The registry's signed receipt; None before it has acted."""
    from bridge.errors import NotYet

    try:
        return registry.receipt(request_id)
    except NotYet:
        return None
