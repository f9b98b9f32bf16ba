"""The archive holds what the chain says, to the last bit; nothing that a node gets wrong enters it, and whatever kills
a run, the next one goes on from where everything is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from hexbytes import HexBytes

from bridge.chain.archive import archive as archives
from bridge.chain.archive import collect as collecting
from bridge.chain.archive import files
from bridge.chain.archive.archive import EventArchive
from bridge.chain.archive.archived import KINDS, ArchivedChain, bridge_emitters
from bridge.chain.archive.collect import Collected, collect
from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection
from bridge.chain.events import read_events
from bridge.domain.observed import ChainEvent, PowerChanged
from bridge.errors import BridgeError, Halted, MalformedInput, NotYet, Unreachable, UsageError
from tests.chain.recorded_node import EVENTS, HERE, Log, RecordedNode, history, log_of

EMITTERS = bridge_emitters(HERE.contract)
LAST = 400


class OtherReader:
    """The flow's own reader of events, which decodes one log after another, looking at the same logs."""

    def __init__(self, logs: list[Log]) -> None:
        self.eth, self._logs = self, logs

    def to_checksum_address(self, address: str) -> str:
        return address

    def get_logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        known = set(query["topics"][0])
        return [
            {
                "address": log["address"],
                "blockNumber": int(log["blockNumber"], 16),
                "logIndex": int(log["logIndex"], 16),
                "topics": [HexBytes(topic) for topic in log["topics"]],
                "data": HexBytes(log["data"]),
                "transactionHash": HexBytes(log["transactionHash"]),
            }
            for log in self._logs
            if query["fromBlock"] <= int(log["blockNumber"], 16) <= query["toBlock"] and log["topics"][0] in known
        ]


def read_one_by_one(logs: list[Log]) -> list[ChainEvent]:
    return list(read_events(Connection(OtherReader(logs), 0), HERE, 1, LAST))  # type: ignore[arg-type]


def collected(node: RecordedNode, folder: Path) -> Collected:
    return collect(EventArchive(folder), node, HERE, EMITTERS, 1, node.final())


def archived(folder: Path) -> list[ChainEvent]:
    chain = ArchivedChain(EventArchive(folder))
    return list(chain.events(chain.stamp()))


def content(folder: Path) -> dict[str, str]:
    """What counts: of each file that the list names, its content's hash."""
    manifest = EventArchive(folder).manifest()
    return {file.path: file.sha256 for piece in manifest.pieces for file in piece.files}


@pytest.fixture(autouse=True)
def _disk_that_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "fsync", lambda _: None)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "PIECE_LOGS", 60)


@pytest.mark.parametrize("seed", range(5))
def test_the_archive_says_what_the_chain_says(tmp_path: Path, seed: int) -> None:
    logs = history(seed, 700, LAST)
    node = RecordedNode(logs, LAST)
    Random(seed).shuffle(node.held)
    assert collected(node, tmp_path).logs == 700
    told = archived(tmp_path)
    assert told == read_one_by_one(logs)
    assert {type(event).__name__ for event in told} == set(KINDS) - {"Frozen", "Listed", "ListerSet"}
    chain = ArchivedChain(EventArchive(tmp_path))
    numbers = sorted({event.place.block for event in told})
    assert chain.block_times(numbers) == {number: 1_000_000 + number for number in numbers}


def test_the_policys_events_are_told_as_the_policys(tmp_path: Path) -> None:
    policy, chance = "0x" + "22" * 20, Random(1)
    shapes = {e["name"]: e for e in artifact("AllowListPolicy").abi if e["type"] == "event"}
    names = ["OwnershipTransferred", "GuardianSet", "ListerSet", "Listed", "Frozen"]
    logs = [log_of(shapes[name], chance, 5, at) | {"address": policy} for at, name in enumerate(names)]
    logs.append(log_of(EVENTS["GuardianSet"], chance, 6, 0))
    node = RecordedNode(logs, LAST)
    collect(EventArchive(tmp_path), node, HERE, bridge_emitters(HERE.contract, policy), 1, node.final())
    chain = ArchivedChain(EventArchive(tmp_path))
    told = [(type(one).__name__, getattr(one, "of_policy", None)) for one in chain.events(chain.stamp())]
    whose = dict.fromkeys(names[:3], True) | dict.fromkeys(names[3:])
    assert (told, chain.keeps_list) == ([*whose.items(), ("GuardianSet", False)], True)


