"""CAD Trust by its API: each act has one effect, whatever is lost on the way, and nothing of others is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import Engine, event

from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.observed import BlockStamp
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Hex32, hex32
from bridge.errors import BridgeError, Halted, MalformedInput, NotYet, RegistryRefused, Unreachable
from bridge.registry.attesters import Attester, AttesterSet
from bridge.registry.cad_trust.client import CadTrustClient
from bridge.registry.cad_trust.counterpart import CadTrustCounterpart
from bridge.registry.cad_trust.place import CadTrust, mark_of
from bridge.registry.cad_trust.statement import read_statement
from bridge.registry.cad_trust.units import Placed, Unit, block_of, pieces, read_units, split_records
from bridge.registry.counterpart import Done, ForeignAct, Verb, act_id
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.evidence import EvidenceFolder
from tests.databases import Databases
from tests.registry.fakes import answered

from .cad_trust_server import KEY, ORG, CadTrustBooks, serving
from .conftest import opened_ledger
from .fakes import BALE, HERE, FakeSigner, World, serials
from .faulty_line import Fault, Line, faulty_line

FINAL = BlockStamp(number=12, hash=hex32(12), timestamp=12)
LOCK = hex32(1)
MARK = mark_of(HERE, LOCK)


def act(verb: Verb, *ranges: SerialRange, subject: Hex32 = LOCK) -> ForeignAct:
    return ForeignAct(
        verb=verb,
        subject=subject,
        programme="VERRA",
        deployment=HERE,
        class_id=BALE.id,
        ranges=ranges or (serials(101, 200),),
        account="receiver" if verb is Verb.HAND_OVER else "depositor",
        due=2_000,
        beneficiary="" if verb in (Verb.TAKE, Verb.GIVE_BACK) else "Kinaxis Inc.",
        purpose="2024",
        final=None if verb is Verb.TAKE else FINAL,
    )


class Office:
    """The attesters' side of one server, over one line."""

    def __init__(self, world: World, folder: Path, books: CadTrustBooks, line: Line) -> None:
        self.world, self.books, self.line = world, books, line
        self.place = CadTrust(url=f"http://127.0.0.1:{line.port}", org_uid=ORG, answer_seconds=20)
        self.evidence = EvidenceFolder(folder / "evidence")
        self.client = CadTrustClient(self.place, KEY)
        self.counterpart = CadTrustCounterpart(world.ledger, "VERRA", self.place, self.client, self.evidence)

    def pursue(self, one: ForeignAct) -> Done | BridgeError:
        (answer,) = self.counterpart.pursue([self.world.ledger.plan_act(one)])
        return answer

    def carry_out(self, one: ForeignAct, turns: int = 30) -> Done:
        """Turn after turn, as a bridge that knows nothing of the faults."""
        for _ in range(turns):
            answer = self.pursue(one)
            if isinstance(answer, Done):
                return answer
            assert not isinstance(answer, Halted), answer
        raise AssertionError(f"it does not come to an end: {answer}")

    def state(self, one: ForeignAct) -> ActState:
        record = self.world.ledger.act(one.id)
        assert record is not None
        return record.state

    def serials(self) -> dict[int, tuple[Any, ...]]:
        """What each serial is: its unit's status, reason, owner and mark, and where the unit begins and ends."""
        found: dict[int, tuple[Any, ...]] = {}
        for row in self.books.units.values():
            block = block_of(Unit.model_validate(row), "VERRA", "UNITS").range
            names = ("unitStatus", "unitStatusReason", "unitOwner", "marketplaceIdentifier", "issuanceId")
            for number in range(block.first, block.last + 1):
                assert number not in found, f"serial {number} stands in two units"
                found[number] = (*(row[name] for name in names), str(block))
        return found


@contextmanager
def office_on(world: World, folder: Path, books: CadTrustBooks) -> Iterator[Office]:
    with serving(books) as port, faulty_line(port) as line:
        yield Office(world, folder, books, line)


@pytest.fixture
def books() -> CadTrustBooks:
    books = CadTrustBooks()
    books.add(1, 100)
    books.add(101, 250)
    books.add(251, 1000)
    return books


@pytest.fixture
def office(world: World, tmp_path: Path, books: CadTrustBooks) -> Iterator[Office]:
    with office_on(world, tmp_path, books) as made:
        yield made


# --------------------------------------------------------------------------------------- as it should go


