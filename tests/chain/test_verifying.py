"""A sound deployment verifies; each check is made to fail once, by what an attacker or a slip would do on the chain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy, deploy_timelock
from bridge.chain.local import EmbeddedChain
from bridge.chain.transactions import Sender
from bridge.chain.verifying.powers import Reader
from bridge.chain.verifying.verify import verify
from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import CreditClass
from bridge.domain.deployment import About, Expectations, Verdict
from bridge.domain.values import ZERO_ADDRESS
from bridge.errors import NotYet
from bridge.journal.store import open_journal
from tests.chain.admin_world import DAY, World, altered, creation_code, of_verdict, row

pytestmark = pytest.mark.slow

KEYS = ["proposer", "canceller", "executor"]
"""A multisig that is one key is warned of in each of its roles."""


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> Iterator[World]:
    yield made
    made.chain.revert(made.after)


@pytest.fixture
def before(made: World) -> Iterator[World]:
    """Before the hand-over. Nobody can go forward again, so the module's last tests use it."""
    made.chain.revert(made.before)
    return made


# --------------------------------------------------------------------- sound


def test_a_sound_deployment_holds(world: World) -> None:
    found = world.verify()
    assert found.holds
    assert of_verdict(found, Verdict.WARNS) == KEYS
    assert of_verdict(found, Verdict.SHOWN) == ["scheduled acts"]
    assert {check.subject for check in found.checks if check.subject.endswith(" code")} == {
        f"{part} code" for part in ("bridge", "office", "remedies", "lens", "policy", "timelock")
    }


def test_without_expectations_it_shows_and_compares_only_what_must_be_so(world: World) -> None:
    found = world.verify(Expectations())
    assert found.holds
    shown = ["admin delay", "scheduled acts", "guardians", "policy guardians", "operators", "registry VERRA"]
    assert of_verdict(found, Verdict.SHOWN) == [*shown, "registry GS"]
    assert found.bridge is not None
    assert found.bridge.registries[0].terms["requestDeadline"] == 7 * DAY


def test_a_deployment_that_is_not_final_yet_is_not_judged(world: World) -> None:
    early = Connection(world.connection.w3, finality=world.connection.head().number)
    with pytest.raises(NotYet, match="newer than final block 0"):
        verify(early, world.deployed, Expectations(), world.named)


# ------------------------------------------------------------- further powers


def classes(world: World) -> str:
    """A class of before and one of after new terms; gives the first one's id."""
    contract = BridgeContract(world.connection, world.deployed)
    for vintage in (2020, 2021):
        made = CreditClass(registry="GS", project="13", vintage=vintage, credit_type="VER", kg_per_unit=1000)
        world.sender("operator").send_and_wait(contract.create_class(made))
        if vintage == 2020:
            world.decide(["setTerms", "GS", ",".join(recovering(world, "mallory"))])
            first = made.id
    world.decide(["setTerms", "GS", ",".join(recovering(world, "freezer"))])
    return first


def recovering(world: World, recoverer: str) -> list[str]:
    plain = {"requestDeadline": "9", "challengeSeconds": "8", "challengeBlocks": "0", "kgPerUnit": "1000"}
    more = {"statementSeconds": "0", "recoverySeconds": str(7 * DAY), "admissionRequired": "false"}
    return [f"{name}={value}" for name, value in (plain | more | {"recoverer": world.address(recoverer)}).items()]


def test_recoverers_of_old_classes_and_new_ones_are_shown_and_compared(world: World) -> None:
    classes(world)
    found = world.verify(world.expected(registries=None))
    shown = row(found, "recoverers")
    assert shown.verdict is Verdict.SHOWN
    assert "new classes of GS" in shown.found
    assert "GS 13 2021 VER" in shown.found
    assert "GS 13 2020 VER" not in shown.found
    both = [world.address("mallory"), world.address("freezer")]
    assert world.verify(world.expected(registries=None, recoverers=both)).holds
    for fewer in ([], both[:1]):
        failing = of_verdict(world.verify(world.expected(registries=None, recoverers=fewer)), Verdict.FAILS)
        assert failing == ["recoverers"]


