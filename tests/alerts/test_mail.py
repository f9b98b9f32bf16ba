"""E-mail through real SMTP servers: down, without STARTTLS, refusing, and at last well."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import ValidationError

from bridge.alerts.mail import MailChannel
from bridge.domain.values import hex32
from bridge.domain.watching import Mail
from bridge.errors import Refused, Unreachable
from tests.cli.office import free_port

PASSWORD = "a password for mail"
BODY = json.dumps(
    {"subject": "[carbonbridge] 1 new\r\nBcc: all@e.example", "text": "重大な不一致\n.\nend", "at": 1_700_000_000}
)


class Inbox:
    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.taken: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        if self.answer.startswith("250"):
            self.taken.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return self.answer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of a server named localhost, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    paths = folder / "server.pem", folder / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *names, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@contextmanager
def server(inbox: Inbox, certificate: tuple[Path, Path] | None = None, password: str = PASSWORD) -> Iterator[int]:
    def authenticate(_s: Any, _e: Any, _m: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == password.encode()
        return AuthResult(success=good, handled=good)

    secured: dict[str, Any] = {}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        secured = {"tls_context": context, "require_starttls": True, "auth_required": True}
    port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, authenticator=authenticate, **secured)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def channel(port: int, password: str | None = PASSWORD, **changes: Any) -> MailChannel:
    facts = {
        "host": "localhost",
        "sender": "bridge@e.example",
        "to": ("desk@e.example", "audit@e.example"),
        "answer_seconds": 5.0,
    }
    who = {"user": "bridge", "password_file": Path("unused")} if password else {}
    return MailChannel("desk", Mail(port=port, **facts | who | changes), password)


def test_a_server_that_is_down_is_said_without_its_name() -> None:
    with pytest.raises(Unreachable, match="mail desk: its server did not answer") as error:
        channel(free_port()).send(hex32(1), BODY)
    assert "localhost" not in str(error.value)


def test_a_server_that_strips_starttls_gets_neither_mail_nor_password() -> None:
    inbox = Inbox()
    with server(inbox) as port, pytest.raises(Refused, match="SMTPNotSupportedError"):
        channel(port).send(hex32(1), BODY)
    assert inbox.taken == []


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    inbox = Inbox()
    with server(inbox, certificate) as port, pytest.raises(Refused, match="SSLCertVerificationError"):
        channel(port).send(hex32(1), BODY)
    assert inbox.taken == []


def test_a_wrong_password_is_refused_and_not_shown(certificate: tuple[Path, Path]) -> None:
    with server(Inbox(), certificate, "another") as port, pytest.raises(Refused) as error:
        channel(port, ca=certificate[0]).send(hex32(1), BODY)
    assert PASSWORD not in str(error.value)
    assert PASSWORD not in repr(channel(1))


@pytest.mark.parametrize(("answer", "kind"), [("451 later", Unreachable), ("554 never", Refused)])
def test_what_passes_is_tried_again_and_what_does_not_is_not(
    certificate: tuple[Path, Path], answer: str, kind: type[Exception]
) -> None:
    with server(Inbox(answer), certificate) as port, pytest.raises(kind):
        channel(port, ca=certificate[0]).send(hex32(1), BODY)


def test_it_arrives_over_tls_with_an_id_of_its_own_and_no_header_of_others(certificate: tuple[Path, Path]) -> None:
    inbox = Inbox()
    with server(inbox, certificate) as port:
        channel(port, ca=certificate[0]).send(hex32(7), BODY)
    [(recipients, message)] = inbox.taken
    assert recipients == ["desk@e.example", "audit@e.example"]
    assert message["Message-ID"] == f"<{hex32(7)}@carbonbridge.invalid>"
    assert message["Bcc"] is None
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().splitlines() == ["重大な不一致", ".", "end"]


def test_without_tls_only_this_machine_is_reached() -> None:
    with pytest.raises(ValidationError, match="in the clear"):
        Mail(host="mail.example", sender="a@e.example", to=("b@e.example",), starttls=False)
    inbox = Inbox()
    with server(inbox) as port:
        channel(port, None, host="127.0.0.1", starttls=False).send(hex32(1), BODY)
    assert len(inbox.taken) == 1
