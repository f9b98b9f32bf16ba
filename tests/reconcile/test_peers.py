"""Other bridges' contracts, read by a mapping: the same serials are the same however their events spell them, and what
cannot be read is said with its transaction."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from bridge.chain.archive.peers import collect_peer, parsed_signature
from bridge.domain.peers import Peer, PeerEvent
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile.archive import EvidenceArchive
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.evidence import ClaimState, Evidence
from bridge.reconcile.peers import read_peer, require_fields
from bridge.reconcile.reconcile import reconcile
from bridge.registry.statements.grammar import grammar
from tests.chain.conftest import anvil_process

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parent / "peers" / "Peers.sol"
VERRA = "9001-{}-{}-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"
GOLD = "GS1-1-UG-GS11236-16-2024-30307-{}-{}"


class Peers:
    """The three contracts on a chain of their own."""

    def __init__(self, url: str) -> None:
        sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
        from compile import compiled

        self.url, self.w3 = url, Web3(HTTPProvider(url))
        made = compiled({"Peers.sol": SOURCE}, "abi", "evm.bytecode.object")["contracts"]["Peers.sol"]
        self.contracts = {name: self._deployed(made[name]) for name in ("BatchToken", "TonneToken", "ClassToken")}

    def send(self, name: str, function: str, *arguments: Any) -> str:
        """The transaction."""
        call = self.contracts[name].functions[function](*arguments)
        receipt = self.w3.eth.wait_for_transaction_receipt(call.transact({"from": self.w3.eth.accounts[0]}))
        assert receipt["status"] == 1
        return "0x" + receipt["transactionHash"].hex().removeprefix("0x")

    def peer(self, contract: str, *events: PeerEvent, **fields: Any) -> Peer:
        facts = {"name": contract, "rpc": self.url, "finality": 0, "chain_id": 31337, "standard": "ERC-20"}
        where = {"contract": self.contracts[contract].address, "first_block": 0, "registry": "VERRA"}
        return Peer(**{**facts, **where, "events": events, **fields})

    def _deployed(self, made: dict[str, Any]) -> Any:
        code = self.w3.eth.contract(abi=made["abi"], bytecode=made["evm"]["bytecode"]["object"])
        sent = code.constructor().transact({"from": self.w3.eth.accounts[0]})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent)
        return self.w3.eth.contract(address=receipt["contractAddress"], abi=made["abi"])


@pytest.fixture(scope="module")
def town() -> Iterator[Peers]:
    with anvil_process() as url:
        yield Peers(url)


@pytest.fixture
def peers(town: Peers) -> Iterator[Peers]:
    """As after their deployment."""
    snapshot = town.w3.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
    yield town
    town.w3.provider.make_request("evm_revert", [snapshot])  # type: ignore[arg-type]


BATCH = PeerEvent(
    signature="event BatchUpdated(uint256 indexed tokenId, string serialNumbers, uint256 quantity)",
    state="minted",
    serial="serialNumbers",
    amount="quantity",
)


def read(peer: Peer, folder: Path) -> ClaimsFile:
    collect_peer(folder, peer)
    return read_peer(peer, folder)


def serials(code: str, *texts: str) -> set[tuple[str, int, int]]:
    return {grammar(code).numbered(text).range.key for text in texts}


def said(found: ClaimsFile) -> set[tuple[str, int, int]]:
    return {claim.range.key for claim in found.claims if claim.range}


def test_a_list_of_serials_is_the_same_however_it_is_spelt_and_ordered(peers: Peers, tmp_path: Path) -> None:
    one, two = VERRA.format(1, 10), VERRA.format(21, 25)
    transaction = peers.send("BatchToken", "record", 1, f"{one},{two}", 15)
    peers.send("BatchToken", "record", 2, f" {two.lower()} ;\n {one}  ", 15)
    found = read(peers.peer("BatchToken", BATCH), tmp_path)
    assert (found.rejected, len(found.claims)) == ((), 4)
    assert said(found) == serials("VERRA", one, two)
    first = found.claims[0]
    assert (first.claim_id, first.kg, first.state) == (f"{transaction}:1#1", 10_000, ClaimState.MINTED)
    assert transaction in first.evidence
    assert "block" in first.evidence
    told = reconcile(Evidence(claims=found.claims)).findings
    assert {f.rule for f in told} == {"claim-repeated"}
    assert {str(r) for f in told for r in f.ranges} == {"1-10", "21-25"}


@pytest.mark.parametrize(
    ("text", "quantity", "reason"),
    [
        ("7", 1, "has 1 fields"),
        ("", 1, "names no serials"),
        (VERRA.format(1, 10), 11, "says 11000 kg, and its serials weigh 10000 kg"),
        (VERRA.format(10, 1), 10, "runs backwards"),
        (VERRA.format(1, 10) + "," + GOLD.format(1, 5), 15, "fields"),
        (VERRA.format("١", 10), 10, "outside ASCII"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_transaction(
    peers: Peers, tmp_path: Path, text: str, quantity: int, reason: str
) -> None:
    transaction = peers.send("BatchToken", "record", 1, text, quantity)
    good = peers.send("BatchToken", "record", 2, VERRA.format(50, 59), 10)
    found = read(peers.peer("BatchToken", BATCH), tmp_path)
    assert [claim.claim_id for claim in found.claims] == [f"{good}:1"]
    (left,) = found.rejected
    assert reason in left.reason
    assert transaction in left.content
    assert f"serialNumbers={text}" in left.content


def test_burns_of_fractions_are_whole_kilograms_or_not_compared(peers: Peers, tmp_path: Path) -> None:
    event = PeerEvent(
        signature="event Retired(address indexed account, uint256 amount)", state="burned", amount="amount"
    )
    peers.send("TonneToken", "retire", 2_504 * 10**15)
    peers.send("TonneToken", "retire", 1)
    peers.send("TonneToken", "retire", 10**21)  # beyond 64 bits
    found = read(peers.peer("TonneToken", event, decimals=18), tmp_path)
    assert [(claim.kg, claim.range) for claim in found.claims] == [(2_504, None), (10**6, None)]
    assert [row.reason for row in found.rejected] == ["amount 1 of 18 places is no whole number of kilograms"]


def test_serials_out_of_fields_and_out_of_a_uri_and_out_of_a_list(peers: Peers, tmp_path: Path) -> None:
    issued = PeerEvent(
        signature="event Issued(uint256 indexed id, bytes32 indexed batch, uint64 first, uint64 last)",
        state="minted",
        serial="GS1-1-UG-GS11236-16-2024-{batch}-{first}-{last}",
    )
    described = PeerEvent(
        signature="URI(string value, uint256 indexed id)",
        state="minted",
        serial="value",
        pattern=r"serial=([^&]+)",
        registry="VERRA",
    )
    retired = PeerEvent(
        signature="SerialsRetired(address indexed account, string[] serials)", state="retired", serial="serials"
    )
    peers.send("ClassToken", "issue", 1, b"30307".ljust(32, b"\0"), 1, 100)
    peers.send("ClassToken", "describe", 2, f"https://x.example/?id=2&serial={VERRA.format(7, 9)}&v=1")
    lost = peers.send("ClassToken", "describe", 3, "ipfs://nothing")
    peers.send("ClassToken", "retire", [GOLD.format(11, 20), GOLD.format(1, 10)])
    peer = peers.peer("ClassToken", issued, described, retired, registry="GS", standard="ERC-1155")
    found = read(peer, tmp_path)
    assert [claim.state.value for claim in found.claims] == ["minted", "minted", "retired", "retired"]
    assert said(found) == serials("GS", GOLD.format(1, 100), GOLD.format(1, 10), GOLD.format(11, 20)) | serials(
        "VERRA", VERRA.format(7, 9)
    )
    assert [lost in row.content for row in found.rejected] == [True]


def test_two_bridges_with_the_same_serials_are_found_across_mappings(peers: Peers, tmp_path: Path) -> None:
    peers.send("BatchToken", "record", 1, GOLD.format(90, 120), 31)
    peers.send("ClassToken", "issue", 1, b"30307".ljust(32, b"\0"), 1, 100)
    issued = PeerEvent(
        signature="event Issued(uint256 indexed id, bytes32 indexed batch, uint64 first, uint64 last)",
        state="minted",
        serial="GS1-1-UG-GS11236-16-2024-{batch}-{first}-{last}",
    )
    archive = EvidenceArchive(tmp_path)
    for peer in (peers.peer("BatchToken", BATCH, registry="GS"), peers.peer("ClassToken", issued, registry="GS")):
        collect_peer(archive.keep_peer(peer), peer)
    claims = [claim for one in archive.claims_of_peers().values() for claim in one.claims]
    (found,) = reconcile(Evidence(claims=claims)).findings
    assert (found.rule, [str(r) for r in found.ranges]) == ("overlapping-tokenization", ["90-100"])


def test_what_comes_later_is_read_from_there(peers: Peers, tmp_path: Path) -> None:
    peer = peers.peer("BatchToken", BATCH)
    peers.send("BatchToken", "record", 1, VERRA.format(1, 10), 10)
    assert len(read(peer, tmp_path).claims) == 1
    peers.send("BatchToken", "record", 2, VERRA.format(11, 20), 10)
    again = collect_peer(tmp_path, peer)
    assert (again.logs, len(read_peer(peer, tmp_path).claims)) == (1, 2)


@pytest.mark.parametrize(
    "signature",
    ["", "event X()", "event X(uint256)", "X(mapping(a=>b) c)", "event X(tuple a)", "event X(uint256 a", "X"],
)
def test_a_signature_that_cannot_be_read_is_refused_with_an_example(signature: str) -> None:
    with pytest.raises(UsageError, match="such as: event Tokenized"):
        parsed_signature(signature)


def test_a_mapping_that_does_not_fit_its_event_is_refused() -> None:
    event = PeerEvent(signature="event X(uint256 id, string serials)", state="minted", serial="serial")
    facts = {"name": "x", "rpc": "http://x", "chain_id": 1, "contract": "0x" + "11" * 20, "standard": "ERC-20"}
    peer = Peer(**facts, first_block=0, registry="VERRA", events=(event,))
    with pytest.raises(UsageError, match=r"asks for serial, and .* has id, serials"):
        require_fields(peer, event)
    with pytest.raises(UsageError, match="no grammar for registry 'NOWHERE'"):
        require_fields(peer.model_copy(update={"registry": "NOWHERE"}), event.model_copy(update={"serial": "serials"}))
    with pytest.raises(ValueError, match="an event names its serials"):
        PeerEvent(signature="event X(uint256 id)", state="minted")
    assert issubclass(MalformedInput, UsageError)
