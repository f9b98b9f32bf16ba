"""A certificate holds only as it was given: every change is found, by whoever looks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.books.certificate import Certificate, certify, retired_in_all, summary, verify
from bridge.bootstrap import embedded_registry
from bridge.domain.attestations import Opening, Receipt, Request
from bridge.domain.attributes import Attributes, Source
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import RequestOpened
from bridge.domain.values import code_bytes
from bridge.errors import ContractRefused, NotYet, Refused
from bridge.flow.advance import advance
from bridge.flow.attest import attest_reserved
from bridge.flow.reserve import reserve_seen
from bridge.flow.settle import settle_attested
from bridge.flow.watch import watch
from tests.flow.world import BIOGAS, FOREST, Stage, World, span
from tests.registry.fakes import answered


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, stage: Stage) -> World:
    """One world for all: certificates are only read here."""
    stage.clear()
    world = World(tmp_path_factory.mktemp("books"), stage)
    world.deposit(span(1, 100))
    return world


@pytest.fixture(scope="module")
def certificate(world: World) -> Certificate:
    world.registry.pin_metadata(FOREST.id, world.contract.deployment)
    request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    advance(world.bridge)
    return made(world, request_id)


def made(world: World, request_id: str) -> Certificate:
    own = world.holder("alice").journal.own_request(request_id)
    request, opening = Request.model_validate_json(own.request), Opening.model_validate_json(own.opening)
    published = world.registry.metadata(request.class_id)
    return certify(world.contract, request, opening, world.registry.receipt(request_id), published)


def test_it_says_which_serials_for_whom_and_how_many_tonnes_and_survives_its_file(
    world: World, certificate: Certificate
) -> None:
    again = Certificate.model_validate_json(certificate.model_dump_json())
    assert verify(again, world.contract) == []
    assert (again.units, again.tonnes) == (30, Decimal(30))
    assert [(s.space_key, str(s.range)) for s in again.serials] == [("VER", "1-30")]
    assert "retired for Acme" in summary(again)


Steps = tuple[str | int, ...]


def changes(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Each field of a document with another value of its kind, and each list with one more, one less and none."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from changes(inner, (*path, key))
        case list():
            yield path, [*value, value[-1]]
            yield path, value[:-1]
            for number, inner in enumerate(value):
                yield from changes(inner, (*path, number))
        case int():
            yield path, value + 1
        case str() if value.startswith("0x"):
            yield path, value[:-1] + ("1" if value[-1] == "0" else "0")
        case str():
            yield path, "1" + value if value.replace(".", "").isdigit() else value + "X"


def changed(document: Any, path: Steps, value: Any) -> Any:
    document = copy.deepcopy(document)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def test_every_change_of_any_field_is_found(world: World, certificate: Certificate) -> None:
    document = certificate.model_dump(mode="json")
    tried = list(changes(document))
    assert {path[0] for path, _ in tried} == set(Certificate.model_fields)
    assert {path[-1] for path, _ in tried} >= set(Receipt.model_fields) - {"ranges"}
    unread = set()
    for path, value in tried:
        try:
            forged = Certificate.model_validate(changed(document, path, value))
        except ValidationError:
            unread.add(path)
            continue
        assert verify(forged, world.contract), path
    assert unread == {("format",), ("receipt", "items"), ("metadata", "signed", "items")}  # and no receipt at all


def test_one_of_the_format_before_holds_and_says_nothing_of_its_class(world: World, certificate: Certificate) -> None:
    document = certificate.model_dump(mode="json") | {"format": "carbonbridge-certificate/2"}
    with pytest.raises(ValidationError):
        Certificate.model_validate(document)
    del document["metadata"]
    earlier = Certificate.model_validate(document)
    assert earlier.metadata is None
    assert verify(earlier, world.contract) == []


def test_what_nobody_signed_of_a_class_is_not_certified(world: World, certificate: Certificate) -> None:
    said = Attributes(host_country="ET")
    world.ledger.describe(FOREST.id, said, Source(source="a letter", stated_on=date(2020, 1, 1)))
    published = world.registry.metadata(FOREST.id)
    again = certify(world.contract, certificate.request, certificate.opening, certificate.receipt, published)
    assert again.metadata == certificate.metadata
    unsigned = published.model_copy(update={"pins": ()}) if published else None
    none = certify(world.contract, certificate.request, certificate.opening, certificate.receipt, unsigned)
    assert none.metadata is None


def test_metadata_of_another_class_does_not_serve(world: World, certificate: Certificate) -> None:
    world.registry.pin_metadata(BIOGAS.id, world.contract.deployment)
    other = world.registry.metadata(BIOGAS.id)
    assert other is not None
    forged = certificate.model_copy(update={"metadata": other.pins[-1]})
    assert any(fault.startswith("metadata: ") for fault in verify(forged, world.contract))


def test_the_field_that_was_changed_is_named(world: World, certificate: Certificate) -> None:
    document = certificate.model_dump(mode="json")
    for path in (("credit_class", "project_name"), ("opened", "block"), ("serials", 0, "space_key"), ("units",)):
        value = next(value for at, value in changes(document) if at == path)
        faults = verify(Certificate.model_validate(changed(document, path, value)), world.contract)
        name = ".".join(map(str, path)).replace(".0", "[0]")
        assert [fault.partition(":")[0] for fault in faults] == [name]


def test_a_weight_and_a_unit_that_agree_with_each_other_do_not_make_more_tonnes(
    world: World, certificate: Certificate
) -> None:
    heavy = certificate.credit_class.model_copy(update={"kg_per_unit": 10**9})
    forged = certificate.model_copy(update={"credit_class": heavy, "tonnes": Decimal(30 * 10**6)})
    assert {fault.partition(":")[0] for fault in verify(forged, world.contract)} == {
        "credit_class.kg_per_unit",
        "tonnes",
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"opening": {"beneficiary": "Mallory"}}, "opening does not match"),
        ({"opening": {"purpose": "another year"}}, "opening does not match"),
        ({"opening": {"units": 300}}, "opening is of another"),
        ({"request": {"units": 300}}, "does not hash to its id"),
        ({"request": {"holder": "0x" + "99" * 20}}, "does not hash to its id"),
        ({"request_id": "0x" + "77" * 32}, "does not hash to its id"),
        ({"deployment": {"chain_id": 5}}, "it speaks of"),
        ({"settled": []}, "settled: it has 0"),
        ({"receipt": {"signers": []}}, "not those who signed"),
        ({"receipt": {"signatures": []}}, "no quorum"),
        ({"receipt": {"signatures": ["0x" + "11" * 64, "0x" + "22" * 64]}}, "no quorum"),
    ],
)
def test_what_is_wrong_is_said(world: World, certificate: Certificate, change: dict, fault: str) -> None:  # type: ignore[type-arg]
    document = certificate.model_dump(mode="json")
    for name, value in change.items():
        document[name] = document[name] | value if isinstance(value, dict) else value
    forged = Certificate.model_validate(document)
    assert any(fault in found for found in verify(forged, world.contract)), verify(forged, world.contract)


# ------------------------------------- whose it is, and that it stays his


def test_what_it_certifies_is_in_the_holders_retired_balance(world: World, certificate: Certificate) -> None:
    assert retired_in_all(certificate, world.contract) >= certificate.units
    assert world.contract.retired_balance(world.address("bob"), certificate.request.class_id) == 0


def test_a_chain_that_has_not_retired_as_much_is_found_out(
    world: World, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(world.contract), "retired_balance", lambda *_: certificate.units - 1)
    assert verify(certificate, world.contract) == [
        "request.holder: 29 units of the class are retired for it on chain, not the 30 settled"
    ]


def test_whoever_holds_the_opening_shows_the_beneficiary(world: World, certificate: Certificate) -> None:
    """Acme, to whom the holder gave the opening: it needs neither his key nor his journal, nor the operator's."""
    opened = next(
        event
        for event in world.contract.events(0, world.contract.connection.final().number, RequestOpened)
        if isinstance(event, RequestOpened) and event.request_id == certificate.request_id
    )
    given = Opening.model_validate_json(certificate.opening.model_dump_json())
    published = world.registry.metadata(opened.request.class_id)
    shown = certify(world.contract, opened.request, given, world.registry.receipt(opened.request_id), published)
    assert shown == certificate
    assert verify(shown, world.contract) == []


