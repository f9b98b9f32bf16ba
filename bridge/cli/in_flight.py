"""What the bridge has in flight: each deposit and request, its state, and what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bridge.cli.waiting import Waits, age, in_words, timed, told

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.flow.bridge import Bridge
    from bridge.journal.models import Deposit, Exit, ReversalSaga
    from bridge.journal.store import Journal
    from bridge.registry.port import Registry

_POLL_SECONDS = 2.0
_ENDED = ("minted", "released", "failed", "executed", "withdrawn", "reversed", "moot")


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
    return not any(bridge.journal.in_flight(bridge.deployment).values())


def saga_rows(journal: Journal, contract: BridgeContract, *, everything: bool) -> list[dict[str, Any]]:
    """Of what has not ended; with `everything` of all that ever was."""
    from bridge.domain import lifecycle as life

    def states(kind: Any, moves: Any) -> list[Any]:
        return [] if everything else [kind(state) for state in life.going_on(moves)]

    deployment = contract.deployment
    return _rows(
        journal,
        contract,
        journal.deposits(deployment, *states(life.DepositState, life.DEPOSIT_MOVES)),
        journal.exits(deployment, *states(life.ExitState, life.EXIT_MOVES)),
        journal.reversals(deployment, *states(life.ReversalState, life.REVERSAL_MOVES)),
    )


def rows_that_ended(journal: Journal, contract: BridgeContract, since: int) -> list[dict[str, Any]]:
    """`since`: the number of the journal's last move before."""
    moved = [move.subject for move in journal.moves_after(since) if move.new in _ENDED]
    ours = str(contract.deployment)
    deposits = [deposit for one in moved if (deposit := journal.deposit(one)) and deposit.deployment == ours]
    exits = [left for one in moved if (left := journal.exit(one)) and left.deployment == ours]
    reversals = [event for one in moved if (event := journal.reversal(one)) and event.deployment == ours]
    return _rows(journal, contract, deposits, exits, reversals)


def _rows(
    journal: Journal,
    contract: BridgeContract,
    deposits: Sequence[Deposit],
    exits: Sequence[Exit],
    reversals: Sequence[ReversalSaga],
) -> list[dict[str, Any]]:
    waits = Waits(journal, contract)
    rows = [deposit_row(row, contract) | {"waits_for": waits.of_lock(row)} for row in deposits]
    rows += [_exit_row(row, contract, waits) for row in exits]
    rows += [_reversal_row(row, contract, waits) for row in reversals]
    return timed(journal, rows)


def not_taken_up(journal: Journal, contract: BridgeContract, registry: Registry) -> list[dict[str, Any]]:
    """Open requests on chain, and orders and reversals in the registry, that the journal has not seen yet. Changes
    nothing."""
    from bridge.cli.screen import checksummed
    from bridge.flow.watch import unseen_requests

    new: dict[str, Any] = {"state": "not taken up yet", "ended": False, "waits_for": "carbonbridge operator settle"}
    waits = Waits(journal, contract)
    rows: list[dict[str, Any]] = [
        {
            "what": opened.kind.name.lower(),
            "id": opened.request_id,
            "registry": contract.credit_class(opened.class_id).registry,
            "age_blocks": waits.head.number - opened.place.block,
            "holder": checksummed(opened.holder),
            "deadline": opened.deadline,
        }
        | new
        | {"waits_for": waits.or_exit(new["waits_for"], opened)}
        | _labelled(contract, opened.class_id, opened.units)
        for opened in unseen_requests(contract, journal)
    ]
    orders = registry.waiting(contract.deployment)
    known = journal.planned([order.instruction_id for order in orders])
    rows += [
        {
            "what": "deposit" if order.covers is None else "cover",
            "id": order.instruction_id,
            "registry": order.registry,
            "units": order.range.units,
            "serials": str(order.range),
            "recipient": checksummed(order.recipient),
            "not_after": order.not_after,
        }
        | new
        | {"waits_for": "carbonbridge operator run, or operator deposit"}
        for order in orders
        if order.instruction_id not in known
    ]
    return rows + [
        {"what": "reversal", "id": event.event_id, "registry": event.registry, "serials": str(event.range)}
        | new
        | _labelled(contract, event.class_id, event.range.units)
        for event in registry.reversals(contract.deployment)
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
    }
    if row.lock is not None:
        lock = lock_of(row)
        found |= {"serials": str(lock.range), "recipient": checksummed(lock.recipient), "not_after": lock.not_after}
        found |= _labelled(contract, lock.class_id, lock.range.units)
    if row.covers is not None:
        found |= {"what": "cover", "covers": row.covers}
    return found


def _reversal_row(row: ReversalSaga, contract: BridgeContract, waits: Waits) -> dict[str, Any]:
    """`units`: as many as the registry took back; what is live of them shows in the reversal itself."""
    from bridge.domain.serials import SerialRange

    serials = SerialRange.model_validate_json(row.serials)
    return {
        "what": "reversal",
        "id": row.event_id,
        "registry": row.registry_code,
        "state": row.state,
        "ended": row.state in _ENDED,
        "waits_for": waits.of_reversal(row),
        "serials": str(serials),
    } | _labelled(contract, row.class_id, serials.units)


def _exit_row(row: Exit, contract: BridgeContract, waits: Waits) -> dict[str, Any]:
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
        "waits_for": waits.of_request(row, opened),
        "age_blocks": waits.head.number - opened.place.block,
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


def waits_in_words(row: Deposit) -> str:
    return f"cannot go on: {told(row)}" if told(row) else f"waits for {in_words(row) or 'nothing'}"


def never_lands(row: Deposit) -> bool:
    """Whether the contract has refused it for what does not pass by itself."""
    from bridge.chain.reverts import LASTING

    return any(f"refused with {name}(" in row.note for name in LASTING)


def name_of(row: dict[str, Any]) -> str:
    """A deposit goes by its instruction: the lock ids of one journal begin alike."""
    return str(row.get("instruction", row["id"]))


def draw_sagas(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, short, table

    def credit(row: dict[str, Any]) -> str:
        label = row.get("label") or short(row.get("class", row["registry"]))
        return f"{label}, {amount(row['units'], row['kg_per_unit'])}" if "kg_per_unit" in row else label

    drawn = [(row["what"], short(name_of(row)), credit(row), row["state"], age(row), row["waits_for"]) for row in rows]
    table(["what", "id", "credit", "state", "age>", "waits for"], drawn, "nothing is in flight")
