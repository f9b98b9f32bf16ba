"""Exit, first step on the operator's side: the registry looks at the requests itself and sets serials aside."""

from __future__ import annotations

from bridge.domain.lifecycle import ExitState
from bridge.flow.answers import take_answers
from bridge.flow.bridge import Bridge
from bridge.journal.models import Exit
from bridge.journal.store import ExitMove
from bridge.registry.port import Reservation


def reserve_seen(bridge: Bridge) -> None:
    take_answers(bridge, bridge.journal.exits(bridge.deployment, ExitState.SEEN), bridge.registry.reserve, _reserved)


def _reserved(row: Exit, reservation: Reservation) -> ExitMove:
    return ExitMove(row.request_id, ExitState.RESERVED, reservation=reservation.model_dump_json())
