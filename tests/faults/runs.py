"""Runs of one act, each in processes of its own: cut off by a schedule of faults, told again until it is done, and held
against the undisturbed run."""

from __future__ import annotations

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

from tests.databases import SqliteFiles
from tests.faults.anvil import Anvil
from tests.faults.points import Fault, Points, possible
from tests.faults.story import Act, Teller, projection, told
from tests.flow.world import Stage, World

Life = dict[int, Fault]
"""Point → the fault that happens there, in one process."""

MOST_LIVES = 12
SECONDS = 120


@dataclass(frozen=True)
class Schedule:
    """One process after another; when they are used up, honest ones follow."""

    act: str
    lives: tuple[Life, ...]

    def __str__(self) -> str:
        lives = (" ".join(f"{at}:{fault}" for at, fault in life.items()) for life in self.lives)
        return f"{self.act} {' | '.join(lives)}"


@dataclass
class Verdict:
    schedule: str
    met: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: str = ""
    diverged: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.diverged)


class Theatre:
    """A chain and a folder in which the acts are given, one after the other; each begins where the last one ended."""

    def __init__(self, chain: Anvil, folder: Path) -> None:
        self.chain, self._folder = chain, folder
        self._rehearsal = Stage(chain=chain).rehearsal  # type: ignore[arg-type]
        self._base = folder / "base"
        self._base.mkdir()

    def act(self, act: Act) -> None:
        """Prepares the act, tells it once undisturbed, and goes back to its beginning."""
        self._act = act
        code = self._in_process(self._base, lambda teller: _keep(self._base, act.prepare(teller)), None)
        assert code == 0, f"{act.name} could not be prepared: {_read(self._base / 'error')}"
        self._start = self.chain.snapshot()
        run = self._begin()
        code, _ = self._tell(run, {})
        assert code == 0, f"the undisturbed {act.name} ended with {code}: {_read(run / 'error')}"
        self.points = _read(run / "points").splitlines()
        self._end = self._project(run)
        assert self._end["laws"] == [], self._end["laws"]

    def leave(self) -> None:
        """Goes on to the next act from where this one ends undisturbed."""
        run = self._begin()
        assert self._tell(run, {})[0] == 0
        shutil.rmtree(self._base)
        run.rename(self._base)

    def run(self, schedule: Schedule) -> Verdict:
        verdict, run = Verdict(str(schedule)), self._begin()
        lives = [*schedule.lives, *[{}] * MOST_LIVES]
        for number, life in enumerate(lives):
            code, met = self._tell(run, life)
            verdict.met += met
            if code == 0 and number >= len(schedule.lives) - 1:
                break
        else:
            verdict.stuck = _read(run / "error")
            return verdict
        found = self._project(run)
        for law in found["laws"]:
            (verdict.doubled if law[:2] in ("L2", "L3", "L4") else verdict.lost).append(law)
        verdict.diverged = [
            f"{name}: {found[name]} instead of {value}" for name, value in self._end.items() if found[name] != value
        ]
        return verdict

    # ----------------------------------------------------------------- private

    def _begin(self) -> Path:
        self.chain.revert(self._start)
        self._start = self.chain.snapshot()
        run = self._folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(self._base, run)
        return run

    def _tell(self, run: Path, life: Life) -> tuple[int, list[str]]:
        kept = json.loads(_read(run / "kept.json"))
        (run / "met").unlink(missing_ok=True)
        code = self._in_process(run, lambda teller: self._act.tell(teller, kept), life)
        return code, _read(run / "met").splitlines()

    def _project(self, run: Path) -> dict[str, Any]:
        code = self._in_process(
            run, lambda teller: (run / "projection").write_text(json.dumps(projection(teller.world))) and None, None
        )
        assert code == 0, _read(run / "error")
        return dict(json.loads(_read(run / "projection")))

    def _in_process(self, folder: Path, what: Callable[[Teller], Any], life: Life | None) -> int:
        """Zero, or what it ended with: three for an error of ours, minus nine when it was killed. `life`: None for
        people who touch nothing that could fail."""
        process = os.fork()
        if process == 0:
            self._live(folder, what, life)
        deadline = time.monotonic() + SECONDS
        while True:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
                (folder / "error").write_text(f"no end within {SECONDS} s")
            time.sleep(0.005)

    def _live(self, folder: Path, what: Callable[[Teller], Any], life: Life | None) -> None:
        code, points = 3, None
        try:
            chain = Anvil(self.chain.url)
            stage = _Reopened(replace(self._rehearsal, chain=chain))
            world = World(folder, stage)  # type: ignore[arg-type]
            if life is not None:
                points = Points(life, chain, folder / "met")
                points.install()
            what(Teller(world, points))
            code = 0
        except BaseException as error:
            (folder / "error").write_text(told(error))
        finally:
            if points is not None and not life:
                (folder / "points").write_text("\n".join(points.passed))
            os._exit(code)


class _Reopened:
    """As much of a stage as a world needs."""

    def __init__(self, rehearsal: Any) -> None:
        self.rehearsal, self.databases = rehearsal, SqliteFiles()


def _keep(folder: Path, kept: Any) -> None:
    (folder / "kept.json").write_text(json.dumps(kept))


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# ------------------------------------------------------------------- schedules


def exhaustive(act: str, points: Sequence[str]) -> Iterator[Schedule]:
    """SIGKILL after each point, a reorg at each call of the node; at what writes, everything that can happen there."""
    for at, point in enumerate(points, 1):
        room, _, verb = point.partition(" ")
        reads = room == "node" and verb != "eth_sendRawTransaction"
        for fault in (Fault.KILL, Fault.REORG) if reads else possible(point):
            yield Schedule(act, ({at: fault},))


def by_chance(act: str, points: Sequence[str], chance: random.Random) -> Schedule:
    """One to three lives, each with one to three faults."""

    def life() -> Life:
        found: Life = {}
        for _ in range(chance.randint(1, 3)):
            at = chance.randint(1, len(points))
            found[at] = chance.choice(possible(points[at - 1]))
        return found

    return Schedule(act, tuple(life() for _ in range(chance.randint(1, 3))))
