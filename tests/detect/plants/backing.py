"""Units without serials behind them, or with serials that somebody else has too."""

from __future__ import annotations

from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.reconcile.evidence import Claim, ClaimState, Reissue
from tests.detect.base import BATCH
from tests.detect.plant import Planted, amounts, head_is_off, names, plants, seen
from tests.detect.story import Story
from tests.reconcile.story import DAY, FOREST, HERE, SOLAR, THERE, name, serials


def other(deployment: object) -> object:
    return THERE if deployment == HERE else HERE


def several(s: Story) -> range:
    return range(s.dice.randint(1, 3))


@plants("overlapping-tokenization")
def minted_in_two_contracts(s: Story) -> Planted:
    doubled = []
    for n in several(s):
        r = s.deposited(THERE)
        s.wait(10)
        p = s.part(r)
        s.mint_unlocked(name(f"second lock {n}"), p, deployment=HERE)
        doubled.append(p)
    units = sum(p.units for p in doubled)
    where = names("tokenized-without-lock", *doubled)
    return seen(s, names("overlapping-tokenization", *doubled), where, *head_is_off(units))


@plants("overlapping-tokenization")
def claimed_by_another_bridge(s: Story) -> Planted:
    doubled = []
    for n in several(s):
        p = s.part(s.deposited())
        s.extra.claims.append(claim(f"c{n}", p, ClaimState.MINTED))
        doubled.append(p)
    beside = s.plot()
    s.extra.claims.append(claim("beside", beside, ClaimState.MINTED))
    return seen(s, names("overlapping-tokenization", *doubled))


@plants("retirement-used-twice")
def retired_here_and_shown_by_another_bridge(s: Story) -> Planted:
    used = []
    for n in several(s):
        deployment = s.somewhere()
        p = s.part(s.deposited(deployment))
        s.exit(Kind.RETIREMENT, p, deployment=deployment)
        q = s.part(p)
        s.extra.claims += [claim(f"m{n}", q, ClaimState.MINTED), claim(f"r{n}", q, ClaimState.RETIRED)]
        used.append(q)
    return seen(s, names("retirement-used-twice", *used))


@plants("retirement-used-twice")
def two_receipts_with_one_reference(s: Story) -> Planted:
    ranges = [s.part(s.deposited(HERE)) for _ in range(s.dice.randint(2, 3))]
    for r in ranges:
        s.ask_and_settle(Kind.RETIREMENT, r)
    s.extra.receipts = [(d, one.model_copy(update={"reference": "R-0815"})) for d, one in s.extra.receipts]
    beside = s.deposited(HERE)
    s.ask_and_settle(Kind.RETIREMENT, beside)
    return seen(s, names("retirement-used-twice", *ranges))


@plants("retired-twice")
def retired_in_both_contracts(s: Story) -> Planted:
    twice = []
    for n in several(s):
        r = s.deposited(HERE)
        s.exit(Kind.RETIREMENT, r)
        p = s.part(r)
        s.mint_unlocked(name(f"second {n}"), p, deployment=THERE)
        request_id = s.ask(Kind.RETIREMENT, p.units, deployment=THERE)
        s.settle(request_id, p)
        twice.append(p)
    return seen(s, names("retired-twice", *twice))


@plants("retired-twice")
def the_registry_signs_for_the_same_serials_again(s: Story) -> Planted:
    one, two = s.deposited(HERE), s.deposited(HERE)
    s.ask_and_settle(Kind.RETIREMENT, one)
    s.ask_and_settle(Kind.RETIREMENT, two)
    p = s.part(one)
    deployment, receipt = s.extra.receipts[-1]
    s.extra.receipts[-1] = (deployment, receipt.model_copy(update={"ranges": (*receipt.ranges, p)}))
    return seen(s, names("retired-twice", p), names("request-mismatch", p))


