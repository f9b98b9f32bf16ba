"""Evidence from Parquet is judged as the same evidence from memory, down to the exhibits' words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge.domain.lifecycle import Kind
from bridge.domain.observed import BlockStamp, Place
from bridge.errors import MalformedInput
from bridge.reconcile import event_tables
from bridge.reconcile.duckdb_engine import DuckDB
from bridge.reconcile.evidence import ChainArchive, ChainView, ClaimState, Evidence
from bridge.reconcile.plan import Plan
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.archive import archived
from tests.reconcile.story import DAY, HERE, THERE, House, name, serials
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
