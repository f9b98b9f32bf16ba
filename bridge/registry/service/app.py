"""The service as an ASGI application, described by its own OpenAPI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bridge.errors import BridgeError, MalformedInput
from bridge.registry.service.calls import Service, told
from bridge.registry.service.problems import Denied
from bridge.registry.service.public import public
from bridge.registry.service.routes import routes
from bridge.registry.wire import FAULT, MOST_BYTES, NOWHERE, TOO_LARGE, Done, kind_of, problem_of

_THREADS = 12
"""Fewer than a database's pool has connections: each request holds one at a time."""

_ABOUT = """The books of a carbon registry, for bridges, depositors, holders and readers.

A bridge only asks: what is locked, signed and retired follows from depositors' instructions and from what the registry
sees on the final chain itself. Every act carries an Idempotency-Key and may be repeated with it."""


def create_app(service: Service) -> FastAPI:
    app = FastAPI(
        title="carbonbridge registry",
        description=_ABOUT,
        version=version("carbonbridge"),
        lifespan=_few_threads,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # the address that it would name is the asker's own word
    )
    app.state.service = service
    app.include_router(routes)
    app.include_router(public)
    app.add_api_route("/healthz", _healthz, response_model=Done)
    app.add_middleware(_Bounded)
    app.add_exception_handler(Denied, _denied)
    app.add_exception_handler(BridgeError, _error)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _elsewhere)
    app.add_exception_handler(Exception, _fault)
    return app


@asynccontextmanager
async def _few_threads(_: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


def _healthz(request: Request) -> Done:
    """Whether the books can be opened."""
    request.app.state.service.registry.ledger.has_account("")
    return Done()


def _denied(_: Request, error: Exception) -> Response:
    assert isinstance(error, Denied)  # noqa: S101 as it is registered
    return told(error.problem, error.retry_seconds)


def _error(_: Request, error: Exception) -> Response:
    assert isinstance(error, BridgeError)  # noqa: S101
    return told(problem_of(error))


def _malformed(_: Request, error: Exception) -> Response:
    """Which fields, and why, without repeating what was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return told(kind_of(MalformedInput()).about(faults[:2000]))


def _elsewhere(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    kind = TOO_LARGE if error.status_code == 413 else NOWHERE
    response = told(kind.model_copy(update={"status": error.status_code}).about(str(error.detail)))
    response.headers.update(error.headers or {})
    return response


def _fault(_: Request, error: Exception) -> Response:
    """Its kind and no more: its text may hold what nobody else should read."""
    return told(FAULT.about(f"a fault of the registry's ({type(error).__name__}); it stands in its log"))


class _Bounded:
    """Reads no more of a request than is ever asked for."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        read = 0

        async def bounded() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(TOO_LARGE.status, f"more than {MOST_BYTES:,} bytes; ask for less at once")
            return message

        await self._app(scope, bounded if scope["type"] == "http" else receive, send)
