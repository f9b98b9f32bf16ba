"""Exit, last step: the requests have ended on the final chain, and only now the registry acts."""

from __future__ import annotations

from functools import partial

from bridge.domain.attestations import Attested, Receipt
from bridge.domain.lifecycle import ExitState
from bridge.flow.answers import take_answers
from bridge.flow.bridge import Bridge
from bridge.journal.models import Exit
from bridge.journal.store import ExitMove

ENDED = (ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED)


def execute_ended(bridge: Bridge) -> None:
    rows = bridge.journal.exits(bridge.deployment, *ENDED)
    if rows:
        bridge.attempt(partial(_execute, bridge, rows), bridge.note_exits(rows))


def _execute(bridge: Bridge, rows: list[Exit]) -> None:
    """A request that ended otherwise may have settled parts; those are executed all the same."""
    final = bridge.contract.connection.final().number
    states = bridge.contract.request_states([row.request_id for row in rows], final)
    settled = {row.request_id for row, state in zip(rows, states, strict=True) if state.parts}
    acting = [row for row in rows if row.request_id in settled]
    take_answers(bridge, acting, bridge.registry.execute, _executed)
    ending = [row for row in rows if row.request_id not in settled]
    take_answers(bridge, ending, bridge.registry.withdraw, _withdrawn)


def _executed(row: Exit, receipt: Attested[Receipt]) -> ExitMove:
    return ExitMove(row.request_id, ExitState.EXECUTED, receipt=receipt.model_dump_json())


def _withdrawn(row: Exit, _: None) -> ExitMove:
    return ExitMove(row.request_id, ExitState.WITHDRAWN)
