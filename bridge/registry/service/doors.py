"""How a request comes in: who it is of is looked at before anything of it is read, and what is read is bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from bridge.registry.service.problems import Denied
from bridge.registry.wire import TOKEN_UNKNOWN

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Bounded(Request):
    async def json(self) -> Any:
        """orjson bounds nesting by itself. Python's own reader goes as deep as the recursion limit allows, which
        libraries of ours lift until the stack bursts; but it alone keeps every number as it was written."""
        body = await self.body()
        orjson.loads(body)
        return json.loads(body)


class Door(APIRoute):
    """A route that reads nothing of who has no good token. Raises Denied."""

    def get_route_handler(self) -> _Handler:
        inside = super().get_route_handler()

        async def handle(request: Request) -> Response:
            scheme, _, text = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not text.strip():
                raise Denied(TOKEN_UNKNOWN, "no token came with it; send: Authorization: Bearer TOKEN")
            tokens = request.app.state.service.tokens
            request.state.token = await run_in_threadpool(tokens.find, text.strip())
            return await inside(_Bounded(request.scope, request.receive))

        return handle
