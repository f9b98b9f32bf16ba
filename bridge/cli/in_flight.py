"""What the bridge has in flight: each deposit and request, its state, and what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.flow.bridge import Bridge
    from bridge.journal.models import Deposit, Exit, ReversalSaga
    from bridge.journal.store import Journal
    from bridge.registry.ledger import Ledger


_POLL_SECONDS = 2.0


_ENDED = ("minted", "released", "failed", "executed", "withdrawn", "reversed", "moot")


_WAITS = {
    "planned": "the registry to lock",
    "locked": "attesters to sign the lock",
    "attested": "a transaction",
    "sent": "the chain to make it final",
    "seen": "the registry to reserve serials",
    "reserved": "attesters to sign the answer",
    "settled": "the registry to act",
    "refused": "the registry to end the reservation",
    "returned": "the registry to end the reservation",
}

_REVERSAL_WAITS = _WAITS | {"planned": "attesters to sign the reversal"}


def advance_until(bridge: Bridge, done: Callable[[], bool], wait: int, quiet: bool) -> int:
    """One turn of the wheel, and more until all is done or the time is up. Gives the final block looked at."""
    from bridge.cli.screen import progress
    from bridge.flow.advance import advance

    until = time.monotonic() + wait
    with progress("Waiting for finality and signatures", None, quiet or wait == 0):
        final = advance(bridge)
        while not done() and time.monotonic() < until:
            time.sleep(min(_POLL_SECONDS, max(0.0, until - time.monotonic())))
            final = advance(bridge)
    return final.number


def has_ended(bridge: Bridge, lock_id: str) -> bool:
    row = bridge.journal.deposit(lock_id)
    return row is not None and row.state in _ENDED


def all_ended(bridge: Bridge) -> bool:
    journal, deployment = bridge.journal, bridge.deployment
    states = [row.state for row in journal.deposits(deployment)] + [row.state for row in journal.exits(deployment)]
    states += [row.state for row in journal.reversals(deployment)]
    return all(state in _ENDED for state in states)


def ended_ids(bridge: Bridge) -> set[str]:
    return {row["id"] for row in saga_rows(bridge.journal, bridge.contract, everything=True) if row["ended"]}


def saga_rows(journal: Any, contract: BridgeContract, *, everything: bool) -> list[dict[str, Any]]:
    head = contract.connection.head().number
    rows = [deposit_row(row, contract) for row in journal.deposits(contract.deployment)]
    rows += [_exit_row(row, contract, head) for row in journal.exits(contract.deployment)]
    rows += [_reversal_row(row, contract) for row in journal.reversals(contract.deployment)]
    return [row for row in rows if everything or not row["ended"]]


def not_taken_up(journal: Journal, contract: BridgeContract, books: Ledger) -> list[dict[str, Any]]:
    """Open requests on chain and reversals in the registry that the journal has not seen yet. Changes nothing."""
    from bridge.cli.screen import checksummed
    from bridge.flow.watch import unseen_requests

    new = {"state": "not taken up yet", "ended": False, "waits_for": "carbonbridge operator settle"}
    head = contract.connection.head().number
    rows: list[dict[str, Any]] = [
        {
            "what": opened.kind.name.lower(),
            "id": opened.request_id,
            "registry": contract.credit_class(opened.class_id).registry,
            "age_blocks": head - opened.place.block,
            "holder": checksummed(opened.holder),
            "deadline": opened.deadline,
        }
        | new
        | _labelled(contract, opened.class_id, opened.units)
        for opened in unseen_requests(contract, journal)
    ]
    return rows + [
        {"what": "reversal", "id": event.event_id, "registry": event.registry, "serials": str(event.range)}
        | new
        | _labelled(contract, event.class_id, event.range.units)
        for event in books.open_reversals(contract.deployment)
        if journal.reversal(event.event_id) is None
    ]


def deposit_row(row: Deposit, contract: BridgeContract) -> dict[str, Any]:
    from bridge.cli.screen import checksummed
    from bridge.flow.batches import lock_of

    found: dict[str, Any] = {
        "what": "deposit",
        "id": row.lock_id,
        "instruction": row.instruction_id,
        "registry": row.registry_code,
        "state": row.state,
        "ended": row.state in _ENDED,
        "waits_for": waits_for(row),
    }
    if row.lock is not None:
        lock = lock_of(row)
        found |= {"serials": str(lock.range), "recipient": checksummed(lock.recipient), "not_after": lock.not_after}
        found |= _labelled(contract, lock.class_id, lock.range.units)
    if row.covers is not None:
        found |= {"what": "cover", "covers": row.covers}
    return found


def _reversal_row(row: ReversalSaga, contract: BridgeContract) -> dict[str, Any]:
    """`units`: as many as the registry took back; what is live of them shows in the reversal itself."""
    from bridge.domain.serials import SerialRange

    serials = SerialRange.model_validate_json(row.serials)
    return {
        "what": "reversal",
        "id": row.event_id,
        "registry": row.registry_code,
        "state": row.state,
        "ended": row.state in _ENDED,
        "waits_for": _told(row) or _REVERSAL_WAITS.get(row.state, ""),
        "serials": str(serials),
    } | _labelled(contract, row.class_id, serials.units)


def _exit_row(row: Exit, contract: BridgeContract, head: int) -> dict[str, Any]:
    from bridge.cli.screen import checksummed
    from bridge.domain.observed import RequestOpened

    opened = RequestOpened.model_validate_json(row.opened)
    state = row.state
    if state == "withdrawn":  # of its reservation; its holder sees how the request itself has ended
        state = contract.request_state(row.request_id).status.name.lower()
    return {
        "what": opened.kind.name.lower(),
        "id": row.request_id,
        "registry": row.registry_code,
        "state": state,
        "ended": row.state in _ENDED,
        "waits_for": waits_for(row),
        "age_blocks": head - opened.place.block,
        "holder": checksummed(opened.holder),
        "deadline": opened.deadline,
    } | _labelled(contract, opened.class_id, opened.units)


def _labelled(contract: BridgeContract, class_id: str, units: int) -> dict[str, Any]:
    """A class on chain by its label; one that is not there yet by its id alone."""
    from bridge.cli.naming import class_of
    from bridge.errors import UsageError

    try:
        known = class_of(contract.credit_class(class_id))
    except UsageError:
        return {"class": class_id, "units": units}
    return {"class": class_id, "label": known.label, "units": units, "kg_per_unit": known.kg_per_unit}


def waits_for(row: Deposit | Exit) -> str:
    return _told(row) or _WAITS.get(row.state, "")


def waits_in_words(row: Deposit) -> str:
    told = _told(row)
    return f"cannot go on: {told}" if told else f"waits for {_WAITS.get(row.state, 'nothing')}"


def never_lands(row: Deposit) -> bool:
    """Whether the contract has refused it for what does not pass by itself."""
    from bridge.chain.reverts import LASTING

    return any(f"refused with {name}(" in row.note for name in LASTING)


def _told(row: Deposit | Exit | ReversalSaga) -> str:
    return "" if row.state == "sent" else row.note  # a sent row's note is its transaction


def name_of(row: dict[str, Any]) -> str:
    """A deposit goes by its instruction: the lock ids of one journal begin alike."""
    return str(row.get("instruction", row["id"]))


def draw_sagas(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, short, table

    def credit(row: dict[str, Any]) -> str:
        label = row.get("label") or short(row.get("class", row["registry"]))
        return f"{label}, {amount(row['units'], row['kg_per_unit'])}" if "kg_per_unit" in row else label

    drawn = [
        (row["what"], short(name_of(row)), credit(row), row["state"], row.get("age_blocks", ""), row["waits_for"])
        for row in rows
    ]
    table(["what", "id", "credit", "state", "blocks>", "waits for"], drawn, "nothing is in flight")
