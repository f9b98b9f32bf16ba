"""What the registry answers about many requests: kept in one write, with what single ones met noted on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bridge.domain.lifecycle import ExitState
from bridge.domain.values import Hex32
from bridge.errors import BridgeError
from bridge.flow.bridge import Bridge
from bridge.journal.models import Exit
from bridge.journal.store import ExitMove

AT_ONCE = 100
"""Requests in one call: a stop waits for no more than these, and a slow registry over HTTP answers in time."""

_Answer = TypeVar("_Answer")


def take_answers(
    bridge: Bridge,
    rows: Sequence[Exit],
    ask: Callable[[Sequence[Hex32]], Sequence[_Answer | BridgeError]],
    keep: Callable[[Exit, _Answer], ExitMove | None],
) -> None:
    """`keep`: where an answer takes a request, or None where that changes nothing."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        bridge.attempt(partial(_take, bridge, some, ask, keep), bridge.note_exits(some))


def _take(
    bridge: Bridge,
    rows: Sequence[Exit],
    ask: Callable[[Sequence[Hex32]], Sequence[_Answer | BridgeError]],
    keep: Callable[[Exit, _Answer], ExitMove | None],
) -> None:
    moves: list[ExitMove] = []
    for row, answer in zip(rows, ask([row.request_id for row in rows]), strict=True):
        if not isinstance(answer, BridgeError):
            if (move := keep(row, answer)) is not None:
                moves.append(move)
            continue
        bridge.meet(answer)
        if row.note != str(answer):
            moves.append(ExitMove(row.request_id, ExitState(row.state), note=str(answer)))
    bridge.journal.move_exits(moves)
