"""Requests that were answered with other serials, twice, too much, or not at all."""

from __future__ import annotations

from bridge.domain.lifecycle import Kind, SerialState
from tests.detect.plant import Planted, amounts, head_is_off, names, plants, seen
from tests.detect.plants.backing import several
from tests.detect.story import Story
from tests.reconcile.story import DAY, DEADLINE, FOREST, HERE, SOLAR, name, serials


@plants("acted-without-settlement")
def executed_before_it_was_settled(s: Story) -> Planted:
    deployment, acted = s.somewhere(), []
    kind = s.dice.choice(list(Kind))
    for _ in several(s):
        p = s.part(s.deposited(deployment))
        request_id = s.ask(kind, p.units, deployment=deployment)
        s.reserve(request_id, p)
        s.asked[request_id].settled.append(p)
        s.execute(request_id)
        acted.append(p)
    units = sum(p.units for p in acted)
    return seen(s, names("acted-without-settlement", *acted), *head_is_off(units, deployment))


@plants("settled-without-execution")
def never_executed(s: Story) -> Planted:
    deployment, kind, late = s.somewhere(), s.dice.choice(list(Kind)), []
    for _ in several(s):
        p = s.part(s.deposited(deployment))
        request_id = s.ask(kind, p.units, deployment=deployment)
        s.reserve(request_id, p)
        s.settle(request_id, p)
        late.append(p)
    s.wait(DAY + s.dice.randint(1000, DAY))
    units = sum(p.units for p in late)
    return seen(s, names("settled-without-execution", *late), *head_is_off(units, deployment))


@plants("settled-without-execution")
def freed_after_a_retirement(s: Story) -> Planted:
    deployment = s.somewhere()
    r = s.deposited(deployment)
    s.settle(s.ask(Kind.RETIREMENT, r.units, deployment=deployment), r)
    p = s.part(r)
    s.write(p, state=SerialState.HELD, deployment=None, lock_id=None)
    return seen(s, names("settled-without-execution", p), *head_is_off(p.units, deployment))


@plants("settled-not-live")
def settled_with_serials_never_minted(s: Story) -> Planted:
    deployment = s.somewhere()
    r = s.deposited(deployment)
    q = s.unissued(s.dice.randint(1, r.units))
    s.settle(s.ask(Kind.RETIREMENT, q.units, deployment=deployment), q)
    follows = [amounts("supply-mismatch", (FOREST.id, q.units)), names("settled-without-execution", q)]
    return seen(s, names("settled-not-live", q), *follows)


@plants("settled-otherwise")
def settled_as_another_kind(s: Story) -> Planted:
    other = []
    for _ in several(s):
        deployment = s.somewhere()
        p = s.part(s.deposited(deployment))
        request_id = s.ask(Kind.REDEMPTION, p.units, deployment=deployment)
        s.reserve(request_id, p)
        s.asked[request_id].kind = Kind.RETIREMENT
        s.settle(request_id, p)
        s.execute(request_id)
        other.append(p)
    return seen(s, names("settled-otherwise", *other))


@plants("locked-without-mint")
def locked_and_forgotten(s: Story) -> Planted:
    idle = []
    for _ in several(s):
        r = s.plot()
        s.lock(s.part(r), s.somewhere())
        idle.append(list(s.locks.values())[-1][1].range)
    s.wait(2 * DAY + s.dice.randint(1000, DAY))
    s.lock(s.plot(), s.somewhere())
    return seen(s, names("locked-without-mint", *idle))


@plants("lock-mismatch")
def minted_less_than_was_locked(s: Story) -> Planted:
    rest = []
    for _ in several(s):
        r = s.plot()
        lock_id = s.lock(r, s.somewhere())
        end = s.dice.randint(r.first, r.last - 1)
        s.mint(lock_id, r=serials(r.first, end))
        rest.append(serials(end + 1, r.last))
    return seen(s, names("lock-mismatch", *rest))


@plants("lock-mismatch")
def minted_under_another_lock(s: Story) -> Planted:
    r, deployment = s.plot(), s.somewhere()
    s.lock(r, deployment)
    s.wait(10)
    s.mint_unlocked(name("other"), r, deployment=deployment)
    return seen(s, names("lock-mismatch", r))


@plants("request-mismatch")
def reserved_for_nobody(s: Story) -> Planted:
    wrong = []
    for _ in several(s):
        p = s.part(s.deposited())
        s.write(p, state=SerialState.RESERVED, request_id=s.dice.choice([name("nobody's"), None]))
        wrong.append(p)
    return seen(s, names("request-mismatch", *wrong))


@plants("request-mismatch")
def a_receipt_for_less_than_was_settled(s: Story) -> Planted:
    r = s.deposited(HERE)
    s.ask_and_settle(Kind.RETIREMENT, r)
    deployment, receipt = s.extra.receipts[-1]
    end = s.dice.randint(r.first, r.last - 1)
    s.extra.receipts[-1] = (deployment, receipt.model_copy(update={"ranges": (serials(r.first, end),)}))
    return seen(s, names("request-mismatch", serials(end + 1, r.last)))


@plants("amount-mismatch")
def more_is_left_than_should_be(s: Story) -> Planted:
    deployment, off = s.somewhere(), s.dice.randint(1, 50)
    r = s.deposited(deployment)
    p = s.within(r)
    request_id = s.ask(Kind.RETIREMENT, r.units, deployment=deployment)
    s.reserve(request_id, p)
    s.asked[request_id].left += off
    s.settle(request_id, p)
    return seen(s, amounts("amount-mismatch", (FOREST.id, off)))


@plants("request-overspent")
def settled_beyond_its_units(s: Story) -> Planted:
    deployment = s.somewhere()
    r = s.deposited(deployment)
    more = s.dice.randint(1, r.units - 1)
    request_id = s.ask(Kind.RETIREMENT, r.units - more, deployment=deployment)
    s.reserve(request_id, r)
    s.settle(request_id, r)
    follows = amounts("amount-mismatch", (FOREST.id, more))
    return seen(s, amounts("request-overspent", (FOREST.id, r.units)), follows)


@plants("request-overspent")
def settled_after_it_was_returned(s: Story) -> Planted:
    deployment = s.somewhere()
    p = s.part(s.deposited(deployment))
    request_id = s.ask(Kind.RETIREMENT, p.units, deployment=deployment)
    s.call_back(request_id)
    s.give_back(request_id)
    s.settle(request_id, p)
    follows = amounts("amount-mismatch", (FOREST.id, p.units))
    return seen(s, amounts("request-overspent", (FOREST.id, p.units)), follows)


@plants("request-unanswered")
def past_its_deadline(s: Story) -> Planted:
    deployment = s.somewhere()
    asked = []
    for credit_class in s.dice.choice([[FOREST], [FOREST, SOLAR]]):
        r = s.deposited(deployment, credit_class)
        units = s.dice.randint(1, r.units)
        s.ask(s.dice.choice(list(Kind)), units, credit_class, deployment)
        asked.append((credit_class.id, units))
    s.wait(DEADLINE + s.dice.randint(100, 2 * DAY))
    r = s.deposited(deployment)
    s.ask(Kind.RETIREMENT, r.units, deployment=deployment)
    return seen(s, amounts("request-unanswered", *asked))
