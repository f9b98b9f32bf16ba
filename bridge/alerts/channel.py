"""What a channel does, and the bounds in which it does it."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread
from typing import Protocol

import stamina

from bridge.domain.values import Hex32
from bridge.errors import BridgeError, Unreachable

_WAIT_SECONDS = (0.5, 20.0)
"""Before the second try, and at most before a later one."""


class Channel(Protocol):
    def send(self, alert_id: Hex32, body: str) -> None:
        """Returns when the other side has taken it. Raises Unreachable when it did not answer, or could not just then;
        Refused when it will not. No error shows an address or a secret."""
        ...


def tried(tries: int, seconds: float, send: Callable[[], None], who: str) -> None:
    """Each try within its seconds, all in all; what did not answer is tried again, ever later."""
    for attempt in stamina.retry_context(
        on=Unreachable, attempts=tries, timeout=None, wait_initial=_WAIT_SECONDS[0], wait_max=_WAIT_SECONDS[1]
    ):
        with attempt:
            _within(seconds, send, who)


def _within(seconds: float, send: Callable[[], None], who: str) -> None:
    """A timeout of a socket counts from one byte to the next, and a slow peer could drip for ever; so somebody else
    waits for it, and is left behind when he does not come back."""
    ended: Queue[BridgeError | None] = Queue()

    def act() -> None:
        try:
            send()
            ended.put(None)
        except BridgeError as error:
            ended.put(error)
        except Exception as error:  # whatever a stranger's answer makes the library raise; its words may hold secrets
            ended.put(Unreachable(f"{who} could not be told ({type(error).__name__})"))

    Thread(target=act, daemon=True).start()
    try:
        failure = ended.get(timeout=seconds)
    except Empty:
        raise Unreachable(f"{who} did not answer within {seconds:g} seconds") from None
    if failure is not None:
        raise failure
