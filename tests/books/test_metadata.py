"""Published metadata is believed as far as the registry's attesters signed it, and a change is named."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bridge.books.metadata import Standing, check
from bridge.bootstrap import embedded_registry
from bridge.domain.attributes import Attributes, Source
from bridge.domain.metadata import ClassMetadata
from bridge.registry.wire import canonical
from tests.books.test_certificate import replace_attester
from tests.flow.world import FOREST, STOVES, Stage, World


@pytest.fixture
def world(tmp_path: Path, stage: Stage) -> World:
    stage.clear()
    return World(tmp_path, stage)


def published(world: World) -> ClassMetadata:
    found = world.registry.metadata(FOREST.id)
    assert found is not None
    return found


def signed(world: World) -> ClassMetadata:
    world.registry.pin_metadata(FOREST.id, world.contract.deployment)
    return published(world)


def otherwise(found: ClassMetadata, **properties: Any) -> ClassMetadata:
    """The same with other properties."""
    document = json.loads(found.body)
    document["properties"] |= properties
    return found.model_copy(update={"body": canonical(document).decode()})


def test_what_nobody_signed_is_unsigned(world: World) -> None:
    assert check(published(world), world.contract).standing is Standing.UNSIGNED


def test_what_a_quorum_signed_is_pinned(world: World) -> None:
    found = check(signed(world), world.contract)
    assert found.standing is Standing.PINNED
    assert found.signed_at is not None
    assert len(found.signers) == 2


@pytest.mark.parametrize(
    "lie",
    [{"registry": "GS"}, {"project": "1341"}, {"vintage": 2021}, {"credit_type": "VER"}, {"kg_per_unit": 10**6}],
    ids=str,
)
def test_an_identity_that_is_not_the_chain_s_is_false(world: World, lie: dict[str, Any]) -> None:
    found = check(otherwise(signed(world), **lie), world.contract)
    assert found.standing is Standing.FALSE
    assert next(iter(lie)) in found.faults[0]


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"properties": []}', "[" * 100_000])
def test_what_is_no_metadata_is_false(world: World, body: str) -> None:
    assert check(signed(world).model_copy(update={"body": body}), world.contract).standing is Standing.FALSE


def test_what_was_changed_since_is_named_with_the_moment_of_the_signatures(world: World) -> None:
    before = check(signed(world), world.contract)
    country = Source(source="a letter", stated_on=date(2020, 1, 1))
    world.ledger.describe(FOREST.id, Attributes(host_country="ET"), country)
    found = check(published(world), world.contract)
    assert (found.standing, found.signed_at) == (Standing.CHANGED, before.signed_at)
    assert "host_country: unknown → ET" in found.changed
    assert check(signed(world), world.contract).standing is Standing.PINNED


def test_a_server_that_grants_what_nobody_signed_is_found_out(world: World) -> None:
    granted = {"value": {"authorised_for": "both", "by": "ET", "reference": "x"}, "source": "x", "stated_on": "x"}
    found = check(otherwise(signed(world), article6=granted), world.contract)
    assert found.standing is Standing.CHANGED
    assert "article6.value.authorised_for: unknown → both" in found.changed


def test_one_attester_s_word_or_a_stranger_s_beside_it_is_none(world: World) -> None:
    whole = signed(world)
    one = whole.pins[0].signed
    for signers, signatures in (
        (one.signers[:1], one.signatures[:1]),
        (one.signers[:1] * 2, one.signatures[:1] * 2),
        ((*one.signers, one.signers[0]), (*one.signatures, "0x" + "22" * 64)),
        (tuple(reversed(one.signers)), one.signatures),
    ):
        cut = one.model_copy(update={"signers": signers, "signatures": signatures})
        forged = whole.model_copy(update={"pins": (whole.pins[0].model_copy(update={"signed": cut}),)})
        assert check(forged, world.contract).standing is Standing.UNSIGNED


def test_a_pin_of_another_class_or_another_text_counts_for_nothing(world: World) -> None:
    whole = signed(world)
    world.registry.pin_metadata(STOVES.id, world.contract.deployment)
    other = world.registry.metadata(STOVES.id)
    assert other is not None
    for pins in (other.pins, (whole.pins[0].model_copy(update={"body": other.body}),)):
        assert check(whole.model_copy(update={"pins": pins}), world.contract).standing is Standing.UNSIGNED


def test_a_pin_of_attesters_who_were_replaced_is_signed_anew(world: World) -> None:
    whole = signed(world)
    gone = whole.pins[0].signed.signers[0]
    replace_attester(world, gone, world.address("bob"))
    assert check(whole, world.contract).standing is Standing.UNSIGNED
    staff = [world.keys["bob"], *(key for key in world.attesters if key.address != gone)]
    world.registry = embedded_registry(world.ledger, world.contract, {"VERRA": (2, staff)})
    assert check(signed(world), world.contract).standing is Standing.PINNED