def test_taking_splits_a_unit_and_marks_exactly_the_lock_s_serials(office: Office) -> None:
    done = office.carry_out(act(Verb.TAKE))
    marks = {number: row[3] for number, row in office.serials().items()}
    assert {number for number, mark in marks.items() if mark == MARK} == set(range(101, 201))
    assert {mark for number, mark in marks.items() if not 101 <= number <= 200} == {None}
    assert done.reference == "00000000-0000-0000-0000-000000000002"
    assert b'"VER-101"' in office.evidence.require(done.evidence).read_bytes()
    assert all(row[4] == "i-1" for row in office.serials().values()), "the issuance is not lost"
    assert office.state(act(Verb.TAKE)) is ActState.DONE


def test_retiring_names_status_reason_and_beneficiary(office: Office) -> None:
    office.carry_out(act(Verb.TAKE))
    one = act(Verb.RETIRE, serials(101, 120), serials(150, 150), subject=hex32(7))
    office.carry_out(one)
    retired = {number: row[1] for number, row in office.serials().items() if row[0] == "Retired"}
    assert set(retired) == {*range(101, 121), 150}
    assert set(retired.values()) == {f"Retired for Kinaxis Inc., 2024 (request {hex32(7)})"}


def test_handing_over_changes_the_owner_and_takes_the_mark_off(office: Office) -> None:
    office.carry_out(act(Verb.TAKE))
    office.carry_out(act(Verb.HAND_OVER, serials(181, 200), subject=hex32(7)))
    rows = office.serials()
    assert {rows[number][2:4] for number in range(181, 201)} == {("receiver", None)}
    assert {rows[number][2:4] for number in range(101, 181)} == {("depositor", MARK)}


def test_giving_back_takes_the_mark_off(office: Office) -> None:
    office.carry_out(act(Verb.TAKE))
    office.carry_out(act(Verb.GIVE_BACK))
    assert {row[3] for row in office.serials().values()} == {None}


def test_the_same_act_again_has_one_effect(office: Office) -> None:
    first = office.carry_out(act(Verb.TAKE))
    writes = list(office.books.writes)
    assert office.carry_out(act(Verb.TAKE)).reference == first.reference
    assert office.books.writes == writes


def test_a_batch_of_locks_shares_its_commits(office: Office) -> None:
    acts = [act(Verb.TAKE, serials(first, first + 9), subject=hex32(first)) for first in (1, 101, 251)]
    for one in acts:
        office.world.ledger.plan_act(one)
    for _ in range(10):
        answers = office.counterpart.pursue(acts)
    assert all(isinstance(answer, Done) for answer in answers)
    assert office.books.writes.count("commit") == 2


def test_two_locks_in_one_unit_wait_for_each_other(office: Office) -> None:
    acts = [act(Verb.TAKE, serials(first, first + 9), subject=hex32(first)) for first in (101, 111, 241)]
    for one in acts:
        office.world.ledger.plan_act(one)
    for _ in range(30):
        answers = office.counterpart.pursue(acts)
    assert all(isinstance(answer, Done) for answer in answers), answers


# -------------------------------------------------------------------------------------------- what others do


def test_what_others_have_staged_is_never_committed_nor_lost(office: Office) -> None:
    stranger = office.books.add(2001, 2010)
    office.books.stage(stranger, [office.books.units[stranger] | {"unitStatus": "Cancelled"}])
    for _ in range(3):
        answer = office.pursue(act(Verb.TAKE))
        assert isinstance(answer, NotYet)
        assert f"others have staged {stranger}" in str(answer)
    assert office.books.writes == []
    assert office.state(act(Verb.TAKE)) is ActState.PLANNED
    office.books.staging.clear()
    office.carry_out(act(Verb.TAKE))
    assert office.books.units[stranger]["unitStatus"] == "Held"


def test_a_row_staged_between_our_look_and_our_commit_stays_staged(office: Office) -> None:
    stranger = office.books.add(2001, 2010)
    commit = office.client.commit

    def just_before(ids: Any, comment: str) -> None:
        office.books.stage(stranger, [office.books.units[stranger] | {"unitStatus": "Cancelled"}])
        commit(ids, comment)
        assert [row["uuid"] for row in office.books.pending] == list(ids)

    office.client.commit = just_before  # type: ignore[method-assign]
    office.pursue(act(Verb.TAKE))
    assert office.books.units[stranger]["unitStatus"] == "Held"


