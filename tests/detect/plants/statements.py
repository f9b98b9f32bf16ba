"""Statements that are wrong in themselves, contradict an earlier one, or are not there."""

from __future__ import annotations

from bridge.domain.credit_class import CreditClass
from bridge.domain.lifecycle import SerialState
from bridge.domain.observed import Statement, StatementRow
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from tests.detect.plant import Planted, amounts, names, plants, says
from tests.detect.story import Story, replace_head
from tests.reconcile.story import DAY, FOREST, HERE, SOLAR, endorsed, name, serials


@plants("double-statement-row")
def a_serial_in_two_rows(s: Story) -> Planted:
    own, r = s.plot(), s.plot(40)
    s.deposited()
    first = s.dice.randint(r.first, r.last)
    over = serials(first, r.last + s.dice.randint(1, 40)) if first > r.first else r
    twice = serials(over.first, r.last)
    return with_another_row(s, own, over, names("double-statement-row", twice))


@plants("parent-and-split")
def a_block_beside_its_part(s: Story) -> Planted:
    own, r = s.plot(), s.plot(40)
    s.deposited()
    inner = s.within(r)
    return with_another_row(s, own, inner, names("parent-and-split", inner))


@plants("statement-contradicted")
def rows_vanish(s: Story) -> Planted:
    gone, honest = s.plot(), s.deposited()
    first = s.statement()
    s.wait(3600)
    s.split(honest.last)
    p = s.part(gone)
    s.write(p, state=SerialState.HELD)
    s.entries = [e for e in s.entries if e.range != p]
    return Planted(s.seen([first, s.statement()]), (names("statement-contradicted", p),))


@plants("statement-contradicted")
def what_was_final_is_so_no_more(s: Story) -> Planted:
    r = s.plot()
    s.write(r, state=s.dice.choice([SerialState.RETIRED, SerialState.CANCELLED]))
    first = s.statement()
    s.wait(3600)
    p = s.part(r)
    s.write(p, state=SerialState.HELD)
    beside = s.plot()
    s.write(beside, state=SerialState.RETIRED)
    return Planted(s.seen([first, s.statement()]), (names("statement-contradicted", p),))


@plants("statement-contradicted")
def serials_change_their_project(s: Story) -> Planted:
    r = s.plot()
    first = s.statement()
    p = s.part(r)
    s.write(p, credit_class=SOLAR)
    return Planted(s.seen([first, s.statement()]), (names("statement-contradicted", p),))


@plants("statement-contradicted")
def a_block_grows(s: Story) -> Planted:
    r = s.plot(40)
    first = s.statement()
    more = serials(r.last + 1, r.last + s.dice.randint(1, 100))
    (entry,) = [e for e in s.entries if e.range == r]
    entry.range = serials(r.first, more.last)
    s.issue(serials(more.last + 1, more.last + 5))
    return Planted(s.seen([first, s.statement()]), (names("statement-contradicted", more),))


@plants("statement-contradicted")
def lifetime_totals_fall(s: Story) -> Planted:
    """Locks that were never anything: stated once in all, and forgotten in rows and totals alike."""
    s.deposited(HERE)
    units, honest = s.dice.randint(1, 900), s.own_statement()
    told = {t.class_id: t for t in honest.head.items[0].totals}
    higher = told[FOREST.id].model_copy(update={"released": told[FOREST.id].released + units})
    higher = higher.model_copy(update={"locked": higher.locked + units})
    head = replace_head(honest.head.items[0], totals=tuple((told | {FOREST.id: higher}).values()))
    first = s.with_rows(honest.model_copy(update={"head": honest.head.model_copy(update={"items": (head,)})}))
    s.wait(3600)
    return Planted(s.seen([first, s.statement()]), (amounts("statement-contradicted", (FOREST.id, units)),))


@plants("statement-unsigned")
def signed_by_too_few(s: Story) -> Planted:
    s.deposited()
    statement = s.statement()
    endorsements = [endorsed(statement, attesters=s.dice.randint(0, 1))] if s.dice.random() < 0.7 else []
    return Planted(s.seen([statement], endorsements=endorsements), (says("statement-unsigned"),))


@plants("statement-altered")
def a_row_changed_on_its_way(s: Story) -> Planted:
    s.deposited()
    statement = s.in_memory(s.statement())
    place = s.dice.randrange(len(statement.rows))
    rows = list(statement.rows)
    rows[place] = rows[place].model_copy(update={"holder": "mallory"})
    altered = statement.model_copy(update={"rows": tuple(rows)})
    return Planted(s.seen([altered]), (says("statement-altered"),))


@plants("statement-totals")
def totals_that_the_rows_contradict(s: Story) -> Planted:
    s.deposited(HERE)
    own, off = s.own_statement(), s.dice.randint(1, 900)
    figure = s.dice.choice(["locked", "retired"])
    told = {t.class_id: t for t in own.head.items[0].totals}
    one = told[FOREST.id]
    told[FOREST.id] = one.model_copy(update={figure: getattr(one, figure) + off})
    head = replace_head(own.head.items[0], totals=tuple(told.values()))
    wrong = own.model_copy(update={"head": own.head.model_copy(update={"items": (head,)})})
    return Planted(s.seen([s.with_rows(wrong)]), (amounts("statement-totals", (FOREST.id, off)),))


@plants("registry-without-statement")
def a_registry_that_says_nothing(s: Story) -> Planted:
    """Its class is minted, and nobody hands in a word of it."""
    deployment = s.somewhere()
    space = SerialSpace(registry="ACR", kind=SpaceKind.COUNTER, key=f"ACR{s.dice.randint(1, 10**9)}")
    made = CreditClass(registry="ACR", project="1129", vintage=2025, credit_type="ERT", kg_per_unit=1000)
    s.register(deployment, space)
    s.create_class(deployment, made)
    s.wait(10)
    r = serials(1, s.dice.randint(1, 5000), space)
    s.mint_unlocked(name("elsewhere"), r, made.id, deployment)
    return Planted(s.seen(), (amounts("registry-without-statement", (made.id, r.units)),))


@plants("evidence-out-of-step")
def block_and_statement_far_apart(s: Story) -> Planted:
    s.deposited()
    statement = s.statement()
    s.wait(5 * DAY + s.dice.randint(100, 5 * DAY))
    return Planted(s.seen([statement]), (says("evidence-out-of-step"),))


@plants("statement-stale")
def older_than_allowed(s: Story) -> Planted:
    s.deposited()
    evidence = s.seen(moment=s.now + 2 * DAY + s.dice.randint(100, 9 * DAY))
    return Planted(evidence, (says("statement-stale"),))


def with_another_row(s: Story, own: SerialRange, over: SerialRange, expected: object) -> Planted:
    told = s.own_statement()
    like = next(row for row in told.rows if row.range == own)
    rows: list[StatementRow] = [*told.rows, like.model_copy(update={"range": over})]
    s.dice.shuffle(rows)
    statement: Statement = s.with_rows(told, rows)
    return Planted(s.seen([statement]), (expected,))  # type: ignore[arg-type]
