"""Sends what waits, and notes what was taken.

Sending comes before noting: a process that dies in between sends the same alert again, with the same id. So a receiver
gets each at least once, and knows by its id when it comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridge.alerts.channel import Channel
from bridge.cases.store import Cases
from bridge.errors import BridgeError, Refused, Unreachable


def deliver(cases: Cases, channels: Mapping[str, Channel], clock: Callable[[], int]) -> list[BridgeError]:
    """Each channel in the order of the runs; one that fails gets its alerts with the next run, and keeps up no other.
    Gives what went wrong."""
    failed: dict[str, BridgeError] = {}
    for alert in cases.waiting(channels.keys()):
        if alert.channel in failed:
            continue
        try:
            channels[alert.channel].send(alert.alert_id, alert.body)
        except (Refused, Unreachable) as error:
            failed[alert.channel] = error
        else:
            cases.delivered(alert.alert_id, clock())
    return list(failed.values())
