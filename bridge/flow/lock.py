"""Deposit, first step: store a lock id, then have the registry hold the serials under it."""

from __future__ import annotations

from functools import partial

from bridge.domain.lifecycle import DepositState
from bridge.domain.values import Hex32
from bridge.errors import Refused, UsageError
from bridge.flow.bridge import Bridge
from bridge.flow.watch import found_minted
from bridge.journal.models import Deposit


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
    for instruction_id in bridge.registry.waiting(bridge.deployment):
        if not bridge.journal.knows_instruction(instruction_id):
            bridge.attempt(partial(plan, bridge, instruction_id), lambda _: None)


def lock_planned(bridge: Bridge) -> None:
    for deposit in bridge.journal.deposits(bridge.deployment, DepositState.PLANNED):
        bridge.attempt(partial(_lock, bridge, deposit), bridge.note_deposit(deposit))


def _lock(bridge: Bridge, deposit: Deposit) -> None:
    try:
        lock = bridge.registry.lock(deposit.lock_id, deposit.instruction_id)
    except Refused as refusal:
        bridge.journal.move_deposit(deposit.lock_id, DepositState.FAILED, note=str(refusal))
    else:
        bridge.journal.move_deposit(deposit.lock_id, DepositState.LOCKED, lock=lock.model_dump_json())
        found_minted(bridge, deposit)
