"""The registry as the story's people hold it: embedded in their process, or in one of its own behind a bad network."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bridge.bootstrap import Rehearsal
from bridge.errors import Unreachable
from bridge.registry.http import HttpRegistry, Line, Patience, Place

PATIENCE = Patience(answer_seconds=60)


@dataclass(frozen=True)
class Call:
    """A call of the port, or an exchange of the network that it is made of. `silence` is how its asker hears that no
    answer came; `delay` keeps it for later."""

    kind: str
    verb: str
    ask: Callable[[], Any]
    silence: Callable[[str], Exception]
    busy: Callable[[], Any]
    delay: Callable[[], None]


class Wire:
    """Between people and the registry. `between` is told of each call, and answers it; `transport`: how an exchange's
    bytes travel."""

    def __init__(self) -> None:
        self.transport: Callable[[], httpx.BaseTransport] = partial(httpx.HTTPTransport, verify=False)
        self.between: Callable[[Call], Any] = lambda call: call.ask()


@dataclass(frozen=True)
class Embedded(Rehearsal):
    wire: Wire = field(default_factory=Wire)

    def open_registry(self, *arguments: Any) -> Any:
        return _Watched(super().open_registry(*arguments), self.wire)


class _Watched:
    """The port; each call goes by the wire."""

    def __init__(self, registry: Any, wire: Wire) -> None:
        self._registry, self._wire = registry, wire

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._registry, name)
        if name.startswith("_") or not callable(value):
            return value
        return lambda *arguments: self._wire.between(_call(name, lambda: value(*arguments)))


def _call(verb: str, ask: Callable[[], Any]) -> Call:
    def never() -> Any:
        raise NotImplementedError("there is no network")

    return Call("registry", verb, ask, Unreachable, never, never)


@dataclass(frozen=True)
class Remote(Rehearsal):
    """Whoever has this has no attester's key: those are in the registry's process."""

    wire: Wire = field(default_factory=Wire)
    url: str = ""
    token: str = ""

    def open_registry(self, books: Any, *_: Any) -> Any:
        late = Path(books.engine.url.database).parent / "late"
        network = _Network(self.wire, self.wire.transport(), late)
        return HttpRegistry(Line(Place(url=self.url), self.token, PATIENCE, network, lambda _: None))


class _Network(httpx.BaseTransport):
    """Each exchange goes by the wire. What is late lies in a file until an exchange of any process has been answered:
    then it arrives, the latest first, and nobody hears what becomes of it."""

    def __init__(self, wire: Wire, honest: httpx.BaseTransport, late: Path) -> None:
        self._wire, self._honest, self._late = wire, honest, late

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def ask() -> httpx.Response:
            response = self._exchange(request)
            self._deliver()
            return response

        verb = f"{request.method} {re.sub('0x[0-9a-f]{64}', 'ID', request.url.path)}"
        response: httpx.Response = self._wire.between(
            Call(
                "exchange",
                verb,
                ask,
                lambda why: httpx.ReadTimeout(why, request=request),
                lambda: httpx.Response(503, stream=httpx.ByteStream(b"<html>"), request=request),
                lambda: self._delay(request),
            )
        )
        return response

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, so that one that breaks off is no answer."""
        response = self._honest.handle_request(request)
        try:
            body = httpx.ByteStream(b"".join(response.stream))  # type: ignore[arg-type]
        finally:
            response.close()
        return httpx.Response(response.status_code, headers=response.headers, stream=body, request=request)

    def _delay(self, request: httpx.Request) -> None:
        body = base64.b64encode(request.read()).decode()
        kept = {"method": request.method, "url": str(request.url), "headers": request.headers.raw, "body": body}
        with self._late.open("a") as file:
            file.write(json.dumps(kept, default=bytes.decode) + "\n")

    def _deliver(self) -> None:
        taken = self._late.with_suffix(".taken")
        try:
            self._late.rename(taken)
        except FileNotFoundError:
            return
        for line in reversed(taken.read_text().splitlines()):
            kept = json.loads(line)
            content = base64.b64decode(kept.pop("body"))
            kept["headers"] = [(name, value) for name, value in kept["headers"]]
            self._exchange(httpx.Request(content=content, **kept))

    def close(self) -> None:
        self._honest.close()
