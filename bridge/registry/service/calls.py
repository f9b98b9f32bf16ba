"""What every request goes through: whose token it is, whether it may, how often, and that a write acts once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from bridge.domain.attestations import Deployment
from bridge.errors import BridgeError, MalformedInput
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.service.answers import Answer, Answers, read_key
from bridge.registry.service.audit import Act
from bridge.registry.service.bound import Bound
from bridge.registry.service.problems import Denied
from bridge.registry.service.rates import Rates
from bridge.registry.service.tokens import Token, Tokens
from bridge.registry.wire import FORBIDDEN, ManyAnswers, Problem, Scope, canonical, kind_of, problem_of

PROBLEM = "application/problem+json"
TOLD: dict[str, Any] = {
    "model": Problem,
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
"""A problem, as the service describes itself."""
_LATER_SECONDS = 5
_TYPES_THAT_WAIT = {"urn:carbonbridge:not-yet", "urn:carbonbridge:unreachable"}


class Service(NamedTuple):
    """All that the routes need."""

    registry: LedgerRegistry
    tokens: Tokens
    answers: Answers
    rates: Rates

    @classmethod
    def of(cls, registry: LedgerRegistry, clock: Callable[[], int], rates: Rates | None = None) -> Service:
        """`clock` in seconds since 1970, this machine's."""
        engine = registry.ledger.engine
        return cls(registry, Tokens(engine, clock), Answers(engine, clock), rates or Rates())


_bearer = HTTPBearer(auto_error=False, description="From `carbonbridge registry token create`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="New for each act, and the same when it is repeated: 8 to 128 letters, digits or ._:~+/=-",
    ),
]


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def token_of(request: Request, _: Credentials) -> Token:
    """As the door found it. Raises Denied when it asks too often."""
    token: Token = request.state.token
    service_of(request).rates.take(token.id)
    return token


Known = Annotated[Token, Depends(token_of)]


async def _body(request: Request) -> bytes:
    return await request.body()


class Read:
    """A question that changes nothing."""

    def __init__(self, request: Request, token: Token) -> None:
        self._service, self._unless = service_of(request), request.headers.get("If-None-Match", "")
        self.token = token

    @property
    def service(self) -> Service:
        return self._service

    @property
    def deployment(self) -> Deployment:
        """Which the token is for. Raises Denied for a depositor's, which is for none."""
        if self.token.deployment is None:
            raise Denied(FORBIDDEN, "this token is for no deployment")
        return self.token.deployment

    @property
    def account(self) -> str:
        if self.token.account is None:
            raise Denied(FORBIDDEN, "this token is for no account")
        return self.token.account

    @property
    def registry(self) -> Bound:
        return Bound(self._service.registry, self.deployment)

    def answer(self, content: BaseModel) -> Response:
        """With its ETag; 304 to who has it already."""
        body = canonical(content)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in (one.strip().removeprefix("W/") for one in self._unless.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


class Write(Read):
    """A request that acts: once, however often it comes under its key, and with a row in the audit trail."""

    def __init__(self, request: Request, token: Token, key: str | None, body: bytes) -> None:
        super().__init__(request, token)
        self._key, self._body = key, body
        self._method, self._path = request.method, request.url.path

    def __call__(self, do: Callable[[], BaseModel]) -> Response:
        key = read_key(self._key)
        if key is None:
            raise MalformedInput("a write needs an Idempotency-Key: 8 to 128 letters, digits or ._:~+/=-")
        digest = hashlib.sha256(self._body).hexdigest()
        act = Act(token=self.token.id, method=self._method, path=self._path, key=key, body=digest)
        fingerprint = hashlib.sha256(f"{self._method} {self._path} {digest}".encode()).hexdigest()
        answer, again = self._service.answers.once(act, fingerprint, lambda: _answer(do))
        headers = {"Idempotent-Replayed": "true"} if again else {}
        if answer.status < 300:
            return Response(answer.body, answer.status, headers, "application/json")
        return _told(answer.status, answer.body, headers)


def _answer(do: Callable[[], BaseModel]) -> Answer:
    try:
        content = do()
    except BridgeError as error:
        problem = problem_of(error)
        return Answer(status=problem.status, body=canonical(problem), final=kind_of(error).final)
    return Answer(status=200, body=canonical(content), final=_is_final(content))


def _is_final(content: BaseModel) -> bool:
    """Whether nothing in it says "later"."""
    if isinstance(content, ManyAnswers):
        return all(one.problem is None or one.problem.type in _FINAL for one in content.answers)
    return True


_FINAL = {
    "urn:carbonbridge:refused",
    "urn:carbonbridge:conflict",
    "urn:carbonbridge:usage",
    "urn:carbonbridge:malformed",
}


def told(problem: Problem, retry_seconds: int | None = None) -> Response:
    """A problem as the answer."""
    headers = {} if retry_seconds is None else {"Retry-After": str(retry_seconds)}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _told(problem.status, canonical(problem), headers)


def _told(status: int, body: bytes, headers: dict[str, str]) -> Response:
    if status == 503:
        headers.setdefault("Retry-After", str(_LATER_SECONDS))
    return Response(body, status, headers, PROBLEM)


def _require(token: Token, scopes: Sequence[Scope]) -> None:
    if not set(scopes) & set(token.scopes):
        raise Denied(FORBIDDEN, f"this token has no scope {' or '.join(scopes)}; ask the registry for another")


def reads(*scopes: Scope) -> Callable[..., Read]:
    """A dependency: a question that tokens with one of the scopes may ask."""

    def read(request: Request, token: Known) -> Read:
        _require(token, scopes)
        return Read(request, token)

    return read


def writes(*scopes: Scope) -> Callable[..., Write]:
    """A dependency: an act that tokens with one of the scopes may ask for."""

    def write(request: Request, token: Known, body: Annotated[bytes, Depends(_body)], key: Key = None) -> Write:
        _require(token, scopes)
        return Write(request, token, key, body)

    return write
