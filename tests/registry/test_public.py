"""Metadata without a token: what is served is what has the hash, to whoever asks, and nothing else is."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from bridge.domain.attributes import Attributes, Source
from bridge.domain.values import hex32
from bridge.registry.wire import Pins

from .fakes import BALE, ELSEWHERE, HERE, World
from .served import Served

PATH = f"/metadata/{BALE.id[2:]}.json"
PINS = f"/metadata/{BALE.id[2:]}.pins.json"


@pytest.mark.parametrize(
    "path",
    [
        f"/metadata/{BALE.id}.json",
        f"/metadata/{BALE.id[2:].upper()}.json",
        f"/metadata/{hex32(9)[2:]}.json",
        f"/metadata/{hex32(9)[2:]}.pins.json",
        f"/metadata/{BALE.id[2:]}",
        f"/metadata/{BALE.id[2:]}%0a.json",
        f"/metadata/{BALE.id[2:-1]}.json",
        "/metadata/..%2f..%2fregistry.db.json",
        "/metadata/.json",
        "/metadata/",
    ],
)
def test_what_is_no_class_s_id_is_nowhere(served: Served, path: str) -> None:
    answer = served.call("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_it_is_the_bytes_whose_hash_is_the_etag_and_caches_may_keep_it(world: World, served: Served) -> None:
    answer = served.call("GET", PATH)
    published = world.registry.metadata(BALE.id)
    assert published is not None
    assert answer.content == published.body.encode()
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["Cache-Control"].startswith("public")
    assert answer.headers["content-type"] == "application/json"
    again = served.call("GET", PATH, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    world.ledger.describe(BALE.id, Attributes(host_country="ET"), Source(source="x", stated_on=date(1970, 1, 1)))
    changed = served.call("GET", PATH, headers={"If-None-Match": answer.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != answer.headers["ETag"]


def test_the_pins_are_served_beside_it(world: World, served: Served) -> None:
    assert Pins.model_validate_json(served.call("GET", PINS).content).pins == ()
    signed = world.registry.pin_metadata(BALE.id, HERE)
    (one,) = Pins.model_validate_json(served.call("GET", PINS).content).pins
    assert (one.signed, one.deployment) == (signed, HERE)
    assert one.body.encode() == served.call("GET", PATH).content


def test_who_asks_too_often_waits_and_takes_no_token_s_share(served: Served) -> None:
    answers = [served.call("GET", PATH).status_code for _ in range(601)]
    assert answers == [200] * 600 + [429]
    token = served.token("bridge", deployment=HERE)
    assert served.call("GET", "/v1/token", token).status_code == 200


def test_nothing_is_written_there(served: Served) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert served.call(method, PATH).status_code == 405


def test_a_bridge_reads_its_own_deployment_s_pins_alone(world: World, served: Served) -> None:
    signed = world.registry.pin_metadata(BALE.id, HERE)
    assert signed is not None
    world.ledger.serve(ELSEWHERE)
    world.ledger.keep_pin(ELSEWHERE, served.call("GET", PATH).text, signed)
    found = served.client(HERE).metadata(BALE.id)
    assert found is not None
    assert [one.deployment for one in found.pins] == [HERE]
    assert served.client(HERE).metadata(hex32(9)) is None
    depositor = served.token("depositor", account="depositor")
    told = served.call("GET", f"/v1/classes/{BALE.id}/metadata", depositor).json()["found"]
    assert (told["body"], told["pins"]) == (found.body, [])
