"""The registry's service: whose token may do what, that an act happens once, and that all of it is written down."""

from __future__ import annotations

import json
import re
import sys
from typing import Any, NamedTuple

import anyio
import httpx
import pytest
from sqlalchemy import text

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.values import hex32
from bridge.errors import Unreachable, UsageError
from bridge.registry.http import HttpRegistry
from bridge.registry.ledger.migrations.guards import SERVICE_GUARDS
from bridge.registry.service.audit import trail, verify
from bridge.registry.service.routes import routes
from bridge.registry.wire import MOST_BYTES, canonical
from tests.registry.fakes import answered

from .fakes import BALE, ELSEWHERE, HERE, FakeWitness, World, opening_of, serials
from .served import Served

KEY = {"Idempotency-Key": '"a-key-of-its-own"'}


class Scene(NamedTuple):
    """Everything that a route can be about, of HERE: lock 1 is minted, a request is executed and one reserved, and
    serials of lock 2 were taken back."""

    lock_id: str
    executed: str
    reserved: str
    event_id: str


@pytest.fixture
def scene(world: World) -> Scene:
    world.lock(1, 101, 200, minted=True)
    executed = world.ask(Kind.RETIREMENT, 10)
    world.settled(executed)
    answered(world.registry.execute([executed]))
    reserved = world.ask(Kind.RETIREMENT, 10)
    answered(world.registry.reserve([reserved]))
    world.lock(2, 301, 310)
    (event,) = world.ledger.reverse("fire", serials(301, 310), "fire")
    world.instruct(3, 401, 410)
    world.registry.statement("VERRA", HERE)
    return Scene(hex32(1), executed, reserved, event.event_id)


class Asked(NamedTuple):
    method: str
    path: str
    scopes: set[str]
    body: Any = None
    query: Any = None


def every_route(scene: Scene) -> list[Asked]:
    """A request for each route that is good for HERE, and the scopes that may ask it."""
    lock, request = scene.lock_id, scene.executed
    instruction = {
        "instruction_id": hex32(99),
        "registry": "VERRA",
        "account": "depositor",
        "range": serials(501, 510).model_dump(),
        "deployment": HERE.model_dump(),
        "recipient": "0x" + "1" * 40,
        "not_after": 2_000,
    }
    anybody = {"bridge", "depositor", "holder", "reader"}
    opening = opening_of(10).model_dump()
    return [
        Asked("GET", "/v1/token", anybody),
        Asked("POST", "/v1/instructions", {"depositor"}, instruction),
        Asked("GET", "/v1/instructions", {"bridge"}),
        Asked("GET", f"/v1/instructions/{hex32(1)}", {"bridge", "depositor"}),
        Asked("GET", f"/v1/instructions/{hex32(1)}/lock", {"bridge"}),
        Asked("GET", "/v1/holdings", {"depositor"}),
        Asked("GET", f"/v1/classes/{BALE.id}", anybody),
        Asked("GET", f"/v1/classes/{BALE.id}/metadata", anybody),
        Asked("GET", f"/v1/spaces/{serials(1, 1).space}", anybody),
        Asked("POST", "/v1/locks", {"bridge"}, {"orders": [{"lock_id": hex32(3), "instruction_id": hex32(3)}]}),
        Asked("GET", "/v1/locks", {"reader"}, query={"lock_id": lock}),
        Asked("POST", f"/v1/locks/{lock}/release", {"bridge"}),
        Asked("POST", "/v1/attestations/locks", {"bridge"}, {"lock_ids": [lock]}),
        Asked("POST", "/v1/attestations/covers", {"bridge"}, {"lock_ids": [lock]}),
        Asked("POST", "/v1/attestations/outcomes", {"bridge"}, {"parts": [{"request_id": scene.reserved, "part": 0}]}),
        Asked("POST", "/v1/attestations/refusals", {"bridge"}, {"request_ids": [scene.reserved]}),
        Asked("POST", "/v1/attestations/reversals", {"bridge"}, {"event_id": scene.event_id}),
        Asked("POST", f"/v1/requests/{scene.reserved}/disclosure", {"holder"}, opening),
        Asked("POST", "/v1/reservations", {"bridge"}, {"request_ids": [scene.reserved]}),
        Asked("POST", "/v1/reconsiderations", {"bridge"}, {"request_ids": [scene.reserved]}),
        Asked("POST", "/v1/executions", {"bridge"}, {"request_ids": [request]}),
        Asked("POST", "/v1/withdrawals", {"bridge"}, {"request_ids": [request]}),
        Asked("GET", f"/v1/requests/{request}/receipt", {"bridge", "holder", "reader"}),
        Asked("GET", "/v1/receipts", {"reader"}, query={"request_id": request}),
        Asked("GET", "/v1/reversals", {"bridge"}),
        Asked("POST", "/v1/statements", {"bridge", "reader"}, {"registry": "VERRA"}),
        Asked("GET", "/v1/statements/VERRA/1/rows", {"bridge", "reader"}),
    ]


