"""Acts of the admin: words into calls and back, operations of the timelock, and files for a Safe."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from eth_utils.address import to_checksum_address

from bridge.chain.admin.acts import Acts, Call
from bridge.chain.admin.safe import batch, checksum
from bridge.chain.admin.timelock import Operation, OperationState, Timelock
from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy, deploy_timelock
from bridge.chain.local import fund
from bridge.chain.signers import KeySigner
from bridge.chain.transactions import Sender
from bridge.domain.credit_class import CreditClass, Subject, Verdict
from bridge.domain.values import code_bytes, hex32, to_bytes, to_int
from bridge.errors import ContractRefused, UsageError
from bridge.journal.store import open_journal
from tests.chain.admin_world import DAY, World

HERE = {"bridge": "0x" + "b1" * 20, "policy": "0x" + "b2" * 20, "timelock": "0x" + "b3" * 20}
SOMEBODY = "0x" + "11" * 20
CLASS = "0x" + "5f" * 32


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> Iterator[World]:
    yield made
    made.chain.revert(made.after)


def read(*words: str) -> Call:
    return Acts(HERE).read(words, lambda text: SOMEBODY if text == "somebody" else text)


# ---------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("words", "back"),
    [
        (["setGuardian", "somebody", "true"], f"bridge.setGuardian(account {SOMEBODY}, enabled true)"),
        (["bridge.unpause"], "bridge.unpause()"),
        (["confirmFreeze", "somebody", "0"], f"policy.confirmFreeze(account {SOMEBODY}, until 0)"),
        (["policy.setGuardian", SOMEBODY, "false"], f"policy.setGuardian(account {SOMEBODY}, enabled false)"),
        (["updateDelay", "864000"], "timelock.updateDelay(newDelay 864000)"),
        (
            ["setAttesters", "GS", "somebody,somebody", "", "2"],
            f"bridge.setAttesters(registry GS, add [{SOMEBODY}, {SOMEBODY}], remove [], threshold 2)",
        ),
        (
            ["setVerdict", "VERRA", "project", "1340", "barred"],
            "bridge.setVerdict(registry VERRA, subject project, code 1340, verdict barred)",
        ),
        (
            ["setVerdict", "VERRA", "methodology", "VM0007", "none"],
            "bridge.setVerdict(registry VERRA, subject methodology, code VM0007, verdict none)",
        ),
        (
            ["setMethodology", "VERRA", "1340", "VM0007"],
            "bridge.setMethodology(registry VERRA, project 1340, methodology VM0007)",
        ),
        (["setClassAllowance", CLASS, "500"], f"bridge.setClassAllowance(classId {CLASS}, unitsPerDay 500)"),
        (["confirmQuarantine", CLASS, "1900000000"], f"bridge.confirmQuarantine(classId {CLASS}, until 1900000000)"),
    ],
)
def test_an_act_reads_back_as_it_was_written(words: list[str], back: str) -> None:
    assert Acts(HERE).words(read(*words)) == back


def test_the_acts_are_the_functions_that_only_an_owner_calls() -> None:
    names = Acts(HERE).names()
    assert {"addRegistry", "setAttesters", "setAllowance", "setGuardian", "unpause"} <= set(names)
    assert {"policy.confirmFreeze", "policy.setGuardian", "timelock.updateDelay"} <= set(names)
    assert not {"mint", "pause", "retire", "policy.freeze", "timelock.execute"} & set(names)
    assert set(Acts({"bridge": HERE["bridge"]}).names()) == {*artifact("CarbonBridge").owner_only, "acceptOwnership"}


def test_a_struct_is_written_by_name_in_any_order() -> None:
    entry = next(e for e in artifact("CarbonBridge").abi if e.get("name") == "addRegistry")
    members = {member["name"]: member["type"] for member in entry["inputs"][3]["components"]}
    others = {"bool": "true", "address": SOMEBODY}
    numbered = {name: others.get(kind, str(n)) for n, (name, kind) in enumerate(members.items(), start=1)}
    forwards = ",".join(f"{k}={v}" for k, v in numbered.items())
    backwards = ",".join(f"{k}={v}" for k, v in reversed(numbered.items()))
    call = read("addRegistry", "GS", "somebody", "1", backwards)
    assert call == read("addRegistry", "GS", "somebody", "1", forwards)
    assert f"terms [{', '.join(numbered.values())}]" in Acts(HERE).words(call)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mint"], "no act 'mint'; there are: addRegistry"),
        (["policy.unpause"], "no act 'policy.unpause'"),
        (["setGuardian", "somebody"], "takes 2 arguments, not 1: setGuardian ACCOUNT:address ENABLED:bool"),
        (["setGuardian", "somebody", "yes"], "'yes' is no enabled"),
        (["setAllowance", "somebody", "-1"], "'-1' is no unitsPerDay"),
        (["setAllowance", "somebody", str(2**64)], "is no unitsPerDay"),
        (["setAttesters", "GS", "somebody", "", "256"], "'256' is no threshold"),
        (["setAttesters", "A" * 32, "somebody", "", "1"], "is no registry"),
        (["addRegistry", "GS", "somebody", "1", "1,2,3,4"], "terms is written "),
        (["grantRole", "PROPOSER", "somebody"], "'PROPOSER' is no role"),
        (["setVerdict", "GS", "country", "1", "barred"], "'country' is no subject (project|methodology)"),
        (["setVerdict", "GS", "project", "1", "3"], "'3' is no verdict (none|admitted|barred)"),
        (["setVerdict", "GS"], "VERDICT:none|admitted|barred"),
        (["setClassAllowance", "0x" + "zz" * 32, "1"], "is no classId: 0x and 64 hex digits"),
        (["setClassAllowance", "VERRA 1340", "1"], "'VERRA 1340' is no classId (uint256)"),
        (["grantRole", "0x" + "zz" * 32, "somebody"], "is no role: 0x and 64 hex digits"),
    ],
)
def test_what_is_no_act_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(*words)
    assert message in str(refusal.value)


def test_what_only_a_listing_policys_owner_may_is_an_act_where_there_is_one() -> None:
    assert "policy.setLister" not in Acts(HERE).names()
    listing = Acts(HERE, allow_list=True)
    call = listing.read(["policy.setLister", "somebody", "true"], lambda _: SOMEBODY)
    assert listing.words(call) == f"policy.setLister(account {SOMEBODY}, enabled true)"


def test_terms_classes_and_verdicts_are_decided_by_the_timelock(world: World) -> None:
    contract = BridgeContract(world.connection, world.deployed)
    made = CreditClass(registry="VERRA", project="1340", vintage=2020, credit_type="VCU", kg_per_unit=1000)
    world.sender("operator").send_and_wait(contract.create_class(made))
    terms = "requestDeadline=9,challengeSeconds=8,challengeBlocks=0,kgPerUnit=1000,statementSeconds=60"
    until = world.connection.head().timestamp + 100 * DAY
    world.decide(
        ["setTerms", "VERRA", f"{terms},recoverySeconds={7 * DAY},admissionRequired=true,recoverer=mallory"],
        ["setVerdict", "VERRA", "project", "1340", "admitted"],
        ["setMethodology", "VERRA", "1340", "VM0007"],
        ["setVerdict", "VERRA", "methodology", "VM0007", "barred"],
        ["setClassAllowance", made.id, "77"],
        ["confirmQuarantine", made.id, str(until)],
    )
    view, ask = contract.view, contract.functions
    code = code_bytes("VERRA")
    assert view(ask.registryOf(code))[2][-1].lower() == world.address("mallory")
    assert view(ask.verdictOn(code, Subject.PROJECT, "1340")) == Verdict.ADMITTED
    assert view(ask.verdictOn(code, Subject.METHODOLOGY, "VM0007")) == Verdict.BARRED
    assert view(ask.classAllowance(to_int(made.id)))[0] == 77
    state = contract.class_state(made.id)
    assert state is not None
    assert (state.quarantined_until, state.terms.recoverer) == (until, None)


def test_a_call_that_is_none_of_ours_is_shown_as_it_is() -> None:
    assert Acts(HERE).words(Call(to=SOMEBODY, data="0x12345678")) == f"{SOMEBODY} is called with 0x12345678"
    paid = Acts(HERE).words(Call(to=HERE["bridge"], data=read("unpause").data, value=7))
    assert paid == "bridge.unpause() with 7 wei"


# ----------------------------------------------------------------- operations


def test_an_operations_id_is_the_contracts_own(world: World) -> None:
    operation = Operation(
        calls=tuple(world.calls(["unpause"], ["policy.setGuardian", "mallory", "true"])),
        predecessor=hex32(5),
        salt=hex32(7),
    )
    w3 = world.connection.w3
    contract = w3.eth.contract(w3.to_checksum_address(world.named), abi=artifact("TimelockController").abi)
    assert contract.functions.hashOperationBatch(*operation.arguments).call() == to_bytes(operation.id)


def test_an_act_waits_out_its_delay_and_happens(world: World) -> None:
    operation = world.schedule(["setAllowance", "mallory", "5"], ["setAllowance", "operator", "0"])
    timelock = world.timelock
    (waiting,) = timelock.scheduled(world.deployed.first_block)
    assert (waiting.operation_id, waiting.calls) == (operation.id, operation.calls)
    assert (waiting.state, waiting.ready_at) == (OperationState.WAITING, timelock.ready_at(operation.id))
    with pytest.raises(ContractRefused, match="TimelockUnexpectedOperationState"):
        world.send("multisig", timelock.execute(operation))
    world.chain.pass_seconds(waiting.ready_at - world.connection.head().timestamp)
    assert timelock.state(operation.id) is OperationState.READY
    with pytest.raises(ContractRefused, match="AccessControlUnauthorizedAccount"):
        world.send("mallory", timelock.execute(operation))
    world.send("multisig", timelock.execute(operation))
    found = world.verify().bridge
    assert found is not None
    assert found.operators == {world.address("mallory"): 5}
    assert world.timelock.scheduled(world.deployed.first_block) == []


def test_the_same_act_is_the_same_operation_until_it_is_done(world: World) -> None:
    calls = world.calls(["setGuardian", "mallory", "true"])
    first = world.timelock.operation(calls, hex32(0), None)
    assert world.schedule(["setGuardian", "mallory", "true"]) == first
    assert world.timelock.operation(calls, hex32(0), None) == first
    world.chain.pass_seconds(14 * DAY)
    world.send("multisig", world.timelock.execute(first))
    again = world.timelock.operation(calls, hex32(0), None)
    assert (first.salt, again.salt) == (hex32(0), hex32(1))
    assert world.timelock.operation(calls, hex32(0), first.salt) == first


def test_an_act_that_would_be_refused_is_known_before_anybody_signs(world: World) -> None:
    with pytest.raises(ContractRefused, match="IsNotPaused"):
        world.timelock.simulate(*world.calls(["unpause"]))
    with pytest.raises(ContractRefused, match="AttesterInvalid"):
        world.timelock.simulate(*world.calls(["setAttesters", "GS", "attester-1", "", "2"]))
    world.timelock.simulate(*world.calls(["setGuardian", "mallory", "true"]))


def test_the_old_owner_has_no_power_left(world: World) -> None:
    assert world.verify().holds
    contract = BridgeContract(world.connection, world.deployed)
    with pytest.raises(ContractRefused, match=r"OwnableUnauthorizedAccount.*carbonbridge admin propose"):
        world.sender("admin").submit(contract.set_guardian(world.address("admin"), True))


def test_where_there_is_no_timelock_none_is_taken_for_one(world: World) -> None:
    with pytest.raises(UsageError, match="no timelock of this package at"):
        Timelock(world.connection, world.deployed.lens)


def test_a_real_node_simulates_for_a_timelock_without_ether(anvil: str) -> None:
    connection = Connection.to(anvil, 0)
    signer = KeySigner((1).to_bytes(32, "big"))
    fund(connection, signer.address)
    sender = Sender(connection, signer, open_journal("sqlite://"))
    named = deploy_timelock(connection, sender, signer.address, 14 * DAY)
    acts = Acts({"bridge": deploy(connection, sender, named, "").deployment.contract, "timelock": named})
    timelock = Timelock(connection, named)
    timelock.simulate(acts.read(["setGuardian", SOMEBODY, "true"], str))
    with pytest.raises(ContractRefused, match="IsNotPaused"):
        timelock.simulate(acts.read(["unpause"], str))


# ----------------------------------------------------------------------- Safe


def test_a_batch_has_what_the_transaction_builder_reads() -> None:
    call = read("unpause")
    made = batch(10, SOMEBODY, "a name", "what it does: 無効化", [call], at=1_700_000_000)
    assert made == json.loads(json.dumps(made))
    assert (made["version"], made["chainId"], made["createdAt"]) == ("1.0", "10", 1_700_000_000_000)
    transaction = {"to": to_checksum_address(call.to), "value": "0", "data": call.data}
    assert made["transactions"] == [transaction | {"contractMethod": None, "contractInputsValues": None}]
    assert made["meta"]["checksum"] == checksum(made)
    assert checksum(made | {"chainId": "1"}) != made["meta"]["checksum"]
    renamed = made | {"meta": made["meta"] | {"name": "another"}}
    assert checksum(renamed) == made["meta"]["checksum"]


def test_the_checksum_is_the_builders_own() -> None:
    """A batch that the builder itself wrote, from a public repository of a DAO's multisig."""
    inputs = [
        {"name": "to", "type": "address", "internalType": "address"},
        {"name": "value", "type": "uint256", "internalType": "uint256"},
    ]
    written = {
        "version": "1.0",
        "chainId": "1",
        "createdAt": 1703107040104,
        "meta": {
            "name": "Transactions Batch",
            "description": "",
            "txBuilderVersion": "1.16.3",
            "createdFromSafeAddress": "0x10A19e7eE7d7F8a52822f6817de8ea18204F2e4f",
            "createdFromOwnerAddress": "",
            "checksum": "0x1f440bb1b31ed23dce797e5957ac2a5749add1074f8540f0ff0a158e4b248003",
        },
        "transactions": [
            {
                "to": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
                "value": "0",
                "data": None,
                "contractMethod": {"inputs": inputs, "name": "transfer", "payable": False},
                "contractInputsValues": {
                    "to": "0x811912c19eEF91b9Dc3cA52fc426590cFB84FC86",
                    "value": "29000000000",
                },
            }
        ],
    }
    assert checksum(written) == "0x1f440bb1b31ed23dce797e5957ac2a5749add1074f8540f0ff0a158e4b248003"