def test_class_allowances_and_verdicts_that_stand_are_shown(world: World) -> None:
    class_id = classes(world)
    world.decide(
        ["setClassAllowance", class_id, "55"],
        ["setVerdict", "GS", "project", "13", "admitted"],
        ["setVerdict", "GS", "methodology", "M1", "barred"],
        ["setVerdict", "GS", "project", "14", "barred"],
        ["setVerdict", "GS", "project", "14", "none"],
    )
    found = world.verify(world.expected(registries=None))
    assert row(found, "class allowances").found == "GS 13 2020 VER 55 a day"
    assert row(found, "verdicts").found == "GS project 13 admitted; GS methodology M1 barred"
    world.decide(["setClassAllowance", class_id, "0"])
    assert not [c for c in world.verify(Expectations()).checks if c.subject == "class allowances"]


def test_who_lists_accounts_is_shown_and_compared() -> None:
    chain = EmbeddedChain()
    admin, lister = Sender(chain.connection, chain.signer(1), open_journal("sqlite://")), chain.signer(2).address
    deployed = deploy(chain.connection, admin, admin.address, "", allow_list=True)
    contract = BridgeContract(chain.connection, deployed)
    for account, enabled in ((lister, True), (admin.address, True), (admin.address, False)):
        admin.send_and_wait(contract.set_lister(account, enabled))

    def listers(*expected: str) -> Verdict:
        wanted = Expectations(listers=frozenset(expected) if expected else None)
        found = verify(chain.connection, deployed, wanted)
        assert [row(found, f"policy {what}").verdict for what in ("code", "creation")] == [Verdict.HOLDS] * 2
        assert found.policy is not None
        assert found.policy.listers == (lister,)
        return row(found, "policy listers").verdict

    assert listers() is Verdict.SHOWN
    assert listers(lister) is Verdict.HOLDS
    assert listers(lister, admin.address) is Verdict.FAILS


# ---------------------------------------------------------------------- code


def contract_at(address: str, world: World) -> dict[str, Any]:
    return {"deployment": Deployment(chain_id=world.connection.chain_id, contract=address)}


def with_policy(policy: str, *more: str) -> str:
    return encode(["address"] * (1 + len(more)), [policy, *more]).hex()


def bridge_over(world: World, *, change: str = "", policy: str | None = None) -> str:
    """A bridge whose part `change` has other code."""
    named = policy or world.deployed.policy
    assert named is not None
    code = {name: creation_code(name) for name in ("Remedies", "Office", "CarbonBridge")}
    if change:
        code[change] = altered(code[change])
    remedies = world.create(code["Remedies"] + with_policy(named))
    office = world.create(code["Office"] + with_policy(named, remedies))
    arguments = encode(["address", "string", "address", "address"], [world.address("admin"), "", named, office]).hex()
    return world.create(code["CarbonBridge"] + arguments)


def test_other_code_is_not_asked_for_its_powers(world: World) -> None:
    found = world.verify(**contract_at(bridge_over(world, change="CarbonBridge"), world))
    assert row(found, "bridge code").verdict is Verdict.FAILS
    assert row(found, "powers").found == "not read"
    assert found.bridge is None


def test_a_contract_of_another_size_or_none_is_named_so(world: World) -> None:
    assert "bytes of code, not" in row(world.verify(**contract_at(world.named, world)), "bridge code").found
    assert "there is no code" in row(world.verify(**contract_at("0x" + "77" * 20, world)), "bridge code").found


@pytest.mark.parametrize("name", ["Office", "Remedies"])
def test_each_extension_is_looked_at(world: World, name: str) -> None:
    found = world.verify(**contract_at(bridge_over(world, change=name), world))
    assert row(found, f"{name.lower()} code").verdict is Verdict.FAILS
    assert found.bridge is None


def with_immutable(world: World, name: str, word: str, places: int | None = None) -> str:
    """The bridge's code with another value filled in, at all of its places or some."""
    code = world.runtime(world.deployed.deployment.contract)
    for place in artifact("CarbonBridge").immutables[name][:places]:
        code = code[: 2 * place] + word + code[2 * place + 64 :]
    return world.place(code)


