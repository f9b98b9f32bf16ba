"""The registry's attesters sign: locks before a mint, outcomes or refusals before a settlement.

What registry or contract has refused before stands alone, so that one bad item holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TypeVar

from bridge.domain.attestations import Outcome
from bridge.domain.lifecycle import DepositState, ExitState
from bridge.domain.values import Hex32
from bridge.errors import BridgeError
from bridge.flow.batches import BATCH_GAS, gas_of_outcomes, locks_together, refusals_together
from bridge.flow.bridge import Bridge, Note, note_each
from bridge.flow.watch import left_unminted
from bridge.journal.models import Deposit, Exit
from bridge.registry.port import Reservation

_Row = TypeVar("_Row", Deposit, Exit)


def attest_locked(bridge: Bridge) -> None:
    """Cover is signed as such, and never as a lock: nobody could mint it to its depositor."""
    locked = bridge.journal.deposits(bridge.deployment, DepositState.LOCKED)
    for batch in _batches([row for row in locked if row.covers is None], locks_together):
        bridge.attempt(partial(_attest_locks, bridge, batch), _note_unminted(bridge, batch))
    for batch in _batches([row for row in locked if row.covers is not None], locks_together):
        bridge.attempt(partial(_attest_covers, bridge, batch), _note_unminted(bridge, batch))


def attest_reserved(bridge: Bridge) -> None:
    reserved = bridge.journal.exits(bridge.deployment, ExitState.RESERVED)
    refused = [row for row in reserved if reservation_of(row).refusal is not None]
    for batch in _batches(refused, refusals_together):
        bridge.attempt(partial(_attest_refusals, bridge, batch), bridge.note_exits(batch))
    for same in _batches([row for row in reserved if row not in refused], _together):
        for parts in _settling_batches(bridge, same):
            asked = {part.request_id for part in parts}
            rows = [row for row in same if row.request_id in asked]
            bridge.attempt(partial(_attest_outcomes, bridge, parts), bridge.note_exits(rows))


def reservation_of(row: Exit) -> Reservation:
    return Reservation.model_validate_json(row.reservation or "")


def _attest_locks(bridge: Bridge, batch: Sequence[Deposit]) -> None:
    bridge.journal.keep_locks(bridge.registry.attest_locks([deposit.lock_id for deposit in batch]))


def _attest_covers(bridge: Bridge, batch: Sequence[Deposit]) -> None:
    bridge.journal.keep_covers(bridge.registry.attest_covers([deposit.lock_id for deposit in batch]))


def _attest_refusals(bridge: Bridge, batch: Sequence[Exit]) -> None:
    attested = bridge.registry.attest_refusals([row.request_id for row in batch])
    bridge.journal.keep_answers("refusals", attested)


def _attest_outcomes(bridge: Bridge, parts: Sequence[Outcome]) -> None:
    keys: list[tuple[Hex32, int]] = [(part.request_id, part.part) for part in parts]
    bridge.journal.keep_answers("outcomes", bridge.registry.attest_outcomes(keys))


def _settling_batches(bridge: Bridge, rows: Sequence[Exit]) -> Iterator[list[Outcome]]:
    """The next parts of each request, as many as one transaction takes. A request's later parts wait for a later
    turn, when the earlier ones are settled."""
    final = bridge.contract.connection.final().number
    states = bridge.contract.request_states([row.request_id for row in rows], final)
    batch: list[Outcome] = []
    for row, state in zip(rows, states, strict=True):
        settled = state.parts
        for part in reservation_of(row).parts[settled:]:
            if batch and gas_of_outcomes([*batch, part]) > BATCH_GAS:
                yield batch
                batch = []
                if part.part > settled:
                    break  # its earlier parts are on their way
            batch.append(part)
    if batch:
        yield batch


def _batches(rows: Sequence[_Row], grouped: Callable[[list[_Row]], Iterator[list[_Row]]]) -> Iterator[list[_Row]]:
    """Rows of one registry together; one with a note was refused or had to wait, and goes alone."""
    ordered = sorted(rows, key=lambda row: row.registry_code)
    for _, same in groupby(ordered, key=lambda row: row.registry_code):
        members = list(same)
        fresh = [row for row in members if not row.note]
        yield from grouped(fresh)
        yield from ([row] for row in members if row.note)


def _together(rows: list[Exit]) -> Iterator[list[Exit]]:
    """How many of them fit, their parts say."""
    if rows:
        yield rows


def _note_unminted(bridge: Bridge, batch: Sequence[Deposit]) -> Note:
    """A restored journal may ask for what is minted long since; without that the others are asked for together."""

    def note(error: BridgeError) -> None:
        left = left_unminted(bridge, batch)
        if len(left) == len(batch):
            note_each(batch, bridge.note_deposit)(error)

    return note