def test_through_whom_a_power_was_changed_is_kept_beside_it(tmp_path: Path) -> None:
    logs, somebody = history(5, 200, LAST), "0x" + "ab" * 20
    node = RecordedNode(logs, LAST)

    def callers(transaction: str) -> tuple[str, ...]:
        return (somebody, HERE.contract) if int(transaction, 16) % 2 else ()

    collect(EventArchive(tmp_path), node, HERE, EMITTERS, 1, node.final(), callers=callers)
    powers = [event for event in archived(tmp_path) if isinstance(event, PowerChanged)]
    assert {event.by for event in powers} == {(), (somebody, HERE.contract)}
    assert all(event.by == callers(event.place.transaction) for event in powers)
    assert [event.model_copy(update={"by": ()}) for event in powers] == [
        event for event in read_one_by_one(logs) if isinstance(event, PowerChanged)
    ]


def test_every_event_of_the_contract_is_kept_with_all_its_arguments(tmp_path: Path) -> None:
    collected(RecordedNode(history(1, 200, LAST), LAST), tmp_path)
    archive = EventArchive(tmp_path)
    pieces = archive.manifest().pieces
    for name, abi in EVENTS.items():
        table = archive.table("Transferred" if name.startswith("Transfer") else name, pieces)
        assert table is not None, name
        width = sum(len(m.get("components", [1])) if m["type"] == "tuple" else 1 for m in abi["inputs"])
        assert table.num_columns == 6 + width + name.startswith("Transfer"), name


def test_what_is_collected_in_many_runs_is_what_one_run_collects(tmp_path: Path) -> None:
    logs = history(2, 300, LAST)
    for head in (1, 2, 90, 90, 250, LAST):
        collected(RecordedNode(logs, head), tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)
    again = collected(RecordedNode(logs, LAST), tmp_path)
    assert (again.logs, again.blocks, again.stamp.number) == (0, 0, LAST)


def test_a_page_too_large_for_the_node_is_asked_for_in_parts(tmp_path: Path) -> None:
    logs = history(3, 300, LAST)
    node = RecordedNode(logs, LAST)
    node.refuses = lambda first, last: last - first > 2
    collected(node, tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)
    node.refuses = lambda *_: True
    with pytest.raises(Unreachable, match="does not give out the logs of block 1"):
        collected(node, tmp_path / "other")


