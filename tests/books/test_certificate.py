"""A certificate holds only as it was given: every change is found, by whoever looks."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.books.certificate import Certificate, certify, summary, verify
from bridge.domain.attestations import Opening, Request
from bridge.domain.lifecycle import Kind
from bridge.errors import NotYet
from bridge.flow.advance import advance
from tests.flow.world import Stage, World, span


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, stage: Stage) -> World:
    """One world for all: certificates are only read here."""
    stage.clear()
    world = World(tmp_path_factory.mktemp("books"), stage)
    world.deposit(span(1, 100))
    return world


@pytest.fixture(scope="module")
def certificate(world: World) -> Certificate:
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    advance(world.bridge)
    return made(world, request_id)


def made(world: World, request_id: str) -> Certificate:
    own = world.holder("alice").journal.own_request(request_id)
    request, opening = Request.model_validate_json(own.request), Opening.model_validate_json(own.opening)
    return certify(world.contract, request, opening, world.registry.receipt(request_id))


def test_it_says_which_serials_for_whom_and_how_many_tonnes_and_survives_its_file(
    world: World, certificate: Certificate
) -> None:
    again = Certificate.model_validate_json(certificate.model_dump_json())
    assert verify(again, world.contract) == []
    assert (again.units, again.tonnes) == (30, Decimal(30))
    assert [(s.space_key, str(s.range)) for s in again.serials] == [("VER", "1-30")]
    assert "retired for Acme" in summary(again)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"opening": {"beneficiary": "Mallory"}}, "opening does not match"),
        ({"opening": {"purpose": "another year"}}, "opening does not match"),
        ({"request": {"units": 300}}, "does not hash to its id"),
        ({"request": {"holder": "0x" + "99" * 20}}, "does not hash to its id"),
        ({"units": 300}, "states 300 units"),
        ({"tonnes": "300"}, "do not weigh"),
        ({"credit_class": {"project": "9999"}}, "not what the token id stands for"),
        ({"credit_class": {"vintage": 2024}}, "not what the token id stands for"),
        ({"credit_class": {"kg_per_unit": 100_000}}, "do not weigh"),
        ({"serials": []}, "serials are not the serials settled"),
        ({"receipt": {"signatures": ["0x" + "11" * 64, "0x" + "22" * 64]}}, "attesters signed the receipt"),
        ({"request_id": "0x" + "77" * 32}, "does not hash to its id"),
        ({"deployment": {"chain_id": 5}}, "it speaks of"),
    ],
)
def test_every_change_is_found(world: World, certificate: Certificate, change: dict, fault: str) -> None:  # type: ignore[type-arg]
    document = certificate.model_dump(mode="json")
    for name, value in change.items():
        document[name] = document[name] | value if isinstance(value, dict) else value
    forged = Certificate.model_validate(document)
    assert any(fault in found for found in verify(forged, world.contract)), verify(forged, world.contract)


def test_a_receipt_of_another_request_does_not_serve(world: World, certificate: Certificate) -> None:
    other = world.ask("alice", Kind.RETIREMENT, 30, for_="Beta")
    advance(world.bridge)
    forged = certificate.model_copy(update={"receipt": world.registry.receipt(other)})
    faults = verify(forged, world.contract)
    assert any("receipt is for another request" in fault for fault in faults)
    assert any("receipt's serials are not" in fault for fault in faults)


def test_one_attester_s_word_is_not_enough(world: World, certificate: Certificate) -> None:
    receipt = certificate.receipt
    lone = receipt.model_copy(update={"signatures": receipt.signatures[:1] * 2})
    forged = certificate.model_copy(update={"receipt": lone})
    assert any("1 of VERRA's attesters" in fault for fault in verify(forged, world.contract))


def test_there_is_none_before_the_registry_has_acted(world: World) -> None:
    request_id = world.ask("alice", Kind.RETIREMENT, 5, for_="Acme")
    with pytest.raises(NotYet):
        made(world, request_id)
