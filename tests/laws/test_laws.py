"""L1 to L8, each by its number: it holds in a busy world, and its check sees it broken.

L6 is also held by the forge suite (`contracts/test`), L7 by `tests/flow/test_crashes.py` at every single write.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from bridge.domain.attestations import Attested, Outcome, typed_data
from bridge.domain.lifecycle import Kind, SerialState
from bridge.errors import ContractRefused
from bridge.flow.advance import advance
from tests.databases import Databases
from tests.flow.faults import Died, Schedule
from tests.flow.world import BATCH, FOREST, STOVES, Frozen, Stage, World, span
from tests.laws import laws


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Frozen:
    """Deposits in two registries, a retirement and a redemption done, one of each under way."""
    stage = Stage(databases)
    world = World(tmp_path_factory.mktemp("busy"), stage)
    world.deposit(span(1, 100))
    world.deposit(span(201, 260))
    world.deposit(span(1, 50, BATCH), STOVES)
    world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
    world.ask("alice", Kind.REDEMPTION, 70, for_="bob")
    advance(world.bridge)
    world.ask("alice", Kind.RETIREMENT, 7, STOVES, for_="Acme")
    world.ask("alice", Kind.REDEMPTION, 5, for_="bob")
    return Frozen(world, stage)


@pytest.fixture
def busy(frozen: Frozen, tmp_path: Path) -> World:
    return frozen.wake(tmp_path)


def settle_falsely(world: World, request_id: str, first: int, last: int) -> None:
    """What a stolen quorum can do, and only that."""
    outcome = Outcome(request_id=request_id, part=0, ranges=(span(first, last),))
    document = typed_data(world.contract.deployment, [outcome])
    thieves = sorted(world.attesters[:2], key=lambda key: key.address)
    attested = Attested[Outcome](
        items=(outcome,),
        signers=tuple(key.address for key in thieves),
        signatures=tuple(key.sign(document) for key in thieves),
    )
    world.sender("mallory").send_and_wait(world.settling(attested))


def test_l1_to_l5_hold_in_a_busy_world_and_after_it(busy: World) -> None:
    assert laws.broken(busy) == []
    advance(busy.bridge)
    assert laws.broken(busy) == []


def test_l1_supply_and_pending_equal_live_serials(busy: World) -> None:
    assert list(laws.l1_units_are_backed(laws.look(busy))) == []
    state = busy.contract.class_state(STOVES.id)
    assert state is not None
    live = [str(r) for r in laws.look(busy).live[STOVES.id]]
    assert (state.supply, state.pending_retirement, live) == (43, 7, ["1-50"])


def test_l2_overlaps_are_refused_by_the_contract(busy: World) -> None:
    assert list(laws.l2_ranges_are_disjoint(laws.look(busy))) == []
    tombs = [n for n in busy.contract.ranges(span(1, 1).space) if n.live_from > n.first]
    assert tombs, "retired serials stay as tombstones"


def test_l3_the_books_balance_and_the_check_sees_serials_that_vanish(busy: World) -> None:
    assert list(laws.l3_a_serial_has_one_state(laws.look(busy))) == []
    with busy.ledger.engine.begin() as connection:
        connection.execute(text("UPDATE blocks SET closed_by = opened_by WHERE closed_by IS NULL AND state = 'locked'"))
    assert list(laws.l3_a_serial_has_one_state(laws.look(busy)))


def test_l4_a_second_settlement_finds_nothing_to_settle(busy: World) -> None:
    request_id = busy.ask("alice", Kind.RETIREMENT, 3, for_="Acme")
    settle_falsely(busy, request_id, 40, 42)
    with pytest.raises(ContractRefused, match="NothingToSettle"):
        settle_falsely(busy, request_id, 43, 45)
    assert list(laws.l4_everything_once(laws.look(busy))) == []


def test_l5_is_seen_broken_when_a_locked_block_is_retired_behind_the_bridge_s_back(busy: World) -> None:
    assert list(laws.l5_live_is_locked(laws.look(busy))) == []
    busy.ledger.override("mistake", span(40, 42), SerialState.RETIRED, "an officer's mistake")
    assert list(laws.l5_live_is_locked(laws.look(busy))) == ["L5 40-42 is live and not locked for this deployment"]


@pytest.mark.parametrize("thief", ["operator", "guardian", "admin", "attester-1", "mallory"])
def test_l6_nobody_but_the_holder_reduces_a_balance(busy: World, thief: str) -> None:
    before = busy.balance("alice")
    theft = busy.contract.transfer(busy.address("alice"), busy.address("mallory"), FOREST.id, 1)
    with pytest.raises(ContractRefused, match="ERC1155MissingApprovalForAll"):
        busy.send(thief, theft)
    assert busy.balance("alice") == before


@pytest.mark.parametrize("moment", ["send", "execute"])
def test_l7_a_crash_changes_no_outcome(tmp_path: Path, stage: Stage, moment: str) -> None:
    ends = []
    for at in (0, moment):
        stage.clear()
        folder = tmp_path / str(at)
        folder.mkdir()
        world = World(folder, stage)
        world.deposit(span(1, 100))
        request_id = world.ask("alice", Kind.RETIREMENT, 30, for_="Acme")
        if at:
            with pytest.raises(Died):
                advance(Schedule(at).bridge(world.open_bridge()))
        advance(world.open_bridge())
        advance(world.open_bridge())
        ends.append((world.exit_state(request_id), world.balance("alice"), world.contract.class_state(FOREST.id)))
        assert laws.broken(world) == []
    assert ends[0] == ends[1]


def test_l8_an_honest_world_has_no_break_and_a_false_one_names_the_serials(busy: World) -> None:
    honest = busy.reconcile()
    assert honest.clean
    assert honest.findings == ()
    busy.ledger.override("mistake", span(40, 42), SerialState.RETIRED, "an officer's mistake")
    busy.chain.pass_seconds(60)
    found = busy.reconcile()
    assert not found.clean
    assert {str(r) for finding in found.findings for r in finding.ranges} == {"40-42"}


def test_the_ledger_s_own_tables_refuse_a_second_live_row(busy: World) -> None:
    """Going around the code: the database itself holds L3."""
    with busy.ledger.engine.connect() as connection:
        columns = ", ".join(c["name"] for c in inspect(connection).get_columns("blocks") if c["name"] != "id")
        with pytest.raises(Exception, match=r"overlap|constraint|refused|already|state"):
            connection.execute(
                text(f"INSERT INTO blocks ({columns}) SELECT {columns} FROM blocks WHERE closed_by IS NULL LIMIT 1")
            )
