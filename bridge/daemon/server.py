"""`/health` and `/metrics` over HTTP, on loopback unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from bridge.daemon.health import Health
from bridge.errors import UsageError

LOOPBACK = "127.0.0.1"
_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def serving(health: Health, registry: CollectorRegistry, port: int, host: str = LOOPBACK) -> Iterator[int]:
    """Serves while the block runs, and gives the port; zero takes a free one. Raises UsageError when it is taken."""
    try:
        server = make_server(host, port, _app(health, make_wsgi_app(registry)), handler_class=_Quiet)
    except OSError as error:
        raise UsageError(f"nothing can be served on {host}:{port}: {error.strerror}; choose another port") from error
    thread = Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _app(health: Health, metrics: _App) -> _App:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start)
            case "/health":
                state = health.state()
                body = state.model_dump_json().encode()
                start("200 OK" if state.good else "503 Service Unavailable", [("Content-Type", "application/json")])
                return [body]
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there are /health and /metrics\n"]

    return app


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, *_: object) -> None:
        """Silent: the daemon's own log says what happens."""
