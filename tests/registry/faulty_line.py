"""A line between a client and a server that loses, delays and garbles calls; one call a connection."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

LATE = 3
"""Calls after which a delayed request arrives."""


class Fault(StrEnum):
    LOST_REQUEST = "the request is lost"
    LOST_ANSWER = "the answer is lost"
    LATE_REQUEST = "the request arrives late"
    UNAVAILABLE = "503 before"
    BROKEN = "500 after"
    GARBAGE = "garbage after"
    MOVED = "307 instead"


@dataclass
class Line:
    """`faults` by the number of the call, from one. `calls` are those that were made, in order."""

    port: int = 0
    faults: Mapping[int, Fault] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    late: dict[int, bytes] = field(default_factory=dict)

    def clear(self) -> None:
        """As new; what is still late is lost."""
        self.faults = {}
        self.calls.clear()
        self.late.clear()


@contextmanager
def faulty_line(upstream: int) -> Iterator[Line]:
    line, turn = Line(), threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = _request(self.request)
            if not asked:
                return
            with turn:
                line.calls.append(asked.split(b" HTTP/", 1)[0].decode())
                number = len(line.calls)
                for due in [n for n in line.late if n <= number]:
                    _forward(upstream, line.late.pop(due))
                answer = self._answer(number, asked)
            if answer:
                self.request.sendall(answer)

        def _answer(self, number: int, asked: bytes) -> bytes:
            match line.faults.get(number):
                case None:
                    return _forward(upstream, asked)
                case Fault.LOST_REQUEST:
                    return b""
                case Fault.LOST_ANSWER:
                    _forward(upstream, asked)
                    return b""
                case Fault.LATE_REQUEST:
                    line.late[number + LATE] = asked
                    return b""
                case Fault.UNAVAILABLE:
                    return _plain(503)
                case Fault.BROKEN:
                    _forward(upstream, asked)
                    return _plain(500)
                case Fault.GARBAGE:
                    _forward(upstream, asked)
                    return _plain(200)
                case Fault.MOVED:
                    return _plain(307, b"location: /v1/elsewhere\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        line.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield line
        finally:
            server.shutdown()
            thread.join(20)


def _request(line: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        more = line.recv(65536)
        if not more:
            return b""
        found += more
    head, _, body = found.partition(b"\r\n\r\n")
    lengths = [row.split(b":", 1)[1] for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    while len(body) < int((lengths or [b"0"])[0]):
        body += line.recv(65536)
    return head + b"\r\n\r\n" + body


def _forward(port: int, asked: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as upstream:
        upstream.sendall(asked)
        found = b""
        while more := upstream.recv(65536):
            found += more
        return found


def _plain(status: int, header: bytes = b"") -> bytes:
    body = b"<html>a proxy's words</html>"
    head = b"HTTP/1.1 %d X\r\n%scontent-length: %d\r\nconnection: close\r\n\r\n" % (status, header, len(body))
    return head + body
