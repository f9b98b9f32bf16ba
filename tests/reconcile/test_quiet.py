"""Setting quiet pairs aside changes no answer, whatever is wrong with chains and statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.observed import ChainEvent, ClassCreated, Minted, Place, Statement, StatementRow
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.reconcile import facts
from bridge.reconcile.duckdb_engine import DuckDBMachine
from bridge.reconcile.evidence import ChainView, ClaimState, Evidence
from bridge.reconcile.plan import Plan
from bridge.reconcile.quiet import set_aside
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import FOREST, HERE, SOLAR, THERE, House, name, serials
from tests.reconcile.test_honest_histories import LIMITS, glimpses
from tests.reconcile.test_planted_faults import claim

BATCH = SerialSpace(registry="VERRA", kind=SpaceKind.BATCH, key="B1")


class Vandal:
    """Spoils honest evidence at random places."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice

    def spoilt(self, evidence: Evidence) -> Evidence:
        ways: list[Callable[[Evidence], Evidence]] = [self.spoil_chain, self.spoil_chain, self.spoil_statement]
        ways += [self.spoil_statement, self.add_claim, self.name_accounts, self.repeat_statement]
        for _ in range(self.dice.randint(1, 4)):
            evidence = self.dice.choice(ways)(evidence)
        return evidence

    def spoil_chain(self, evidence: Evidence) -> Evidence:
        at = self.dice.randrange(len(evidence.chains))
        view = evidence.chains[at]
        assert isinstance(view, ChainView)
        events = list(view.events)
        number = self.dice.choice([n for n, e in enumerate(events) if isinstance(e, Minted)] or [0])
        if self.dice.random() < 0.4:
            number = self.dice.randrange(len(events))
        act = self.dice.choice(["drop", "repeat", "alter", "alter"])
        if act == "drop":
            del events[number]
        elif act == "repeat":
            place = self.later(view)
            events.append(self.altered(events[number]).model_copy(update={"place": place}))
        else:
            events[number] = self.altered(events[number])
        chains = list(evidence.chains)
        chains[at] = replace(view, events=tuple(events))
        return replace(evidence, chains=chains)

    def later(self, view: ChainView) -> Place:
        last = max(e.place.log_index for e in view.events)
        return Place(block=self.dice.randint(100, view.stamp.number), transaction=name("x"), log_index=last + 1)

    def spoil_statement(self, evidence: Evidence) -> Evidence:
        at = self.dice.randrange(len(evidence.statements))
        statement = evidence.statements[at]
        assert isinstance(statement, Statement)
        rows = list(statement.rows)
        number = self.dice.randrange(len(rows))
        act = self.dice.choice(["drop", "repeat", "alter", "alter"])
        if act == "drop":
            del rows[number]
        elif act == "repeat":
            rows.append(self.altered_row(rows[number]))
        else:
            rows[number] = self.altered_row(rows[number])
        statements = list(evidence.statements)
        statements[at] = statement.model_copy(update={"rows": tuple(rows)})
        return replace(evidence, statements=statements)

    def altered(self, event: Any) -> ChainEvent:
        others: dict[str, Callable[[], Any]] = {
            "class_id": lambda: self.dice.choice([FOREST.id, SOLAR.id, name("no class")]),
            "lock_id": lambda: self.dice.choice([f"0x{n:064x}" for n in range(1, 5)]),
            "range": lambda: self.moved(event.range),
            "registry": lambda: self.dice.choice(["GS", "VERRA"]),
            "kind": lambda: self.dice.choice(list(type(event.kind))),
        }
        names = [one for one in others if one in type(event).model_fields]
        chosen = self.dice.choice(names) if names else None
        return event.model_copy(update={chosen: others[chosen]()}) if chosen else event  # type: ignore[no-any-return]

    def altered_row(self, row: StatementRow) -> StatementRow:
        others: dict[str, Any] = {
            "class_id": self.dice.choice([FOREST.id, SOLAR.id]),
            "lock_id": self.dice.choice([None, *(f"0x{n:064x}" for n in range(1, 5))]),
            "range": self.moved(row.range),
            "state": self.dice.choice(list(SerialState)),
            "deployment": self.dice.choice([None, HERE, THERE]),
            "request_id": self.dice.choice([None, name("request 0"), name("request 1")]),
            "holder": "mallory",
        }
        chosen = self.dice.choice(list(others))
        return row.model_copy(update={chosen: others[chosen]})

    def moved(self, r: SerialRange) -> SerialRange:
        first = max(1, r.first + self.dice.randint(-3, 3))
        space = self.dice.choice([r.space, r.space, r.space, BATCH.id])
        return SerialRange(space=space, first=first, last=max(first, r.last + self.dice.randint(-3, 3)))

    def add_claim(self, evidence: Evidence) -> Evidence:
        first = self.dice.randint(1, 110)
        r = serials(first, first + self.dice.randint(0, 9))
        made = claim(f"c{first}", r, self.dice.choice([ClaimState.MINTED, ClaimState.RETIRED]))
        return replace(evidence, claims=[*evidence.claims, made])

    def name_accounts(self, evidence: Evidence) -> Evidence:
        return replace(evidence, accounts=[("VERRA", d, "bridge") for d in (HERE, THERE)])

    def repeat_statement(self, evidence: Evidence) -> Evidence:
        """As an earlier one, so that there are rows of two."""
        statement = evidence.statements[0]
        head = statement.head.items[0].model_copy(update={"as_of": statement.head.items[0].as_of - 5, "sequence": 0})
        earlier = statement.model_copy(update={"head": statement.head.model_copy(update={"items": (head,)})})  # type: ignore[union-attr]
        return replace(evidence, statements=[earlier, *evidence.statements])


