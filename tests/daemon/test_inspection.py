"""A run of compliance on a chain: what trips the breaker and what must not, and what is told to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

import pytest

from bridge.bootstrap import evidence
from bridge.cases.store import Cases, open_cases
from bridge.daemon.inspection import Gathered, Inspected, Inspector
from bridge.domain.findings import NotCompared, Pause
from bridge.domain.lifecycle import SerialState
from bridge.errors import NotYet, Unreachable
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from tests.databases import Databases
from tests.flow.test_attacks import lock, mint, sign, stolen
from tests.flow.world import DAY, World, span

pytestmark = pytest.mark.slow

PROVED = ["tokenized-without-lock"]


class Desk:
    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []
        self.down = False

    def send(self, alert_id: str, body: str) -> None:
        if self.down:
            raise Unreachable("webhook desk did not answer")
        told = json.loads(body)
        assert told["alert_id"] == alert_id
        self.told.append(told)

    def rules(self, which: str) -> list[list[str]]:
        return [[one["rule"] for one in told[which]] for told in self.told]  # type: ignore[attr-defined]


@dataclass
class Office:
    """Compliance of a world. `changed`: what becomes of its evidence on the way."""

    world: World
    cases: Cases
    desk: Desk = field(default_factory=Desk)
    changed: Callable[[Evidence], Evidence] = lambda evidence: evidence
    rejected: tuple[NotCompared, ...] = ()
    guardian: str | None = "guardian"

    def run(self) -> Inspected:
        sender = self.world.sender(self.guardian) if self.guardian else None
        hands = Inspector(
            *(self.world.contract, self.cases, self.gather, self.world.now),
            guardian=sender,
            channels={"desk": self.desk},
        )
        return hands.inspect()

    def gather(self) -> Gathered:
        read = evidence(self.world.contract, self.world.registry, ("VERRA", "GS"))
        return Gathered(self.changed(read), ("others",), self.rejected)

    def pause(self) -> Pause | None:
        notes = self.run().found.run
        assert notes is not None
        return notes.pause

    @property
    def paused(self) -> bool:
        return bool(self.world.contract.view(self.world.contract.functions.paused()))

    def pauses(self) -> int:
        """Transactions of the guardian's."""
        w3 = self.world.contract.connection.w3
        return int(w3.eth.get_transaction_count(w3.to_checksum_address(self.world.address("guardian"))))


@pytest.fixture
def office(world: World, tmp_path: Path, databases: Databases) -> Office:
    world.deposit(span(1, 100))
    return Office(world, open_cases(databases.url(tmp_path, "compliance")))


def unlocked(world: World, first: int = 501, last: int = 550) -> None:
    """The keys of a quorum and of the operator are stolen."""
    serials = span(first, last)
    mint(world, sign(world, [lock(world, serials.first, serials)], stolen(world)))
    world.chain.pass_seconds(60)


def unbacked(office: Office) -> None:
    unlocked(office.world)


def claimed(read: Evidence) -> Evidence:
    claim = Claim(source="others", claim_id="m1", range=span(1, 100), kg=100_000, state=ClaimState.MINTED)
    return replace(read, claims=[claim])


def unsigned(read: Evidence) -> Evidence:
    return replace(read, endorsements=[e.model_copy(update={"attesters": 0}) for e in read.endorsements])


def altered(read: Evidence) -> Evidence:
    """On its way somebody takes our rows out of the statement."""
    rows = [s.model_copy(update={"rows": tuple(r for r in s.rows if r.deployment is None)}) for s in read.statements]
    return replace(read, statements=rows)


# --------------------------------------------------------------- the breaker stays shut out


def test_an_honest_house_is_not_paused_and_nobody_is_told(office: Office) -> None:
    met = office.run()
    assert (met.found.clean, met.troubles, office.paused, office.desk.told) == (True, [], False, [])
    assert office.pause() is None


@pytest.mark.parametrize("change", [claimed, unsigned, altered])
def test_what_others_say_only_alerts(office: Office, change: Callable[[Evidence], Evidence]) -> None:
    office.changed = change
    assert not office.run().found.clean
    assert not office.paused
    assert len(office.desk.told) == 1
    assert office.desk.told[0]["pause"] is None


def test_switched_off_it_only_alerts(office: Office) -> None:
    office.guardian = None
    unbacked(office)
    assert not office.run().found.clean
    assert (office.paused, office.desk.rules("new")) == (False, [[*PROVED, "statement-totals"]])