@plants("reissued-elsewhere")
def good_in_both_registries(s: Story) -> Planted:
    both = []
    for n in several(s):
        r = s.deposited() if s.dice.random() < 0.5 else s.plot()
        becomes = SerialRange(space=BATCH.id, first=2 * 10**9 + n * 10**6, last=2 * 10**9 + n * 10**6 + r.units - 1)
        issued = s.part(r)
        shift = becomes.first - r.first
        s.extra.reissues.append(Reissue(source="conversions", origin=r, becomes=becomes))
        s.extra.reissued.append(SerialRange(space=BATCH.id, first=issued.first + shift, last=issued.last + shift))
        both.append(issued)
    honest = s.plot()
    s.write(honest, state=SerialState.CANCELLED)
    becomes = SerialRange(space=BATCH.id, first=3 * 10**9, last=3 * 10**9 + honest.units - 1)
    s.extra.reissues.append(Reissue(source="conversions", origin=honest, becomes=becomes))
    s.extra.reissued.append(becomes)
    return seen(s, names("reissued-elsewhere", *both))


@plants("reissued-elsewhere")
def reissued_twice(s: Story) -> Planted:
    r = s.plot()
    s.write(r, state=SerialState.CANCELLED)
    p = s.part(r)
    for n, origin in enumerate((r, p)):
        first = 2 * 10**9 + n * 10**6
        becomes = SerialRange(space=BATCH.id, first=first, last=first + origin.units - 1)
        s.extra.reissues.append(Reissue(source="conversions", origin=origin, becomes=becomes))
        s.extra.reissued.append(becomes)
    return seen(s, names("reissued-elsewhere", p))


@plants("reissued-elsewhere")
def reissued_as_more(s: Story) -> Planted:
    r, more = s.plot(), s.dice.randint(1, 500)
    s.write(r, state=SerialState.CANCELLED)
    becomes = SerialRange(space=BATCH.id, first=2 * 10**9, last=2 * 10**9 + r.units + more - 1)
    s.extra.reissues.append(Reissue(source="conversions", origin=r, becomes=becomes))
    return seen(s, amounts("reissued-elsewhere", (None, more)))


@plants("serials-reused")
def minted_twice_in_one_contract(s: Story) -> Planted:
    reused = []
    deployment = s.somewhere()
    for n in several(s):
        p = s.part(s.deposited(deployment))
        s.wait(10)
        s.mint_unlocked(name(f"again {n}"), p, deployment=deployment)
        reused.append(p)
    units = sum(p.units for p in reused)
    follows = [amounts("supply-mismatch", (FOREST.id, units)), names("lock-mismatch", *reused)]
    return seen(s, names("serials-reused", *reused), *follows, *head_is_off(units, deployment))


@plants("serials-reused")
def minted_again_after_retirement(s: Story) -> Planted:
    deployment = s.somewhere()
    r = s.deposited(deployment)
    s.exit(Kind.RETIREMENT, r, deployment=deployment)
    p = s.part(r)
    s.wait(10)
    s.mint_unlocked(name("again"), p, deployment=deployment)
    follows = [names("retired-while-circulating", p), names("lock-mismatch", p)]
    return seen(s, names("serials-reused", p), *follows, *head_is_off(p.units, deployment))


@plants("lock-reused")
def one_lock_over_two_ranges(s: Story) -> Planted:
    reused = []
    for _ in several(s):
        r, deployment = s.plot(), s.somewhere()
        lock_id = s.lock(r, deployment)
        middle = s.dice.randint(r.first, r.last - 1)
        s.mint(lock_id, r=serials(r.first, middle))
        s.mint(lock_id, r=serials(middle + 1, r.last))
        reused.append(r)
    return seen(s, names("lock-reused", *reused))


@plants("tokenized-without-lock")
def minted_out_of_nothing(s: Story) -> Planted:
    forged, deployment = [], s.somewhere()
    for n in several(s):
        r = s.unissued()
        s.wait(10)
        s.mint_unlocked(name(f"none {n}"), r, deployment=deployment)
        forged.append(r)
    units = sum(r.units for r in forged)
    return seen(s, names("tokenized-without-lock", *forged), *head_is_off(units, deployment))


