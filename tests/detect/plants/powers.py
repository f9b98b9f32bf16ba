"""Powers used beyond their bounds, or given by somebody who had none."""

from __future__ import annotations

from bridge.domain import observed as seen_as
from bridge.domain.attestations import Deployment
from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.lifecycle import Kind
from tests.detect.plant import Planted, amounts, names, plants, says, seen
from tests.detect.story import Story
from tests.reconcile.story import ALICE, BOB, DAY, DEADLINE, FOREST, HERE

OPERATOR, OWNER, MALLORY = ("0x" + pair * 20 for pair in ("0e", "0a", "66"))


@plants("moved-while-frozen")
def moved_while_frozen(s: Story) -> Planted:
    r = s.deposited(HERE)
    s.transfer(1)
    s.wait(10)
    s.emit(HERE, seen_as.Frozen, account=ALICE, until=s.now + 30 * DAY)
    given, asked = s.dice.randint(1, r.units - 2), 0
    if s.dice.random() < 0.5:
        asked = 1
        s.ask(Kind.RETIREMENT, asked)
    s.transfer(given)
    s.wait(10)
    s.emit(HERE, seen_as.Frozen, account=ALICE, until=s.now)
    s.transfer(1)
    return seen(s, amounts("moved-while-frozen", (FOREST.id, given + asked)))


@plants("moved-to-unlisted")
def moved_to_somebody_unlisted(s: Story) -> Planted:
    s.relist()
    r = s.deposited(HERE)
    given = s.dice.randint(1, r.units - 2)
    struck_off = s.dice.random() < 0.5
    if struck_off:
        s.emit(HERE, seen_as.Listed, account=BOB, listed=True)
        s.transfer(1)
        s.wait(10)
        s.emit(HERE, seen_as.Listed, account=BOB, listed=False)
    s.transfer(given)
    s.wait(10)
    s.emit(HERE, seen_as.Listed, account=BOB, listed=True)
    s.transfer(1)
    return seen(s, amounts("moved-to-unlisted", (FOREST.id, given)))


