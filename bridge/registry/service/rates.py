"""How often a token may ask."""

from __future__ import annotations

import math
import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bridge.errors import UsageError
from bridge.registry.service.problems import Denied
from bridge.registry.wire import TOO_MANY

USUAL = "6000/minute"
"""Several times what an operator's turns ask for."""


class Rates:
    """Counted in this process. `limit` such as `100/second` or `6000/minute`."""

    def __init__(self, limit: str = USUAL) -> None:
        try:
            self._limit = parse(limit)
        except ValueError as error:
            raise UsageError(f"{limit!r} is no rate; write it as {USUAL}") from error
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, token_id: str) -> None:
        """Raises Denied when the token has asked too often."""
        if not self._limiter.hit(self._limit, token_id):
            reset = self._limiter.get_window_stats(self._limit, token_id).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise Denied(TOO_MANY, f"more than {self._limit} of one token; wait {wait} s", wait)
