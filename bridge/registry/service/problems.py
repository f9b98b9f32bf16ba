"""What stops a request between client and service, before the registry is asked."""

from __future__ import annotations

from bridge.registry.wire import Kind, Problem


class Denied(Exception):
    """`retry_seconds`: when it may be repeated, where that is known."""

    def __init__(self, kind: Kind, detail: str, retry_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.problem: Problem = kind.about(detail)
        self.retry_seconds = retry_seconds
