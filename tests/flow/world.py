"""A whole small world in one process: chain, contract, registry with attesters, bridge, and named people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bridge.bootstrap import ATTESTER_NAMES, evidence, rehearse
from bridge.chain.contract import ContractCall
from bridge.chain.local import LocalChain
from bridge.chain.signers import KeySigner
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Attested, Outcome
from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.lifecycle import Kind
from bridge.domain.observed import RequestOpened
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import Hex32, hex32
from bridge.flow.advance import advance
from bridge.flow.bridge import Bridge
from bridge.flow.hold import Holder, ask, plan_request
from bridge.flow.lock import plan
from bridge.reconcile.reconcile import Reconciliation, reconcile
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.port import Instruction
from tests.databases import Databases, SqliteFiles

DAY = 86_400
TERMS = Terms(request_deadline_seconds=10 * DAY, challenge_seconds=2 * DAY, challenge_blocks=5, kg_per_unit=1000)
VER = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="VER")
MER = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="APX+MER")
BATCH = SerialSpace(registry="GS", kind=SpaceKind.BATCH, key="30307")
FOREST = CreditClass(registry="VERRA", project="1340", vintage=2020, credit_type="VCU", kg_per_unit=1000)
BIOGAS = CreditClass(registry="VERRA", project="3005", vintage=2022, credit_type="VCU", kg_per_unit=1000)
STOVES = CreditClass(registry="GS", project="11236", vintage=2024, credit_type="VER", kg_per_unit=1000)


def span(first: int, last: int, space: SerialSpace = VER) -> SerialRange:
    return SerialRange(space=space.id, first=first, last=last)


class Stage:
    """A rehearsal with spaces and classes; made once, and cleared between tests."""

    def __init__(
        self, databases: Databases | None = None, terms: Terms = TERMS, chain: LocalChain | None = None
    ) -> None:
        self.databases = databases or SqliteFiles()
        people = ["alice", "bob", "mallory"]
        self.rehearsal = rehearse({"VERRA": terms, "GS": TERMS}, people, self.databases.url, chain)
        contract = self.rehearsal.contract
        for space in (VER, MER, BATCH):
            self.rehearsal.send("operator", contract.register_space(space))
        for credit_class in (FOREST, BIOGAS, STOVES):
            self.rehearsal.send("operator", contract.create_class(credit_class))
        self._clean = self.rehearsal.chain.snapshot()

    def clear(self) -> None:
        self.rehearsal.chain.revert(self._clean)


class Frozen:
    """A world as it was, to be woken again and again: the chain by a snapshot, the databases by copies.

    Warning: it needs a stage of its own, since eth-tester goes back to an ancestor of its head only.
    """

    def __init__(self, world: World, stage: Stage) -> None:
        self._stage, self._folder = stage, world.folder
        self._chain = stage.rehearsal.chain.snapshot()

    def wake(self, folder: Path) -> World:
        self._stage.rehearsal.chain.revert(self._chain)
        folder.mkdir(exist_ok=True)
        self._stage.databases.copy(self._folder, folder)
        return World(folder, self._stage)


class World:
    """Actors: admin, operator, guardian, three attesters (two sign), alice and bob who hold, mallory who steals."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self.folder, self.databases, self.rehearsal = folder, stage.databases, stage.rehearsal
        self.chain, self.keys, self.send = stage.rehearsal.chain, stage.rehearsal.keys, stage.rehearsal.send
        self.contract = stage.rehearsal.contract
        self.ledger = stage.rehearsal.open_ledger(folder)
        self.registry = self.open_registry()
        for account in ("alice", "bob"):
            self.ledger.open_account(account)
        for space in (VER, MER, BATCH):
            self.ledger.add_space(space)
        for credit_class in (FOREST, BIOGAS, STOVES):
            self.ledger.add_class(credit_class)
        self.bridge = self.open_bridge()
        self._instructions = len(self.bridge.journal.deposits(self.contract.deployment))

    @property
    def attesters(self) -> list[KeySigner]:
        return [self.keys[name] for name in ATTESTER_NAMES]

    def address(self, name: str) -> str:
        return self.keys[name].address

    def sender(self, name: str) -> Sender:
        return self.rehearsal.sender(name)

    def open_registry(self) -> LedgerRegistry:
        return self.rehearsal.open_registry(self.ledger)

    def open_bridge(self) -> Bridge:
        """A bridge as a new process would open it."""
        return self.rehearsal.open_bridge(self.folder, self.registry)

    def holder(self, name: str, journal: str | None = None) -> Holder:
        return self.rehearsal.open_holder(name, self.folder, self.registry, journal)

    def issue(self, serials: SerialRange, credit_class: CreditClass = FOREST, account: str = "alice") -> None:
        self.ledger.issue(f"issue {serials.key}", serials, credit_class.id, account)

    def instruct(
        self,
        serials: SerialRange,
        owner: str = "alice",
        days: int = 3,
        registry: str = "VERRA",
        covers: Hex32 | None = None,
    ) -> Hex32:
        """The depositor's own order; serials must lie in his account."""
        self._instructions += 1
        instruction = Instruction(
            instruction_id=hex32(self._instructions),
            registry=registry,
            account=owner,
            range=serials,
            deployment=self.contract.deployment,
            recipient=self.address(owner),
            not_after=self.now() + days * DAY,
            covers=covers,
        )
        self.ledger.instruct(instruction)
        return instruction.instruction_id

    def deposit(self, serials: SerialRange, credit_class: CreditClass = FOREST, owner: str = "alice") -> Hex32:
        """Issued, instructed, locked, attested, minted; returns the lock id."""
        self.issue(serials, credit_class, owner)
        planned = plan(self.bridge, self.instruct(serials, owner, registry=credit_class.registry))
        advance(self.bridge)
        return planned.lock_id

    def ask(self, name: str, kind: Kind, units: int, credit_class: CreditClass = FOREST, for_: str = "bob") -> Hex32:
        """A holder's request, on chain and disclosed."""
        holder = self.holder(name)
        request_id = plan_request(holder, kind, credit_class.id, units, for_, "annual report")
        ask(holder, request_id)
        return request_id

    def balance(self, name: str, credit_class: CreditClass = FOREST) -> int:
        return self.contract.balance(self.address(name), credit_class.id)

    def now(self) -> int:
        return self.chain.connection.head().timestamp

    def settling(self, attested: Attested[Outcome]) -> ContractCall:
        """The door for outcomes, with the requests that they are about."""
        last = self.contract.connection.head().number
        opened = {
            event.request_id: event.request
            for event in self.contract.events(0, last, RequestOpened)
            if isinstance(event, RequestOpened)
        }
        return self.contract.settle(attested, [opened[outcome.request_id] for outcome in attested.items])

    def reverse(self, serials: SerialRange) -> list[Hex32]:
        """The registry takes serials back; its events, by deployment."""
        return [event.event_id for event in self.ledger.reverse(f"reverse {serials.key}", serials, "fire")]

    def reversal_state(self, event_id: Hex32) -> str:
        row = self.bridge.journal.reversal(event_id)
        return "unseen" if row is None else row.state

    def exit_state(self, request_id: Hex32) -> str:
        row = self.bridge.journal.exit(request_id)
        return "unseen" if row is None else row.state

    def deposit_state(self, lock_id: Hex32) -> str:
        row = self.bridge.journal.deposit(lock_id)
        return "unplanned" if row is None else row.state

    def reconcile(self, codes: Sequence[str] = ("VERRA", "GS")) -> Reconciliation:
        return reconcile(evidence(self.contract, self.registry, codes))
