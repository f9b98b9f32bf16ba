"""The registry's officer takes serials back, for whatever reason; the chains learn of it by events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.holdings import block_row, serial_key
from bridge.cli.options import Json, Programme, Serial, Vintage

if TYPE_CHECKING:
    from bridge.registry.ledger.reversing import ReversalEvent

Reason = Annotated[str, typer.Option(metavar="CODE", help="Why, as a short code such as fire or over-issuance.")]


def reverse(
    serial: Serial, reason: Reason, programme: Programme = None, vintage: Vintage = None, as_json: Json = False
) -> None:
    """Take serials back for good, whoever holds them. The classes on chain close until the gap is covered.

    Serials set aside for a request wait for the chain: what a settlement retires stays retired, all else follows when
    the request has ended. The same serials again with the same reason change nothing.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import read_serial
    from bridge.cli.screen import amount, emit, say

    _require_code(reason)
    read = read_serial(serial, programme, vintage)
    credit_class = read.credit_class
    events = bootstrap.ledger(settings.load()).reverse(serial_key(read), read.range, reason)
    if as_json:
        emit(block_row(credit_class, read.range) | {"reason": reason, "events": [_event_row(e) for e in events]})
        return
    units = amount(read.range.units, credit_class.kg_per_unit)
    say(f"took back {units} of {credit_class.label}, {read.range}: {reason}")
    for event in events:
        say(f"event {event.event_id} for {event.deployment}")
    if events:
        say("Next: carbonbridge operator settle")


def _event_row(event: ReversalEvent) -> dict[str, Any]:
    return event.model_dump(mode="json")


def _require_code(reason: str) -> None:
    from bridge.errors import UsageError

    if not re.fullmatch("[a-z0-9-]{1,32}", reason):
        raise UsageError(f"{reason!r} is no reason code: up to 32 small letters, digits and hyphens")