def same_both_ways(evidence: Evidence) -> None:
    assert reconcile(evidence, LIMITS, skip_quiet=True) == reconcile(evidence, LIMITS, skip_quiet=False)


def quiet_units(evidence: Evidence) -> int:
    plan = Plan()
    query = plan.sql(set_aside(plan, facts.planned(plan)).units)
    machine = DuckDBMachine(facts.given(evidence), plan)
    found = sum(int(row["units"]) for row in machine.rows(query))
    machine.close()
    return found


@pytest.mark.slow
@settings(max_examples=80, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32))
def test_a_spoilt_history_is_judged_alike_with_and_without_its_quiet_pairs(seed: int) -> None:
    dice = Random(seed)
    same_both_ways(Vandal(dice).spoilt(glimpses(dice.randrange(2**32))))


def many(*changes: Callable[[House], object]) -> Evidence:
    """Ten deposits of which nothing is to say, and what is done to the house besides."""
    house = House(HERE, THERE)
    house.issue(serials(1, 1000))
    for first in range(1, 101, 10):
        house.deposit(serials(first, first + 9))
    for change in changes:
        change(house)
    return house.evidence()


def test_an_honest_deposit_is_quiet() -> None:
    assert quiet_units(many()) == 100


def register_as_anothers(house: House) -> None:
    told = FOREST.model_dump(include={"project", "vintage", "credit_type", "kg_per_unit"})
    house.emit(THERE, ClassCreated, class_id=FOREST.id, registry="GS", **told)


DISTURBANCES: dict[str, tuple[Callable[[House], object], int]] = {
    "a second mint of its serials": (lambda h: h.mint_unlocked(name("l"), serials(5, 5), deployment=THERE), 90),
    "a second mint under its lock": (lambda h: h.mint_unlocked(f"0x{1:064x}", serials(500, 509)), 90),
    "a settlement": (lambda h: h.settle(h.ask(Kind.RETIREMENT, 1), serials(3, 3)), 90),
    "a reversal of others of its class, and later mints": (
        lambda h: (h.deposit(serials(200, 209)), h.reverse(serials(300, 301)), h.deposit(serials(210, 219))),
        110,
    ),
    "its class registered for another registry": (register_as_anothers, 0),
    "its class registered twice": (lambda h: h.create_class(HERE, FOREST), 0),
    "a row that names its lock": (lambda h: h.write(serials(900, 909), lock_id=f"0x{2:064x}"), 90),
    "a split of its row": (lambda h: h.split(15), 90),
}


@pytest.mark.parametrize("what", DISTURBANCES)
def test_is_quiet_no_more_after(what: str) -> None:
    change, left = DISTURBANCES[what]
    evidence = many(change)
    assert quiet_units(evidence) == left
    same_both_ways(evidence)