def test_a_key_without_the_power_fails_and_is_told_and_the_next_run_tries_again(office: Office) -> None:
    unbacked(office)
    office.guardian = "mallory"
    pause = office.pause()
    assert pause is not None
    assert (pause.outcome, office.paused) == ("failed", False)
    assert "NotGuardian" in pause.note
    office.guardian = "guardian"
    again = office.pause()
    assert again is not None
    assert (again.outcome, office.paused) == ("paused", True)
    assert [told["pause"]["outcome"] for told in office.desk.told] == ["failed", "paused"]  # type: ignore[index]


# ----------------------------------------------------------------------- what it does


def test_a_mint_without_a_lock_pauses_once_and_the_report_says_so(office: Office) -> None:
    unbacked(office)
    met = office.run()
    notes = met.found.run
    assert notes is not None
    assert notes.pause is not None
    assert (office.paused, notes.pause.outcome, list(notes.pause.rules)) == (True, "paused", PROVED)
    assert [f.ranges for f in met.found.findings if f.id in notes.pause.findings] == [(span(501, 550),)]
    before = office.pauses()
    assert office.pause() is None
    assert office.pauses() == before


def test_it_neither_unpauses_nor_fights_an_admin_who_did(office: Office) -> None:
    unbacked(office)
    office.run()
    world = office.world
    world.send("admin", world.contract.functions.unpause())
    assert office.pause() is None
    assert not office.paused
    unlocked(world, 601, 650)
    again = office.pause()
    assert again is not None
    assert (again.outcome, office.paused) == ("paused", True)


def test_a_door_that_is_shut_already_stays_as_it_is(office: Office) -> None:
    unbacked(office)
    office.world.send("guardian", office.world.contract.functions.pause())
    before = office.pauses()
    pause = office.pause()
    assert pause is not None
    assert (pause.outcome, pause.transaction, office.pauses()) == ("shut", None, before)


def test_a_process_that_dies_after_pausing_does_not_pause_again(office: Office) -> None:
    unbacked(office)
    with patch.object(Cases, "tripped", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        office.run()
    assert (office.paused, office.cases.runs()) == (True, [])
    before = office.pauses()
    pause = office.pause()
    assert pause is not None
    assert (pause.outcome, office.pauses()) == ("shut", before)
    assert office.desk.rules("new") == [[*PROVED, "statement-totals"]]


def test_serials_that_the_registry_retired_behind_our_back_pause(office: Office) -> None:
    office.world.ledger.override("mistake", span(40, 49), SerialState.RETIRED, "an officer's mistake")
    office.world.chain.pass_seconds(60)
    pause = office.pause()
    assert pause is not None
    assert list(pause.rules) == ["retired-while-circulating"]


# -------------------------------------------------------------------------- who is told


def test_a_break_is_told_once_and_once_more_when_it_is_over(office: Office) -> None:
    office.changed = claimed
    office.run()
    office.run()
    office.changed = lambda read: read
    office.run()
    office.run()
    assert office.desk.rules("new") == [["overlapping-tokenization"], []]
    assert office.desk.rules("closed") == [[], ["overlapping-tokenization"]]


def test_a_desk_that_is_down_hears_it_with_the_next_run_and_the_run_is_kept(office: Office) -> None:
    office.changed, office.desk.down = claimed, True
    met = office.run()
    assert [str(trouble) for trouble in met.troubles] == ["webhook desk did not answer"]
    assert (len(office.cases.runs()), office.desk.told) == (1, [])
    office.desk.down = False
    assert office.run().troubles == []
    assert office.desk.rules("new") == [["overlapping-tokenization"]]


def test_a_run_whose_sources_are_silent_keeps_nothing_and_still_tells_what_waits(office: Office) -> None:
    office.changed, office.desk.down = claimed, True
    office.run()
    office.desk.down = False

    def silent(_: Evidence) -> Evidence:
        raise Unreachable("the registry does not answer")

    office.changed = silent
    with pytest.raises(Unreachable, match="the registry"):
        office.run()
    assert (len(office.cases.runs()), len(office.desk.told)) == (1, 1)


def test_two_runs_at_once_are_refused(office: Office) -> None:
    with office.cases.alone("run"), pytest.raises(NotYet):
        office.run()


def test_a_report_names_its_classes_its_scope_and_what_could_not_be_read(office: Office) -> None:
    office.rejected = (NotCompared(source="others", line=3, reason="no JSON", content="{"),)
    office.world.chain.pass_seconds(DAY)
    found = office.run().found
    assert list(found.labels.values()) == ["VERRA 1340 2020 VCU"]
    assert found.run is not None
    deployment = office.world.contract.deployment
    assert set(found.run.scope) == {f"chain {deployment}", "registry GS", "registry VERRA", "claims others"}
    assert (found.clean, found.not_compared) == (False, office.rejected)