def _lies() -> dict[str, Callable[[list[Log]], Any]]:
    def changed(**fields: Any) -> Callable[[list[Log]], Any]:
        return lambda logs: [{**log, **(fields if place == len(logs) // 2 else {})} for place, log in enumerate(logs)]

    def without(name: str) -> Callable[[list[Log]], Any]:
        return lambda logs: [{k: v for k, v in log.items() if k != name} for log in logs]

    return {
        "another contract": changed(address="0x" + "22" * 20),
        "a block beyond the page": changed(blockNumber=hex(LAST + 9)),
        "a block that is not its own": changed(blockHash="0x" + "33" * 32),
        "an event not asked for": changed(topics=["0x" + "44" * 32]),
        "too few topics": lambda logs: [{**log, "topics": log["topics"][:1]} for log in logs],
        "no topics": changed(topics=[]),
        "too many topics": lambda logs: [{**log, "topics": [*log["topics"], "0x" + "00" * 32] * 2} for log in logs],
        "data cut short": lambda logs: [{**log, "data": log["data"][:-64]} for log in logs],
        "data cut within a word": changed(data="0x00"),
        "data of no hex": changed(data="0x" + "zz" * 32),
        "blanks in data": changed(data="0x" + "0 " * 32),
        "a log twice": lambda logs: logs + logs[-1:],
        "a log taken back": changed(removed=True),
        "no place": without("logIndex"),
        "no data": without("data"),
        "a number that is none": changed(logIndex="0xzz"),
        "a number that is null": changed(blockNumber=None),
        "a number beyond 64 bits": changed(logIndex=hex(2**64)),
        "a transaction of 31 bytes": changed(transactionHash="0x" + "55" * 31),
        "one place for two transactions": changed(transactionHash="0x" + "55" * 32),
        "something else than logs": lambda logs: ["0x00"] * len(logs),
        "no list": lambda logs: {"logs": logs},
        "numbers for text": changed(logIndex=7),
        "a topic that is null": lambda logs: [{**log, "topics": [*log["topics"][:-1], None]} for log in logs],
        "an answer cut short": lambda logs: orjson.dumps({"id": 0, "result": logs})[:-30],
        "an answer cut between logs": lambda logs: orjson.dumps({"id": 0, "result": logs})[:-2],
        "an empty answer": lambda _: b"",
        "a page for people": lambda _: b"<html>502 Bad Gateway</html>",
        "two answers": lambda logs: orjson.dumps({"id": 0, "result": logs}) * 2,
        "nothing": lambda _: None,
    }


@pytest.mark.parametrize("lie", _lies().values(), ids=_lies())
def test_a_page_with_anything_wrong_in_it_is_refused_whole(
    lie: Callable[[list[Log]], Any], tmp_path: Path, small_pieces: None
) -> None:
    logs = history(4, 160, LAST)
    node = RecordedNode(logs, 100)
    collected(node, tmp_path)
    before = content(tmp_path)
    node.head, node.lie = LAST, lambda found: lie(found) if len(found) > 10 else found
    with pytest.raises((Halted, Unreachable)):
        collected(node, tmp_path)
    assert content(tmp_path).items() >= before.items()
    stamp = ArchivedChain(EventArchive(tmp_path)).stamp()
    assert archived(tmp_path) == [event for event in read_one_by_one(logs) if event.place.block <= stamp.number]
    node.lie = lambda found: found
    collected(node, tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        ("TransferSingle", "value", 2**64),
        ("CreditRetired", "units", 2**64),
        ("Minted", "first", 0),
        ("Minted", "last", 2**64 - 1),
        ("Minted", "recipient", 2**160),
        ("ClassCreated", "vintage", 2**16),
        ("RequestOpened", "deadline", 2**40),
        ("GuardianSet", "enabled", 2),
    ],
)
def test_a_value_beyond_its_type_is_refused_and_never_cut(tmp_path: Path, event: str, field: str, value: int) -> None:
    log = log_of(EVENTS[event], Random(1), 7, 0)
    place = [m["name"] for m in EVENTS[event]["inputs"] if not m["indexed"]].index(field)
    data = log["data"][2:]
    log["data"] = "0x" + data[: 64 * place] + f"{value:064x}" + data[64 * place + 64 :]
    with pytest.raises(Halted, match="not of its ABI's form"):
        collected(RecordedNode([log], 10), tmp_path)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("value", [1, 31, 33, 2**20, 2**63, 2**64, 2**200])
def test_an_offset_or_count_that_leads_out_of_the_log_is_refused(tmp_path: Path, at: int, value: int) -> None:
    """OutcomeSettled: kind, part, offset of the ranges, remaining; then their count."""
    log = next(
        one for one in (log_of(EVENTS["OutcomeSettled"], Random(n), 7, 0) for n in range(99)) if len(one["data"]) > 600
    )
    place = (2, 4, 2)[at]
    data = log["data"][2:]
    log["data"] = "0x" + data[: 64 * place] + f"{value if at else value * 32 + 1:064x}" + data[64 * place + 64 :]
    if at == 1 and value == 1:
        return  # a shorter list is none of the lies that can be seen
    with pytest.raises(Halted, match="not of its ABI's form"):
        collected(RecordedNode([log], 10), tmp_path)


def test_texts_that_others_wrote_stop_nobody(tmp_path: Path) -> None:
    """A reason that is no ASCII is kept as hex, and a text that is no UTF-8 with its bytes spelt out."""
    refused, made = (
        log_of(EVENTS["RequestRefused"], Random(1), 7, 0),
        log_of(EVENTS["SpaceRegistered"], Random(1), 7, 1),
    )
    refused["data"] = "0x" + "ff" * 32 + refused["data"][66:]
    made["data"] = "0x" + f"{1:064x}{64:064x}{2:064x}" + "c328".ljust(64, "0")
    collected(RecordedNode([refused, made], 10), tmp_path)
    archive = EventArchive(tmp_path)
    reasons, keys = (archive.table(n, archive.manifest().pieces) for n in ("RequestRefused", "SpaceRegistered"))
    assert reasons is not None
    assert keys is not None
    assert (reasons["reason"].to_pylist(), keys["key"].to_pylist()) == (["0x" + "ff" * 32], ["\\xc3("])


def test_a_node_that_dies_at_any_moment_costs_no_more_than_the_rest(tmp_path: Path, small_pieces: None) -> None:
    logs = history(5, 300, LAST)
    node = RecordedNode(logs, LAST)
    reached = [0]
    for calls in range(0, 60, 3):
        node.dies_after = calls
        try:
            collected(node, tmp_path)
        except Unreachable:
            if (tmp_path / "manifest.json").exists():
                reached.append(ArchivedChain(EventArchive(tmp_path)).stamp().number)
    assert reached == sorted(reached)
    assert len(set(reached)) > 2
    node.dies_after = None
    collected(node, tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)


class Killed(BaseException):
    """As kill -9: nothing catches it, and nothing is tidied up."""


def test_a_run_that_is_killed_between_any_two_touches_of_the_disk_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pieces: None
) -> None:
    """Every write, flush and rename in turn; the archive that is read in between is always whole."""
    logs = history(6, 150, LAST, ("Minted", "TransferBatch"))
    whole = read_one_by_one(logs)
    honest_replace, killed = Path.replace, 0
    for moment in range(200):
        touches = iter(range(moment))

        def touched(*_: object, touches: Iterator[int] = touches) -> None:
            if next(touches, None) is None:
                raise Killed

        def replace(path: Path, target: Path, touched: Callable[[], None] = touched) -> Path:
            touched()
            found = honest_replace(path, target)
            touched()
            return found

        folder = tmp_path / str(moment)
        with monkeypatch.context() as failing:
            failing.setattr(files.os, "fsync", touched)
            failing.setattr(Path, "replace", replace)
            try:
                collected(RecordedNode(logs, LAST), folder)
            except Killed:
                killed += 1
            else:
                break
        if (folder / "manifest.json").exists():
            stamp = ArchivedChain(EventArchive(folder)).stamp().number
            assert archived(folder) == [event for event in whole if event.place.block <= stamp]
        collected(RecordedNode(logs, LAST), folder)
        assert archived(folder) == whole
        kept = {str(p.relative_to(folder)) for p in folder.rglob("*.parquet")}
        assert (kept, list(folder.rglob("*.draft"))) == (set(content(folder)), [])
    assert killed > 20


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_pieces: None) -> None:
    logs = history(7, 300, LAST)
    collected(RecordedNode(logs, 150), tmp_path)
    before = content(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as failing:
        failing.setattr(files.os, "fsync", full)
        with pytest.raises(UsageError, match="No space left on device; what the archive held before is whole"):
            collected(RecordedNode(logs, LAST), tmp_path)
    assert content(tmp_path) == before
    assert not list(tmp_path.rglob("*.draft"))
    collected(RecordedNode(logs, LAST), tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)


def test_a_reorganisation_rolls_back_to_the_last_block_that_agrees(tmp_path: Path, small_pieces: None) -> None:
    logs, others = history(8, 300, LAST), history(9, 300, LAST)
    node = RecordedNode(logs, LAST)
    collected(node, tmp_path)
    stamps = [piece.stamp.number for piece in EventArchive(tmp_path).manifest().pieces]
    fork = stamps[1] + 1
    node.forked_from, node.head = fork, LAST + 10
    node.held = [log for log in logs if int(log["blockNumber"], 16) < fork] + [
        log for log in others if int(log["blockNumber"], 16) >= fork
    ]
    found = collected(node, tmp_path)
    assert [stamp.number for stamp in found.left] == stamps[:1:-1]
    assert archived(tmp_path) == read_one_by_one(node.held)
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.parquet")} == set(content(tmp_path))
    assert EventArchive(tmp_path).manifest().left == found.left
    assert collected(node, tmp_path).left == ()


def test_a_node_that_is_behind_changes_nothing(tmp_path: Path) -> None:
    logs = history(10, 100, LAST)
    collected(RecordedNode(logs, LAST), tmp_path)
    before = content(tmp_path)
    with pytest.raises(Unreachable, match="the node is behind"):
        collected(RecordedNode(logs, LAST - 1), tmp_path)
    assert content(tmp_path) == before


def test_a_chain_that_changes_while_it_is_read_is_read_again(tmp_path: Path, small_pieces: None) -> None:
    logs = history(11, 300, LAST)
    node = RecordedNode(logs, LAST)
    final = node.final()

    def forked(found: list[Log]) -> list[Log]:
        if len(node.asked) >= 4:
            node.forked_from = 200
        return found

    node.lie = forked
    with pytest.raises(Unreachable, match=r"was replaced while|changed its mind"):
        collect(EventArchive(tmp_path), node, HERE, EMITTERS, 1, final)
    collected(node, tmp_path)
    assert archived(tmp_path) == read_one_by_one(logs)


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_file_is_named_and_nothing_is_read_from_it(tmp_path: Path, damage: str) -> None:
    node = RecordedNode(history(12, 100, LAST), LAST)
    collected(node, tmp_path)
    file = sorted(tmp_path.rglob("Minted/*.parquet"))[0]
    whole = file.read_bytes()
    {
        "cut": lambda: file.write_bytes(whole[:-5]),
        "changed": lambda: file.write_bytes(whole[:9] + bytes([whole[9] ^ 1]) + whole[10:]),
        "gone": file.unlink,
    }[damage]()
    with pytest.raises(MalformedInput, match=r"Minted.*put it back from a copy"):
        archived(tmp_path)
    if damage != "changed":  # whose size is right: only who reads it sees it
        with pytest.raises(MalformedInput, match="Minted"):
            collected(node, tmp_path)
    file.write_bytes(whole)
    assert archived(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-20],
        lambda text: text[:0] + "[]",
        lambda text: text.replace('"first": 1,', '"first": 2,'),
        lambda text: text.replace('"rows"', '"lines"'),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path: Path, change: Callable[[str], str]) -> None:
    node = RecordedNode(history(13, 100, LAST), LAST)
    collected(node, tmp_path)
    place = tmp_path / archives.MANIFEST
    place.write_text(change(place.read_text()))
    for look in (lambda: archived(tmp_path), lambda: collected(node, tmp_path)):
        with pytest.raises(MalformedInput, match="is no list of an archive"):
            look()


def test_an_archive_of_one_contract_takes_no_other(tmp_path: Path) -> None:
    node = RecordedNode(history(14, 10, LAST), LAST)
    collected(node, tmp_path)
    with pytest.raises(UsageError, match="holds other events"):
        collect(EventArchive(tmp_path), node, HERE, EMITTERS, 2, node.final())


def test_two_collectors_do_not_write_at_once(tmp_path: Path) -> None:
    node = RecordedNode(history(15, 10, LAST), LAST)
    with files.alone(tmp_path), pytest.raises(NotYet, match="another process is writing"):
        collected(node, tmp_path)
    collected(node, tmp_path)


def test_nothing_archived_yet_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="compliance collect"):
        archived(tmp_path)
    with pytest.raises(Unreachable, match="begins at 1"):
        collected(RecordedNode([], 0), tmp_path)


def test_the_list_is_json_that_people_read(tmp_path: Path) -> None:
    collected(RecordedNode(history(16, 10, LAST), LAST), tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told["pieces"][0]["stamp"]["number"] == LAST
    assert issubclass(MalformedInput, BridgeError)
