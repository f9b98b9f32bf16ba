"""A holder without gas: what he signs opens his request once, whoever brings it, and nothing else."""

from __future__ import annotations

import pytest

from bridge.chain.signers import KeySigner, in_full, in_short
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Opening, Request, typed_request
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.signed_request import SignedRequest
from bridge.errors import ContractRefused, Refused, UsageError
from bridge.flow.advance import advance
from bridge.flow.hold import Holder, ask, disclose_opened, plan_request, transfer
from bridge.flow.relay import opening, sign_request
from tests.flow.world import DAY, FOREST, World, span

pytestmark = pytest.mark.slow


class Poor:
    """Holds 50 units and no ether."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.key = KeySigner((77).to_bytes(32, "big"))
        journal = world.rehearsal.open_journal("poor", world.folder)
        sender = Sender(world.chain.connection, self.key, journal)
        self.holder = Holder(world.contract, world.registry, journal, sender)
        world.deposit(span(1, 100))
        transfer(world.holder("alice"), self.key.address, FOREST.id, 50)

    @property
    def units(self) -> int:
        return self.world.contract.balance(self.key.address, FOREST.id)

    def plan(self, units: int = 20, kind: Kind = Kind.RETIREMENT, for_: str = "Acme") -> str:
        return plan_request(self.holder, kind, FOREST.id, units, for_, "annual report")

    def sign(self, request_id: str, days: int = 7) -> SignedRequest:
        return sign_request(self.holder, request_id, days * DAY)

    def tell(self) -> None:
        disclose_opened(self.holder.contract, self.holder.registry, self.holder.journal, self.key.address)


@pytest.fixture
def poor(world: World) -> Poor:
    return Poor(world)


def relay(world: World, by: str, signed: SignedRequest) -> str:
    return world.sender(by).send_and_wait(opening(world.contract, signed))


def bring(poor: Poor, signed: SignedRequest, by: str = "mallory") -> str:
    return relay(poor.world, by, signed)


@pytest.mark.parametrize("kind", [Kind.RETIREMENT, Kind.REDEMPTION])
def test_who_has_no_gas_signs_anybody_relays_and_the_holder_tells_the_registry(poor: Poor, kind: Kind) -> None:
    world = poor.world
    request_id = poor.plan(kind=kind, for_="bob")
    signed = poor.sign(request_id)
    assert world.chain.w3.eth.get_balance(world.chain.w3.to_checksum_address(poor.key.address)) == 0
    bring(poor, SignedRequest.model_validate_json(signed.model_dump_json()))
    assert poor.units == 30
    advance(world.bridge)
    assert "has not disclosed" in world.bridge.journal.exit(request_id).note  # type: ignore[union-attr]
    poor.tell()
    advance(world.bridge)
    assert world.exit_state(request_id) == "executed"
    retired = 20 if kind is Kind.RETIREMENT else 0
    assert world.contract.retired_balance(poor.key.address, FOREST.id) == retired
    assert world.reconcile().clean


def test_the_registry_is_told_only_of_what_is_on_chain_and_ones_own(poor: Poor) -> None:
    world = poor.world
    request_id = poor.plan()
    opening = Opening.model_validate_json(poor.holder.journal.own_request(request_id).opening)
    poor.tell()
    assert world.ledger.disclosed({request_id: opening.commitment}) == {}
    bring(poor, poor.sign(request_id))
    disclose_opened(world.contract, world.registry, poor.holder.journal, world.address("alice"))
    assert world.ledger.disclosed({request_id: opening.commitment}) == {}
    poor.tell()
    assert world.ledger.disclosed({request_id: opening.commitment}) == {request_id: opening}


def test_what_travels_holds_no_secret(poor: Poor) -> None:
    request_id = poor.plan(for_="Acme")
    row = poor.holder.journal.own_request(request_id)
    text = poor.sign(request_id).model_dump_json()
    opening = Opening.model_validate_json(row.opening)
    assert opening.secret[2:] not in text
    assert "Acme" not in text
    assert "annual report" not in text


CHANGES = [
    {"units": 50},
    {"kind": Kind.REDEMPTION},
    {"commitment": "0x" + "11" * 32},
    {"salt": "0x" + "12" * 32},
    {"holder": "alice"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: next(iter(one)))
def test_a_changed_request_is_refused_by_the_check_and_by_the_contract(poor: Poor, change: dict) -> None:  # type: ignore[type-arg]
    signed = poor.sign(poor.plan())
    if "holder" in change:
        change = {"holder": poor.world.address("alice")}
    forged = signed.model_copy(update={"request": Request(**(dict(signed.request) | change))})
    require_refused(poor, forged)
    bring(poor, signed)
    assert poor.units == 30


@pytest.mark.parametrize("signature", ["0x" + "00" * 65, "0x12", "0x" + "11" * 64 + "1b", "0x" + "ff" * 64 + "1c"])
def test_a_signature_that_is_none_is_refused(poor: Poor, signature: str) -> None:
    require_refused(poor, poor.sign(poor.plan()).model_copy(update={"signature": signature}))


def test_a_later_end_than_was_signed_is_refused(poor: Poor) -> None:
    signed = poor.sign(poor.plan())
    require_refused(poor, signed.model_copy(update={"not_after": signed.not_after + 1}))


def require_refused(poor: Poor, forged: SignedRequest) -> None:
    world = poor.world
    with pytest.raises(Refused, match="is not signed by its holder"):
        bring(poor, forged)
    direct = world.contract.request_for(forged.request, forged.not_after, bytes.fromhex(forged.signature[2:]))
    with pytest.raises(ContractRefused, match=r"SignatureInvalid.*ask the holder for the file again"):
        world.send("mallory", direct)
    assert poor.units == 50


def test_it_is_good_until_its_time_and_can_be_signed_again(poor: Poor) -> None:
    request_id = poor.plan()
    signed = poor.sign(request_id, days=1)
    poor.world.chain.pass_seconds(DAY + 1)
    with pytest.raises(Refused, match="holder send --sign-only"):
        bring(poor, signed)
    direct = poor.world.contract.request_for(signed.request, signed.not_after, bytes.fromhex(signed.signature[2:]))
    with pytest.raises(ContractRefused, match=r"SignatureExpired.*holder signs it again"):
        poor.world.send("mallory", direct)
    assert poor.units == 50
    again = poor.sign(request_id)
    assert again.request_id == request_id
    bring(poor, again)
    assert poor.units == 30


def test_it_serves_once_whoever_repeats_it(poor: Poor) -> None:
    request_id = poor.plan()
    first, second = poor.sign(request_id), poor.sign(request_id, days=9)
    bring(poor, first)
    for again in (first, second):
        with pytest.raises(Refused, match="on chain already"):
            bring(poor, again, by="bob")
    direct = poor.world.contract.request_for(first.request, first.not_after, bytes.fromhex(first.signature[2:]))
    with pytest.raises(ContractRefused, match=r"RequestExists.*nothing is left to do"):
        poor.world.send("bob", direct)
    with pytest.raises(Refused, match="on chain already"):
        poor.sign(request_id)
    assert poor.units == 30


def test_it_serves_on_its_own_deployment_only(poor: Poor) -> None:
    signed = poor.sign(poor.plan())
    elsewhere = signed.deployment.model_copy(update={"contract": "0x" + "99" * 20})
    with pytest.raises(UsageError, match="is for 131277322940537:0x9999"):
        bring(poor, signed.model_copy(update={"deployment": elsewhere}))
    signature = in_full(poor.key.sign(typed_request(elsewhere, signed.request, signed.not_after)))
    require_refused(poor, signed.model_copy(update={"signature": signature}))


def test_units_that_have_left_are_missed_and_the_file_stays_good(poor: Poor) -> None:
    world = poor.world
    signed = poor.sign(poor.plan(units=50))
    other = poor.sign(poor.plan(units=1))
    bring(poor, other)
    with pytest.raises(Refused, match="has 49 units"):
        bring(poor, signed)
    transfer(world.holder("alice"), poor.key.address, FOREST.id, 1)
    bring(poor, signed)
    assert poor.units == 0


def test_a_pause_keeps_it_waiting(poor: Poor) -> None:
    signed = poor.sign(poor.plan())
    poor.world.send("guardian", poor.world.contract.functions.pause())
    with pytest.raises(ContractRefused, match="IsPaused"):
        bring(poor, signed)
    poor.world.send("admin", poor.world.contract.functions.unpause())
    bring(poor, signed)
    assert poor.units == 30


def test_who_has_found_gas_meanwhile_burns_once(world: World) -> None:
    world.deposit(span(1, 100))
    alice = world.holder("alice")
    request_id = plan_request(alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    signed = sign_request(alice, request_id, DAY)
    ask(alice, request_id)
    with pytest.raises(Refused, match="on chain already"):
        relay(world, "bob", signed)
    assert world.balance("alice") == 90


# An account that answers every call with its own selector, when the call is 196 bytes long: so it receives units, and
# takes any signature of 65 bytes for its own, but no shorter one.
WALLET = "5f3560e01c60e01b3660c414025f5260205ff3"


def test_a_contract_that_holds_units_is_asked_itself(world: World) -> None:
    w3 = world.chain.w3
    made = w3.eth.send_transaction(
        {"from": w3.eth.accounts[0], "data": f"0x60{len(WALLET) // 2:02x}8060095f395ff3{WALLET}"}
    )
    wallet = str(w3.eth.wait_for_transaction_receipt(made)["contractAddress"]).lower()
    world.deposit(span(1, 100))
    transfer(world.holder("alice"), wallet, FOREST.id, 40)
    request = Request(
        kind=Kind.RETIREMENT,
        holder=wallet,
        class_id=FOREST.id,
        units=40,
        commitment="0x" + "22" * 32,
        salt="0x" + "33" * 32,
    )
    signed = SignedRequest(
        deployment=world.contract.deployment, request=request, not_after=world.now() + DAY, signature="0x" + "44" * 65
    )
    with pytest.raises(ContractRefused, match="SignatureInvalid"):
        relay(world, "bob", signed.model_copy(update={"signature": "0x44"}))
    relay(world, "bob", signed)
    assert world.contract.request_state(signed.request_id).status is RequestStatus.OPEN


def test_a_signature_in_full_is_the_same_in_short(poor: Poor) -> None:
    seen = set()
    for n in range(8):
        full = poor.sign(poor.plan(units=n + 1)).signature
        short = in_short(full)
        assert short is not None
        assert in_full(short) == full
        seen.add(full[-2:])
    assert seen == {"1b", "1c"}