def ask(served: Served, asked: Asked, token: str | None) -> httpx.Response:
    headers = KEY if asked.method == "POST" else {}
    return served.call(asked.method, asked.path, token, json=asked.body, params=asked.query, headers=headers)


def books(world: World) -> dict[str, list[Any]]:
    """All that the registry and its service keep, but the trail."""
    names = ("entries", "blocks", "instructions", "locks", "reservations", "disclosures", "receipts", "statements")
    names += ("signed_receipts", "reversals", "reversal_wordings", "late_refusals", "answers", "tokens", "accounts")
    with world.engine.connect() as tx:
        return {name: sorted(map(str, tx.execute(text(f"SELECT * FROM {name}")))) for name in names}


def test_every_route_is_tried_here(scene: Scene) -> None:
    tried = {(asked.method, re.sub("0x[0-9a-f]{64}", "{}", asked.path)) for asked in every_route(scene)}
    tried = {(method, path.replace("/VERRA/1/", "/{}/{}/")) for method, path in tried}
    there = {(m, re.sub("{[a-z_]+}", "{}", r.path)) for r in routes.routes for m in r.methods}  # type: ignore[attr-defined]
    assert tried == there


def test_without_a_good_token_nothing_is_told_or_done(world: World, scene: Scene, served: Served) -> None:
    good = served.token("bridge", "holder", "reader", deployment=HERE)
    gone = served.token("bridge", "holder", "reader", deployment=HERE)
    served.service.tokens.revoke(gone.split("_")[1])
    late = served.token("bridge", "holder", "reader", deployment=HERE, valid_seconds=60)
    served.now += 60
    wrong = [
        None,
        "",
        "nonsense",
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        f"cbr_{'0' * 16}_{'0' * 64}",
        gone,
        late,
    ]
    before = books(world)
    told = set()
    for asked in every_route(scene):
        for token in wrong:
            answer = ask(served, asked, token)
            assert answer.status_code == 401, (asked, token, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            told.add(answer.json()["detail"])
    assert len(told) == 2, "a wrong token and an unknown one are told the same; none at all is told how to send one"
    assert books(world) == before


def test_a_token_opens_what_its_scope_says_and_nothing_else(world: World, scene: Scene, served: Served) -> None:
    tokens = {scope: served.token(scope, deployment=HERE) for scope in ("bridge", "holder", "reader")}
    tokens["depositor"] = served.token("depositor", account="depositor")
    before = books(world)
    for asked in every_route(scene):
        for scope, token in tokens.items():
            if scope not in asked.scopes:
                answer = ask(served, asked, token)
                assert (answer.status_code, answer.json()["type"]) == (403, "urn:carbonbridge:forbidden"), (
                    asked,
                    scope,
                )
    assert books(world) == before
    for asked in every_route(scene):
        for scope in asked.scopes:
            assert ask(served, asked, tokens[scope]).status_code not in (401, 403, 404, 500), (asked, scope)


def test_a_bridge_sees_and_moves_nothing_of_another_deployment(world: World, scene: Scene, served: Served) -> None:
    """It is answered as if what it asks about were not there."""
    other = FakeWitness(type(world.chain)(deployment=ELSEWHERE))
    world.registry._eyes = {HERE: world.witness, ELSEWHERE: other}  # type: ignore[dict-item]
    world.ledger.serve(ELSEWHERE)
    stranger = served.token("bridge", "holder", "reader", deployment=ELSEWHERE)
    unknown = {scene.lock_id: hex32(0xBAD), scene.executed: hex32(0xBAE), scene.reserved: hex32(0xBAF)}
    unknown |= {scene.event_id: hex32(0xBB0), hex32(3): hex32(0xBB1)}
    stated = {"/v1/statements", "/v1/statements/VERRA/1/rows", "/v1/token"}
    before = books(world)
    for number, asked in enumerate(every_route(scene)):
        if asked.scopes == {"depositor"} or asked.path in stated or asked.path.endswith("/disclosure"):
            continue
        text = json.dumps([asked.path, asked.body, asked.query])
        for one, instead in unknown.items():
            text = text.replace(one, instead)
        path, body, query = json.loads(text)
        keys = [{"Idempotency-Key": f"{which}-of-route-{number}"} for which in ("strange", "unknown")]
        strange = served.call(asked.method, asked.path, stranger, json=asked.body, params=asked.query, headers=keys[0])
        nothing = served.call(asked.method, path, stranger, json=body, params=query, headers=keys[1])
        for one, instead in unknown.items():
            told = strange.text.replace(one, instead)
            strange = httpx.Response(strange.status_code, text=told)
        assert (strange.status_code, strange.text) == (nothing.status_code, nothing.text), asked
    after = books(world)
    assert {name: rows for name, rows in after.items() if name not in ("answers", "tokens")} == {
        name: rows for name, rows in before.items() if name not in ("answers", "tokens")
    }
    refused = served.call(
        "POST", f"/v1/requests/{scene.reserved}/disclosure", stranger, json=opening_of(10).model_dump(), headers=KEY
    )
    assert refused.status_code == 409


def test_anothers_lock_id_is_not_told_apart_from_a_taken_one(world: World, scene: Scene, served: Served) -> None:
    world.ledger.serve(ELSEWHERE)
    world.registry._eyes = {HERE: world.witness, ELSEWHERE: FakeWitness(type(world.chain)(deployment=ELSEWHERE))}  # type: ignore[dict-item]
    world.instruct(7, 601, 610, deployment=ELSEWHERE)
    stranger = served.token("bridge", deployment=ELSEWHERE)
    body = {"orders": [{"lock_id": scene.lock_id, "instruction_id": hex32(7)}]}
    (answer,) = served.call("POST", "/v1/locks", stranger, json=body, headers=KEY).json()["answers"]
    assert answer["problem"]["type"] == "urn:carbonbridge:conflict"
    assert hex32(1) not in answer["problem"]["detail"].replace(scene.lock_id, "")


def test_a_depositor_orders_from_his_own_account_alone(world: World, served: Served) -> None:
    token = served.token("depositor", account="receiver")
    order = world.instruct(1, 1, 10)
    stolen = order.model_copy(update={"instruction_id": hex32(5), "range": serials(21, 30)})
    answer = served.call("POST", "/v1/instructions", token, json=stolen.model_dump(), headers=KEY)
    assert (answer.status_code, "account 'receiver' alone" in answer.text) == (422, True)
    assert hex32(5) not in world.ledger.known_instructions([hex32(5)])
    assert served.call("GET", f"/v1/instructions/{hex32(1)}", token).status_code == 422
    assert served.call("GET", "/v1/holdings", token).json()["items"] == []


def test_a_depositor_sees_his_holdings_page_by_page(world: World, served: Served) -> None:
    for first in (101, 201, 301):
        world.ledger.retire(str(first), serials(first, first + 9), "depositor", "Acme")
    token, read, cursor = served.token("depositor", account="depositor"), [], None
    while True:
        page = served.call(
            "GET", "/v1/holdings", token, params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        read += [item["range"]["first"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert read == [1, 111, 211, 311]


@pytest.mark.parametrize(
    ("scopes", "bound"),
    [
        ([], {}),
        (["admin"], {"deployment": HERE}),
        (["depositor"], {}),
        (["depositor"], {"deployment": HERE, "account": "depositor"}),
        (["bridge"], {}),
        (["bridge"], {"account": "depositor"}),
        (["bridge"], {"deployment": ELSEWHERE}),
        (["depositor"], {"account": "nobody"}),
        (["depositor"], {"account": f"bridge {HERE}"}),
    ],
    ids=str,
)
def test_a_token_is_bound_to_what_its_scope_is_about(served: Served, scopes: list[Any], bound: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        served.token(*scopes, **bound)


def test_of_a_token_only_its_hash_is_kept(world: World, served: Served) -> None:
    token = served.token("bridge", deployment=HERE)
    _, public, secret = token.split("_")
    with world.engine.connect() as tx:
        kept = [
            str(row) for name in ("tokens", "audit", "answers") for row in tx.execute(text(f"SELECT * FROM {name}"))
        ]
    assert public in str(kept)
    assert secret not in str(kept)


# --------------------------------------------------------------------- once


def state(served: Served, token: str, key: str | None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return served.call("POST", "/v1/statements", token, json={"registry": "VERRA"} | body, headers=headers)


def test_the_same_request_has_the_answer_that_it_had(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    first, again = state(served, token, "one-and-the-same"), state(served, token, '"one-and-the-same"')
    assert first.content == again.content
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    other = state(served, token, "another-key").json()
    assert other["head"]["items"][0]["sequence"] == first.json()["head"]["items"][0]["sequence"] + 1
    elses = served.token("reader", deployment=HERE)
    assert state(served, elses, "one-and-the-same").json() != first.json(), "a key is its token's own"


def test_a_key_serves_one_request(served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    state(served, token, "one-and-the-same")
    reused = state(served, token, "one-and-the-same", registry="GS")
    assert (reused.status_code, reused.json()["type"]) == (422, "urn:carbonbridge:key-reused")


@pytest.mark.parametrize("key", [None, "", "short", "with blanks in it", '"unclosed-quote" x', "x" * 129])
def test_a_write_without_a_key_is_refused(served: Served, key: str | None) -> None:
    assert state(served, served.token("reader", deployment=HERE), key).status_code == 422


def test_an_answer_that_says_later_is_not_frozen(world: World, served: Served) -> None:
    token = served.token("bridge", deployment=HERE)
    world.lock(1, 1, 10)

    def release() -> httpx.Response:
        return served.call("POST", f"/v1/locks/{hex32(1)}/release", token, headers=KEY)

    assert release().json()["type"] == "urn:carbonbridge:not-yet"
    world.witness.blind = True
    assert (release().status_code, "Retry-After" in release().headers) == (503, True)
    world.witness.blind, world.chain.now = False, 2_001
    assert release().json() == {"done": True}
    assert release().headers["Idempotent-Replayed"] == "true"


def test_a_refusal_is_frozen(world: World, served: Served) -> None:
    token, body = served.token("bridge", deployment=HERE), {"lock_ids": [hex32(1)]}
    asked = ("POST", "/v1/attestations/locks", token)
    assert served.call(*asked, json=body, headers=KEY).status_code == 422
    world.lock(1, 1, 10)
    assert served.call(*asked, json=body, headers=KEY).status_code == 422
    assert served.call(*asked, json=body, headers={"Idempotency-Key": "a-new-key"}).status_code == 200


def test_answers_are_kept_for_a_day(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    first = state(served, token, "one-and-the-same").json()
    served.now += 86_401
    state(served, token, "some-other-key")
    assert state(served, token, "one-and-the-same").json() != first


def test_who_asks_while_the_first_is_being_answered_is_told_to_wait(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    inner: list[httpx.Response] = []
    honest = world.ledger.statement

    def slow(*arguments: Any) -> Any:
        if not inner:
            inner.append(state(served, token, "one-and-the-same"))
        return honest(*arguments)

    world.ledger.statement = slow  # type: ignore[method-assign]
    outer = state(served, token, "one-and-the-same")
    assert (inner[0].status_code, inner[0].headers["Retry-After"]) == (409, "1")
    assert inner[0].json()["type"] == "urn:carbonbridge:key-in-use"
    assert outer.json()["head"]["items"][0]["sequence"] == 1


# ---------------------------------------------------------------- reading, rates


def test_who_has_it_already_is_told_so(world: World, served: Served) -> None:
    world.instruct(1, 1, 10)
    token = served.token("bridge", deployment=HERE)
    first = served.call("GET", "/v1/instructions", token)
    known = {"If-None-Match": first.headers["ETag"]}
    again = served.call("GET", "/v1/instructions", token, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    world.instruct(2, 11, 20)
    assert len(served.call("GET", "/v1/instructions", token, headers=known).json()["items"]) == 2


def test_a_statements_rows_stay_those_that_were_signed(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    for number in range(1, 6):
        world.lock(number, 10 * number, 10 * number + 4)
    made = state(served, token, "a-first-statement").json()
    path = f"/v1/statements/VERRA/{made['head']['items'][0]['sequence']}/rows"
    before = served.call("GET", path, token).json()["items"]
    world.lock(6, 100, 104)
    world.ledger.override("o", serials(10, 12), SerialState.RETIRED, "court order")
    pages: list[Any] = []
    for cursor in range(0, made["rows"], 4):
        pages += served.call("GET", path, token, params={"cursor": cursor, "limit": 4}).json()["items"]
    assert pages == before
    assert len(pages) == made["rows"]


def test_every_body_is_canonical(world: World, scene: Scene, served: Served) -> None:
    token = served.token("bridge", "holder", "reader", deployment=HERE)
    for asked in every_route(scene):
        body = ask(served, asked, token).content
        assert canonical(json.loads(body)) == body, asked


def test_serials_that_not_every_reader_keeps_travel_as_text(world: World, served: Served) -> None:
    world.ledger.issue("large", serials(2**60, 2**60 + 9), BALE.id, "depositor")
    statement = served.client(HERE).statement("VERRA", HERE)
    assert [row.range.last for row in statement.rows] == [1000, 2**60 + 9]
    token = served.token("depositor", account="depositor")
    last = served.call("GET", "/v1/holdings", token).json()["items"][-1]
    assert last["range"]["first"] == str(2**60)


def test_who_asks_too_often_waits(world: World, loop: Any) -> None:
    served = Served(world.registry, loop, rate="3/hour")
    token, other = (served.token("bridge", deployment=HERE) for _ in range(2))
    answers = [served.call("GET", "/v1/token", token) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert served.call("GET", "/v1/token", other).status_code == 200
    with pytest.raises(Unreachable, match="HTTP 429"):
        HttpRegistry(served.line(token)).about()


def test_more_than_is_ever_asked_for_is_not_read(served: Served) -> None:
    token = served.token("bridge", deployment=HERE)
    body = b'{"orders": [' + b" " * MOST_BYTES + b"]}"
    answer = served.call("POST", "/v1/locks", token, content=body, headers=KEY | {"Content-Type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body", [b"[" * 5_000, b'{"orders":' * 5_000, b'{"orders": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"]
)
def test_what_is_nested_too_deep_bursts_no_stack(served: Served, body: bytes) -> None:
    """As deep as Python's reader would go where a library has lifted its limit, and it then fell over at 100,000."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        token = served.token("bridge", deployment=HERE)
        answer = served.call(
            "POST", "/v1/locks", token, content=body, headers=KEY | {"Content-Type": "application/json"}
        )
    finally:
        sys.setrecursionlimit(before)
    assert answer.status_code == 422
    assert "JSON decode error" in answer.json()["detail"]


@pytest.mark.parametrize("authorization", [None, b"Bearer nobody's", b"Basic YTpi", b"Bearer "])
def test_of_who_has_no_good_token_nothing_is_read(served: Served, authorization: bytes | None) -> None:
    read, told = [], []

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"authorization", authorization)] if authorization is not None else []
    scope = {"type": "http", "method": "POST", "path": "/v1/locks", "raw_path": b"/v1/locks", "query_string": b""}
    anyio.run(served.app, scope | {"headers": headers, "scheme": "http", "server": ("x", 80)}, receive, send)
    assert told[0]["status"] == 401
    assert not read


def test_nobody_is_sent_to_an_address_that_he_named_himself(served: Served) -> None:
    assert served.call("GET", "/v1/token/", headers={"Host": "elsewhere.example"}).status_code == 404


def test_the_service_says_whether_its_books_can_be_opened(world: World, served: Served) -> None:
    assert served.call("GET", "/healthz").json() == {"done": True}
    assert served.call("GET", "/v1/nowhere").json()["type"] == "urn:carbonbridge:nowhere"


# -------------------------------------------------------------------- the trail


def test_every_act_stands_in_the_trail_once(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    for key in ("one-key-of-two", "one-key-of-two", "two-keys-of-two"):
        state(served, token, key)
    state(served, token, "one-that-is-refused", registry="NONE")
    rows = [(link.method, link.path, link.key, link.status) for link in trail(world.engine)]
    assert rows == [
        ("CREATE", f"/tokens/{token.split('_')[1]}", "", 201),
        ("POST", "/v1/statements", "one-key-of-two", 200),
        ("POST", "/v1/statements", "two-keys-of-two", 200),
        ("POST", "/v1/statements", "one-that-is-refused", 400),
    ]
    assert verify(world.engine).broken == ""


CHANGES = {
    "UPDATE audit SET status = 201 WHERE sequence = 3": "row 3 was changed",
    "UPDATE audit SET path = '/v1/other' WHERE sequence = 2": "row 2 was changed",
    "DELETE FROM audit WHERE sequence = 2": "row 2 is missing",
    "UPDATE audit SET sequence = 9 WHERE sequence = 4": "row 4 is missing",
    "UPDATE audit SET previous = '' WHERE sequence = 3": "row 3 does not go on",
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_row_that_breaks_the_chain_is_named(world: World, served: Served, change: str) -> None:
    token = served.token("reader", deployment=HERE)
    for number in range(4):
        state(served, token, f"key-number-{number}")
    with world.engine.begin() as tx:  # as somebody with the database's own password
        for guard in SERVICE_GUARDS:
            if guard.table == "audit":
                on = "" if world.engine.dialect.name == "sqlite" else " ON audit"
                tx.execute(text(f"DROP TRIGGER {guard.name}{on}"))
        tx.execute(text(change))
    assert verify(world.engine).broken.startswith(CHANGES[change])


def test_what_is_cut_off_at_the_end_is_seen_by_who_kept_the_last_hash(world: World, served: Served) -> None:
    token = served.token("reader", deployment=HERE)
    state(served, token, "the-last-of-all")
    kept = verify(world.engine).last
    state(served, token, "one-more-after-it")
    assert verify(world.engine, kept).broken == ""
    with world.engine.begin() as tx:
        on = "" if world.engine.dialect.name == "sqlite" else " ON audit"
        tx.execute(text(f"DROP TRIGGER audit_delete{on}"))
        tx.execute(text("DELETE FROM audit WHERE sequence > 1"))
    assert verify(world.engine).broken == ""
    assert "cut off" in verify(world.engine, kept).broken
