"""How much goes into one transaction: as much as the gas allows that it may need at the very most.

The bounds are held against the contract by a test; what a node then says that a batch needs is what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.domain.attestations import Lock, Outcome
from bridge.journal.models import Deposit, Exit

BATCH_GAS = 7_380_000
"""Wished for one transaction. Four of them fill a block of 30 million, each with what it is given above its need;
larger ones would leave more of the block empty, since one that does not fit waits for the next."""

_SHARED = 100_000
"""What all items of a batch share: the signatures of a quorum, the class, the allowance."""
_LOCK = 34_500
"""A range of its own in the ledger, and its event."""
_FIRST = 25_000
"""More for the first lock of a recipient in a class, and for the first of 256 ids that share a word."""
_OUTCOME, _RANGE = 20_000, 36_000
"""A part of a request, and each of its ranges, taken from the middle of another."""
_REFUSAL = 46_000


def locks_together(rows: Sequence[Deposit]) -> Iterator[list[Deposit]]:
    """Locked deposits in the order of their serials, so that each one's place in the ledger is found from the one
    before."""
    batch: list[Deposit] = []
    gas, met = _SHARED, set[tuple[str, str]]()
    for lock, row in sorted(((lock_of(row), row) for row in rows), key=lambda pair: pair[0].range.key):
        firsts = _firsts(lock)
        if batch and gas + _LOCK + _FIRST * len(firsts - met) > BATCH_GAS:
            yield batch
            batch, gas, met = [], _SHARED, set()
        gas += _LOCK + _FIRST * len(firsts - met)
        met |= firsts
        batch.append(row)
    if batch:
        yield batch


def refusals_together(rows: Sequence[Exit]) -> Iterator[list[Exit]]:
    largest = (BATCH_GAS - gas_of_refusals(0)) // _REFUSAL
    return (list(rows[start : start + largest]) for start in range(0, len(rows), largest))


def gas_of_locks(locks: Sequence[Lock]) -> int:
    """An upper bound of what minting them together needs, when their hints are right."""
    firsts = set[tuple[str, str]]().union(*(_firsts(lock) for lock in locks))
    return _SHARED + _LOCK * len(locks) + _FIRST * len(firsts)


def gas_of_outcomes(parts: Sequence[Outcome]) -> int:
    """The same of settling them."""
    return _SHARED + sum(_OUTCOME + _RANGE * len(part.ranges) for part in parts)


def gas_of_refusals(count: int) -> int:
    """The same of so many refusals."""
    return _SHARED + _REFUSAL * count


def lock_of(deposit: Deposit) -> Lock:
    return Lock.model_validate_json(deposit.lock or "")


def _firsts(lock: Lock) -> set[tuple[str, str]]:
    return {(lock.recipient, lock.class_id), ("", lock.lock_id[:-2])}