def test_whoever_overwrites_our_staged_row_is_noticed_before_the_commit(office: Office) -> None:
    split = office.client.split

    def overwritten(unit_id: str, records: Any) -> None:
        split(unit_id, records)
        office.books.stage(unit_id, [office.books.units[unit_id] | {"unitStatus": "Retired"}])

    office.client.split = overwritten  # type: ignore[method-assign]
    answer = office.pursue(act(Verb.TAKE))
    assert "stands otherwise in staging" in str(answer)
    assert office.state(act(Verb.TAKE)) is ActState.UNKNOWN
    assert "commit" not in office.books.writes


def test_a_commit_of_others_holds_everything_up_and_nothing_is_asked(office: Office) -> None:
    stranger = office.books.add(2001, 2010)
    office.books.stage(stranger, [office.books.units[stranger]])
    office.books.staging[stranger]["commited"] = True
    office.books.confirms_after = 10**9
    assert "waits for a commit" in str(office.pursue(act(Verb.TAKE)))
    assert office.state(act(Verb.TAKE)) is ActState.PLANNED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unitStatus": "Retired", "unitStatusReason": "by himself"}, "is Retired"),
        ({"marketplaceIdentifier": "another bridge"}, "is tokenized already"),
        ({"unitOwner": "somebody"}, "belongs to 'somebody'"),
        ({"unitCount": 149}, "stand in no unit that can be read"),
    ],
    ids=str,
)
def test_serials_that_are_not_the_depositor_s_to_give_are_refused(
    office: Office, changes: dict[str, Any], words: str
) -> None:
    office.books.add(101, 250, warehouseUnitId="00000000-0000-0000-0000-000000000002", **changes)
    answer = office.pursue(act(Verb.TAKE))
    assert isinstance(answer, RegistryRefused)
    assert words in str(answer)
    assert office.state(act(Verb.TAKE)) is ActState.PLANNED
    assert office.books.writes == []


@pytest.mark.parametrize(
    "changes",
    [
        {"unitStatus": "Cancelled"},
        {"unitStatus": "Retired", "unitStatusReason": "for another"},
        {"marketplaceIdentifier": None},
    ],
    ids=str,
)
def test_units_that_were_changed_behind_our_back_stop_the_act(office: Office, changes: dict[str, Any]) -> None:
    office.carry_out(act(Verb.TAKE))
    for row in office.books.units.values():
        if row["marketplaceIdentifier"] == MARK:
            row.update(changes)
    answer = office.pursue(act(Verb.RETIRE, subject=hex32(7)))
    assert isinstance(answer, Halted)


def test_an_attester_looks_at_the_units_himself(office: Office) -> None:
    one = act(Verb.TAKE)
    office.carry_out(one)
    record = office.world.ledger.act(one.id)
    assert record is not None
    office.counterpart.check(record)
    for row in office.books.units.values():
        if row["marketplaceIdentifier"] == MARK:
            row["marketplaceIdentifier"] = None
    with pytest.raises(RegistryRefused, match="is not what CAD Trust shows"):
        office.counterpart.check(record)


# --------------------------------------------------------------------------------------- whatever is lost


Story = list[ForeignAct]
STORIES: dict[str, tuple[Story, ForeignAct]] = {
    "take": ([], act(Verb.TAKE)),
    "give back": ([act(Verb.TAKE)], act(Verb.GIVE_BACK)),
    "retire": ([act(Verb.TAKE)], act(Verb.RETIRE, serials(101, 120), serials(150, 150), subject=hex32(7))),
    "hand over": ([act(Verb.TAKE)], act(Verb.HAND_OVER, serials(181, 200), subject=hex32(7))),
}


class Stages:
    """Runs of one story, each with units and a ledger of its own, over one server and one line."""

    def __init__(
        self, folder: Path, furnished: Path, databases: Databases, books: CadTrustBooks, line: Line, story: str
    ) -> None:
        self.folder, self.furnished, self.databases = folder, furnished, databases
        self.books, self.line = books, line
        self.before, self.one = STORIES[story]
        self.made = 0

    @contextmanager
    def run(self) -> Iterator[Office]:
        self.made += 1
        folder = self.folder / str(self.made)
        folder.mkdir()
        self.databases.copy(self.furnished, folder)
        world = World(opened_ledger(self.databases.url(folder, "registry")))
        self.line.clear()
        self.books.clear()
        for first, last in ((1, 100), (101, 250), (251, 1000)):
            self.books.add(first, last)
        office = Office(world, folder, self.books, self.line)
        for earlier in self.before:
            office.carry_out(earlier)
        self.line.calls.clear()
        self.books.writes.clear()
        yield office
        world.engine.dispose()


