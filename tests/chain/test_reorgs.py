"""On anvil, where blocks can leave the chain: nothing is signed before finality, and a broken finality halts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.bootstrap import embedded_registry
from bridge.chain import transactions
from bridge.chain.archive.archive import EventArchive
from bridge.chain.archive.archived import ArchivedChain, bridge_emitters
from bridge.chain.archive.collect import Collected, collect
from bridge.chain.archive.node import Node
from bridge.chain.connection import Connection, Finality
from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy
from bridge.chain.local import fund
from bridge.chain.signers import KeySigner
from bridge.chain.transactions import Sender, Stored
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.values import hex32
from bridge.errors import Halted, NotYet, Unreachable
from bridge.flow.advance import advance
from bridge.flow.attest import attest_reserved
from bridge.flow.bridge import Bridge
from bridge.flow.hold import Holder, ask, plan_request
from bridge.flow.lock import plan
from bridge.flow.reserve import reserve_seen
from bridge.flow.watch import watch
from bridge.journal.store import open_journal
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.port import Instruction
from tests.chain.conftest import DatabaseAt
from tests.flow.world import DAY, FOREST, TERMS, VER, span
from tests.registry.fakes import answered

pytestmark = pytest.mark.slow


class Town:
    """The same house as in the other tests, on a chain of its own process that makes blocks final later."""

    def __init__(self, url: str, at: DatabaseAt, finality: Finality) -> None:
        self.connection = Connection.to(url, finality)
        self.keys = {name: KeySigner(n.to_bytes(32, "big")) for n, name in enumerate(("op", "a1", "a2", "alice"), 1)}
        for key in self.keys.values():
            fund(self.connection, key.address)
        journal = open_journal(at("operator"))
        operator = Sender(self.connection, self.keys["op"], journal)
        self.contract = BridgeContract(self.connection, deploy(self.connection, operator, operator.address, ""))
        attesters = [self.keys["a1"], self.keys["a2"]]
        for call in (
            self.contract.add_registry("VERRA", [k.address for k in attesters], 2, TERMS),
            self.contract.set_allowance(operator.address, 10**9),
            self.contract.register_space(VER),
            self.contract.create_class(FOREST),
        ):
            operator.send_and_wait(call)
        self.ledger = Ledger(open_ledger(at("registry")), lambda: self.connection.head().timestamp)
        self.ledger.open_account("alice")
        self.ledger.add_space(VER)
        self.ledger.add_class(FOREST)
        self.registry = embedded_registry(self.ledger, self.contract, {"VERRA": (2, attesters)})
        self.bridge = Bridge(self.contract, self.registry, journal, operator)
        holder_journal = open_journal(at("alice"))
        alice = Sender(self.connection, self.keys["alice"], holder_journal)
        self.alice = Holder(self.contract, self.registry, holder_journal, alice)

    def rpc(self, method: str, *parameters: object) -> None:
        response = self.connection.w3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        assert "error" not in response, response

    def mine(self, blocks: int) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def plan(self, number: int = 1) -> str:
        """A deposit of a hundred serials that nobody has begun yet."""
        serials = span(100 * number - 99, 100 * number)
        self.ledger.issue(f"issue {number}", serials, FOREST.id, "alice")
        order = Instruction(
            instruction_id=hex32(number),
            registry="VERRA",
            account="alice",
            range=serials,
            deployment=self.contract.deployment,
            recipient=self.keys["alice"].address,
            not_after=self.connection.head().timestamp + DAY,
        )
        self.ledger.instruct(order)
        return plan(self.bridge, order.instruction_id).lock_id

    def deposit(self) -> None:
        self.plan()
        advance(self.bridge)
        self.mine(4)
        advance(self.bridge)


def test_a_request_in_a_block_that_is_not_final_is_not_seen_and_may_vanish(anvil: str, database: DatabaseAt) -> None:
    town = Town(anvil, database, finality=3)
    town.deposit()
    request_id = plan_request(town.alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    ask(town.alice, request_id)
    advance(town.bridge)
    with pytest.raises(NotYet):
        answered(town.registry.reserve([request_id]))
    town.rpc("anvil_rollback", 1)
    assert town.contract.request_state(request_id).status is RequestStatus.NONE
    town.mine(5)
    advance(town.bridge)
    assert town.bridge.journal.exit(request_id) is None
    ask(town.alice, request_id)
    town.mine(4)
    advance(town.bridge)
    town.mine(4)
    advance(town.bridge)
    row = town.bridge.journal.exit(request_id)
    assert row is not None
    assert row.state == "executed"


def test_a_request_reorganised_away_while_its_outcome_is_signed_cannot_settle_and_halts(
    anvil: str, database: DatabaseAt
) -> None:
    """The bet on depth was lost: the outcome is signed, the request is gone. Nothing is retired, people decide."""
    town = Town(anvil, database, finality=1)
    town.deposit()
    request_id = plan_request(town.alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    ask(town.alice, request_id)
    town.mine(2)
    watch(town.bridge)
    reserve_seen(town.bridge)
    attest_reserved(town.bridge)
    town.rpc("anvil_rollback", 3)
    town.mine(6)
    with pytest.raises(Halted, match="was final and has left the chain"):
        advance(town.bridge)
    assert town.contract.request_state(request_id).status is RequestStatus.NONE
    assert town.contract.balance(town.keys["alice"].address, FOREST.id) == 100
    with pytest.raises(NotYet):
        answered(town.registry.execute([request_id]))


def test_a_node_behind_what_was_final_is_waited_out_and_another_history_halts(anvil: str, database: DatabaseAt) -> None:
    town = Town(anvil, database, finality=1)
    town.deposit()
    town.mine(3)
    watch(town.bridge)
    cursor = town.bridge.journal.cursor(town.contract.deployment)
    town.rpc("anvil_rollback", 4)
    with pytest.raises(Unreachable, match="the node is behind, or its history was taken back"):
        advance(town.bridge)
    assert town.bridge.journal.cursor(town.contract.deployment) == cursor
    town.mine(5)
    with pytest.raises(Halted, match="was final and has left the chain"):
        advance(town.bridge)


def test_a_node_that_names_a_block_which_it_lacks_is_waited_out(
    anvil: str, database: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(anvil, database, finality=1)
    town.deposit()
    head = town.connection.head().number
    with monkeypatch.context() as lying:
        lying.setattr(type(town.connection.w3.eth), "block_number", head + 50)
        with pytest.raises(Unreachable, match="does not have the block that it says is final"):
            advance(town.bridge)
    advance(town.bridge)


def test_a_mint_that_is_reorganised_away_is_sent_again_and_lands_once(anvil: str, database: DatabaseAt) -> None:
    town = Town(anvil, database, finality=3)
    before = town.connection.head().number
    lock_id = town.plan()
    advance(town.bridge)
    assert town.contract.balance(town.keys["alice"].address, FOREST.id) == 100
    town.rpc("anvil_rollback", town.connection.head().number - before)
    assert town.contract.balance(town.keys["alice"].address, FOREST.id) == 0
    town.mine(4)
    advance(town.bridge)
    town.mine(4)
    advance(town.bridge)
    deposit = town.bridge.journal.deposit(lock_id)
    assert deposit is not None
    assert deposit.state == "minted"
    assert town.contract.balance(town.keys["alice"].address, FOREST.id) == 100


def test_the_finalized_tag_lags_behind_the_newest_block(anvil: str) -> None:
    connection = Connection.to(anvil, "finalized")
    connection.w3.provider.make_request("anvil_mine", [hex(10)])  # type: ignore[arg-type]
    assert connection.final().number < connection.head().number


def test_who_waits_sends_again_what_a_reorg_took_from_before_it(
    anvil: str, database: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction whose predecessor is lost is kept by the node and never taken."""
    town = Town(anvil, database, finality=3)
    town.deposit()
    first = plan_request(town.alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    second = plan_request(town.alice, Kind.RETIREMENT, FOREST.id, 20, "Acme", "")
    ask(town.alice, first)
    honest = Sender.send

    def taken_back(sender: Sender, signed: Stored) -> None:
        monkeypatch.setattr(Sender, "send", honest)
        honest(sender, signed)
        town.rpc("anvil_rollback", 2)
        town.rpc("anvil_dropAllTransactions")

    monkeypatch.setattr(Sender, "send", taken_back)
    monkeypatch.setattr(transactions, "_WAIT_SECONDS", 10)
    ask(town.alice, second)
    assert {town.contract.request_state(one).status for one in (first, second)} == {RequestStatus.OPEN}


def test_a_reorganisation_above_the_finalized_block_rolls_back_and_forward(anvil: str, database: DatabaseAt) -> None:
    """By the chain's own tag: a request that is mined and not finalized is not seen; taken back, it is asked anew."""
    town = Town(anvil, database, finality="finalized")
    town.deposit()
    deposited = [row.state for row in town.bridge.journal.deposits(town.contract.deployment)]
    request_id = plan_request(town.alice, Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    ask(town.alice, request_id)
    final = advance(town.bridge)
    assert final.number < town.connection.head().number
    assert town.bridge.journal.exit(request_id) is None
    town.rpc("anvil_rollback", 1)
    town.mine(4)
    advance(town.bridge)
    assert (deposited, town.bridge.journal.exit(request_id)) == (["minted"], None)
    ask(town.alice, request_id)
    for _ in range(2):
        town.mine(4)
        advance(town.bridge)
    row = town.bridge.journal.exit(request_id)
    assert row is not None
    assert row.state == "executed"


def test_a_reorganisation_below_the_finalized_block_halts(anvil: str, database: DatabaseAt) -> None:
    town = Town(anvil, database, finality="finalized")
    town.deposit()
    final = advance(town.bridge)
    town.rpc("anvil_rollback", town.connection.head().number - final.number + 1)
    town.rpc("anvil_dropAllTransactions")
    town.rpc("evm_increaseTime", 60)  # so that the new blocks are others
    town.mine(8)
    town.plan(2)
    with pytest.raises(Halted, match="was final and has left the chain"):
        advance(town.bridge)
    assert [row.state for row in town.bridge.journal.deposits(town.contract.deployment)][-1] == "planned"


def archived(town: Town, folder: Path) -> Collected:
    here, final = town.contract.deployment, town.connection.final()
    emitters = bridge_emitters(here.contract)
    found = collect(EventArchive(folder), Node.of(town.connection), here, emitters, town.contract.first_block, final)
    chain = ArchivedChain(EventArchive(folder))
    assert list(chain.events(chain.stamp())) == list(town.contract.events(0, final.number))
    return found


def test_the_archive_takes_nothing_that_is_not_final(anvil: str, tmp_path: Path, database: DatabaseAt) -> None:
    town = Town(anvil, database, finality=3)
    town.deposit()
    archived(town, tmp_path / "archive")
    town.rpc("anvil_reorg", 2, [])
    town.mine(2)
    assert archived(town, tmp_path / "archive").left == ()


@pytest.mark.parametrize("way", ["anvil_rollback", "anvil_reorg"])
def test_the_archive_goes_back_when_what_was_final_leaves_the_chain(
    anvil: str, tmp_path: Path, database: DatabaseAt, way: str
) -> None:
    town = Town(anvil, database, finality=1)
    archived(town, tmp_path / "archive")
    town.deposit()
    lost = archived(town, tmp_path / "archive")
    town.mine(3)
    archived(town, tmp_path / "archive")
    depth = town.connection.head().number - lost.stamp.number + 3
    town.rpc(way, depth, *([[]] if way == "anvil_reorg" else []))
    town.rpc("anvil_dropAllTransactions")
    town.rpc("evm_increaseTime", 60)  # so that the new blocks are others
    if way == "anvil_rollback":
        with pytest.raises(Unreachable, match="the node is behind"):
            archived(town, tmp_path / "archive")
    town.mine(12)
    found = archived(town, tmp_path / "archive")
    assert lost.stamp in found.left
    assert archived(town, tmp_path / "archive").left == ()
