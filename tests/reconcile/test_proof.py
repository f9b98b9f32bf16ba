"""What may trip the breaker: nothing that others say, and nothing that an honest house does."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bridge.domain.findings import Finding
from bridge.domain.observed import Statement
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from bridge.reconcile.proof import TRIPPING, own_evidence, proven
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import HERE, THERE, House, looked_at, name, serials
from tests.reconcile.test_honest_histories import LIMITS, Drifting

CLAIM = Claim(source="mallory", claim_id="m1", range=serials(1, 100), kg=100_000, state=ClaimState.MINTED)


def tripped(evidence: Evidence) -> tuple[Finding, ...]:
    return proven(reconcile(evidence), evidence, HERE)


def rules(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.fixture
def house() -> House:
    made = House(HERE, THERE)
    made.issue(serials(1, 1000))
    made.deposit(serials(1, 100))
    return made


def unlocked(house: House) -> House:
    """An operator's key, or a quorum, that mints what no registry has locked."""
    house.mint_unlocked(name("no lock"), serials(501, 550))
    house.wait(100)
    return house


def unsigned(evidence: Evidence) -> Evidence:
    return replace(evidence, endorsements=[e.model_copy(update={"attesters": 1}) for e in evidence.endorsements])


def test_the_rules_that_trip_are_these() -> None:
    assert set(TRIPPING) == {
        *("serials-reused", "lock-reused", "tokenized-without-lock", "supply-mismatch"),
        *("free-while-circulating", "retired-while-circulating"),
    }


# ------------------------------------------------------------------- what others say never does


def test_a_foreign_claim_on_our_serials_only_alerts(house: House) -> None:
    evidence = replace(house.evidence(), claims=[CLAIM])
    assert rules(reconcile(evidence).breaks) == {"overlapping-tokenization"}
    assert tripped(evidence) == ()


def test_a_strangers_contract_that_mints_our_locks_and_serials_only_alerts(house: House) -> None:
    house.mint_unlocked(next(iter(house.locks)), serials(1, 100), deployment=THERE)
    house.wait(100)
    evidence = house.evidence()
    assert {"lock-reused", "overlapping-tokenization"} <= rules(reconcile(evidence).breaks)
    assert tripped(evidence) == ()


def test_a_statement_that_nobody_signed_does_not_trip(house: House) -> None:
    evidence = unsigned(unlocked(house).evidence())
    assert "free-while-circulating" in rules(reconcile(evidence).breaks)
    assert tripped(evidence) == ()


def test_a_statement_signed_for_another_deployment_does_not_trip(house: House) -> None:
    evidence = unlocked(house).evidence()
    elsewhere = [e.model_copy(update={"deployment": THERE}) for e in evidence.endorsements]
    assert tripped(replace(evidence, endorsements=elsewhere)) == ()


def test_a_statement_whose_rows_were_altered_does_not_trip(house: House) -> None:
    evidence = house.evidence()
    [statement] = evidence.statements
    rows = [row for row in statement.rows if not row.range.overlaps(serials(1, 100))]
    altered = Statement(registry=statement.registry, head=statement.head, rows=tuple(rows))
    evidence = replace(evidence, statements=[altered])
    assert "tokenized-without-lock" in rules(reconcile(evidence).breaks)
    assert tripped(evidence) == ()


@pytest.mark.slow
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers(0, 2**32), acts=st.integers(1, 40))
def test_no_honest_house_trips_whatever_others_claim_of_it(seed: int, acts: int) -> None:
    drifting = Drifting(Random(seed))
    for _ in range(acts):
        drifting.act()
    evidence = replace(drifting.evidence(), claims=[CLAIM])
    assert proven(reconcile(evidence, LIMITS), evidence, HERE, LIMITS) == ()


# ---------------------------------------------------------------------- what is proved, does


def test_a_mint_without_a_lock_trips(house: House) -> None:
    [finding] = tripped(unlocked(house).evidence())
    assert finding.ranges == (serials(501, 550),)


def test_serials_minted_twice_by_our_contract_trip_without_any_statement(house: House) -> None:
    house.mint_unlocked(name("again"), serials(90, 100))
    assert rules(tripped(looked_at([house.chain()]))) == {"serials-reused", "supply-mismatch"}


def test_serials_that_the_registry_released_behind_our_back_trip(house: House) -> None:
    house.release(next(iter(house.locks)))
    assert rules(tripped(house.evidence())) == {"free-while-circulating"}


def test_no_forged_claim_disarms_it(house: House) -> None:
    evidence = replace(unlocked(house).evidence(), claims=[CLAIM.model_copy(update={"range": serials(501, 550)})])
    assert rules(tripped(evidence)) == {"free-while-circulating"}


def test_no_later_unsigned_statement_disarms_it(house: House) -> None:
    evidence = unlocked(house).evidence()
    house.lock(serials(501, 550))
    forged = house.statement()
    evidence = replace(evidence, statements=[*evidence.statements, forged])
    assert rules(tripped(evidence)) == {"free-while-circulating"}


def test_what_is_compared_again_holds_nothing_of_others(house: House) -> None:
    evidence = unsigned(replace(unlocked(house).evidence(), claims=[CLAIM]))
    ours = own_evidence(evidence, HERE)
    assert [view.deployment for view in ours.chains] == [HERE]
    assert (list(ours.statements), list(ours.claims), list(ours.claim_archives)) == ([], [], [])
