"""The registry's service inside the test's own process, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from bridge.domain.attestations import Deployment
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.http import HttpRegistry, Line, Patience, Place
from bridge.registry.service.app import create_app
from bridge.registry.service.calls import Service
from bridge.registry.service.rates import Rates
from bridge.registry.service.tokens import SCOPES
from bridge.registry.wire import Scope

URL = "http://registry.example"
PATIENCE = Patience(attempts=8, first_pause_seconds=0)
UNLIMITED = "1000000/second"


class InProcess(httpx.BaseTransport):
    """Hands requests to an application without a socket."""

    def __init__(self, app: Any, portal: BlockingPortal) -> None:
        self._app, self._portal = httpx.ASGITransport(app, raise_app_exceptions=False), portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._handle, request)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        response = await self._app.handle_async_request(request)
        body = httpx.ByteStream(await response.aread())
        return httpx.Response(response.status_code, headers=response.headers, stream=body)


class Served:
    """A registry behind its service. `now` is the machine's time there."""

    def __init__(self, registry: LedgerRegistry, portal: BlockingPortal, rate: str = UNLIMITED) -> None:
        self.now = 1_700_000_000
        self.registry = registry
        self.service = Service.of(registry, lambda: self.now, Rates(rate))
        self.app = create_app(self.service)
        self.transport = InProcess(self.app, portal)

    def token(
        self,
        *scopes: Scope,
        deployment: Deployment | None = None,
        account: str | None = None,
        valid_seconds: int | None = None,
    ) -> str:
        return self.service.tokens.create("test", scopes, deployment, account, valid_seconds)[1]

    def client(
        self, deployment: Deployment, wrap: Callable[[httpx.BaseTransport], httpx.BaseTransport] = lambda it: it
    ) -> HttpRegistry:
        """With every scope that a deployment's people have. `wrap`: a network between the two."""
        token = self.token(*(scope for scope in SCOPES if scope != "depositor"), deployment=deployment)
        return HttpRegistry(self.line(token, wrap))

    def line(self, token: str, wrap: Callable[[httpx.BaseTransport], httpx.BaseTransport] = lambda it: it) -> Line:
        return Line(Place(url=URL), token, PATIENCE, wrap(self.transport), lambda _: None)

    def call(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """As somebody with a terminal would."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= more.pop("headers", {})
        with httpx.Client(transport=self.transport, base_url=URL) as client:
            return client.request(method, path, headers=headers, **more)


@contextmanager
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as made:
        yield made
