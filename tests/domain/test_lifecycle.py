"""The state tables: ends are ends, and every other state leads to an end."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from bridge.domain.lifecycle import (
    DEPOSIT_MOVES,
    EXIT_MOVES,
    REVERSAL_MOVES,
    SERIAL_MOVES,
    DepositState,
    ExitState,
    ReversalState,
    SerialState,
    require_move,
)
from bridge.errors import Halted

TABLES = [
    (DEPOSIT_MOVES, DepositState),
    (EXIT_MOVES, ExitState),
    (REVERSAL_MOVES, ReversalState),
    (SERIAL_MOVES, SerialState),
]


def test_a_retired_serial_never_moves_again() -> None:
    for new in SerialState:
        with pytest.raises(Halted, match="serial 7"):
            require_move(SERIAL_MOVES, SerialState.RETIRED, new, "serial 7")


def test_nothing_is_executed_before_it_is_settled_or_has_ended() -> None:
    before = {old for old, news in EXIT_MOVES.items() if ExitState.EXECUTED in news}
    assert before == {ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED}


@pytest.mark.parametrize(("moves", "states"), TABLES)
def test_every_state_has_a_row_and_reaches_an_end(
    moves: Mapping[StrEnum, frozenset[StrEnum]], states: type[StrEnum]
) -> None:
    assert set(moves) == set(states)
    ends = {state for state, news in moves.items() if not news}
    reaching = set(ends)
    while more := {s for s, news in moves.items() if news & reaching} - reaching:
        reaching |= more
    assert ends
    assert reaching == set(states)
