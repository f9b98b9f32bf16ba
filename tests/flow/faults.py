"""Death by schedule: a process dies after the n-th write to journal, registry or chain.

Dying before a write is dying after the one before it: in between nothing lasting happens.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

from bridge.chain.transactions import Sender
from bridge.flow.bridge import Bridge
from bridge.flow.hold import Holder


class Died(BaseException):
    """Not an Exception, so that no handler of ours survives it."""


class Schedule:
    """Counts the moments at which a process may die; dies at one, by number or by name. Zero never comes."""

    def __init__(self, at: int | str = 0) -> None:
        self.at = at
        self.passed: list[str] = []

    def moment(self, name: str) -> None:
        self.passed.append(name)
        if self.at in {len(self.passed), name}:
            raise Died(name)

    def wrap(self, actor: Any) -> Any:
        return _Mortal(actor, self)

    def sender(self, sender: Sender, journal: Any) -> Sender:
        """Whose every write to journal or node may be his last."""
        mortal = copy(sender)
        mortal._outbox = journal
        mortal.send = self.wrap(sender).send  # type: ignore[method-assign]
        return mortal

    def bridge(self, bridge: Bridge) -> Bridge:
        journal = self.wrap(bridge.journal)
        sender = self.sender(bridge.sender, journal)
        return replace(bridge, journal=journal, registry=self.wrap(bridge.registry), sender=sender)

    def holder(self, holder: Holder) -> Holder:
        journal = self.wrap(holder.journal)
        sender = self.sender(holder.sender, journal)
        return replace(holder, journal=journal, registry=self.wrap(holder.registry), sender=sender)


WRITES = {
    "plan_deposit",
    "plan_deposits",
    "move_deposit",
    "keep_locked",
    "keep_minted",
    "see_exits",
    "move_exit",
    "move_exits",
    "keep_locks",
    "keep_answers",
    "keep_transaction",
    "keep_replacement",
    "end_transaction",
    "see_reversal",
    "move_reversal",
    "keep_reversals",
    "keep_covers",
    "set_cursor",
    "keep_request",
    "sent_request",
    "send",
    "lock",
    "attest_locks",
    "release",
    "disclose",
    "reserve",
    "attest_outcomes",
    "attest_refusals",
    "attest_covers",
    "attest_reversal",
    "reversals",
    "reconsider",
    "execute",
    "withdraw",
}


class _Mortal:
    def __init__(self, actor: Any, schedule: Schedule) -> None:
        self._actor, self._schedule = actor, schedule

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._actor, name)
        return self._mortal(name, value) if name in WRITES else value

    def _mortal(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **named: Any) -> Any:
            answer = call(*arguments, **named)
            self._schedule.moment(name)
            return answer

        return dying