@pytest.mark.parametrize("known", [{"beneficiary": "Acme"}, {"secret": "0x" + "00" * 32}, {"purpose": ""}])
def test_nobody_shows_a_beneficiary_without_the_opening(
    world: World, certificate: Certificate, known: dict[str, str]
) -> None:
    """All that is public, the right name even, and a wrong secret; or the secret, and another name."""
    guessed = certificate.opening.model_copy(
        update={"secret": "0x" + "77" * 32} | known if "purpose" not in known else known
    )
    with pytest.raises(Refused, match="is not what request"):
        certify(world.contract, certificate.request, guessed, certificate.receipt)
    forged = certificate.model_copy(update={"opening": guessed})
    assert "opening does not match" in verify(forged, world.contract)[0]


def test_the_chain_tells_nobody_the_beneficiary(world: World, certificate: Certificate) -> None:
    w3 = world.chain.w3
    sent = [w3.eth.get_transaction(p.transaction)["input"] for p in (certificate.opened, *certificate.settled)]
    said = [log["data"] for p in certificate.settled for log in w3.eth.get_transaction_receipt(p.transaction)["logs"]]
    assert sent
    assert said
    assert not any(b"Acme" in bytes(data) or b"annual report" in bytes(data) for data in (*sent, *said))


def test_a_certificate_is_not_transferred(world: World, certificate: Certificate) -> None:
    """Mallory has the whole file: neither his name in it, nor a request of his own beside it, makes it his."""
    mallory = world.address("mallory")
    request = certificate.request.model_copy(update={"holder": mallory})
    opening = certificate.opening.model_copy(update={"holder": mallory})
    own = request.model_copy(update={"commitment": opening.commitment})
    for forged in (
        certificate.model_copy(update={"request": request}),
        certificate.model_copy(update={"request": own, "opening": opening}),
        certificate.model_copy(
            update={"request": own, "opening": opening, "request_id": own.id_on(certificate.deployment)}
        ),
    ):
        assert verify(forged, world.contract)
    with pytest.raises(NotYet):
        certify(world.contract, own, opening, certificate.receipt)


