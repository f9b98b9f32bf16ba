"""Honest life in every mood: splits, delays, reorgs, reversals with cover, moves between contracts and registries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from random import Random

from bridge.domain import observed as seen
from bridge.domain.attestations import Deployment, Receipt
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange
from bridge.reconcile.evidence import ChainView, ClaimState, Evidence
from tests.detect.plants.backing import claim
from tests.detect.story import Story
from tests.reconcile.story import FOREST, HERE, SOLAR, THERE, House
from tests.reconcile.test_honest_histories import Drifting

HOUR = 3600


class Mood(StrEnum):
    SPLIT = "splits"
    DELAY = "delays"
    REORG = "reorgs"
    REVERSAL = "reversals"
    COVER = "cover"
    BETWEEN_CONTRACTS = "between contracts"
    BETWEEN_REGISTRIES = "between registries"


class Living(Story, Drifting):
    """The drifting house, among the base's serials. `moods`: which of its acts came to pass, and how often."""

    def __init__(self, story: Story) -> None:
        self.__dict__ = story.__dict__
        self.moods: Counter[Mood] = Counter()
        self.locked_at: dict[str, int] = {}
        self.redeemed: list[tuple[Deployment, SerialRange]] = []
        self.unminted: list[str] = []
        self.waiting: list[str] = []
        self.taken_back: list[tuple[int, SerialRange, Deployment]] = []
        self.deposit(self.plot(60), HERE)
        self.deposit(self.plot(40), THERE)
        self.deposit(self.plot(40, SOLAR), HERE)
        self.plot(60)
        self.plot(60, SOLAR)

    def act(self) -> None:
        """One act, and sometimes a block that leaves the chain and comes again later, or a re-issue elsewhere."""
        super().act()
        if self.dice.random() < 0.1:
            self.reorganise()
        if self.dice.random() < 0.05:
            self.reissue()
        if self.dice.random() < 0.3:
            self.move_to_the_other_contract()

    def split(self, at: int) -> None:
        super().split(at)
        self.moods[Mood.SPLIT] += 1

    def lock(self, r: SerialRange, deployment: Deployment = HERE, *, days: int = 1) -> str:
        if any(where != deployment and was.overlaps(r) for where, was in self.redeemed):
            self.moods[Mood.BETWEEN_CONTRACTS] += 1
        lock_id = super().lock(r, deployment, days=days)
        self.locked_at[lock_id] = self.now
        return lock_id

    def mint(self, lock_id: str, deployment: Deployment | None = None, r: SerialRange | None = None) -> None:
        self._late(self.locked_at[lock_id])
        super().mint(lock_id, deployment, r)

    def execute(self, request_id: str) -> Receipt:
        asked = self.asked[request_id]
        self._late(asked.settled_at)
        if asked.kind is Kind.REDEMPTION:
            self.redeemed += [(asked.deployment, r) for r in asked.settled]
        return super().execute(request_id)

    def reverse(self, *ranges: SerialRange, deployment: Deployment = HERE, event_id: str = "") -> str:
        self.moods[Mood.REVERSAL] += 1
        return super().reverse(*ranges, deployment=deployment, event_id=event_id)

    def take_cover(self, cover_id: str, units: int) -> None:
        self.moods[Mood.COVER] += 1
        super().take_cover(cover_id, units)

    def _late(self, since: int) -> None:
        """What could have been done at once is done an hour later."""
        if self.now - since >= HOUR:
            self.moods[Mood.DELAY] += 1

    def move_to_the_other_contract(self) -> None:
        """Serials that one deployment handed over are locked for the other, by whoever holds them now."""
        held = [entry.range for entry in self.entries if entry.state is SerialState.HELD]
        moved = [(where, r) for where, was in self.redeemed for r in held if was.contains(r)]
        if moved:
            where, r = self.dice.choice(moved)
            self.unminted.append(self.lock(r, THERE if where == HERE else HERE))

    def reorganise(self) -> None:
        """The newest block's transactions land again in a later one, before anybody has acted upon them."""
        deployment = self.dice.choice([HERE, THERE])
        events = self.events[deployment]
        if not events or events[-1].place.block < 100 + self.now - 1_700_000_000 - 5:
            return
        gone = events[-1].place.block
        self.wait(self.dice.randint(12, 40))
        self.times[self.block] = self.now
        for place, event in enumerate(events):
            if event.place.block == gone:
                moved = event.place.model_copy(update={"block": self.block})
                events[place] = event.model_copy(update={"place": moved})
        self.moods[Mood.REORG] += 1

    def reissue(self) -> None:
        super().reissue()
        self.moods[Mood.BETWEEN_REGISTRIES] += 1


def honest(house: Living) -> Evidence:
    """Each chain and the registry looked at some time or other, sometimes twice; and what else an honest house has."""
    dice: Random = house.dice
    if dice.random() < 0.5:
        bounded(house)
    chains: list[ChainView] = []
    statements = []
    looks: list[Callable[[], None]] = [
        lambda: chains.append(house.chain(HERE)),
        lambda: chains.append(house.chain(THERE)),
        lambda: statements.append(house.statement()),
    ]
    dice.shuffle(looks)
    for _ in range(dice.randint(5, 40)):
        house.act()
    if dice.random() < 0.5:
        statements.append(house.statement())
        house.wait(3600)
    for acts, look in zip((dice.randint(0, 10), dice.randint(0, 6), dice.randint(0, 6)), looks, strict=True):
        for _ in range(acts):
            house.act()
        look()
    r = house.unissued(50)
    house.extra.claims += [claim("m", r, ClaimState.MINTED), claim("r", house.part(r), ClaimState.RETIRED)]
    stored = [house.stored(view) for view in chains]
    return house.seen(
        statements,
        chains,
        snapshots=[one for some, _ in stored for one in some],
        ledgers=[one for _, some in stored for one in some],
        moment=house.now + dice.randint(0, 3600),
    )


def bounded(house: House) -> None:
    """Powers and bounds that are kept: what is minted from here on stays far below them."""
    for deployment in (HERE, THERE):
        house.wait(10)
        owner = "0x" + "0a" * 20
        house.emit(deployment, seen.OwnershipTransferred, previous="0x" + "00" * 20, account=owner, by=(owner,))
        for credit_class in (FOREST, SOLAR):
            house.emit(deployment, seen.ClassAllowanceSet, class_id=credit_class.id, units_per_day=10_000, by=(owner,))
    frozen = "0x" + "fe" * 20
    house.emit(HERE, seen.Frozen, account=frozen, until=house.now + 10**6)
