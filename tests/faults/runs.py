"""Runs of one act, each in processes of its own: cut off by a schedule of faults, told again until it is done, and held
against the undisturbed run."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError
from tests.databases import SqliteFiles
from tests.faults.anvil import FINALITY, Anvil
from tests.faults.points import Fault, Points, changes_something, possible
from tests.faults.story import Act, Teller, projection, unfinished
from tests.flow.world import Stage, World

Life = dict[int, Fault]
"""Point → the fault that happens there, in one process."""

Shift = tuple[Life, ...]
"""Processes that work at the same time on the same journals."""

HONEST: Shift = ({},)
MOST_TELLINGS = 12
SECONDS = 120


@dataclass(frozen=True)
class Schedule:
    """One shift after another; then single honest processes, until one of them comes to its end."""

    act: str
    shifts: tuple[Shift, ...]

    def __str__(self) -> str:
        return f"{self.act} {' | '.join(' & '.join(_written(life) for life in shift) for shift in self.shifts)}"

    @classmethod
    def read(cls, text: str) -> Schedule:
        act, _, rest = text.partition(" ")
        return cls(act, tuple(tuple(_life(life) for life in shift.split("&")) for shift in rest.split("|")))


def _written(life: Life) -> str:
    return " ".join(f"{at}:{fault}" for at, fault in life.items()) or "-"


def _life(text: str) -> Life:
    parts = (part.partition(":") for part in text.split() if part != "-")
    return {int(at): Fault(fault) for at, _, fault in parts}


@dataclass
class Verdict:
    """`stuck`: nothing came to its end any more, or a process died of a bug, as a daemon would."""

    schedule: str
    met: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: str = ""
    diverged: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.diverged)

    @property
    def act(self) -> str:
        return self.schedule.partition(" ")[0]


@dataclass
class Scene:
    """An act as it is about to begin, the points that its telling passes, and how it ends when nothing disturbs it."""

    act: Act
    folder: Path
    start: str
    points: list[str]
    end: dict[str, Any]


class Theatre:
    """A chain and a folder in which acts are prepared, each where the last one ends, and then run again and again.

    Warning: the chain goes back for good, so whoever has run an act can run the later ones no more.
    """

    def __init__(self, chain: Anvil, folder: Path) -> None:
        self.chain, self._folder = chain, folder
        self._rehearsal = Stage(chain=chain).rehearsal  # type: ignore[arg-type]
        self._scenes: dict[str, Scene] = {}
        self._run = folder / "run"
        self._run.mkdir()

    def prepare(self, act: Act) -> Scene:
        """Prepares the act, and tells it once undisturbed."""
        code = self._wait([self._fork("prepare", lambda teller, _: self._keep(act.prepare(teller)), None)])
        assert code == [0], f"{act.name} could not be prepared: {self._error('prepare')}"
        folder = self._folder / act.name
        shutil.copytree(self._run, folder)
        scene = Scene(act, folder, self.chain.snapshot(), [], {})
        self._begin(scene)
        assert self._tell(act, HONEST) == [0], f"the undisturbed {act.name} failed: {self._error('0')}"
        scene.points, scene.end = _read(self._run / "points").splitlines(), self._projection()
        assert not scene.end["laws"], scene.end["laws"]
        assert not unfinished(scene.end), unfinished(scene.end)
        self._scenes[act.name] = scene
        return scene

    def run(self, schedule: Schedule) -> Verdict:
        verdict, scene = Verdict(str(schedule)), self._scenes[schedule.act]
        self._begin(scene)
        for shift in schedule.shifts:
            self._tell(scene.act, shift)
        for _ in range(MOST_TELLINGS):
            codes = self._tell(scene.act, HONEST)
            if not any(codes):
                break
        verdict.met = _read(self._run / "met").splitlines()
        verdict.lost = _read(self._run / "lost").splitlines()
        verdict.doubled = _read(self._run / "doubled").splitlines()
        verdict.stuck = self._error("0") if any(codes) else _read(self._run / "bugs")
        if any(codes):
            return verdict
        found = self._projection()
        for law in found["laws"]:
            (verdict.doubled if law[:2] in ("L2", "L3", "L4") else verdict.lost).append(law)
        if any(met.startswith(Fault.WEEK) for met in verdict.met):
            verdict.stuck += "; ".join(unfinished(found))
            expected = {"owned": scene.end["owned"]}
        else:
            expected = scene.end
        verdict.diverged = [
            f"{name}: {found[name]} instead of {value}" for name, value in expected.items() if found[name] != value
        ]
        return verdict

    # ----------------------------------------------------------------- private

    def _begin(self, scene: Scene) -> None:
        """Goes back to where the act begins; all that was before is final."""
        self.chain.revert(scene.start)
        scene.start = self.chain.snapshot()
        self.chain.mine(FINALITY + 1)
        shutil.rmtree(self._run)
        shutil.copytree(scene.folder, self._run)

    def _tell(self, act: Act, shift: Shift) -> list[int]:
        kept = json.loads(_read(self._run / "kept.json"))

        def tell(teller: Teller, points: Points | None) -> None:
            act.tell(teller, kept)
            if points is not None and shift == HONEST:
                (self._run / "points").write_text("\n".join(points.passed))
                self._project(teller)

        return self._wait([self._fork(str(number), tell, life) for number, life in enumerate(shift)])

    def _project(self, teller: Teller) -> None:
        (self._run / "projection").write_text(json.dumps(projection(teller.world)))

    def _projection(self) -> dict[str, Any]:
        return dict(json.loads(_read(self._run / "projection")))

    def _keep(self, kept: Any) -> None:
        (self._run / "kept.json").write_text(json.dumps(kept))

    def _error(self, name: str) -> str:
        return _read(self._run / f"error-{name}")

    def _wait(self, processes: Sequence[int]) -> list[int]:
        """Zero, or what each ended with: three for an error of ours, minus nine when it was killed."""
        deadline, codes = time.monotonic() + SECONDS, dict.fromkeys(processes, -1)
        running = set(processes)
        while running:
            for process in list(running):
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended:
                    codes[process] = os.waitstatus_to_exitcode(status)
                    running.remove(process)
                elif time.monotonic() > deadline:
                    os.kill(process, signal.SIGKILL)
                    (self._run / f"error-{processes.index(process)}").write_text(f"no end within {SECONDS} s")
            time.sleep(0.002)
        return list(codes.values())

    def _fork(self, name: str, what: Callable[[Teller, Points | None], None], life: Life | None) -> int:
        """A process that does it. `life`: None for people who touch nothing that could fail."""
        process = os.fork()
        if process == 0:
            self._live(self._run / f"error-{name}", what, life)
        return process

    def _live(self, error_file: Path, what: Callable[[Teller, Points | None], None], life: Life | None) -> None:
        gc.disable()  # it ends before there is much to collect
        os.environ.clear()  # nor is there a proxy to look for at each call of the node
        code, points = 3, None
        try:
            chain = Anvil(self.chain.url)
            world = World(self._run, _Reopened(replace(self._rehearsal, chain=chain)))  # type: ignore[arg-type]
            if life is not None:
                points = Points(life, world)
                points.install()
            what(Teller(world, points), points)
            code = 0
        except BridgeError as error:
            error_file.write_text(f"{type(error).__name__}: {error}")
        except BaseException as error:
            error_file.write_text(f"a bug: {error!r}")
            with (self._run / "bugs").open("a") as file:
                file.write(f"a process died of {error!r}\n"[:500])
        finally:
            os._exit(code)


class _Reopened:
    """As much of a stage as a world needs."""

    def __init__(self, rehearsal: Any) -> None:
        self.rehearsal, self.databases = rehearsal, SqliteFiles()


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# ------------------------------------------------------------------- schedules


def exhaustive(act: str, points: Sequence[str]) -> Iterator[Schedule]:
    """SIGKILL after each point and a reorg at each question to the node; at what changes something, everything that can
    happen there, and a SIGKILL while a second process works beside."""
    for at, point in enumerate(points, 1):
        if point == "node eth_chainId":
            continue  # the same answer in every chain, and nothing done: as the point before
        for fault in possible(point) if changes_something(point) else (Fault.KILL, Fault.REORG):
            yield Schedule(act, (({at: fault},),))
        if changes_something(point):
            yield Schedule(act, (({at: Fault.KILL}, {}),))


def by_chance(act: str, points: Sequence[str], chance: random.Random) -> Schedule:
    """One to three shifts; one in four is of two processes. To each of these one to three faults happen."""

    def life() -> Life:
        found: Life = {}
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(1, len(points))
            found[at] = chance.choice(possible(points[at - 1]))
        return found

    def shift() -> Shift:
        return tuple(life() for _ in range(chance.choice((1, 1, 1, 2))))

    return Schedule(act, tuple(shift() for _ in range(chance.randint(1, 3))))


def sample(act: str, points: Sequence[str], chance: random.Random) -> Iterator[Schedule]:
    """Each fault that can happen in the act once, at a point that it changes something, two processes at once, and some
    by chance."""
    every = list(exhaustive(act, points))
    for fault in Fault:
        fitting = [one for one in every if len(one.shifts[0]) == 1 and fault in one.shifts[0][0].values()]
        yield chance.choice(fitting)
    yield chance.choice([one for one in every if len(one.shifts[0]) == 2])
    for _ in range(3):
        yield by_chance(act, points, chance)