@pytest.fixture
def stages(tmp_path: Path, furnished_ledger: Path, databases: Databases) -> Iterator[Callable[[str], Stages]]:
    books = CadTrustBooks()
    with serving(books) as port, faulty_line(port) as line:
        yield lambda story: Stages(tmp_path, furnished_ledger, databases, books, line, story)


def undisturbed(stages: Stages) -> tuple[dict[int, tuple[Any, ...]], list[str]]:
    with stages.run() as office:
        office.carry_out(stages.one)
        return office.serials(), list(office.line.calls)


def disturbed(stages: Stages, faults: dict[int, Fault], end: dict[int, tuple[Any, ...]]) -> None:
    with stages.run() as office:
        office.line.faults = faults
        office.carry_out(stages.one)
        assert office.serials() == end, faults
        assert office.state(stages.one) is ActState.DONE
        office.line.faults = {}
        assert isinstance(office.pursue(stages.one), Done), "a late row of ours changes nothing"


@pytest.mark.parametrize("fault", Fault)
def test_a_lost_commit_ends_as_the_undisturbed_one(stages: Callable[[str], Stages], fault: Fault) -> None:
    runs = stages("retire")
    end, calls = undisturbed(runs)
    disturbed(runs, {next(n for n, call in enumerate(calls, 1) if "commit" in call): fault}, end)


@pytest.mark.slow
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("story", STORIES)
def test_a_fault_at_any_call_ends_as_the_undisturbed_run(
    stages: Callable[[str], Stages], story: str, fault: Fault
) -> None:
    runs = stages(story)
    end, calls = undisturbed(runs)
    assert len(calls) > 6
    for number in range(1, len(calls) + 1):
        disturbed(runs, {number: fault}, end)


@pytest.mark.slow
def test_two_faults_in_a_row_end_as_the_undisturbed_run(stages: Callable[[str], Stages]) -> None:
    runs = stages("retire")
    end, calls = undisturbed(runs)
    for number in range(1, len(calls) + 1):
        disturbed(runs, {number: Fault.LOST_ANSWER, number + 1: Fault.LATE_REQUEST}, end)


@pytest.mark.parametrize("story", ["take", "retire"])
def test_a_commit_that_fails_when_it_was_answered_is_staged_and_committed_again(
    stages: Callable[[str], Stages], story: str
) -> None:
    runs = stages(story)
    end, _ = undisturbed(runs)
    with runs.run() as office:
        office.books.failing = 2
        office.carry_out(runs.one)
        assert office.serials() == end
        assert office.books.writes.count("retry") == 2


def test_a_write_without_an_answer_makes_the_act_unknown_until_units_are_read(office: Office) -> None:
    office.line.faults = {4: Fault.LOST_ANSWER}
    one = act(Verb.TAKE)
    assert isinstance(office.pursue(one), Unreachable)
    assert office.state(one) is ActState.UNKNOWN
    office.line.faults = dict.fromkeys(range(5, 8), Fault.UNAVAILABLE)
    for _ in range(3):
        assert isinstance(office.pursue(one), Unreachable)
    assert office.books.writes == ["split"], "nothing is written without having been read"
    assert office.state(one) is ActState.UNKNOWN
    office.carry_out(one)
    assert office.books.writes.count("split") == 1
    assert [state for _, state, _ in office.world.ledger.steps(one.id)] == [
        *("planned", "asked", "unknown", "planned", "asked", "done")
    ]


class Died(BaseException):
    """Not an Exception, so that no handler of ours survives it."""


@contextmanager
def dying_at_write(engine: Engine, number: int) -> Iterator[list[str]]:
    writes: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            writes.append(statement)
            if len(writes) == number:
                raise Died

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield writes
    finally:
        event.remove(engine, "before_cursor_execute", count)


