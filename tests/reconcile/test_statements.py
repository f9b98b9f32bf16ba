"""A statement is believed only as far as its attesters signed it, and only where it agrees with itself and chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.domain.attestations import Attested, ClassTotal
from bridge.domain.findings import ExhibitKind, Severity
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import Statement, rows_hash
from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import DAY, FOREST, HERE, THERE, House, endorsed, looked_at, serials


@pytest.fixture
def house() -> House:
    house = House(HERE, THERE)
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    return house


def rules(evidence: Evidence, limits: Limits | None = None) -> list[str]:
    return [finding.rule for finding in reconcile(evidence, limits).findings]


def stated(evidence: Evidence, **changes: int) -> Evidence:
    """The same evidence, its head signed anew with other totals of the forest."""
    (statement,) = evidence.statements
    (head,) = statement.head.items
    totals = tuple(ClassTotal(**t.model_dump() | changes) for t in head.totals if t.class_id == FOREST.id)
    return resigned(evidence, statement, totals=totals)


def resigned(evidence: Evidence, statement: Statement, **changes: object) -> Evidence:
    head = statement.head.items[0].model_copy(update=changes)
    new = statement.model_copy(update={"head": Attested(items=(head,), signers=(), signatures=())})
    return replace(evidence, statements=[new], endorsements=[endorsed(new)])


class TestStatementUnsigned:
    def test_nobody_checked_or_vouches(self, house: House) -> None:
        result = reconcile(replace(house.evidence(), endorsements=[]))
        (finding,) = result.findings
        assert (finding.rule, finding.severity) == ("statement-unsigned", Severity.BREAK)
        assert [e.kind for e in finding.evidence] == [ExhibitKind.ATTESTATION, ExhibitKind.FIGURES]

    def test_too_few_signed(self, house: House) -> None:
        evidence = house.evidence()
        few = [endorsed(s, attesters=1) for s in evidence.statements]
        (finding,) = reconcile(replace(evidence, endorsements=few)).findings
        assert finding.rule == "statement-unsigned"
        assert "1 of 2 attesters signed" in finding.evidence[-1].text

    def test_signed_for_a_deployment_that_is_not_compared(self, house: House) -> None:
        statement = house.statement()
        elsewhere = Evidence(
            chains=[house.chain(HERE)], statements=[statement], endorsements=[endorsed(statement, THERE)]
        )
        assert rules(elsewhere) == ["statement-unsigned"]

    def test_an_endorsement_of_another_head_vouches_for_nothing(self, house: House) -> None:
        earlier = house.statement()
        evidence = house.evidence()
        assert rules(replace(evidence, endorsements=[endorsed(earlier)])) == ["statement-unsigned"]

    def test_an_earlier_statement_may_be_signed_by_attesters_who_have_left(self, house: House) -> None:
        earlier = house.statement()
        evidence = house.evidence()
        assert rules(replace(evidence, statements=[earlier, *evidence.statements])) == []

    def test_a_registry_that_no_contract_knows_is_only_a_warning(self, house: House) -> None:
        stranger = house.statement().model_copy(update={"registry": "GS", "rows": ()})
        signed = resigned(house.evidence(), stranger, rows_hash=rows_hash(()), totals=()).statements
        evidence = house.evidence()
        (finding,) = reconcile(replace(evidence, statements=[*evidence.statements, *signed])).findings
        assert (finding.rule, finding.severity) == ("statement-unsigned", Severity.WARNING)


class TestStatementAltered:
    def test_a_row_that_was_not_signed(self, house: House) -> None:
        evidence = house.evidence()
        (statement,) = evidence.statements
        held = [row for row in statement.rows if row.state is SerialState.HELD]
        other = tuple(row.model_copy(update={"holder": "mallory"}) if row in held else row for row in statement.rows)
        altered = replace(evidence, statements=[statement.model_copy(update={"rows": other})])
        (finding,) = reconcile(altered).findings
        assert (finding.rule, finding.severity) == ("statement-altered", Severity.BREAK)
        assert finding.evidence[0].kind is ExhibitKind.ATTESTATION

    def test_rows_as_they_were_signed_are_honest(self, house: House) -> None:
        house.split(30)
        assert rules(house.evidence()) == []


class TestStatementTotals:
    @pytest.mark.parametrize(
        "changes",
        [
            {"locked": 49},
            {"locked": 51},
            {"released": 1},
            {"retired": 8},
            {"retired": 6},
            {"handed_over": 4},
            {"locked": 53, "handed_over": 6},
            {"locked": 49, "handed_over": 2},
        ],
    )
    def test_totals_that_rows_and_chain_deny(self, house: House, changes: dict[str, int]) -> None:
        house.exit(Kind.RETIREMENT, serials(1, 7))
        house.exit(Kind.REDEMPTION, serials(48, 50))
        house.wait(10 * DAY)
        (finding,) = reconcile(stated(house.evidence(), **changes)).findings
        assert (finding.rule, finding.class_id) == ("statement-totals", FOREST.id)
        assert finding.evidence[0].kind is ExhibitKind.ATTESTATION

    def test_no_totals_at_all(self, house: House) -> None:
        evidence = house.evidence()
        assert rules(resigned(evidence, evidence.statements[0], totals=())) == ["statement-totals"]

    def test_locked_and_not_minted_minted_since_settled_since_or_not_yet_due_are_honest(self, house: House) -> None:
        house.lock(serials(51, 60))
        house.release(house.lock(serials(61, 70)))
        house.exit(Kind.RETIREMENT, serials(1, 7))
        late = house.ask(Kind.REDEMPTION, 3)
        house.reserve(late, serials(48, 50))
        house.settle(late, serials(48, 50))
        statement = house.statement()
        house.deposit(serials(71, 80))
        house.exit(Kind.RETIREMENT, serials(8, 9))
        assert rules(looked_at([house.chain()], [statement])) == []

    def test_overridden_serials_were_locked_all_the_same(self, house: House) -> None:
        house.write(serials(10, 19), state=SerialState.RETIRED)
        assert rules(house.evidence()) == ["retired-while-circulating"]

    def test_executed_later_than_the_block_shows_is_in_flight(self, house: House) -> None:
        request_id = house.ask(Kind.RETIREMENT, 5)
        house.reserve(request_id, serials(1, 5))
        chain = house.chain()
        house.settle(request_id, serials(1, 5))
        house.execute(request_id)
        evidence = looked_at([chain], [house.statement()])
        result = reconcile(evidence)
        assert result.findings == ()
        assert "statement-totals" in [item.rule for item in result.in_flight]
        assert "statement-totals" in rules(evidence, Limits(finality_seconds=3600))
