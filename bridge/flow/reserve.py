"""Exit, first step on the operator's side: the registry looks at the request itself and sets serials aside."""

from __future__ import annotations

from functools import partial

from bridge.domain.lifecycle import ExitState
from bridge.flow.bridge import Bridge
from bridge.journal.models import Exit


def reserve_seen(bridge: Bridge) -> None:
    for row in bridge.journal.exits(bridge.deployment, ExitState.SEEN):
        bridge.attempt(partial(_reserve, bridge, row), bridge.note_exit(row))


def _reserve(bridge: Bridge, row: Exit) -> None:
    reservation = bridge.registry.reserve(row.request_id)
    bridge.journal.move_exit(row.request_id, ExitState.RESERVED, reservation=reservation.model_dump_json())