@pytest.mark.parametrize(
    "name", sorted(set(artifact("CarbonBridge").immutables) - {"policy", "_cachedThis", "extension"})
)
def test_each_immutable_must_follow_from_the_deployment(world: World, name: str) -> None:
    found = world.verify(**contract_at(with_immutable(world, name, 31 * "00" + "05"), world))
    assert name in row(found, "bridge immutables").found


def test_an_immutable_that_is_not_the_same_everywhere_is_seen(world: World) -> None:
    found = world.verify(**contract_at(with_immutable(world, "policy", 64 * "0", places=1), world))
    assert row(found, "bridge code").found.startswith("policy is not the same everywhere")


def test_the_lens_is_looked_at(world: World) -> None:
    assert of_verdict(world.verify(lens=world.named), Verdict.FAILS) == ["lens code"]


def test_a_contract_that_other_creation_code_made_may_hide_powers(world: World) -> None:
    """Its constructor wrote what no event tells of; its code is ours."""
    role, account = 64 * "0", world.address("mallory")[2:].rjust(64, "0")
    topics = [account, account, role, keccak(text="RoleGranted(bytes32,address,address)").hex()]
    forged = world.place(world.runtime(world.named), before="".join(f"7f{topic}" for topic in topics) + "5f5fa4")
    found = verify(world.connection, world.deployed, Expectations(), forged)
    assert row(found, "bridge owner").verdict is Verdict.FAILS
    hidden = verify_timelock(world, forged)
    assert row(hidden, "timelock code").verdict is Verdict.HOLDS
    assert row(hidden, "timelock creation").found == "made by other creation code"
    silent = verify_timelock(world, world.place(world.runtime(world.named)))
    assert row(silent, "timelock creation").found.startswith("no event since")


def verify_timelock(world: World, timelock: str, expected: Expectations | None = None) -> Any:
    """Of a timelock that is to own a bridge which a key owns still."""
    admin = world.sender("admin")
    deployed = deploy(world.connection, admin, admin.address, "")
    return verify(world.connection, deployed, expected or Expectations(), timelock, since=world.deployed.first_block)


def test_a_timelock_from_before_the_first_block_is_not_whole(world: World) -> None:
    admin = world.sender("admin")
    deployed = deploy(world.connection, admin, admin.address, "")
    found = verify(world.connection, deployed, Expectations(), world.named)
    assert row(found, "timelock creation").verdict is Verdict.FAILS
    assert "--since" in row(found, "timelock creation").advice
    assert row(verify_timelock(world, world.named), "timelock creation").verdict is Verdict.HOLDS


def test_the_policy_is_the_one_that_is_configured(world: World) -> None:
    assert of_verdict(world.verify(policy=None), Verdict.FAILS) == ["policy"]
    assert of_verdict(world.verify(policy=world.named), Verdict.FAILS) == ["policy"]


def test_the_policys_code_is_looked_at(world: World) -> None:
    stranger = world.named
    found = world.verify(policy=stranger, **contract_at(bridge_over(world, policy=stranger), world))
    assert row(found, "policy code").verdict is Verdict.FAILS
    assert found.policy is None


# ------------------------------------------------------------------ timelock


@pytest.mark.parametrize(
    ("days", "failing"),
    [(9, ["admin delay", "delay and exits"]), (10, ["admin delay"]), (30, ["admin delay", "delay and freezes"])],
)
def test_the_delay_is_longer_than_an_exit_and_shorter_than_a_freeze(
    world: World, days: int, failing: list[str]
) -> None:
    world.decide(["timelock.updateDelay", str(days * DAY)])
    assert of_verdict(world.verify(), Verdict.FAILS) == failing


@pytest.mark.parametrize("role", ["PROPOSER", "CANCELLER", "EXECUTOR"])
def test_nobody_but_the_multisig_steers(world: World, role: str) -> None:
    world.decide(["timelock.grantRole", f"{role}_ROLE", "mallory"])
    name = role.lower()
    assert of_verdict(world.verify(), Verdict.FAILS) == [name]
    assert row(world.verify(Expectations()), name).verdict is Verdict.WARNS
    world.decide(["timelock.revokeRole", f"{role}_ROLE", "mallory"])
    assert world.verify().holds


