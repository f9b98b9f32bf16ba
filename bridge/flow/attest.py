"""The registry's attesters sign: locks before a mint, outcomes or refusals before a settlement.

A batch that is refused is asked for one by one, so that one bad item holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

from bridge.domain.attestations import Attested
from bridge.domain.lifecycle import DepositState, ExitState
from bridge.domain.values import Hex32
from bridge.errors import NotYet, RegistryRefused
from bridge.flow.bridge import MAX_LOCKS, MAX_OUTCOMES, MAX_RANGES, Bridge
from bridge.journal.models import Deposit, Exit
from bridge.registry.port import Reservation

Row = TypeVar("Row", Deposit, Exit)


def attest_locked(bridge: Bridge) -> None:
    locked = bridge.journal.deposits(bridge.deployment, DepositState.LOCKED)
    for same_registry in _by_registry(locked):
        ids = [deposit.lock_id for deposit in same_registry]
        for start in range(0, len(ids), MAX_LOCKS):
            _attest(
                ids[start : start + MAX_LOCKS],
                bridge.registry.attest_locks,
                bridge.journal.keep_locks,
                lambda lock_id, note: bridge.journal.move_deposit(lock_id, DepositState.LOCKED, note=note),
            )


def attest_reserved(bridge: Bridge) -> None:
    reserved = bridge.journal.exits(bridge.deployment, ExitState.RESERVED)
    for same_registry in _by_registry(reserved):
        decided = [(row.request_id, reservation_of(row)) for row in same_registry]
        for ids in _settling_batches((i, r) for i, r in decided if r.refusal is None):
            _attest_answers(bridge, "outcomes", ids, bridge.registry.attest_outcomes)
        for ids in _settling_batches((i, r) for i, r in decided if r.refusal is not None):
            _attest_answers(bridge, "refusals", ids, bridge.registry.attest_refusals)


def reservation_of(row: Exit) -> Reservation:
    return Reservation.model_validate_json(row.reservation or "")


def _attest_answers(
    bridge: Bridge, kind: str, ids: Sequence[Hex32], ask: Callable[[Sequence[Hex32]], Attested[Any]]
) -> None:
    _attest(
        ids,
        ask,
        lambda attested: bridge.journal.keep_answers(kind, attested),
        lambda request_id, note: bridge.journal.move_exit(request_id, ExitState.RESERVED, note=note),
    )


def _attest(
    ids: Sequence[Hex32],
    ask: Callable[[Sequence[Hex32]], Attested[Any]],
    keep: Callable[[Attested[Any]], None],
    note: Callable[[Hex32, str], None],
) -> None:
    try:
        keep(ask(ids))
    except (NotYet, RegistryRefused) as refusal:
        if len(ids) == 1:
            note(ids[0], str(refusal))
            return
        for one in ids:
            _attest([one], ask, keep, note)


def _settling_batches(decided: Iterable[tuple[Hex32, Reservation]]) -> Iterator[list[Hex32]]:
    """Requests that fit into one transaction together; a large one stands alone."""
    batch: list[Hex32] = []
    ranges = 0
    for request_id, reservation in decided:
        size = sum(len(part.ranges) for part in reservation.parts)
        if batch and (len(batch) == MAX_OUTCOMES or ranges + size > MAX_RANGES):
            yield batch
            batch, ranges = [], 0
        batch.append(request_id)
        ranges += size
    if batch:
        yield batch


def _by_registry(rows: Sequence[Row]) -> Iterator[list[Row]]:
    ordered = sorted(rows, key=lambda row: row.registry_code)
    for _, same in groupby(ordered, key=lambda row: row.registry_code):
        yield list(same)
