"""Serves an application until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from bridge.errors import UsageError

LOOPBACK = "127.0.0.1"
_GRACE_SECONDS = 30
_MOST_AT_ONCE = 200


class Server(uvicorn.Server):
    """On a socket that is bound already. `stop` ends it after the requests at hand."""

    def __init__(self, app: Any, listener: socket.socket, tls: tuple[Path, Path] | None = None) -> None:
        certificate, key = tls or (None, None)
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_MOST_AT_ONCE,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._listener = listener

    def serve_until_stopped(self) -> None:
        super().run([self._listener])

    def stop(self) -> None:
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever runs it knows when to stop."""
        yield


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; port zero takes a free one. Raises UsageError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UsageError(f"nothing can be served on {host}:{port}: {error.strerror}; choose another port") from error
    return listener
