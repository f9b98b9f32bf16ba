"""Exit, first step on the operator's side: the registry looks at the request itself and sets serials aside."""

from __future__ import annotations

from bridge.domain.lifecycle import ExitState
from bridge.errors import NotYet, RegistryRefused
from bridge.flow.bridge import Bridge


def reserve_seen(bridge: Bridge) -> None:
    for row in bridge.journal.exits(bridge.deployment, ExitState.SEEN):
        try:
            reservation = bridge.registry.reserve(row.request_id)
        except (NotYet, RegistryRefused) as wait:
            bridge.journal.move_exit(row.request_id, ExitState.SEEN, note=str(wait))
        else:
            bridge.journal.move_exit(row.request_id, ExitState.RESERVED, reservation=reservation.model_dump_json())
