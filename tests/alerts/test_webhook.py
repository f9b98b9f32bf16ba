"""Webhooks against real servers: down, slow, dripping, refusing, redirecting, and at last well."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from pydantic import ValidationError

from bridge.alerts.webhook import WebhookChannel
from bridge.domain.values import hex32
from bridge.domain.watching import Webhook
from bridge.errors import Refused, Unreachable
from tests.cli.office import free_port

SECRET = "what only two know"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    def __init__(self, *answers: Answer) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        receiver, left = self, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append((dict(self.headers.items()), body))
                (left.pop(0) if left else status(204))(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def status(code: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()

    return answer


@contextmanager
def receiving(*answers: Answer) -> Iterator[Receiver]:
    made = Receiver(*answers)
    Thread(target=made.server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def channel(port: int, tries: int = 3, seconds: float = 5) -> WebhookChannel:
    url = f"http://127.0.0.1:{port}/t0ken-in-the-path"
    hook = Webhook(url=url, secret_file=Path("unused"), answer_seconds=seconds, tries=tries)
    return WebhookChannel("desk", hook, SECRET)


def refused(error: pytest.ExceptionInfo[Exception]) -> str:
    """Its words, which show neither the secret nor the address."""
    text = str(error.value)
    assert SECRET not in text
    assert "t0ken" not in text
    assert "127.0.0.1" not in text
    return text


def test_a_receiver_that_is_down_is_tried_as_often_as_asked_and_no_more() -> None:
    with pytest.raises(Unreachable) as error:
        channel(free_port()).send(hex32(1), "{}")
    assert "webhook desk did not answer" in refused(error)
    with receiving(*[status(503)] * 9) as receiver:
        with pytest.raises(Unreachable, match="cannot take it now"):
            channel(receiver.server.server_port).send(hex32(1), "{}")
        assert len(receiver.heard) == 3


@pytest.mark.parametrize("code", [400, 401, 404, 410, 302])
def test_a_receiver_that_refuses_is_not_asked_again(code: int) -> None:
    with receiving(*[status(code, Location="http://127.0.0.1:1/")] * 2) as receiver:
        with pytest.raises(Refused) as error:
            channel(receiver.server.server_port).send(hex32(1), "{}")
        assert f"HTTP {code}" in refused(error)
        assert len(receiver.heard) == 1


def test_one_that_never_answers_and_one_that_drips_are_left() -> None:
    over = Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    def drips(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not over.wait(0.05):
            request.wfile.write(b"a")

    for answer in (silent, drips):
        with receiving(answer) as receiver:
            with pytest.raises(Unreachable) as error:
                channel(receiver.server.server_port, tries=1, seconds=0.3).send(hex32(1), "{}")
            assert "did not answer" in refused(error)
    over.set()


def test_one_that_recovers_gets_the_same_alert_under_the_same_id() -> None:
    with receiving(status(500), status(429)) as receiver:
        channel(receiver.server.server_port).send(hex32(7), '{"run": 1}')
    assert len(receiver.heard) == 3
    assert {(headers["Idempotency-Key"], body) for headers, body in receiver.heard} == {(hex32(7), b'{"run": 1}')}


def test_what_arrives_is_signed_with_the_shared_secret_and_its_second() -> None:
    with receiving() as receiver:
        channel(receiver.server.server_port).send(hex32(7), '{"run": "取消し"}')
    [(headers, body)] = receiver.heard
    second, _, mac = headers["X-Carbonbridge-Signature"].removeprefix("t=").partition(",v1=")
    assert mac == hmac.new(SECRET.encode(), f"{second}.".encode() + body, hashlib.sha256).hexdigest()
    assert mac != hmac.new(SECRET.encode(), f"{int(second) + 1}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(int(second) - time.time()) < 3600


def test_nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with receiving(status(500)) as receiver:
        channel(receiver.server.server_port).send(hex32(7), "{}")
    assert SECRET not in caplog.text
    assert "t0ken" not in caplog.text
    assert SECRET not in repr(channel(1))


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "https://me:pass@hooks.example/", "https://hooks.example/?token=x", "ftp://a/b"]
)
def test_an_address_that_would_leak_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Webhook(url=url, secret_file=Path("unused"))
