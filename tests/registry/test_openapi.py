"""The service against its own description: whatever is sent, no server error, and nothing written without authority.

`--openapi-examples 500` tries that many a route and kind of token, instead of a few.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bridge.domain.lifecycle import Kind
from bridge.domain.values import hex32
from tests.registry.fakes import answered

from .fakes import HERE, World
from .served import Served
from .test_service import books

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def tried(world: World, served: Served) -> tuple[World, Served, Any]:
    """A registry with something of everything, and its description."""
    world.lock(1, 101, 200, minted=True)
    request = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([request]))
    world.instruct(2, 301, 310)
    return world, served, schemathesis.openapi.from_asgi("/openapi.json", served.app)


def operations(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


def token_of(served: Served, who: str) -> str | None:
    if who == "nobody":
        return None
    if who == "depositor":
        return served.token("depositor", account="depositor")
    return served.token(who, deployment=HERE)  # type: ignore[arg-type]


@pytest.mark.parametrize("who", ["nobody", "bridge", "depositor", "holder", "reader"])
def test_whatever_is_sent_is_answered_as_described(
    tried: tuple[World, Served, Any], who: str, pytestconfig: pytest.Config
) -> None:
    world, served, schema = tried
    token, examples = token_of(served, who), pytestconfig.getoption("--openapi-examples")
    before, keys = books(world), count(1)
    for operation in operations(schema):

        @seed(1)
        @settings(
            max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
        )
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": "Bearer nobody's"}
            if case.method.upper() == "POST":
                headers["Idempotency-Key"] = hex32(next(keys))
            response = case.call(headers=headers)
            case.validate_response(response, checks=CHECKS)
            if who == "nobody" and case.path.startswith("/v1/"):
                assert response.status_code in (401, 405), response.status_code

        send()
    if who == "nobody":
        assert books(world) == before
    assert world.ledger.audit() == ()
