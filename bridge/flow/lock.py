"""Deposit, first step: store a lock id, then have the registry hold the serials under it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bridge.domain.attestations import Lock
from bridge.domain.lifecycle import DepositState
from bridge.domain.values import Hex32
from bridge.errors import BridgeError, Conflict, Refused, UsageError
from bridge.flow.bridge import Bridge, note_each
from bridge.journal.models import Deposit
from bridge.journal.store import Order
from bridge.registry.port import LockOrder

MOST_GOING = 2500
"""Deposits in flight beyond which no more are taken up, so that a turn ends soon and requests are not kept waiting."""

GOING = (DepositState.PLANNED, DepositState.LOCKED, DepositState.ATTESTED)
_AT_ONCE = 1000
"""Orders in one call of the registry."""


def plan(bridge: Bridge, instruction_id: Hex32) -> Deposit:
    """Takes up a depositor's instruction. The same instruction again finds the same deposit, even when the journal has
    forgotten and only the registry knows.

    Raises UsageError when the instruction is for another deployment.
    """
    instruction = bridge.registry.instruction(instruction_id)
    if instruction.deployment != bridge.deployment:
        raise UsageError(f"instruction {instruction_id} is for {instruction.deployment}, not {bridge.deployment}")
    known = bridge.registry.locked_as(instruction_id)
    return bridge.journal.plan_deposit(
        instruction_id, instruction.registry, bridge.deployment, known, instruction.covers
    )


def take_up(bridge: Bridge) -> None:
    """Plans what depositors have ordered and nobody has taken up, for a bridge that does so by itself. What has failed
    once is left to people."""
    if bridge.takes_up:
        bridge.attempt(partial(_take_up, bridge), lambda _: None)


def _take_up(bridge: Bridge) -> None:
    waiting = bridge.registry.waiting(bridge.deployment)
    orders = [Order(one.instruction_id, one.registry, one.covers) for one in waiting]
    going = len(bridge.journal.deposits(bridge.deployment, *GOING)) if orders else 0
    bridge.journal.plan_deposits(orders, bridge.deployment, at_most=max(0, MOST_GOING - going))


def lock_planned(bridge: Bridge) -> None:
    planned = bridge.journal.deposits(bridge.deployment, DepositState.PLANNED)
    for start in range(0, len(planned), _AT_ONCE):
        batch = planned[start : start + _AT_ONCE]
        bridge.attempt(partial(_lock, bridge, batch), note_each(batch, bridge.note_deposit))


def _lock(bridge: Bridge, batch: Sequence[Deposit]) -> None:
    answers = bridge.registry.lock([LockOrder(row.lock_id, row.instruction_id) for row in batch])
    answered = list(zip(batch, answers, strict=True))
    bridge.journal.keep_locked([_given(row, answer) for row, answer in answered if isinstance(answer, Lock)])
    for row, answer in answered:
        if isinstance(answer, Refused):
            bridge.journal.move_deposit(row.lock_id, DepositState.FAILED, note=str(answer))
        elif isinstance(answer, BridgeError):
            bridge.attempt(partial(_meet, answer), bridge.note_deposit(row))


def _given(row: Deposit, lock: Lock) -> Lock:
    if lock.lock_id != row.lock_id:
        raise Conflict(f"the registry answered with lock {lock.lock_id}; asked for {row.lock_id}")
    return lock


def _meet(trouble: BridgeError) -> None:
    raise trouble
