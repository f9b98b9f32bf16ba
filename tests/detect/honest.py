"""Honest life in every mood: splits, delays, reorgs, reversals with cover, moves between contracts and registries."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bridge.domain import observed as seen
from bridge.domain.attestations import Deployment
from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialRange
from bridge.reconcile.evidence import ChainView, ClaimState, Evidence, Reissue
from tests.detect.base import BATCH
from tests.detect.plants.backing import claim
from tests.detect.story import Story
from tests.reconcile.story import FOREST, HERE, SOLAR, THERE, House, serials
from tests.reconcile.test_honest_histories import Drifting


class Living(Story, Drifting):
    """The drifting house, among the base's serials."""

    def __init__(self, story: Story) -> None:
        self.__dict__ = story.__dict__
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

    def reissue(self) -> None:
        r = self.plot(self.dice.randint(5, 60))
        self.write(r, state=SerialState.CANCELLED)
        first = 4 * 10**9 + len(self.extra.reissues) * 10**6
        becomes = SerialRange(space=BATCH.id, first=first, last=first + r.units - 1)
        self.extra.reissues.append(Reissue(source="conversions", origin=r, becomes=becomes))
        self.extra.reissued.append(becomes)


def honest(story: Story) -> Evidence:
    """Each chain and the registry looked at some time or other, sometimes twice; and what else an honest house has."""
    house = Living(story)
    dice: Random = house.dice
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


__all__ = ["honest", "serials"]
