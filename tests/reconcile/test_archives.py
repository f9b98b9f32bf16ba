"""Evidence from Parquet is judged as the same evidence from memory, down to the exhibits' words."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bridge.domain.findings import Reconciliation
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import BlockStamp, Place, StatementRow
from bridge.domain.peers import Peer, PeerEvent
from bridge.errors import MalformedInput, UsageError
from bridge.reconcile import event_tables
from bridge.reconcile.archive import EvidenceArchive
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.duckdb_engine import DuckDB
from bridge.reconcile.evidence import ChainArchive, ChainView, ClaimState, Evidence, Limits, StatementArchive
from bridge.reconcile.plan import Plan
from bridge.reconcile.reconcile import reconcile
from tests.detect.base import base
from tests.detect.matrix import LIMITS
from tests.detect.plant import PLANTS
from tests.detect.story import Story
from tests.reconcile.archive import archived, collected, in_memory
from tests.reconcile.story import DAY, FOREST, HERE, THERE, House, name, serials
from tests.reconcile.test_planted_faults import claim


def crooked() -> House:
    """Something of every kind of event, and something wrong with most."""
    house = House(HERE, THERE)
    house.issue(serials(1, 200))
    house.deposit(serials(1, 50))
    house.mint_unlocked(name("second"), serials(41, 55), deployment=THERE)
    house.exit(Kind.RETIREMENT, serials(1, 5), serials(8, 9))
    house.refuse(house.ask(Kind.REDEMPTION, 2), at_once=False)
    house.call_back(house.ask(Kind.RETIREMENT, 1))
    house.recover(house.order(3))
    house.veto(house.order(1))
    house.take_back(serials(20, 22))
    house.quarantine()
    house.reverse(serials(20, 21))
    house.transfer(1)
    house.take_cover(house.cover(serials(100, 110)), 1)
    house.settle(house.ask(Kind.RETIREMENT, 2), serials(30, 33))
    house.mint_unlocked(name("second"), serials(150, 160))
    return house


def evidence_of(house: House) -> Evidence:
    claims = [claim("c", serials(50, 60), ClaimState.MINTED), claim("b", None, ClaimState.BURNED)]
    return replace(house.evidence(), claims=claims)


def test_archived_evidence_is_judged_as_the_same_in_memory(tmp_path: Path) -> None:
    evidence = evidence_of(crooked())
    found = reconcile(evidence)
    assert len({finding.rule for finding in found.findings}) >= 10
    assert reconcile(archived(evidence, tmp_path)) == found


def test_an_engine_writes_nothing_of_its_own_into_standard_output() -> None:
    """However long it takes: a user's JSON goes there."""
    machine = DuckDB().machine({}, Plan())
    assert machine.rows("SELECT current_setting('enable_progress_bar') AS drawn") == [{"drawn": False}]
    machine.close()


