"""How often a token may ask."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from bridge.errors import UsageError
from bridge.registry.service.problems import Denied
from bridge.registry.wire import TOO_MANY

USUAL = "6000/minute"
"""Several times what an operator's turns ask for."""

_PUBLIC = parse("600/minute")


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
        self._take(self._limit, token_id, "token")

    def take_public(self, host: str) -> None:
        """For what needs no token, by the address that asks: none takes a token's share. Raises Denied likewise."""
        self._take(_PUBLIC, f"public {host}", "address")

    def _take(self, limit: RateLimitItem, of: str, what: str) -> None:
        if not self._limiter.hit(limit, of):
            reset = self._limiter.get_window_stats(limit, of).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise Denied(TOO_MANY, f"more than {limit} of one {what}; wait {wait} s", wait)
