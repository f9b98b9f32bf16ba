"""One question at a time to a service that is not believed: no redirects, an end to size and time, and repetition with
the same key as long as no answer came."""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from bridge.domain.values import Fact, faults
from bridge.errors import RegistryRefused, Unreachable, UsageError
from bridge.registry.wire import IN_USE, Problem, canonical, error_of

MOST_BYTES = 4 * 1024 * 1024
"""Of an answer: several times that of a thousand locks, or rows."""

_MOST_LETTERS = 400
_TRY_AGAIN = (429, 500, 502, 503, 504)

Answer = TypeVar("Answer", bound=BaseModel)


class Place(Fact):
    """Where the service is. `ca`: whom to trust for its certificate, instead of the usual authorities."""

    url: str
    ca: Path | None = None


class Patience(Fact):
    """`answer_seconds`: how long one answer may take; after the last of `attempts` the call is given up."""

    answer_seconds: float = Field(default=30, gt=0)
    attempts: int = Field(default=4, ge=1)
    first_pause_seconds: float = Field(default=0.2, ge=0)
    longest_pause_seconds: float = Field(default=5, ge=0)


class StaleCursor(Exception):
    """The list that is read page by page has changed."""


class _Heard(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class Line:
    """`transport`: how bytes travel where it is not by network; `pause` waits for so many seconds."""

    def __init__(
        self,
        place: Place,
        token: str,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience, self._pause = patience or Patience(), pause
        self.url = place.url.rstrip("/")
        self._http = httpx.Client(
            verify=_trust(place),
            timeout=self._patience.answer_seconds,
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity", "Accept": "application/json"},
            follow_redirects=False,
            trust_env=False,  # no proxy that somebody named elsewhere, and no other password
            transport=transport,
        )
        self._seen: dict[str, tuple[str, bytes]] = {}

    def __repr__(self) -> str:
        return f"Line({self.url})"

    def close(self) -> None:
        self._http.close()

    def get(self, kind: type[Answer], path: str, query: Mapping[str, object] | None = None) -> Answer:
        """What is at the path. Raises as `port.Registry`, and StaleCursor."""
        address = str(httpx.URL(self.url + path, params=_text(query or {})))
        known = self._seen.get(address)
        heard = self._ask("GET", address, {"If-None-Match": known[0]} if known else {}, None)
        if heard.status == 304 and known:
            return self._read(kind, known[1])
        answer = self._answered(kind, heard)
        if not query and (tag := heard.headers.get("ETag")):
            self._seen = {address: (tag, heard.body)} | {k: v for k, v in self._seen.items() if k != address}
            while len(self._seen) > 8:
                self._seen.popitem()
        return answer

    def post(self, kind: type[Answer], path: str, content: BaseModel | None = None) -> Answer:
        """Has it done, once."""
        key = secrets.token_hex(16)
        headers = {"Idempotency-Key": f'"{key}"', "Content-Type": "application/json"}
        body = canonical(content) if content is not None else b""
        return self._answered(kind, self._ask("POST", self.url + path, headers, body))

    def _answered(self, kind: type[Answer], heard: _Heard) -> Answer:
        if heard.status == 200:
            return self._read(kind, heard.body)
        if 300 <= heard.status < 400:
            raise RegistryRefused(f"{self._who} points elsewhere (HTTP {heard.status}), and nobody is followed there")
        problem = _problem(heard)
        if problem is None:
            raise RegistryRefused(f"{self._who} answers with HTTP {heard.status} and no reason: {_shown(heard.body)}")
        if (error := error_of(problem)) is not None:
            raise error
        if heard.status == 410:
            raise StaleCursor(problem.detail)
        if heard.status in (401, 403):
            raise UsageError(f"{self._who} does not take our token: {_escaped(problem.detail)}")
        raise RegistryRefused(f"{self._who} does not take this: {_escaped(problem.detail)}")

    def _read(self, kind: type[Answer], body: bytes) -> Answer:
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            why = _escaped(faults(error, "answer"))
            raise RegistryRefused(f"{self._who} answers with something else than {kind.__name__}: {why}") from error

    @property
    def _who(self) -> str:
        return f"the registry at {self.url}"

    # -------------------------------------------------------------- repetition

    def _ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None) -> _Heard:
        """An answer that is none of a busy service or of a proxy before it."""
        pause, trouble = self._patience.first_pause_seconds, ""
        for attempt in range(self._patience.attempts):
            if attempt:
                self._pause(min(pause, self._patience.longest_pause_seconds))
                pause *= 2
            try:
                heard = self._exchange(method, address, headers, body)
            except httpx.TransportError as error:
                trouble = _reason(error)
                continue
            if not _is_busy(heard):
                return heard
            trouble = f"HTTP {heard.status}"
            pause = max(pause, _wait_of(heard))
        raise Unreachable(f"{self._who} did not answer ({trouble}); the same may be asked again")

    def _exchange(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None) -> _Heard:
        until = time.monotonic() + self._patience.answer_seconds
        with self._http.stream(method, address, headers=dict(headers), content=body) as response:
            read = bytearray()
            for some in response.iter_raw():
                read += some
                if len(read) > MOST_BYTES:
                    raise RegistryRefused(f"{self._who} answers with more than {MOST_BYTES:,} bytes; nothing was read")
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("too long in all")
            return _Heard(response.status_code, response.headers, bytes(read))


def _is_busy(heard: _Heard) -> bool:
    """Whether the same may be asked at once again: what the registry itself says of a request is an answer."""
    problem = _problem(heard)
    if problem is not None and problem.type == IN_USE.type:
        return True
    return heard.status in _TRY_AGAIN and (problem is None or error_of(problem) is None)


def _problem(heard: _Heard) -> Problem | None:
    if heard.status < 400:
        return None
    try:
        return Problem.model_validate_json(heard.body)
    except ValidationError:
        return None


def _wait_of(heard: _Heard) -> float:
    """Retry-After in seconds; zero where it is a date or nothing."""
    text = heard.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else 0.0


def _text(query: Mapping[str, object]) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in query.items():
        if value is not None:
            found[name] = [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
    return found


def _trust(place: Place) -> ssl.SSLContext | bool:
    if not place.url.startswith("https:"):
        return False
    try:
        return ssl.create_default_context(cafile=place.ca)
    except OSError as error:
        raise UsageError(f"no TLS with {place.ca}: {error.strerror or error}") from error


def _reason(error: httpx.TransportError) -> str:
    return f"{type(error).__name__}: {_escaped(str(error))}" if str(error) else type(error).__name__


def _shown(body: bytes) -> str:
    return _escaped(body[:_MOST_LETTERS].decode(errors="replace"))


def _escaped(text: str) -> str:
    """A stranger's words, shortened, without letters that command a terminal or begin a line."""
    return repr(text if len(text) <= _MOST_LETTERS else text[:_MOST_LETTERS] + "…")
