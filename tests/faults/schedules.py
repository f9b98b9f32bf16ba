"""Which faults happen when: each by itself at each touch of the world, or some by chance."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.faults import COMMIT, Fault, changes_something, possible

Life = dict[int, Fault]
"""Point → the fault that happens there, in one process."""

Shift = tuple[Life, ...]
"""Processes that work at the same time on the same journals."""

HONEST: Shift = ({},)


@dataclass(frozen=True)
class Schedule:
    """One shift after another; then single honest processes, until one of them comes to its end. `registry`: what
    happens in the registry's own process, after which of its commits."""

    act: str
    shifts: tuple[Shift, ...]
    registry: Life = field(default_factory=dict)

    def __str__(self) -> str:
        shifts = " | ".join(" & ".join(_written(life) for life in shift) for shift in self.shifts)
        return f"{self.act} {shifts}" + (f" @ {_written(self.registry)}" if self.registry else "")

    @classmethod
    def read(cls, text: str) -> Schedule:
        act, _, rest = text.partition(" ")
        people, _, registry = rest.partition("@")
        shifts = (tuple(_life(life) for life in shift.split("&")) for shift in people.split("|"))
        return cls(act, tuple(shifts), _life(registry))


def _written(life: Life) -> str:
    return " ".join(f"{at}:{fault}" for at, fault in life.items()) or "-"


def _life(text: str) -> Life:
    parts = (part.partition(":") for part in text.split() if part != "-")
    return {int(at): Fault(fault) for at, _, fault in parts}


@dataclass(frozen=True)
class Way:
    """What an undisturbed telling passes: its points in order; the numbers of those that are `repeated`; and how often
    the registry's own process commits meanwhile, where it has one."""

    points: Sequence[str] = ()
    repeated: Collection[int] = ()
    commits: int = 0


def repeated(points: Sequence[str], worlds: Sequence[str]) -> set[int]:
    """Questions after which a process that is killed leaves the very world that it leaves when it is killed one point
    earlier. `worlds`: what each point found, which for a journal's write, too, is what it left."""
    found: set[int] = set()
    for at in range(1, len(points)):
        still = not changes_something(points[at - 1]) or points[at - 1].startswith("journal ")
        if still and not changes_something(points[at]) and worlds[at - 1] == worlds[at]:
            found.add(at + 1)
    return found


def exhaustive(act: str, way: Way) -> Iterator[Schedule]:
    """SIGKILL after each point, but for those that are repeated, and a reorg at each question to the node; at what
    changes something, everything that can happen there, and a SIGKILL while a second process works beside; and whatever
    can happen to the registry's process after each of its commits."""
    for at, point in enumerate(way.points, 1):
        for fault in possible(point) if changes_something(point) else (Fault.KILL, Fault.REORG):
            if fault is not Fault.KILL or at not in way.repeated:
                yield Schedule(act, (({at: fault},),))
        if changes_something(point):
            yield Schedule(act, (({at: Fault.KILL}, {}),))
    for at in range(1, way.commits + 1):
        for fault in COMMIT:
            yield Schedule(act, (HONEST,), {at: fault})


def by_chance(act: str, way: Way, chance: random.Random) -> Schedule:
    """One to three shifts; one in four is of two processes. To each of these one to three faults happen; to the
    registry's process in every third schedule one or two."""

    def life(alone: bool) -> Life:
        found: Life = {}
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(1, len(way.points))
            # Nobody puts back a journal that another process works on.
            fitting = [one for one in possible(way.points[at - 1]) if alone or one is not Fault.RESTORED]
            found[at] = chance.choice(fitting)
        return found

    def shift() -> Shift:
        number = chance.choice((1, 1, 1, 2))
        return tuple(life(number == 1) for _ in range(number))

    shifts = tuple(shift() for _ in range(chance.randint(1, 3)))
    registry: Life = {}
    if way.commits and chance.randint(1, 3) == 1:
        registry = {chance.randint(1, way.commits): chance.choice(COMMIT) for _ in range(chance.randint(1, 2))}
    return Schedule(act, shifts, registry)


def sample(act: str, way: Way, chance: random.Random) -> Iterator[Schedule]:
    """Each fault that can happen in the act once, at a point that it changes something, two processes at once, each
    end of the registry's process, and some by chance."""
    every = list(exhaustive(act, way))
    for fault in Fault:
        fitting = [one for one in every if len(one.shifts[0]) == 1 and fault in one.shifts[0][0].values()]
        if fitting:
            yield chance.choice(fitting)
    yield chance.choice([one for one in every if len(one.shifts[0]) == 2])
    for fault in COMMIT if way.commits else ():
        yield chance.choice([one for one in every if fault in one.registry.values()])
    for _ in range(3):
        yield by_chance(act, way, chance)