def test_an_open_executor_is_flagged(world: World) -> None:
    world.decide(["timelock.grantRole", "EXECUTOR_ROLE", ZERO_ADDRESS])
    world.decide(["timelock.revokeRole", "EXECUTOR_ROLE", "multisig"])
    assert of_verdict(world.verify(), Verdict.FAILS) == ["executor"]
    found = row(world.verify(Expectations()), "executor")
    assert (found.verdict, found.found) == (Verdict.WARNS, "open to anybody")


def test_a_multisig_that_lost_its_role_is_missed(world: World) -> None:
    world.decide(["timelock.revokeRole", "CANCELLER_ROLE", "multisig"])
    assert of_verdict(world.verify(), Verdict.FAILS) == ["canceller"]
    assert row(world.verify(Expectations()), "canceller").found == "nobody"


def test_a_deployer_who_is_still_admin_of_the_timelock_is_seen(world: World) -> None:
    alone = [world.address("multisig")]
    arguments = encode(
        ["uint256", "address[]", "address[]", "address"], [14 * DAY, alone, alone, world.address("admin")]
    ).hex()
    found = verify_timelock(world, world.create(creation_code("TimelockController") + arguments))
    assert row(found, "timelock admin").verdict is Verdict.FAILS
    assert world.address("admin") in row(found, "timelock admin").found.lower()


def test_a_timelock_without_any_admin_is_for_ever(world: World) -> None:
    world.decide(["timelock.revokeRole", "DEFAULT_ADMIN_ROLE", world.named])
    assert of_verdict(world.verify(), Verdict.FAILS) == ["timelock admin"]


def test_a_role_that_means_nothing_is_shown(world: World) -> None:
    world.decide(["timelock.grantRole", "0x" + 64 * "5", "mallory"])
    assert "role 0x55555555" in of_verdict(world.verify(), Verdict.WARNS)


def test_a_multisig_with_code_is_no_key(world: World) -> None:
    multisig = world.deployed.lens
    timelock = deploy_timelock(world.connection, world.sender("admin"), multisig, 14 * DAY)
    found = verify_timelock(world, timelock, Expectations(multisig=multisig))
    assert {row(found, role).verdict for role in KEYS} == {Verdict.HOLDS}


def test_what_is_scheduled_is_shown_until_it_is_cancelled(world: World) -> None:
    operation = world.schedule(["setGuardian", "mallory", "true"])
    assert row(world.verify(), "scheduled acts").verdict is Verdict.WARNS
    world.send("multisig", world.timelock.cancel(operation.id))
    assert row(world.verify(), "scheduled acts").verdict is Verdict.SHOWN


# --------------------------------------------------------------------- owner


@pytest.mark.parametrize("place", ["bridge", "policy"])
def test_a_hand_over_to_anybody_is_seen_before_he_accepts(world: World, place: str) -> None:
    world.decide([f"{place}.transferOwnership", "mallory"])
    found = world.verify()
    assert of_verdict(found, Verdict.FAILS) == [f"{place} hand-over"]
    assert "keeps all power" in row(found, f"{place} hand-over").advice


def test_an_owner_who_is_another_timelock_than_the_configured_one_is_seen(world: World) -> None:
    other = deploy_timelock(world.connection, world.sender("admin"), world.address("multisig"), 14 * DAY)
    found = verify(world.connection, world.deployed, world.expected(), other)
    assert of_verdict(found, Verdict.FAILS) == ["bridge owner"]


def test_renounced_is_for_ever(world: World) -> None:
    world.decide(["renounceOwnership"])
    found = world.verify()
    assert of_verdict(found, Verdict.FAILS) == ["bridge owner", "policy owner"]
    assert row(found, "bridge owner").found == "nobody, for ever"


# -------------------------------------------------------------------- powers


