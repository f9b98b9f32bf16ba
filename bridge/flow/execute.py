"""Exit, last step: the request has ended on the final chain, and only now the registry acts."""

from __future__ import annotations

from functools import partial

from bridge.domain.lifecycle import ExitState
from bridge.flow.bridge import Bridge
from bridge.journal.models import Exit


def execute_ended(bridge: Bridge) -> None:
    ended = (ExitState.SETTLED, ExitState.REFUSED, ExitState.RETURNED)
    for row in bridge.journal.exits(bridge.deployment, *ended):
        bridge.attempt(partial(_execute, bridge, row), bridge.note_exit(row))


def _execute(bridge: Bridge, row: Exit) -> None:
    """A request that ended otherwise may have settled parts; those are executed all the same."""
    parts = bridge.contract.request_state(row.request_id, bridge.contract.connection.final().number).parts
    if parts:
        receipt = bridge.registry.execute(row.request_id)
        bridge.journal.move_exit(row.request_id, ExitState.EXECUTED, receipt=receipt.model_dump_json())
    else:
        bridge.registry.withdraw(row.request_id)
        bridge.journal.move_exit(row.request_id, ExitState.WITHDRAWN)
