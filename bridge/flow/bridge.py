"""What every step of the operator's side holds in its hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from bridge.chain.contract import BridgeContract
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Deployment
from bridge.domain.lifecycle import DepositState, ExitState, ReversalState
from bridge.errors import BridgeError, NotYet, Refused
from bridge.journal.models import Deposit, Exit, ReversalSaga
from bridge.journal.store import ExitMove, Journal
from bridge.registry.port import Registry

OVERLAP_BLOCKS = 64
"""Blocks that are read again at each watch: a node that answered too little once does not hide an event for good."""


Note = Callable[[BridgeError], None]
"""Writes down on an item what it met."""


def note_each(batch: Sequence[Deposit], note: Callable[[Deposit], Note]) -> Note:
    """The same for every deposit of a batch."""

    def note_all(error: BridgeError) -> None:
        for row in batch:
            note(row)(error)

    return note_all


@dataclass(frozen=True)
class Bridge:
    """One deployment with its registry, its journal, and the operator's key.

    `takes_up`: whether a turn begins with what the registry's depositors have ordered; else only what somebody planned
    goes on. `stop`: set, it ends a turn after the act at hand. `troubles` are what single items met in this turn; they
    hold up no other item.
    """

    contract: BridgeContract
    registry: Registry
    journal: Journal
    sender: Sender
    takes_up: bool = False
    stop: Event = field(default_factory=Event)
    troubles: list[BridgeError] = field(default_factory=list)

    @property
    def deployment(self) -> Deployment:
        return self.contract.deployment

    def attempt(self, act: Callable[[], object], note: Note) -> None:
        """One item's step. What it waits for, or meets, is noted on it; troubles are told when the turn is over."""
        if self.stop.is_set():
            return
        try:
            act()
        except BridgeError as trouble:
            note(trouble)
            self.meet(trouble)

    def meet(self, trouble: BridgeError) -> None:
        """What is waited for, or refused, is no trouble of the turn's."""
        if not isinstance(trouble, NotYet | Refused):
            self.troubles.append(trouble)

    def note_deposit(self, deposit: Deposit) -> Note:
        return lambda error: self.journal.move_deposit(deposit.lock_id, DepositState(deposit.state), note=str(error))

    def note_exits(self, rows: Sequence[Exit]) -> Note:
        """On each, in one write."""

        def note(error: BridgeError) -> None:
            self.journal.move_exits([ExitMove(row.request_id, ExitState(row.state), note=str(error)) for row in rows])

        return note

    def note_reversal(self, saga: ReversalSaga) -> Note:
        return lambda error: self.journal.move_reversal(saga.event_id, ReversalState(saga.state), note=str(error))