def answers_alike(evidence: Evidence, folder: Path, limits: Limits | None = None) -> Reconciliation:
    """From objects, and from the archive into which they were collected."""
    same, archive = collected(evidence, folder, cut=min(view.stamp.number for view in evidence.chains) // 2)
    found, left = archive.evidence()
    assert not left
    assert not found.claims
    assert all(isinstance(one, ChainArchive) for one in found.chains)
    assert all(isinstance(one, StatementArchive) for one in found.statements)
    given = replace(found, reissues=same.reissues, seen_before=same.seen_before)
    answer = reconcile(given, limits)
    assert answer == reconcile(same, limits)
    return answer


def test_collected_evidence_is_judged_as_the_same_in_memory(tmp_path: Path) -> None:
    assert len({finding.rule for finding in answers_alike(evidence_of(crooked()), tmp_path).findings}) >= 10


FAULTS = [f"{rule}:{number}" for rule, faults in PLANTS.items() for number in range(len(faults))]


@pytest.mark.slow
@pytest.mark.parametrize("words", FAULTS)
def test_every_fault_is_found_in_what_was_collected(words: str, tmp_path: Path) -> None:
    rule, number = words.split(":")
    story = Story(base(60, 7), Random(words))
    story.honest_life()
    planted = PLANTS[rule][int(number)](story)
    assert rule in {finding.rule for finding in answers_alike(planted.evidence, tmp_path, LIMITS).findings}


def test_files_that_were_changed_are_refused(tmp_path: Path) -> None:
    _, archive = collected(evidence_of(crooked()), tmp_path, cut=200)
    archive.evidence()
    changed = 0
    for file in sorted(tmp_path.rglob("*.parquet")):
        if "MethodologySet" in file.parts:
            continue
        whole = file.read_bytes()
        file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(MalformedInput, match=f"{file.name}.* put it back from a copy"):
            archive.evidence()
        file.write_bytes(whole)
        changed += 1
    assert changed > 20
    archive.evidence()


def test_what_was_kept_in_an_earlier_form_is_refused(tmp_path: Path) -> None:
    _, archive = collected(evidence_of(crooked()), tmp_path)
    (head,) = tmp_path.rglob("head.json")
    head.write_text(head.read_text().replace('"whole": true,', ""))
    with pytest.raises(MalformedInput, match="of an earlier form"):
        archive.evidence()


def test_a_statement_that_came_altered_stays_so_in_the_archive(tmp_path: Path) -> None:
    house = House(HERE)
    house.issue(serials(1, 100))
    statement = house.statement()
    altered = statement.model_copy(update={"rows": (*statement.rows, statement.rows[0])})
    archive = EvidenceArchive(tmp_path)
    archive.keep_statement(altered)
    ((kept,), _, _) = archive.statements()
    assert (kept.whole, in_memory(kept)) == (False, altered)
    assert "statement-altered" in {f.rule for f in reconcile(Evidence(statements=[kept])).findings}


def test_opening_an_archive_makes_no_object_a_row(tmp_path: Path) -> None:
    def opened(count: int) -> int:
        """Bytes that it took at most."""
        rows = tuple(
            StatementRow(row=n, range=serials(n, n), class_id=FOREST.id, state=SerialState.HELD, holder="alice")
            for n in range(1, count + 1)
        )
        house = House(HERE)
        statement = house.statement()
        claims = [claim(str(n), serials(n, n), ClaimState.MINTED) for n in range(1, count + 1)]
        for n in range(1, count // 10):
            house.mint_unlocked(name(str(n)), serials(n, n))
        evidence = replace(house.evidence(), statements=[statement.model_copy(update={"rows": rows})], claims=claims)
        _, archive = collected(evidence, tmp_path / str(count))
        tracemalloc.start()
        archive.evidence()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    opened(10)
    assert opened(4_000) < 1.5 * opened(40)


def test_a_name_is_of_one_file_or_contract(tmp_path: Path) -> None:
    archive, none = EvidenceArchive(tmp_path), ClaimsFile(claims=(), links=(), rejected=())
    event = PeerEvent(signature="event X(uint256 id, string serials)", state="minted", serial="serials")
    facts = {"rpc": "http://x", "chain_id": 1, "contract": "0x" + "11" * 20, "standard": "ERC-20", "first_block": 0}
    peer = Peer(name="one", registry="VERRA", events=(event,), **facts)
    archive.keep_peer(peer)
    archive.keep_peer(peer)
    with pytest.raises(UsageError, match="claims under the name one"):
        archive.keep_claims("one", none)
    with pytest.raises(UsageError, match="claims under the name one"):
        archive.keep_peer(peer.model_copy(update={"contract": "0x" + "22" * 20}))
    archive.keep_claims("two", none)
    with pytest.raises(UsageError, match="claims under the name two"):
        archive.keep_peer(peer.model_copy(update={"name": "two"}))
    assert archive.sources() == ["one", "two"]


def test_an_engine_with_little_memory_answers_the_same(tmp_path: Path) -> None:
    evidence = archived(evidence_of(crooked()), tmp_path)
    assert reconcile(evidence, engine=DuckDB(memory="64MB", spill=tmp_path)) == reconcile(evidence)
    assert not list(tmp_path.glob("carbonbridge-*"))


def test_nothing_later_than_the_stamp_is_read(tmp_path: Path) -> None:
    house = House(HERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    early = house.evidence()
    house.wait(10)
    house.mint_unlocked(name("second"), serials(41, 55))
    late = archived(house.evidence(), tmp_path)
    (chain,) = early.chains
    at_first = replace(archived(early, tmp_path / "early"), chains=[replace(late.chains[0], stamp=chain.stamp)])
    assert reconcile(at_first) == reconcile(early)
    assert reconcile(early).clean
    assert not reconcile(late).clean


def test_an_event_comes_back_from_its_table_as_it_was() -> None:
    for view in crooked().evidence().chains:
        assert isinstance(view, ChainView)
        tables = event_tables.tables([(3, view)])
        back = [event_tables.event_of(kind, row) for kind, table in tables.items() for row in table.to_pylist()]
        assert sorted(back, key=lambda e: e.place.log_index) == list(view.events)


def test_a_number_rises_with_time_and_says_where_its_event_is() -> None:
    places = [(0, 1, 4_000_000), (0, 2, 0), (0, 4_000_000_000, 5), (1, 0, 0), (511, 1, 1)]
    numbers = [event_tables.number_of(c, Place(block=b, transaction=name("t"), log_index=i)) for c, b, i in places]
    assert numbers == sorted(numbers)
    assert [event_tables.place_of(number) for number in numbers] == places
    assert max(numbers) < 2**63


def test_blocks_beyond_any_chain_are_refused() -> None:
    place = Place(block=2**32, transaction=name("t"), log_index=0)
    with pytest.raises(MalformedInput, match="beyond any chain"):
        event_tables.number_of(0, place)
    stamp = BlockStamp(number=2**32, hash=name("b"), timestamp=DAY)
    with pytest.raises(MalformedInput, match="beyond any chain"):
        event_tables.archived(0, ChainArchive(HERE, stamp, {}))
