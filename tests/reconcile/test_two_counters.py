"""Real rows of Verra's newer counter (VER) and of its older ones (MER), which give out the same numbers: what is honest
has no finding, a number in both is no overlap, and the same overlap within either is one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind, coalesce
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from bridge.reconcile.reconcile import reconcile
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import read_statement
from bridge.registry.statements.verra import parse_serial
from tests.reconcile.story import HERE, THERE, House, looked_at, name

pytestmark = pytest.mark.data

VER, MER = (SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key=key) for key in ("VER", "APX+MER"))
COUNTERS = {"VER": VER, "MER": MER}
Block = tuple[SerialRange, CreditClass, SerialState]


def newer(data: Path) -> Iterator[Block]:
    with read_statement(data / "registries/verra/transactions.csv", grammar("VERRA")) as statement:
        for row in statement.rows():
            assert row.range
            assert row.credit_class
            yield row.range, row.credit_class, row.state


def older(data: Path) -> Iterator[Block]:
    for line in (data / "stellarcarbon/minted_blocks.ndjson").read_text().splitlines():
        serial = parse_serial(json.loads(line)[4])
        yield serial.range, serial.credit_class, SerialState.HELD


def mirrored(r: SerialRange) -> SerialRange:
    """The same numbers of the other counter."""
    return r.model_copy(update={"space": (MER if r.space == VER.id else VER).id})


@pytest.fixture
def blocks(real_data: Path) -> dict[str, list[Block]]:
    return {"VER": list(newer(real_data)), "MER": list(older(real_data))}


def house(*blocks: Block) -> House:
    """All blocks as the registry states them; the held ones are deposited, some here and some there, and every third
    is retired in part."""
    made = House(HERE, THERE)
    classes = {credit_class.id: credit_class for _, credit_class, _ in blocks}
    for deployment in (HERE, THERE):
        made.register(deployment, MER)
        for credit_class in classes.values():
            made.create_class(deployment, credit_class)
    held = []
    for r, credit_class, state in blocks:
        made.issue(r, credit_class)
        if state is SerialState.HELD:
            held.append((r, credit_class))
        else:
            made.write(r, state=state)
    for number, (r, credit_class) in enumerate(held):
        deployment = THERE if number % 2 else HERE
        made.deposit(r, deployment)
        if number % 3 == 0:
            retire(made, r.model_copy(update={"last": (r.first + r.last) // 2}), credit_class, deployment)
    return made


def retire(made: House, r: SerialRange, credit_class: CreditClass, deployment: Deployment) -> None:
    request_id = made.ask(Kind.RETIREMENT, r.units, credit_class, deployment)
    made.reserve(request_id, r)
    made.settle(request_id, r)
    made.execute(request_id)


def found(evidence: Evidence) -> dict[str, list[SerialRange]]:
    """By rule, all serials that it names."""
    named: defaultdict[str, list[SerialRange]] = defaultdict(list)
    for finding in reconcile(evidence).findings:
        named[finding.rule] += finding.ranges
    return {rule: coalesce(ranges) for rule, ranges in named.items()}


def with_claims(made: House, *ranges: SerialRange) -> Evidence:
    claims = [
        Claim(source="another", claim_id=str(n), range=r, kg=r.units * 1000, state=ClaimState.MINTED)
        for n, r in enumerate(ranges)
    ]
    statement = made.statement()
    return looked_at([made.chain(d) for d in made.events], [statement], claims)


def test_all_real_rows_of_both_counters_are_reconciled_without_a_finding(blocks: dict[str, list[Block]]) -> None:
    assert {counter: len(some) for counter, some in blocks.items()} == {"VER": 200, "MER": 9}
    for counter, space in COUNTERS.items():
        assert {r.space for r, _, _ in blocks[counter]} == {space.id}
    result = reconcile(house(*blocks["VER"], *blocks["MER"]).evidence())
    assert result.findings == ()
    states = {state for some in blocks.values() for _, _, state in some}
    assert {SerialState.HELD, SerialState.RETIRED} <= states
    assert sum(totals.retired for totals in result.totals) > 0


@pytest.mark.parametrize("counter", COUNTERS)
def test_the_same_numbers_in_both_counters_are_no_overlap(counter: str, blocks: dict[str, list[Block]]) -> None:
    """Each block of one counter is issued, deposited and retired once more in the other's numbers."""
    planted = [(mirrored(r), credit_class, state) for r, credit_class, state in blocks[counter]]
    assert found(house(*blocks["VER"], *blocks["MER"], *planted).evidence()) == {}


@pytest.mark.parametrize("counter", COUNTERS)
def test_another_bridge_with_the_same_numbers_of_the_other_counter_claims_nothing_of_ours(
    counter: str, blocks: dict[str, list[Block]]
) -> None:
    held = [r for r, _, state in blocks[counter] if state is SerialState.HELD]
    made = house(*blocks["VER"], *blocks["MER"])
    assert found(with_claims(made, *map(mirrored, held))) == {}
    whole = [r for n, r in enumerate(held) if n % 3]
    assert found(with_claims(made, *whole)) == {"overlapping-tokenization": coalesce(whole)}


@pytest.mark.parametrize("counter", COUNTERS)
def test_minted_twice_within_one_counter_is_an_overlap(counter: str, blocks: dict[str, list[Block]]) -> None:
    block = blocks[counter][0] if counter == "MER" else next(b for b in blocks["VER"] if b[2] is SerialState.HELD)
    r, credit_class, _ = block
    made = House(HERE, THERE)
    for deployment in (HERE, THERE):
        made.register(deployment, MER)
        made.create_class(deployment, credit_class)
    for serials in (r, mirrored(r)):
        made.issue(serials, credit_class)
    made.deposit(mirrored(r), HERE)
    made.deposit(r, THERE)
    assert found(made.evidence()) == {}
    made.mint_unlocked(name("second"), r, credit_class.id, HERE)
    assert found(made.evidence())["overlapping-tokenization"] == [r]


@pytest.mark.parametrize("counter", COUNTERS)
def test_a_row_stated_twice_within_one_counter_is_double(counter: str, blocks: dict[str, list[Block]]) -> None:
    made = house(*blocks["VER"], *blocks["MER"])
    entry = made.entry_of(blocks[counter][-1][0])
    made.entries.append(entry)
    rules = found(made.evidence())
    assert rules["double-statement-row"] == [entry.range]


@pytest.mark.parametrize("counter", COUNTERS)
def test_retired_twice_within_one_counter_is_found(counter: str, blocks: dict[str, list[Block]]) -> None:
    r, credit_class, _ = next(b for b in blocks[counter] if b[2] is SerialState.HELD)
    made = house((r, credit_class, SerialState.HELD), (mirrored(r), credit_class, SerialState.HELD))
    half = r.model_copy(update={"last": (r.first + r.last) // 2})
    made.mint_unlocked(name("second"), half, credit_class.id, THERE)
    request_id = made.ask(Kind.RETIREMENT, half.units, credit_class, THERE)
    made.settle(request_id, half)
    assert found(made.evidence())["retired-twice"] == [half]
