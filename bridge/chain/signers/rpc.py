"""JSON-RPC over HTTP with a signer, who is not believed: one call a connection, no redirects, and an end to size and
time."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from threading import Event, Timer
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from bridge.domain.signing import RemoteKey
from bridge.errors import SignerRefused, Unreachable, UsageError

MOST_BYTES = 2 * 1024 * 1024
"""Of an answer: several times the largest transaction that nodes take, in hex and told twice."""

_MOST_LETTERS = 200


class _Error(BaseModel):
    message: str = ""


class _Answer(BaseModel):
    jsonrpc: Literal["2.0"]
    id: Literal[1] | None = None
    result: Any = None
    error: _Error | None = None


def call(key: RemoteKey, token: str | None, who: str, method: str, parameters: Sequence[Any]) -> Any:
    """The result. Raises Unreachable when no whole answer came in time, SignerRefused when it is a no or none at all,
    UsageError when our certificate or its authority cannot be read. `who` is named in errors."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    return read_answer(who, *_post(key, token, who, body))


def read_answer(who: str, status: int, body: bytes) -> Any:
    """The result in an answer, unless it is an error."""
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        answer = None
    if answer is not None and answer.error is not None:
        raise SignerRefused(f"{who} does not sign: {escaped(answer.error.message)}")
    if status >= 500:
        raise Unreachable(f"{who} is not able to answer (HTTP {status}); nothing was signed, try again")
    if 300 <= status < 400:
        raise SignerRefused(f"{who} points elsewhere (HTTP {status}), and nobody is followed: name its true address")
    if status != 200:
        raise SignerRefused(f"{who} does not answer us (HTTP {status}); look at its address, token and certificates")
    if answer is None or answer.id is None:
        raise SignerRefused(f"{who} does not speak JSON-RPC: {escaped(body[:_MOST_LETTERS].decode(errors='replace'))}")
    return answer.result


def escaped(text: str) -> str:
    """A stranger's words, shortened, without letters that command a terminal or begin a line."""
    return repr(text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + "…")


def _post(key: RemoteKey, token: str | None, who: str, body: bytes) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", "Connection": "close"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    connection, late, begun = _connection(key), Event(), time.monotonic()
    try:
        connection.connect()
        # A socket's own timeout begins again with each byte; this one does not.
        hang_up = Timer(begun + key.answer_seconds - time.monotonic(), _hang_up, [connection.sock, late])
        hang_up.start()
        try:
            connection.request("POST", urlsplit(key.url).path or "/", body, headers)
            response = connection.getresponse()
            status, answer = response.status, response.read(MOST_BYTES + 1)
            if response.length and len(answer) <= MOST_BYTES:
                raise IncompleteRead(answer)  # read() with a bound does not
        finally:
            hang_up.cancel()
    except (OSError, HTTPException) as error:
        why = f"in {key.answer_seconds:g} s" if late.is_set() else f"({_reason(error)})"
        raise Unreachable(f"{who} did not answer {why}; nothing was sent, try again") from error
    finally:
        connection.close()
    if late.is_set():
        raise Unreachable(f"{who} did not answer in {key.answer_seconds:g} s; nothing was sent, try again")
    if len(answer) > MOST_BYTES:
        raise SignerRefused(f"{who} answers with more than {MOST_BYTES:,} bytes; nothing of it was read")
    return status, answer


def _hang_up(line: socket.socket, late: Event) -> None:
    late.set()
    with suppress(OSError):  # it has ended by itself
        line.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {escaped(error.verify_message)}"
    return type(error).__name__


def _connection(key: RemoteKey) -> HTTPConnection:
    parts = urlsplit(key.url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=key.answer_seconds)
    try:
        context = ssl.create_default_context(cafile=key.ca)
        if key.certificate is not None:
            context.load_cert_chain(key.certificate, key.certificate_key, password=_no_password)
    except OSError as error:
        named = ", ".join(str(path) for path in (key.ca, key.certificate, key.certificate_key) if path)
        raise UsageError(f"no TLS with these files: {named}: {error.strerror or error}") from error
    return HTTPSConnection(host, parts.port, timeout=key.answer_seconds, context=context)


def _no_password() -> str:
    """Instead of OpenSSL's own question at the terminal, which a service could never answer."""
    raise UsageError("certificate_key is encrypted; give it without a password, readable by its owner alone")
