"""Law L8, one half: whatever an honest house does, and whenever it is looked at, nothing is a break."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bridge.domain.attestations import Deployment
from bridge.domain.findings import Finding, Reconciliation, Severity
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange
from bridge.reconcile.evidence import Evidence, Limits
from bridge.reconcile.reconcile import reconcile
from tests.reconcile.story import ALICE, DAY, DEADLINE, FOREST, HERE, SOLAR, THERE, Entry, House, looked_at, serials

LIMITS = Limits(release_seconds=DAY, execution_seconds=DAY, reversal_seconds=DAY, out_of_step_seconds=30 * DAY)


class Drifting(House):
    """Does one honest thing after the other, whichever the dice say among those now possible."""

    def __init__(self, dice: Random) -> None:
        super().__init__(HERE, THERE)
        self.dice = dice
        self.unminted: list[str] = []
        self.waiting: list[str] = []
        self.taken_back: list[tuple[int, SerialRange, Deployment]] = []
        self.issue(serials(1, 60))
        self.issue(serials(61, 100), SOLAR)
        for r, deployment in ((serials(1, 20), HERE), (serials(21, 30), THERE), (serials(61, 75), HERE)):
            self.deposit(r, deployment)

    def act(self) -> None:
        answers = [self.ask_some, self.answer_one, self.answer_one, self.execute_some]
        acts = [*answers, self.lock_some, self.mint_one, self.mint_one, self.split_one]
        acts += [self.take_back_some, self.reverse_one, *[self.cover_some] * 4, self.move_some]
        self.dice.choice(acts)()
        self.meet_deadlines()

    def lock_some(self) -> None:
        if r := self._part(SerialState.HELD):
            self.unminted.append(self.lock(r, self.dice.choice([HERE, THERE])))

    def mint_one(self) -> None:
        open_locks = [i for i in self.unminted if not self._short(i)]
        if open_locks:
            lock_id = self.dice.choice(open_locks)
            self.unminted.remove(lock_id)
            self.mint(lock_id)

    def take_back_some(self) -> None:
        locked = [e for e in self.entries if any(self._serves(e, d, e.credit_class.id) for d in (HERE, THERE))]
        if locked and self.dice.random() < 0.3:
            entry = self.dice.choice(sorted(locked, key=lambda e: e.range.key))
            r = serials(entry.range.first, min(entry.range.last, entry.range.first + self.dice.randint(0, 3)))
            assert entry.deployment
            self.take_back(r)
            self.taken_back.append((self.now, r, entry.deployment))

    def reverse_one(self) -> None:
        if self.taken_back:
            _, r, deployment = self.taken_back.pop(0)
            self.reverse(r, deployment=deployment)

    def cover_some(self) -> None:
        """Offers cover, or takes from it, or lets go what nobody needs any more."""
        for cover_id, offer in self.offers.items():
            short = self.shortfalls[offer.deployment, offer.short_class]
            if not offer.left or self.shortfalls[offer.deployment, offer.class_id]:
                continue
            units = min(offer.left, short, self.balances[offer.deployment, offer.short_class, ALICE])
            if units:
                self.take_cover(cover_id, self.dice.randint(1, units))
                return
            if not short:
                self.withdraw_cover(cover_id)
                return
        for (deployment, class_id), units in list(self.shortfalls.items()):
            short, other = (FOREST, SOLAR) if class_id == FOREST.id else (SOLAR, FOREST)
            free = [e.range for e in self.entries if (e.state, e.credit_class) == (SerialState.HELD, other)]
            if units and free and not self.shortfalls[deployment, other.id]:
                first = min(r.first for r in free)
                last = next(r.last for r in free if r.first == first)
                self.cover(serials(first, min(last, first + self.dice.randint(0, 4))), short, deployment)
                return

    def move_some(self) -> None:
        if self.balances[HERE, FOREST.id, ALICE] and not self.shortfalls[HERE, FOREST.id]:
            self.transfer(1)

    def ask_some(self) -> None:
        deployment = self.dice.choice([HERE, THERE])
        credit_class = self.dice.choice([FOREST, SOLAR])
        units = self.balances[deployment, credit_class.id, ALICE]
        if units and not self.shortfalls[deployment, credit_class.id]:
            asked = self.dice.randint(1, min(units, 9))
            self.waiting.append(self.ask(self.dice.choice(list(Kind)), asked, credit_class, deployment))

    def answer_one(self) -> None:
        if not self.waiting:
            return
        request_id = self.waiting.pop(0)
        answer = self.dice.choice(["settle", "settle", "settle", "reserve", "refuse", "call back"])
        if answer == "refuse":
            self.refuse(request_id, at_once=(self.dice.random() < 0.5))
        elif answer == "call back" and not self.asked[request_id].reserved:
            self.call_back(request_id)
            self.give_back(request_id)
        else:
            self._settle_some(request_id, only_reserve=answer == "reserve")

    def execute_some(self) -> None:
        for request_id, asked in self.asked.items():
            if asked.settled and asked.ended and not asked.executed and (self.dice.random() < 0.5):
                self.execute(request_id)

    def split_one(self) -> None:
        long = [e for e in self.entries if e.range.units > 1]
        if long:
            self.split(self.dice.choice([e.range.last for e in long]))

    def meet_deadlines(self) -> None:
        """Time passes; what falls due is done first."""
        seconds = self.dice.choice([0, 0, 0, 0, 0, 0, 3600, DAY // 3])
        for lock_id in [i for i in self.unminted if self.locks[i][1].not_after < self.now]:
            self.unminted.remove(lock_id)
            self.release(lock_id)
        for request_id, asked in self.asked.items():
            if (
                asked.ended
                and asked.settled
                and not asked.executed
                and asked.settled_at + DAY // 2 < self.now + seconds
            ):
                self.execute(request_id)
        while self.taken_back and self.taken_back[0][0] + DAY // 2 < self.now + seconds:
            self.reverse_one()
        self.wait(seconds)

    def _settle_some(self, request_id: str, *, only_reserve: bool) -> None:
        asked = self.asked[request_id]
        if not asked.reserved:
            locked = [e for e in self.entries if self._serves(e, asked.deployment, asked.credit_class.id)]
            ranges = self._take(locked, asked.left)
            if ranges is None:
                self.waiting.append(request_id)
                return
            self.reserve(request_id, *ranges)
        if only_reserve or self.shortfalls[asked.deployment, asked.credit_class.id]:
            self.waiting.append(request_id)
            return
        rest = [r for r in asked.reserved if r not in asked.settled]
        now = rest if (self.dice.random() < 0.5) else rest[:1]
        self.settle(request_id, *now)
        if not asked.ended:
            self.waiting.append(request_id)

    def _serves(self, entry: Entry, deployment: object, class_id: str) -> bool:
        live = entry.lock_id is not None and entry.lock_id not in self.unminted
        return live and (entry.state, entry.deployment, entry.credit_class.id) == (
            SerialState.LOCKED,
            deployment,
            class_id,
        )

    def _take(self, entries: list[Entry], units: int) -> list[SerialRange] | None:
        taken: list[SerialRange] = []
        for entry in sorted(entries, key=lambda e: e.range.key):
            if units:
                share = min(units, entry.range.units)
                taken.append(serials(entry.range.first, entry.range.first + share - 1))
                units -= share
        return None if units else taken

    def _part(self, state: SerialState) -> SerialRange | None:
        free = sorted((e.range for e in self.entries if e.state is state), key=lambda r: r.key)
        if not free:
            return None
        block = self.dice.choice(free)
        first = self.dice.randint(block.first, block.last)
        return serials(first, self.dice.randint(first, min(block.last, first + 19)))

    def _short(self, lock_id: str) -> bool:
        deployment, lock = self.locks[lock_id]
        return bool(self.shortfalls[deployment, lock.class_id])


def breaks(result: Reconciliation) -> list[Finding]:
    return [finding for finding in result.findings if finding.severity is Severity.BREAK]


def glimpses(seed: int) -> Evidence:
    """An honest house, its two chains and its registry each looked at some time or other."""
    dice = Random(seed)
    house = Drifting(dice)
    chains, statements = [], []
    looks = [lambda: chains.append(house.chain(HERE)), lambda: chains.append(house.chain(THERE))]
    looks.append(lambda: statements.append(house.statement()))
    dice.shuffle(looks)
    for acts, look in zip((dice.randint(5, 60), dice.randint(0, 6), dice.randint(0, 6)), looks, strict=True):
        for _ in range(acts):
            house.act()
        look()
    return looked_at(chains=chains, statements=statements)


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.integers(0, 2**32))
def test_l8_an_honest_history_has_no_break_whenever_block_and_statement_are_taken(seed: int) -> None:
    assert breaks(reconcile(glimpses(seed), LIMITS)) == []


def test_totals_are_the_chains_and_the_registrys() -> None:
    house = House()
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    house.lock(serials(51, 60))
    house.exit(Kind.RETIREMENT, serials(1, 7))
    request_id = house.ask(Kind.REDEMPTION, 5)
    house.reserve(request_id, serials(10, 14))
    (totals,) = reconcile(house.evidence()).totals
    assert totals.model_dump(exclude={"deployment", "class_id"}) == {
        "supply": 38,
        "pending": 5,
        "live": 43,
        "retired": 7,
        "locked": 48,
        "reserved": 5,
        "executed": 7,
        "reversed": 0,
        "shortfall": 0,
        "cover": 0,
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_a_request_settled_one_block_ago_is_in_flight(kind: Kind) -> None:
    house = House()
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    request_id = house.ask(kind, 3)
    house.reserve(request_id, serials(1, 3))
    house.settle(request_id, serials(1, 3))
    result = reconcile(house.evidence(), LIMITS)
    assert result.clean
    assert [(item.rule, item.ranges) for item in result.in_flight] == [
        ("settled-without-execution", (serials(1, 3),)),
    ]


def test_a_request_is_in_flight_until_its_deadline_and_a_warning_after_it() -> None:
    house = House()
    house.issue(serials(1, 100))
    house.deposit(serials(1, 50))
    house.ask(Kind.RETIREMENT, 3)
    (item,) = reconcile(house.evidence()).in_flight
    assert (item.rule, item.units, item.kg) == ("request-unanswered", 3, 3000)
    house.wait(DEADLINE)
    result = reconcile(house.evidence())
    assert result.clean
    assert [finding.rule for finding in result.findings] == ["request-unanswered"]