@plants("free-while-circulating")
def released_although_minted(s: Story) -> Planted:
    freed, deployment = [], s.somewhere()
    for _ in several(s):
        p = s.part(s.deposited(deployment))
        s.write(p, state=SerialState.HELD, deployment=None, lock_id=None)
        freed.append(p)
    units = sum(p.units for p in freed)
    return seen(s, names("free-while-circulating", *freed), *head_is_off(units, deployment))


@plants("held-elsewhere")
def in_somebody_elses_account(s: Story) -> Planted:
    r = s.deposited(HERE)
    s.deposited(HERE)
    s.extra.accounts = [("VERRA", HERE, "bridge"), ("VERRA", THERE, "bridge")]
    own = s.own_statement()
    rows = [row.model_copy(update={"holder": "mallory"}) if row.range == r else row for row in own.rows]
    return Planted(s.seen([s.with_rows(own, rows)]), (names("held-elsewhere", r),))


@plants("retired-while-circulating")
def behind_the_bridges_back(s: Story) -> Planted:
    gone = []
    for _ in several(s):
        p = s.part(s.deposited())
        s.write(p, state=SerialState.RETIRED)
        gone.append(p)
    return seen(s, names("retired-while-circulating", *gone))


@plants("reversal-unattested")
def taken_back_and_never_attested(s: Story) -> Planted:
    late = []
    for _ in several(s):
        p = s.part(s.deposited())
        s.write(p, state=s.dice.choice([SerialState.REVERSED, SerialState.CANCELLED]))
        late.append(p)
    first = s.statement()
    s.wait(DAY + s.dice.randint(1, DAY))
    fresh = s.part(s.deposited())
    s.take_back(fresh)
    return Planted(s.seen([first, s.statement()]), (names("reversal-unattested", *late),))


@plants("reversal-unfounded")
def reversed_by_a_stolen_quorum(s: Story) -> Planted:
    deployment = s.somewhere()
    true, false = s.part(s.deposited(deployment)), s.part(s.deposited(deployment))
    s.take_back(true)
    s.reverse(true, false, deployment=deployment)
    return seen(s, names("reversal-unfounded", false))


@plants("class-mismatch")
def minted_as_another_class(s: Story) -> Planted:
    r, deployment = s.plot(), s.somewhere()
    lock_id = s.lock(r, deployment)
    s.wait(10)
    s.mint_unlocked(lock_id, r, SOLAR.id, deployment)
    return seen(s, names("class-mismatch", r), *head_is_off(r.units, deployment, SOLAR.id))


@plants("unknown-class-or-space")
def in_a_space_that_nobody_registered(s: Story) -> Planted:
    space = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key=f"APX{s.dice.randint(1, 10**9)}")
    r = serials(1, s.dice.randint(1, 900), space)
    s.issue(r)
    s.deposit(r, s.somewhere())
    return seen(s, names("unknown-class-or-space", r))


@plants("unknown-class-or-space")
def a_second_class_in_one_batch(s: Story) -> Planted:
    space = SerialSpace(registry="VERRA", kind=SpaceKind.BATCH, key=f"BATCH{s.dice.randint(1, 10**9)}")
    deployment = s.somewhere()
    s.register(deployment, space)
    one, two = serials(1, s.dice.randint(1, 400), space), serials(501, s.dice.randint(501, 900), space)
    s.issue(one)
    s.issue(two, SOLAR)
    s.deposit(one, deployment)
    s.deposit(two, deployment)
    return seen(s, names("unknown-class-or-space", two))


def claim(claim_id: str, r: SerialRange, state: ClaimState, source: str = "other") -> Claim:
    return Claim(source=source, claim_id=claim_id, range=r, kg=r.units * 1000, state=state)
