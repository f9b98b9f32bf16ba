"""A deployment with everything: a policy, two registries, and a timelock that owns both contracts."""

from __future__ import annotations

from typing import Any

from hexbytes import HexBytes

from bridge.chain.admin.acts import Acts, Call
from bridge.chain.admin.handover import offer, unaccepted
from bridge.chain.admin.timelock import NO_PREDECESSOR, Operation, Timelock
from bridge.chain.artifacts import artifact
from bridge.chain.contract import BridgeContract, Deployed
from bridge.chain.deploy import deploy, deploy_timelock
from bridge.chain.local import EmbeddedChain, fund
from bridge.chain.transactions import Sender
from bridge.chain.verifying.verify import Verification, verify
from bridge.domain.credit_class import Terms
from bridge.domain.deployment import Check, Expectations, Verdict
from bridge.journal.store import open_journal

DAY = 86_400
DELAY_DAYS = 14
PEOPLE = ("admin", "multisig", "operator", "guardian", "freezer", "attester-1", "attester-2", "attester-3", "mallory")
TERMS = Terms(request_deadline_seconds=7 * DAY, challenge_seconds=2 * DAY, challenge_blocks=5, kg_per_unit=1000)


class World:
    """`multisig` is one key here, so that tests can act for it."""

    def __init__(self) -> None:
        self.chain = EmbeddedChain()
        self.connection = self.chain.connection
        self.keys = {name: self.chain.signer(seed) for seed, name in enumerate(PEOPLE, start=1)}
        admin = self.sender("admin")
        self.deployed = deploy(self.connection, admin, admin.address, "", freezable=True)
        contract = BridgeContract(self.connection, self.deployed)
        attesters = [self.address(f"attester-{n}") for n in (1, 2, 3)]
        for call in (
            contract.add_registry("VERRA", attesters, 2, TERMS),
            contract.add_registry("GS", attesters[:2], 2, TERMS),
            contract.set_allowance(self.address("operator"), 1000),
            contract.set_guardian(self.address("guardian"), True),
            contract.set_freezer(self.address("freezer"), True),
        ):
            admin.send_and_wait(call)
        self.named = deploy_timelock(self.connection, admin, self.address("multisig"), DELAY_DAYS * DAY)
        fund(self.connection, self.named)  # eth-tester simulates only for who could pay
        policy = self.deployed.policy
        assert policy is not None
        self.owned = {"bridge": self.deployed.deployment.contract, "policy": policy}
        self.before = self.chain.snapshot()
        self.offer("bridge", "policy")
        self.decide(["bridge.acceptOwnership"], ["policy.acceptOwnership"])
        self.after = self.chain.snapshot()

    @property
    def timelock(self) -> Timelock:
        return Timelock(self.connection, self.named)

    @property
    def acts(self) -> Acts:
        return Acts(self.owned | {"timelock": self.named})

    def address(self, name: str) -> str:
        return self.keys[name].address

    def sender(self, name: str) -> Sender:
        return Sender(self.connection, self.keys[name], open_journal("sqlite://"))

    def offer(self, *places: str) -> list[str]:
        assert set(places) <= set(unaccepted(self.timelock, self.owned))
        return offer(self.timelock, self.sender("admin"), self.owned, places)

    def calls(self, *acts: list[str]) -> list[Call]:
        return [self.acts.read(words, lambda text: self.address(text) if text in self.keys else text) for words in acts]

    def schedule(self, *acts: list[str]) -> Operation:
        operation = self.timelock.operation(self.calls(*acts), NO_PREDECESSOR, None)
        self.send("multisig", self.timelock.schedule(operation, self.timelock.min_delay_seconds()))
        return operation

    def decide(self, *acts: list[str]) -> None:
        """By the multisig, with all the time that it takes."""
        operation = self.schedule(*acts)
        self.chain.pass_seconds(self.timelock.min_delay_seconds())
        self.send("multisig", self.timelock.execute(operation))

    def send(self, name: str, call: Call) -> None:
        w3 = self.connection.w3
        transaction: Any = {"to": w3.to_checksum_address(call.to), "data": call.data}
        self.sender(name).send_and_wait(transaction)

    def create(self, code: str) -> str:
        """Deploys creation code as it is; returns the address."""
        w3 = self.connection.w3
        made = self.sender("admin").send_and_wait({"data": "0x" + code})
        return str(w3.eth.get_transaction_receipt(HexBytes(made))["contractAddress"]).lower()

    def place(self, runtime: str, before: str = "") -> str:
        """Deploys this runtime code, after the instructions `before`."""
        size, start = len(runtime) // 2, len(before) // 2 + 13
        return self.create(f"{before}61{size:04x}8061{start:04x}5f395ff3".ljust(2 * start, "0") + runtime)

    def runtime(self, address: str) -> str:
        w3 = self.connection.w3
        return bytes(w3.eth.get_code(w3.to_checksum_address(address))).hex()

    def expected(self, **other: Any) -> Expectations:
        attesters = [self.address(f"attester-{n}") for n in (1, 2, 3)]
        terms = {"requestDeadline": 7 * DAY, "challengeSeconds": 2 * DAY, "kgPerUnit": 1000}
        stated: dict[str, Any] = {
            "multisig": self.address("multisig"),
            "admin_delay_days": DELAY_DAYS,
            "guardians": [self.address("guardian")],
            "freezers": [self.address("freezer")],
            "operators": {self.address("operator"): 1000},
            "registries": {
                "VERRA": {"threshold": 2, "attesters": attesters, "terms": terms},
                "GS": {"threshold": 2, "attesters": attesters[:2]},
            },
        }
        return Expectations(**(stated | other))

    def verify(self, expected: Expectations | None = None, **changed: Any) -> Verification:
        deployed = Deployed(**(dict(self.deployed) | changed))
        return verify(self.connection, deployed, expected or self.expected(), self.named)


def row(found: Verification, subject: str) -> Check:
    return next(check for check in found.checks if check.subject == subject)


def of_verdict(found: Verification, verdict: Verdict) -> list[str]:
    return [check.subject for check in found.checks if check.verdict is verdict]


def altered(code: str) -> str:
    """Another compiler's version in the trailer: the same contract by other bytes."""
    trailer = "64736f6c6343000825"
    assert trailer in code
    return code.replace(trailer, "64736f6c6343000824")


def creation_code(name: str) -> str:
    return artifact(name).bytecode
