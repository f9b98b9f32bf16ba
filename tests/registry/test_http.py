"""The registry's client: right over a network that drops, delays and repeats, and believing nothing that it is told."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bridge.domain.attestations import Attested, Lock, StatementHead
from bridge.domain.lifecycle import Kind
from bridge.domain.values import hex32
from bridge.errors import BridgeError, RegistryRefused, Unreachable, UsageError
from bridge.registry.http import HttpRegistry, Line, Patience, Place
from bridge.registry.http import client as http_client
from bridge.registry.http.line import MOST_BYTES
from bridge.registry.port import LockOrder, Registry, TakenBack
from bridge.registry.wire import Events, Rows, Stated, canonical
from tests.databases import Databases, SqliteFiles
from tests.registry.fakes import answered

from .conftest import opened_ledger
from .fakes import HERE, World, opening_of, serials
from .network import BadNetwork, Fate
from .served import PATIENCE, URL, Served

Answer = TypeVar("Answer")


def insisting(act: Callable[[], Answer]) -> Answer:
    """As a saga does: the same call again while nobody answers."""
    while True:
        try:
            return act()
        except Unreachable:
            continue


def story(world: World, registry: Registry) -> list[Any]:
    """Every verb of the port that changes something, some of it refused; and all that it answered. Statements go by
    their rows: one that was asked for in vain has its number too."""
    told: list[Any] = []

    def ask(verb: str, *arguments: Any) -> Any:
        try:
            told.append(insisting(lambda: getattr(registry, verb)(*arguments)))
        except BridgeError as error:
            told.append((type(error), str(error)))
        return told[-1]

    for number in range(1, 5):
        world.instruct(number, 100 * number, 100 * number + 49)
    ask("waiting", HERE)
    ask("lock", [LockOrder(hex32(number), hex32(number)) for number in (1, 2, 9, 3)])
    ask("lock", [LockOrder(hex32(3), hex32(4))])
    ask("attest_locks", [hex32(1), hex32(2)])
    for number in (1, 2):
        world.chain.mint(hex32(number))
        world.chain.live.append(serials(100 * number, 100 * number + 49))
    retired, redeemed = opening_of(30), opening_of(20, "receiver")
    requests = [world.chain.open(retired, Kind.RETIREMENT), world.chain.open(redeemed, Kind.REDEMPTION)]
    ask("reserve", requests[:1])
    for request_id, opening in zip(requests, (retired, redeemed), strict=True):
        ask("disclose", request_id, opening)
        ask("reserve", requests)
    ask("execute", requests[:1])
    outcomes = ask("attest_outcomes", [(requests[0], 0), (requests[1], 0)])
    world.chain.settle(outcomes.items)
    ask("execute", requests[:1])
    world.ledger.reverse("fire", serials(140, 149), "fire")
    (event,) = ask("reversals", HERE)
    ask("attest_reversal", event.event_id)
    ask("execute", [requests[1], hex32(9), requests[0]])
    ask("withdraw", requests)
    ask("reconsider", [hex32(9), requests[1]])
    ask("receipt", requests[1])
    ask("receipts", requests)
    ask("locks", [hex32(1), hex32(8), hex32(3)])
    ask("release", hex32(3))
    world.chain.now = 2_001
    ask("release", hex32(3))
    stated = ask("statement", "VERRA", HERE)
    told[-1] = (stated.rows, stated.head.items[0].totals)
    return [[_comparable(each) for each in one] if isinstance(one, list) else one for one in told]


def _comparable(answer: object) -> object:
    return (type(answer), str(answer)) if isinstance(answer, BridgeError) else answer


def effects(world: World) -> dict[str, Any]:
    """What the ledger has done, act by act; and that it does not contradict itself."""
    with world.engine.connect() as tx:
        entries = Counter(tx.scalars(text("SELECT verb || ' ' || content FROM entries")))
        rows = {
            name: tx.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in ("locks", "reservations", "receipts", "signed_receipts", "reversal_wordings")
        }
    return {"entries": entries, "states": world.states(), "audit": world.ledger.audit()} | rows


@pytest.fixture(scope="module")
def undisturbed(furnished_ledger: Path) -> tuple[list[Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        world = world_in(Path(folder), furnished_ledger)
        found = story(world, world.registry), effects(world)
        world.engine.dispose()
    return found


def world_in(folder: Path, source: Path) -> World:
    SqliteFiles().copy(source, folder)
    return World(opened_ledger(SqliteFiles().url(folder, "registry")))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(fates=st.lists(st.sampled_from(Fate), max_size=80), rest=st.sampled_from([Fate.FINE, Fate.TWICE]))
def test_over_a_bad_network_everything_ends_as_over_none(
    furnished_ledger: Path,
    databases: Databases,
    loop: BlockingPortal,
    undisturbed: tuple[list[Any], dict[str, Any]],
    fates: list[Fate],
    rest: Fate,
) -> None:
    if not isinstance(databases, SqliteFiles):
        pytest.skip("the network is the same over both")
    with tempfile.TemporaryDirectory() as folder:
        world = world_in(Path(folder), furnished_ledger)
        network: list[BadNetwork] = []

        def between(honest: httpx.BaseTransport) -> httpx.BaseTransport:
            network.append(BadNetwork(honest, chain(fates, repeat(rest))))
            return network[0]

        told = story(world, Served(world.registry, loop).client(HERE, between))
        network[0].deliver()
        assert told == undisturbed[0]
        assert effects(world) == undisturbed[1]
        world.engine.dispose()


@pytest.mark.slow
def test_ten_thousand_repeated_and_reordered_requests_have_one_effect_each(world: World, loop: BlockingPortal) -> None:
    served = Served(world.registry, loop)
    bridge = served.token("bridge", "holder", "reader", deployment=HERE)
    depositor = served.token("depositor", account="depositor")
    for number in range(1, 301):
        world.instruct(number, number, number)
    orders = [world.instruct(9000, 999, 999).model_copy(update={"instruction_id": hex32(n)}) for n in range(1001, 1101)]
    acts: list[tuple[str, str, bytes]] = [
        *(
            (bridge, "/v1/locks", json.dumps({"orders": [{"lock_id": hex32(n), "instruction_id": hex32(n)}]}).encode())
            for n in range(1, 301)
        ),
        *((bridge, "/v1/statements", b'{"registry": "VERRA"}') for _ in range(50)),
        *((depositor, "/v1/instructions", canonical(order)) for order in orders),
        *((bridge, f"/v1/requests/{hex32(n)}/disclosure", canonical(opening_of(n))) for n in range(1, 51)),
    ]
    asked = [(number, *act) for number, act in enumerate(acts)] * 20
    random.Random(1).shuffle(asked)
    told: list[list[bytes]] = [[] for _ in acts]

    def ask(one: tuple[int, str, str, bytes]) -> int:
        number, token, path, body = one
        headers = {"Idempotency-Key": f"act-number-{number}", "Content-Type": "application/json"}
        answer = served.call("POST", path, token, content=body, headers=headers)
        if answer.status_code == 200:
            told[number].append(answer.content)
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        codes = Counter(pool.map(ask, asked))
    assert len(asked) == 10_000
    assert set(codes) <= {200, 409}, "answered, or the same is being answered"
    assert [len(set(one)) for one in told] == [1] * len(acts), "one answer an act"
    with world.engine.connect() as tx:
        entries = Counter(tx.scalars(text("SELECT verb FROM entries")))
        counts = {
            name: tx.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("statements", "disclosures", "locks")
        }
        audited = tx.scalar(text("SELECT count(*) FROM audit WHERE method = 'POST'"))
    assert entries == {"issue": 1, "lock": 300}
    assert counts == {"statements": 50, "disclosures": 50, "locks": 300}
    assert audited == len(acts)
    assert len(world.ledger.known_instructions([order.instruction_id for order in orders])) == 100
    assert world.ledger.audit() == ()


# -------------------------------------------------------------- what it is told


class Scripted(httpx.BaseTransport):
    """Answers what it is told to, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(status: int, body: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


def client(*answers: httpx.Response | Exception, pauses: list[float] | None = None) -> tuple[HttpRegistry, Scripted]:
    transport = Scripted(*answers)
    pause = (lambda _: None) if pauses is None else pauses.append
    return HttpRegistry(Line(Place(url=URL), "a-token", PATIENCE, transport, pause)), transport


def attested(lock_id: str) -> Attested[Lock]:
    lock = Lock(lock_id=lock_id, class_id=hex32(1), range=serials(1, 2), recipient="0x" + "1" * 40, not_after=9)
    return Attested[Lock](items=(lock,), signers=("0x" + "2" * 40,), signatures=("0x" + "3" * 128,))


FALSE: Sequence[tuple[Callable[[HttpRegistry], Any], bytes, str]] = [
    (lambda r: r.attest_locks([hex32(1)]), canonical(attested(hex32(2))), "about another signatures"),
    (lambda r: r.attest_locks([hex32(1)]), b"{}", "something else than Attested"),
    (lambda r: r.attest_locks([hex32(1)]), b"<html>", "something else"),
    (
        lambda r: r.attest_locks([hex32(1)]),
        canonical(attested(hex32(1)).model_copy(update={"signatures": ()})),
        "1 signers of 0 signatures",
    ),
    (
        lambda r: r.lock([LockOrder(hex32(1), hex32(5))]),
        canonical({"answers": [{"lock": attested(hex32(2)).items[0].model_dump()}]}),
        "about another lock",
    ),
    (lambda r: r.lock([LockOrder(hex32(1), hex32(5))]), b'{"answers": []}', "0 of 1 orders"),
    (
        lambda r: answered(r.reserve([hex32(1)])),
        canonical({"answers": [{"reservation": {"request_id": hex32(2)}}]}),
        "about another request",
    ),
    (
        lambda r: answered(r.reserve([hex32(1)])),
        canonical(
            {
                "answers": [
                    {"reservation": {"request_id": hex32(1), "refusal": {"request_id": hex32(2), "reason": "short"}}}
                ]
            }
        ),
        "about another request",
    ),
    (lambda r: r.reserve([hex32(1)]), b'{"answers": []}', "0 of 1 requests"),
    (lambda r: answered(r.reserve([hex32(1)])), b'{"answers": [{}]}', "answered nothing about"),
    (lambda r: answered(r.withdraw([hex32(1)])), b'{"answers": [{}]}', "answered nothing about"),
    (lambda r: r.locked_as(hex32(1)), b'{"lock_id": "0x12"}', "something else than LockedAs"),
    (lambda r: r.waiting(HERE), canonical({"items": [], "next": hex32(1)}), "after an empty one"),
    (
        lambda r: r.locks([hex32(1)]),
        canonical({"items": [{"deployment": HERE.model_dump(), "lock": attested(hex32(2)).items[0].model_dump()}]}),
        "which nobody asked for",
    ),
    (lambda r: r.about(), b" " * (MOST_BYTES + 1), "more than"),
]


@pytest.mark.parametrize("false", FALSE, ids=[one[2] for one in FALSE])
def test_an_answer_about_something_else_is_refused(false: tuple[Callable[[HttpRegistry], Any], bytes, str]) -> None:
    ask, body, why = false
    with pytest.raises(RegistryRefused, match=why):
        ask(client(told(200, body))[0])


def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_MOST_PAGES", 3)
    event = TakenBack(event_id=hex32(1), registry="VERRA", class_id=hex32(2), range=serials(1, 2))
    page = canonical(Events(items=(event,), next=hex32(1)))
    registry, transport = client(*(told(200, page) for _ in range(9)))
    with pytest.raises(RegistryRefused, match="goes on after"):
        registry.reversals(HERE)
    assert len(transport.asked) == 4


@pytest.mark.parametrize("rows", [1, 10**15])
def test_a_count_of_rows_that_is_a_lie_is_found_out_with_the_first_page(rows: int) -> None:
    head = StatementHead(sequence=1, as_of=1, rows_hash=hex32(1), totals=())
    signed = Attested[StatementHead](items=(head,), signers=("0x" + "2" * 40,), signatures=("0x" + "3" * 128,))
    stated = canonical(Stated(registry="VERRA", deployment=HERE, head=signed, rows=rows))
    registry, transport = client(told(200, stated), told(200, canonical(Rows(items=()))))
    with pytest.raises(RegistryRefused, match="0 came instead of"):
        registry.statement("VERRA", HERE)
    assert len(transport.asked) == 2


def test_rows_that_were_not_signed_are_refused(world: World, loop: BlockingPortal) -> None:
    class Forger(httpx.BaseTransport):
        def __init__(self, honest: httpx.BaseTransport) -> None:
            self._honest = honest

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = self._honest.handle_request(request)
            body = response.read().replace(b'"held"', b'"retired"')
            return told(response.status_code, body)

    with pytest.raises(RegistryRefused, match="not those that were signed"):
        Served(world.registry, loop).client(HERE, Forger).statement("VERRA", HERE)


def test_nobody_is_followed_elsewhere() -> None:
    registry, transport = client(told(307, b"", Location="http://elsewhere.example/"))
    with pytest.raises(RegistryRefused, match="points elsewhere"):
        registry.release(hex32(1))
    assert len(transport.asked) == 1


def test_a_token_that_is_not_taken_is_a_fault_of_ours(served: Served) -> None:
    with pytest.raises(UsageError, match="does not take our token"):
        HttpRegistry(served.line("nonsense")).about()
    with pytest.raises(UsageError, match="no scope bridge"):
        answered(HttpRegistry(served.line(served.token("holder", deployment=HERE))).reserve([hex32(1)]))


def test_the_same_key_is_sent_until_there_is_an_answer_and_then_no_more() -> None:
    lost, busy = httpx.ReadTimeout("lost"), told(503, b"")
    registry, transport = client(lost, busy, told(200, b'{"done": true}'), told(200, b'{"done": true}'))
    registry.release(hex32(1))
    registry.release(hex32(1))
    keys = [request.headers["Idempotency-Key"] for request in transport.asked]
    assert (len(set(keys[:3])), len(set(keys))) == (1, 2)


def test_it_waits_longer_each_time_and_as_long_as_it_is_told() -> None:
    pauses: list[float] = []
    transport = Scripted(
        httpx.ConnectError("no"),
        httpx.ConnectError("no"),
        told(429, b"", **{"Retry-After": "3"}),
        httpx.ConnectError("no"),
    )
    patience = Patience(attempts=5, first_pause_seconds=0.5, longest_pause_seconds=5)
    registry = HttpRegistry(Line(Place(url=URL), "a-token", patience, transport, pauses.append))
    with pytest.raises(Unreachable, match="may be asked again"):
        registry.about()
    assert pauses == [0.5, 1, 3, 5]


def test_a_stranger_s_words_command_no_terminal() -> None:
    body = json.dumps({"type": "about:blank", "title": "", "status": 418, "detail": "\x1b[2Jgone\n"}).encode()
    with pytest.raises(RegistryRefused) as refused:
        client(told(418, body))[0].about()
    assert "\x1b" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_has_not_changed_is_not_sent_again(world: World, loop: BlockingPortal) -> None:
    sizes: list[int] = []

    class Weighing(httpx.BaseTransport):
        def __init__(self, honest: httpx.BaseTransport) -> None:
            self._honest = honest

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = self._honest.handle_request(request)
            sizes.append(len(body := response.read()))
            return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))

    registry = Served(world.registry, loop).client(HERE, Weighing)
    world.instruct(1, 1, 10)
    assert registry.waiting(HERE) == registry.waiting(HERE)
    world.instruct(2, 11, 20)
    assert len(registry.waiting(HERE)) == 2
    assert [size > 0 for size in sizes] == [True, False, True]


def test_long_lists_come_page_by_page(world: World, served: Served) -> None:
    for number in range(1, 8):
        world.instruct(number, number, number)
    line = served.line(served.token("bridge", deployment=HERE))
    honest = line.get
    line.get = lambda kind, path, query=None: honest(kind, path, {"limit": 3, **(query or {})})  # type: ignore[method-assign]
    assert HttpRegistry(line).waiting(HERE) == world.ledger.waiting(HERE)
