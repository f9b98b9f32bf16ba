"""A network that drops, delays and repeats, as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import httpx


class Fate(StrEnum):
    FINE = "fine"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    TWICE = "twice"  # the request arrives twice, and the second answer comes back
    LATE = "late"  # nothing comes back, and the request arrives when later ones have been answered
    BUSY = "busy"  # a proxy is not able to reach anybody


class BadNetwork(httpx.BaseTransport):
    """Each exchange meets the next fate; when there are no more all is fine. What is late arrives after the exchange
    that follows, the latest first."""

    def __init__(self, honest: httpx.BaseTransport, fates: Iterator[Fate]) -> None:
        self._honest, self._fates = honest, fates
        self._late: list[httpx.Request] = []
        self.met: list[Fate] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fate = next(self._fates, Fate.FINE)
        self.met.append(fate)
        if fate is Fate.BUSY:
            return httpx.Response(503, stream=httpx.ByteStream(b"<html>"), request=request)
        if fate is Fate.REQUEST_LOST:
            raise httpx.ConnectError("dropped", request=request)
        if fate is Fate.LATE:
            self._late.append(request)
            raise httpx.ReadTimeout("delayed", request=request)
        response = self._honest.handle_request(request)
        if fate is Fate.TWICE:
            response.close()
            response = self._honest.handle_request(request)
        self.deliver()
        if fate is Fate.ANSWER_LOST:
            response.close()
            raise httpx.ReadTimeout("the answer was dropped", request=request)
        return response

    def deliver(self) -> None:
        """What was late arrives, and nobody hears the answer."""
        while self._late:
            self._honest.handle_request(self._late.pop()).close()

    def close(self) -> None:
        self._honest.close()