@plants("allowance-exceeded")
def an_operator_mints_beyond_his_allowance(s: Story) -> Planted:
    """Half of a day's allowance, and more than the rest of it some hours later; then nothing for a day."""
    deployment, per_day = s.somewhere(), s.dice.randint(100, 300)
    s.emit(deployment, seen_as.AllowanceSet, operator=OPERATOR, units_per_day=per_day)
    half = s.minted_by(OPERATOR, per_day // 2, deployment)
    hours = s.dice.randint(0, 3)
    s.wait(hours * 3600)
    left = per_day - max(0, half.units - per_day * (hours * 3600 + 60) // DAY)
    beyond = s.minted_by(OPERATOR, left + s.dice.randint(2, 40), deployment)
    s.wait(2 * DAY)
    s.minted_by(OPERATOR, s.dice.randint(1, per_day), deployment)
    return seen(s, names("allowance-exceeded", beyond))


@plants("allowance-exceeded")
def somebody_without_an_allowance_mints(s: Story) -> Planted:
    deployment, beyond = s.somewhere(), []
    s.emit(deployment, seen_as.AllowanceSet, operator=OPERATOR, units_per_day=10_000)
    s.minted_by(OPERATOR, s.dice.randint(1, 400), deployment)
    if s.dice.random() < 0.5:
        s.emit(deployment, seen_as.AllowanceSet, operator=MALLORY, units_per_day=10_000)
        s.minted_by(MALLORY, s.dice.randint(1, 400), deployment)
        s.wait(10)
        s.emit(deployment, seen_as.AllowanceSet, operator=MALLORY, units_per_day=0)
    for _ in range(s.dice.randint(1, 2)):
        beyond.append(s.minted_by(MALLORY, s.dice.randint(1, 400), deployment))
    return seen(s, names("allowance-exceeded", *beyond))


@plants("allowance-exceeded")
def a_class_beyond_its_allowance(s: Story) -> Planted:
    deployment, credit_class = s.somewhere(), new_class(s)
    s.create_class(deployment, credit_class)
    per_day = s.dice.randint(50, 200)
    s.emit(deployment, seen_as.ClassAllowanceSet, class_id=credit_class.id, units_per_day=per_day)
    first = s.minted_by(None, per_day, deployment, credit_class)
    second = s.minted_by(None, s.dice.randint(5, 100), deployment, credit_class)
    assert first != second
    s.wait(10)
    s.emit(deployment, seen_as.ClassAllowanceSet, class_id=credit_class.id, units_per_day=0)
    s.minted_by(None, 400, deployment, credit_class)
    return seen(s, names("allowance-exceeded", second))


@plants("terms-broken")
def minted_beyond_what_is_stated_as_locked(s: Story) -> Planted:
    deployment, credit_class = s.somewhere(), new_class(s)
    make_with_terms(s, deployment, credit_class, statement_seconds=DAY)
    locked = s.dice.randint(50, 300)
    state_reserve(s, deployment, credit_class, locked, 1)
    s.minted_by(None, locked, deployment, credit_class)
    beyond = s.minted_by(None, s.dice.randint(1, 100), deployment, credit_class)
    stale = s.dice.random() < 0.5
    wrong = [beyond]
    state_reserve(s, deployment, credit_class, 10_000, 2)
    if stale:
        s.wait(DAY + s.dice.randint(10, 5000))
        wrong.append(s.minted_by(None, 10, deployment, credit_class))
    else:
        s.minted_by(None, 10, deployment, credit_class)
    return seen(s, names("terms-broken", *wrong))


@plants("terms-broken")
def returned_before_the_challenge_had_passed(s: Story) -> Planted:
    deployment, credit_class = s.somewhere(), new_class(s)
    make_with_terms(s, deployment, credit_class)
    r = s.minted_by(None, 100, deployment, credit_class)
    assert r.units == 100
    early, fine = s.dice.randint(1, 40), s.dice.randint(1, 40)
    for units, waited in ((early, s.dice.randint(0, DAY - 60)), (fine, DAY)):
        request_id = s.ask(Kind.RETIREMENT, units, credit_class, deployment)
        s.wait(DEADLINE)
        s.call_back(request_id)
        s.wait(waited)
        s.give_back(request_id)
    s.refuse(s.ask(Kind.RETIREMENT, 5, credit_class, deployment))
    return seen(s, amounts("terms-broken", (credit_class.id, early)))


@plants("role-changed")
def a_power_given_by_somebody_else(s: Story) -> Planted:
    deployment = s.somewhere()
    s.emit(deployment, seen_as.OwnershipTransferred, previous="0x" + "00" * 20, account=OWNER, by=(OWNER,))
    s.wait(10)
    s.emit(deployment, seen_as.GuardianSet, account=BOB, enabled=True, by=(OWNER, deployment.contract))
    s.wait(10)
    forged = {
        seen_as.GuardianSet: {"account": MALLORY, "enabled": True},
        seen_as.AllowanceSet: {"operator": MALLORY, "units_per_day": 10**9},
        seen_as.AttestersSet: {"registry": "VERRA", "added": (MALLORY,), "removed": (), "threshold": 1},
        seen_as.OwnershipTransferred: {"previous": OWNER, "account": MALLORY},
    }
    kind = s.dice.choice(list(forged))
    by = "0x" + "67" * 20
    s.emit(deployment, kind, **forged[kind], by=(by, deployment.contract))
    return seen(s, says("role-changed"))


def new_class(s: Story) -> CreditClass:
    project = str(s.dice.randint(5000, 9999))
    return CreditClass(registry="VERRA", project=project, vintage=2021, credit_type="VCU", kg_per_unit=1000)


def make_with_terms(s: Story, deployment: Deployment, c: CreditClass, statement_seconds: int = 0) -> None:
    terms = Terms(
        request_deadline_seconds=DEADLINE,
        challenge_seconds=DAY,
        challenge_blocks=1,
        kg_per_unit=1000,
        statement_seconds=statement_seconds,
    )
    told = c.model_dump(include={"registry", "project", "vintage", "credit_type", "kg_per_unit"})
    s.wait(10)
    s.emit(deployment, seen_as.ClassCreated, class_id=c.id, terms=terms, **told)


def state_reserve(s: Story, deployment: Deployment, c: CreditClass, locked: int, sequence: int) -> None:
    s.wait(10)
    told = {"class_id": c.id, "sequence": sequence, "as_of": s.now - 5, "locked": locked}
    s.emit(deployment, seen_as.ReserveStated, **told)