@pytest.mark.parametrize(
    ("act", "failing"),
    [
        (["setGuardian", "mallory", "true"], "guardians"),
        (["setGuardian", "guardian", "false"], "guardians"),
        (["policy.setGuardian", "mallory", "true"], "policy guardians"),
        (["policy.setGuardian", "freezer", "false"], "policy guardians"),
        (["setAllowance", "mallory", "1"], "operators"),
        (["setAllowance", "operator", "0"], "operators"),
        (["setAllowance", "operator", "1001"], "operators"),
        (["setAttesters", "GS", "mallory", "", "2"], "registry GS"),
        (["setAttesters", "VERRA", "", "attester-3", "2"], "registry VERRA"),
        (["setAttesters", "VERRA", "mallory", "attester-1", "2"], "registry VERRA"),
        (["setAttesters", "VERRA", "", "", "3"], "registry VERRA"),
    ],
)
def test_powers_other_than_expected_are_seen(world: World, act: list[str], failing: str) -> None:
    world.decide(act)
    assert of_verdict(world.verify(), Verdict.FAILS) == [failing]


def test_a_registry_too_many_or_too_few_is_seen(world: World) -> None:
    terms = {"recoverer": "mallory", "admissionRequired": "false", "recoverySeconds": str(7 * DAY)}
    terms = dict.fromkeys(terms_of(world), "5") | terms
    world.decide(["addRegistry", "ACR", "mallory", "1", ",".join(f"{k}={v}" for k, v in terms.items())])
    assert of_verdict(world.verify(), Verdict.FAILS) == ["registry ACR"]
    assert "one stolen key" in row(world.verify(Expectations()), "registry ACR").advice
    found = world.verify(world.expected(registries={"CAR": {}}))
    assert set(of_verdict(found, Verdict.FAILS)) == {f"registry {code}" for code in ("VERRA", "GS", "ACR", "CAR")}
    assert row(found, "registry CAR").found == "missing"


def terms_of(world: World) -> list[str]:
    bridge = world.verify().bridge
    assert bridge is not None
    return list(bridge.registries[0].terms)


def test_terms_other_than_expected_are_seen(world: World) -> None:
    found = world.verify(world.expected(registries={"VERRA": {"terms": {"requestDeadline": 1}}, "GS": {}}))
    assert of_verdict(found, Verdict.FAILS) == ["registry VERRA"]
    assert "requestDeadline should be 1" in row(found, "registry VERRA").found


def test_one_key_that_attests_alone_is_warned_of(world: World) -> None:
    world.decide(["setAttesters", "GS", "", "", "1"])
    found = row(world.verify(world.expected(registries={"VERRA": {}, "GS": {"threshold": 1}})), "registry GS")
    assert (found.verdict, found.advice.split(":")[0]) == (Verdict.WARNS, "one stolen key attests anything")


def test_a_node_that_withholds_an_event_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Reader.events

    def fewer(self: Reader, *names: str) -> list[Any]:
        return [event for event in told(self, *names) if event["event"] != "AttestersSet"]

    monkeypatch.setattr(Reader, "events", fewer)
    found = world.verify(Expectations())
    assert of_verdict(found, Verdict.FAILS) == ["registry VERRA", "registry GS"]
    assert "the contract counts 3 attesters" in row(found, "registry VERRA").found


def test_a_pause_is_warned_of(world: World) -> None:
    contract = BridgeContract(world.connection, world.deployed)
    world.sender("guardian").send_and_wait(contract.functions.pause())
    assert "paused" in of_verdict(world.verify(), Verdict.WARNS)


# ---------------------------------------------------------- before the hand-over


def test_before_the_hand_over_the_owner_fails_and_nothing_else(before: World) -> None:
    found = before.verify()
    assert of_verdict(found, Verdict.FAILS) == ["bridge owner"]
    assert found.failures(but=About.OWNER) == []
    unnamed = verify(before.connection, before.deployed, Expectations())
    assert of_verdict(unnamed, Verdict.FAILS) == ["bridge owner"]
    assert unnamed.timelock is None
    named = verify(before.connection, before.deployed, Expectations(), before.deployed.lens)
    assert of_verdict(named, Verdict.FAILS) == ["timelock code", "bridge owner"]


def test_an_offer_is_no_hand_over_and_half_of_it_neither(before: World) -> None:
    assert before.offer("bridge", "policy") == ["bridge", "policy"]
    assert before.offer("bridge", "policy") == []
    pending = ["bridge owner", "bridge hand-over", "policy hand-over"]
    assert of_verdict(before.verify(), Verdict.FAILS) == pending
    before.decide(["acceptOwnership"])
    assert of_verdict(before.verify(), Verdict.FAILS) == ["policy owner", "policy hand-over"]
