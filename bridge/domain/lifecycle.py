"""States and the moves between them. The databases forbid by constraint what these tables do not list."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import TypeVar

from bridge.errors import Halted


class Kind(IntEnum):
    """What a holder asks for; the numbers are the contract's."""

    RETIREMENT = 0
    REDEMPTION = 1


class RequestStatus(IntEnum):
    """Where a request stands on chain; the numbers are the contract's."""

    NONE = 0
    OPEN = 1
    CALLED_BACK = 2
    SETTLED = 3
    REFUSED = 4
    RETURNED = 5

    @property
    def ended(self) -> bool:
        return self >= RequestStatus.SETTLED


class SerialState(StrEnum):
    """What a registry says of a serial. Law L3: one state and one holder each."""

    HELD = "held"  # free, in its holder's account
    LOCKED = "locked"  # held for one deployment: awaits mint, or is live there
    RESERVED = "reserved"  # named in an outcome, to be retired or handed over
    RETIRED = "retired"  # for good
    CANCELLED = "cancelled"  # for good
    REVERSED = "reversed"  # for good: the registry took them back


class DepositState(StrEnum):
    PLANNED = "planned"  # the lock id is stored, nothing is asked
    LOCKED = "locked"  # the registry holds the serials for us
    ATTESTED = "attested"  # a quorum's signatures are stored
    SENT = "sent"  # a transaction is stored, and sent or about to be
    MINTED = "minted"  # final
    RELEASED = "released"  # final: unused past not_after, handed back
    FAILED = "failed"  # the registry refused before anything was locked


class ExitState(StrEnum):
    SEEN = "seen"  # the request is final on chain
    RESERVED = "reserved"  # the registry has set serials aside, or decided to refuse
    ATTESTED = "attested"  # outcomes or the refusal are signed and stored
    SENT = "sent"  # a transaction is stored, and sent or about to be
    SETTLED = "settled"  # final on chain; the registry may act
    REFUSED = "refused"  # final on chain: what was unsettled is back with the holder
    RETURNED = "returned"  # final on chain: the holder took back what was unsettled
    EXECUTED = "executed"  # the end: retired or handed over, with a receipt
    WITHDRAWN = "withdrawn"  # the end: nothing was settled, nothing is reserved


class ReversalState(StrEnum):
    PLANNED = "planned"  # the registry has taken serials back, and nothing is signed yet
    ATTESTED = "attested"  # the reversal is signed and stored
    SENT = "sent"  # a transaction is stored, and sent or about to be
    REVERSED = "reversed"  # the end: final on chain
    MOOT = "moot"  # the end: none of its serials is live, nor will be


class ActState(StrEnum):
    """What becomes of an act at a registry that is not ours."""

    PLANNED = "planned"  # stored, and nothing is asked
    ASKED = "asked"  # asked, or about to be
    UNKNOWN = "unknown"  # asked without an answer: only what that registry states later resolves it
    DONE = "done"  # the end, with that registry's reference
    VOID = "void"  # the end: never asked, and never to be


SERIAL_MOVES: Mapping[SerialState, frozenset[SerialState]] = {
    SerialState.HELD: frozenset(SerialState) - {SerialState.RESERVED},
    SerialState.LOCKED: frozenset({SerialState.HELD, SerialState.RESERVED, SerialState.REVERSED}),
    SerialState.RESERVED: frozenset({SerialState.HELD, SerialState.LOCKED, SerialState.RETIRED}),
    SerialState.RETIRED: frozenset(),
    SerialState.CANCELLED: frozenset(),
    SerialState.REVERSED: frozenset(),
}

DEPOSIT_MOVES: Mapping[DepositState, frozenset[DepositState]] = {
    DepositState.PLANNED: frozenset({DepositState.LOCKED, DepositState.FAILED}),
    DepositState.LOCKED: frozenset({DepositState.ATTESTED, DepositState.MINTED, DepositState.RELEASED}),
    DepositState.ATTESTED: frozenset(
        {DepositState.LOCKED, DepositState.SENT, DepositState.MINTED, DepositState.RELEASED}
    ),
    DepositState.SENT: frozenset({DepositState.ATTESTED, DepositState.MINTED, DepositState.RELEASED}),
    DepositState.MINTED: frozenset(),
    DepositState.RELEASED: frozenset(),
    DepositState.FAILED: frozenset(),
}


_ON_CHAIN_ENDS = frozenset({ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED})

EXIT_MOVES: Mapping[ExitState, frozenset[ExitState]] = {
    ExitState.SEEN: _ON_CHAIN_ENDS | {ExitState.RESERVED},
    ExitState.RESERVED: _ON_CHAIN_ENDS | {ExitState.ATTESTED},
    ExitState.ATTESTED: _ON_CHAIN_ENDS | {ExitState.RESERVED, ExitState.SENT},
    ExitState.SENT: _ON_CHAIN_ENDS | {ExitState.RESERVED, ExitState.ATTESTED},
    ExitState.SETTLED: frozenset({ExitState.EXECUTED}),
    ExitState.REFUSED: frozenset({ExitState.EXECUTED, ExitState.WITHDRAWN}),
    ExitState.RETURNED: frozenset({ExitState.EXECUTED, ExitState.WITHDRAWN}),
    ExitState.EXECUTED: frozenset(),
    ExitState.WITHDRAWN: frozenset(),
}

REVERSAL_MOVES: Mapping[ReversalState, frozenset[ReversalState]] = {
    ReversalState.PLANNED: frozenset({ReversalState.ATTESTED, ReversalState.REVERSED, ReversalState.MOOT}),
    ReversalState.ATTESTED: frozenset(
        {ReversalState.PLANNED, ReversalState.SENT, ReversalState.REVERSED, ReversalState.MOOT}
    ),
    ReversalState.SENT: frozenset({ReversalState.ATTESTED, ReversalState.REVERSED}),
    ReversalState.REVERSED: frozenset(),
    ReversalState.MOOT: frozenset(),
}

ACT_MOVES: Mapping[ActState, frozenset[ActState]] = {
    ActState.PLANNED: frozenset({ActState.ASKED, ActState.DONE, ActState.VOID}),
    ActState.ASKED: frozenset({ActState.DONE, ActState.UNKNOWN}),
    ActState.UNKNOWN: frozenset({ActState.DONE, ActState.PLANNED}),
    ActState.DONE: frozenset(),
    ActState.VOID: frozenset(),
}

State = TypeVar("State", SerialState, DepositState, ExitState, ReversalState, ActState)


def going_on(moves: Mapping[State, frozenset[State]]) -> list[str]:
    """The states that something leaves."""
    return sorted(state.value for state, after in moves.items() if after)


def require_move(moves: Mapping[State, frozenset[State]], old: State, new: State, subject: str) -> None:
    """Raises Halted when the table does not list the move."""
    if new not in moves[old]:
        raise Halted(f"{subject} cannot go from {old} to {new}; stop here and compare journal and registry")