@pytest.mark.slow
@pytest.mark.parametrize("faulty", [False, True], ids=["", "and an answer is lost"])
def test_a_crash_at_any_write_ends_as_the_undisturbed_run(stages: Callable[[str], Stages], faulty: bool) -> None:
    runs = stages("retire")
    end, calls = undisturbed(runs)
    faults = {len(calls) // 2: Fault.LOST_ANSWER} if faulty else {}
    number, alive = 1, False
    while not alive:
        with runs.run() as office:
            office.line.faults = faults
            with dying_at_write(office.world.engine, number):
                try:
                    office.carry_out(runs.one)
                    alive = True
                except Died:
                    pass
            office.carry_out(runs.one)
            assert office.serials() == end, f"died at write {number}"
        number += 1
    assert number > 4


# ------------------------------------------------------------------------------------------ the client


def test_a_wrong_key_is_named_and_never_shown(office: Office) -> None:
    stranger = CadTrustClient(office.place, "wrong-key")
    with pytest.raises(RegistryRefused, match="does not know our key") as refused:
        stranger.units()
    assert "wrong-key" not in str(refused.value)


def test_units_come_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.registry.cad_trust.client.PAGE", 2)
    assert len(office.client.units()) == 3
    assert len([call for call in office.line.calls if "page=" in call]) == 2


def test_units_that_move_while_they_are_read_are_read_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.registry.cad_trust.client.PAGE", 1)
    read = office.client._ask

    def moving(*arguments: Any) -> Any:
        answer = read(*arguments)
        office.books.add(1, 1, warehouseUnitId=f"new {len(office.books.units)}", serialNumberBlock="AAA")
        return answer

    monkeypatch.setattr(office.client, "_ask", moving)
    with pytest.raises(Unreachable, match="read them again"):
        office.client.units()


def test_an_answer_without_end_is_not_read(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.registry.cad_trust.client.MOST_BYTES", 100)
    with pytest.raises(RegistryRefused, match="more than 100 bytes"):
        office.client.units()


def test_nobody_is_followed_elsewhere(office: Office) -> None:
    office.line.faults = {1: Fault.MOVED}
    with pytest.raises(RegistryRefused, match="points elsewhere"):
        office.client.units()
    assert len(office.line.calls) == 1


def test_a_commit_always_names_its_rows(office: Office) -> None:
    with pytest.raises(ValueError, match="names its rows"):
        office.client.commit([], "")


@pytest.mark.parametrize(
    "url",
    ["http://cadt.example", "ftp://127.0.0.1", "https://user:word@cadt.example", "https://cadt.example/?a=b", "x"],
)
def test_a_key_travels_over_tls_or_on_this_machine_only(url: str) -> None:
    with pytest.raises(ValidationError):
        CadTrust(url=url, org_uid=ORG)
    assert CadTrust(url="https://cadt.example/", org_uid=ORG).url == "https://cadt.example"


# ------------------------------------------------------------------------------------------------ units

_ONE = CadTrustBooks()
UNIT = Unit.model_validate(_ONE.units[_ONE.add(1, 100)])


def unit(start: str, end: str, count: int) -> Unit:
    return UNIT.model_copy(update={"unit_block_start": start, "unit_block_end": end, "unit_count": count})


@pytest.mark.parametrize(
    ("start", "end", "count", "key", "first", "last"),
    [
        ("VER-1", "VER-100", 100, "VER", 1, 100),
        ("A001", "A010", 10, "A", 1, 10),
        ("7", "7", 1, "UNITS", 7, 7),
        ("abc-2-99", "abc-2-100", 2, "ABC-2", 99, 100),
    ],
)
def test_a_block_s_serials(start: str, end: str, count: int, key: str, first: int, last: int) -> None:
    block = block_of(unit(start, end, count), "VERRA", "UNITS")
    assert (block.range.first, block.range.last) == (first, last)
    assert (block.spelt(first), block.spelt(last)) == (start, end)


@pytest.mark.parametrize(
    ("start", "end", "count", "words"),
    [
        ("A000", "A010", 10, "whole number from one"),  # the span is eleven, the count ten
        ("A001", "A010", 11, "counts 11 units and names 10"),
        ("A001", "B010", 10, "two numberings"),
        ("A01", "A010", 10, "padded in two ways"),
        ("A010", "A001", 10, "backwards"),
        ("abc", "abd", 1, "ends in no number"),
        ("Ａ1", "Ａ2", 2, "ASCII"),
    ],
)
def test_a_block_that_names_no_serials_is_a_finding(start: str, end: str, count: int, words: str) -> None:
    with pytest.raises(MalformedInput, match=words):
        block_of(unit(start, end, count), "VERRA", "UNITS")


def test_rows_that_share_serials_are_all_findings(books: CadTrustBooks) -> None:
    twice = books.add(90, 110)
    broken = books.add(5000, 5001, unitCount="2")
    other = books.add(6000, 6001, orgUid="somebody")
    placed, unreadable = read_units(books.units.values(), "VERRA", "UNITS", ORG)
    assert [str(one.block.range) for one in placed] == ["251-1000"]
    assert {one.unit_id for one in unreadable} == {*list(books.units)[:2], twice, broken, other}


BLOCKS = st.integers(1, 40).flatmap(lambda first: st.tuples(st.just(first), st.integers(first, 40)))


@given(block=BLOCKS, wanted=st.lists(BLOCKS, max_size=4))
def test_pieces_are_disjoint_and_complete_and_count_what_they_name(
    block: tuple[int, int], wanted: list[tuple[int, int]]
) -> None:
    whole = serials(*block)
    spans = coalesce(serials(*one) for one in wanted)
    parts = pieces(whole, spans)
    assert coalesce(parts) == [whole]
    assert sum(part.units for part in parts) == whole.units
    for span in spans:
        assert all(span.contains(part) or not span.overlaps(part) for part in parts)
    if len(parts) > 1:
        placed = Placed(
            UNIT, block_of(unit("VER-1", "VER-40", 40), "VERRA", "UNITS").model_copy(update={"range": whole})
        )
        records = split_records(placed, parts)
        assert sum(record["unitCount"] for record in records) == whole.units
        for wrong in (parts[1:], parts[:-1], [*parts, parts[0]]):
            with pytest.raises(MalformedInput):
                split_records(placed, wrong)


# ------------------------------------------------------------------------------------ the whole registry


def test_lock_settlement_and_receipt_over_cad_trust(office: Office) -> None:
    world = office.world
    quorum = AttesterSet(
        2,
        [
            Attester(FakeSigner(0xA0 + n), {HERE: eyes}, {"VERRA": office.counterpart})
            for n, eyes in enumerate(world.attester_eyes)
        ],
    )
    registry = LedgerRegistry(world.ledger, {HERE: world.witness}, {"VERRA": quorum}, {"VERRA": office.counterpart})
    world.registry = registry

    def until_done(ask: Callable[[], Any]) -> Any:
        for _ in range(20):
            try:
                return ask()
            except NotYet:
                pass
        raise AssertionError("it does not come to an end")

    lock_id = world.lock(1, 101, 200)
    until_done(lambda: registry.attest_locks([lock_id]))
    world.chain.mint(lock_id)
    request_id = world.ask(Kind.RETIREMENT, 10)
    world.settled(request_id)
    receipt = until_done(lambda: answered(registry.execute([request_id]))).items[0]
    record = world.ledger.act(act_id(Verb.RETIRE, request_id))
    assert record is not None
    assert record.done == Done(reference=receipt.reference, evidence=receipt.evidence)
    retired = {number for number, row in office.serials().items() if row[0] == "Retired"}
    assert retired == set(range(101, 111))
    assert world.states(101, 200)["retired"] == ["101-110"]


# --------------------------------------------------------------------------------------------- statement


def test_units_become_a_canonical_statement_and_every_row_is_taken_or_named(
    office: Office, books: CadTrustBooks
) -> None:
    books.add(2001, 2010, unitStatus="Retired", unitStatusReason="Retired for Acme")
    books.add(3001, 3001, unitBlockStart="A007", unitBlockEnd="A007", unitStatus="Expired")
    broken = books.add(4001, 4010, unitCount=11)
    strange = books.add(5001, 5010, unitStatus="For Sale")
    found = read_statement(office.client, "VERRA", office.place, 1000, 77)
    assert (found.head.read, found.head.taken, found.head.refused) == (7, 5, 2)
    assert (found.head.units, found.head.kg, found.head.as_of) == (1011, 1_011_000, 77)
    by_serial = {row.serial: row for row in found.rows}
    assert by_serial["VER-1-VER-100"].range == serials(1, 100)
    assert (
        by_serial["VER-1-VER-100"].class_id
        == CreditClass(
            registry="VERRA", project="1340", vintage=2020, credit_type="Reduction - technical", kg_per_unit=1000
        ).id
    )
    retired = by_serial["VER-2001-VER-2010"]
    assert (retired.state, retired.status, retired.purpose) == ("retired", "Retired", "Retired for Acme")
    assert by_serial["A007-A007"].state == "cancelled"
    reasons = {row.reason for row in found.refused}
    assert reasons == {
        "it counts 11 units and names 10 serials",
        "unit status 'For Sale' is none of Held, Buffer, Pending Export, Retired, Cancelled, Expired, Exported",
    }
    assert all(unit_id in "".join(row.content for row in found.refused) for unit_id in (broken, strange))