def test_what_is_retired_moves_to_nobody(world: World, certificate: Certificate) -> None:
    alice, bob = world.address("alice"), world.address("bob")
    before, left = retired_in_all(certificate, world.contract), world.balance("alice")
    with pytest.raises(ContractRefused, match="ERC1155InsufficientBalance"):
        world.send("alice", world.contract.transfer(alice, bob, certificate.request.class_id, left + 1))
    world.send("alice", world.contract.transfer(alice, bob, certificate.request.class_id, 1))
    assert retired_in_all(certificate, world.contract) == before
    assert world.contract.retired_balance(bob, certificate.request.class_id) == 0
    assert verify(certificate, world.contract) == []


def test_a_receipt_of_another_request_does_not_serve(world: World, certificate: Certificate) -> None:
    other = world.ask("alice", Kind.RETIREMENT, 30, for_="Beta")
    advance(world.bridge)
    forged = certificate.model_copy(update={"receipt": world.registry.receipt(other)})
    faults = verify(forged, world.contract)
    assert any("for another request" in fault for fault in faults)
    assert any("serials are not the serials settled" in fault for fault in faults)


def test_one_attester_s_word_is_not_enough(world: World, certificate: Certificate) -> None:
    receipt = certificate.receipt
    for count in (1, 2):
        twice = {"signatures": receipt.signatures[:1] * count, "signers": receipt.signers[:1] * count}
        forged = certificate.model_copy(update={"receipt": receipt.model_copy(update=twice)})
        assert any("no quorum" in fault for fault in verify(forged, world.contract))


def test_a_stranger_s_signature_beside_a_quorum_is_a_fault(world: World, certificate: Certificate) -> None:
    receipt = certificate.receipt
    padded = {"signatures": (*receipt.signatures, "0x" + "22" * 64)}
    forged = certificate.model_copy(update={"receipt": receipt.model_copy(update=padded)})
    assert any("no quorum" in fault for fault in verify(forged, world.contract))


def test_there_is_none_before_the_registry_has_acted(world: World) -> None:
    request_id = world.ask("alice", Kind.RETIREMENT, 5, for_="Acme")
    with pytest.raises(NotYet):
        made(world, request_id)


def replace_attester(world: World, old: str, new: str) -> None:
    account = world.chain.w3.to_checksum_address
    call = world.contract.functions.setAttesters(code_bytes("VERRA"), [account(new)], [account(old)], 2)
    world.send("admin", call)


def test_it_holds_for_ever_though_attesters_are_replaced_later(stage: Stage, tmp_path: Path) -> None:
    stage.clear()
    world = World(tmp_path, stage)
    world.deposit(span(1, 50))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    advance(world.bridge)
    honest = made(world, request_id)
    for old, new in zip(honest.receipt.signers, ("bob", "mallory"), strict=True):
        replace_attester(world, old, world.address(new))
    assert verify(honest, world.contract) == []


def test_it_holds_when_an_attester_was_replaced_between_settlement_and_receipt(stage: Stage, tmp_path: Path) -> None:
    stage.clear()
    world = World(tmp_path, stage)
    world.deposit(span(1, 50))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    for step in (watch, reserve_seen, attest_reserved, settle_attested):
        step(world.bridge)
    gone = min(world.attesters, key=lambda key: key.address)
    replace_attester(world, gone.address, world.address("bob"))
    staff = [world.keys["bob"], *(key for key in world.attesters if key is not gone)][:2]
    world.registry = embedded_registry(world.ledger, world.contract, {"VERRA": (2, staff)})
    world.bridge = world.open_bridge()
    advance(world.bridge)
    late = made(world, request_id)
    assert world.address("bob") in late.receipt.signers
    assert verify(late, world.contract) == []


def test_it_is_not_withheld(stage: Stage, tmp_path: Path) -> None:
    """Guardian and operator at their most hostile after the settlement: a pause, a quarantine, no operator any more.
    A registry that keeps its receipt back cannot unsay what the chain shows as retired."""
    stage.clear()
    world = World(tmp_path, stage)
    world.deposit(span(1, 50))
    request_id = world.ask("alice", Kind.RETIREMENT, 10, for_="Acme")
    for step in (watch, reserve_seen, attest_reserved, settle_attested):
        step(world.bridge)
    with pytest.raises(NotYet):
        made(world, request_id)
    request = Request.model_validate_json(world.holder("alice").journal.own_request(request_id).request)
    assert world.contract.retired_balance(request.holder, request.class_id) == 10
    world.send("guardian", world.contract.functions.pause())
    world.send("guardian", world.contract.quarantine(request.class_id))
    world.send("admin", world.contract.set_allowance(world.address("operator"), 0))
    answered(world.registry.execute([request_id]))
    assert verify(made(world, request_id), world.contract) == []
