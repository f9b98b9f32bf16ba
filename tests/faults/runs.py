"""Runs of one act, each in processes of its own: cut off by a schedule of faults, told again until it is done, and held
against the undisturbed run."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.bootstrap import ATTESTER_NAMES
from bridge.errors import BridgeError
from tests.databases import SqliteFiles
from tests.faults.anvil import FINALITY, Anvil
from tests.faults.engines import Engines
from tests.faults.points import Points, is_cut_off, is_lacking
from tests.faults.registries import Embedded, Remote, Wire
from tests.faults.schedules import HONEST, Life, Schedule, Shift, Way, repeated
from tests.faults.served import RegistryProcess
from tests.faults.story import Act, Teller, projection, unfinished
from tests.faults.verdicts import Verdict
from tests.flow.world import DAY, TERMS, Stage, World

MOST_TELLINGS = 12
SECONDS = 120
LEANING = TERMS.model_copy(update={"statement_seconds": DAY})
"""So that a mint leans on the registry's statement, and brings it to the chain first."""


@dataclass
class Scene:
    """An act as it is about to begin, what its telling passes, and how it ends when nothing disturbs it."""

    act: Act
    folder: Path
    start: str
    way: Way = field(default_factory=Way)
    end: dict[str, Any] = field(default_factory=dict)


class Theatre:
    """A chain and a folder in which acts are prepared, each where the last one ends, and then run again and again; with
    the registry in the tellers' process, or `served` by its own.

    Warning: the chain goes back for good, so whoever has run an act can run the later ones no more.
    """

    def __init__(self, chain: Anvil, folder: Path, *, served: bool = False) -> None:
        self.chain, self._folder = chain, folder
        self._scenes: dict[str, Scene] = {}
        self._run = folder / "run"
        self._run.mkdir()
        self._engines = Engines(self._run)
        rehearsal = Stage(terms=LEANING, chain=chain).rehearsal  # type: ignore[arg-type]
        self._wire, self._registry = Wire(), RegistryProcess(chain, rehearsal, self._run) if served else None
        self.rehearsal: Embedded | Remote
        if self._registry is None:
            self.rehearsal = Embedded(**vars(rehearsal), wire=self._wire)
        else:
            parts = vars(rehearsal) | {"keys": {n: k for n, k in rehearsal.keys.items() if n not in ATTESTER_NAMES}}
            url, token = self._registry.url, self._registry.token
            self.rehearsal = Remote(**parts, wire=self._wire, url=url, token=token)
        self.databases = SqliteFiles()

    def __enter__(self) -> Theatre:
        return self

    def __exit__(self, *_: object) -> None:
        self._engines.forget()
        if self._registry is not None:
            self._registry.stop()

    def prepare(self, act: Act) -> Scene:
        """Prepares the act, and tells it twice undisturbed."""
        self._serve({})
        code = self._wait([self._fork("prepare", lambda teller: self._keep(act.prepare(teller)), None)])
        assert code == [0], f"{act.name} could not be prepared: {self._error('prepare')}"
        self._close()
        folder = self._folder / act.name
        shutil.copytree(self._run, folder)
        scene = Scene(act, folder, self.chain.snapshot())
        self._warm_up(scene)
        self._begin(scene, {})
        assert self._tell(act, HONEST) == [0], f"the undisturbed {act.name} failed: {self._error('0')}"
        passed, worlds = (_read(self._run / name).splitlines() for name in ("points", "worlds"))
        scene.way = Way(passed, repeated(passed, worlds), self._registry.commits if self._registry else 0)
        scene.end = self._projection()
        assert not scene.end["laws"], scene.end["laws"]
        assert not unfinished(scene.end), unfinished(scene.end)
        self._scenes[act.name] = scene
        return scene

    def run(self, schedule: Schedule) -> Verdict:
        verdict, scene = Verdict(str(schedule)), self._scenes[schedule.act]
        self._begin(scene, schedule.registry)
        for shift in schedule.shifts:
            self._tell(scene.act, shift, schedule.registry)
        for _ in range(MOST_TELLINGS):
            codes = self._tell(scene.act, HONEST, schedule.registry)
            if not any(codes) or self._is_cut_off():
                break
        verdict.met = _read(self._run / "met").splitlines()
        verdict.lost = _read(self._run / "lost").splitlines()
        verdict.doubled = _read(self._run / "doubled").splitlines()
        verdict.stuck = _read(self._run / "bugs")
        if self._is_cut_off():
            self._judge_halt(verdict)
        elif verdict.was_deep and "was final" in self._error("0"):
            self._judge_chain(verdict)  # a holder's own transaction has left the chain, and he is told so
        elif any(codes):
            verdict.stuck = self._error("0")
        else:
            verdict.judge(self._projection(), scene.end)
        return verdict

    # ------------------------------------------------------------------- halts

    def _is_cut_off(self) -> bool:
        return (self._run / "cut off").exists() or is_cut_off(self.chain, self._run / "operator.db")

    def _judge_halt(self, verdict: Verdict) -> None:
        """The operator's next turn halts and has sent nothing; where the node has no block there, it waits for one."""
        before = self._sent()
        self._wait([self._fork("halt", lambda teller, _: teller.turns(1), {})])
        told = self._error("halt")
        lacking = is_lacking(self.chain, self._run / "operator.db")
        if not told.startswith("Unreachable: " if lacking else "Halted: "):
            verdict.stuck += (
                f"what was final has left the chain, and the operator does not halt: {told or 'all is well'}"
            )
        if self._sent() != before:
            verdict.lost.append("a transaction was stored or sent after what was final had left the chain")
        self._judge_chain(verdict)

    def _judge_chain(self, verdict: Verdict) -> None:
        """What the registry did, and the chain has taken back, is for people to mend (L5); on chain itself nothing is
        lost or doubled."""
        self._wait([self._fork("laws", self._project, None)])
        verdict.judge_laws([law for law in self._projection()["laws"] if not law.startswith("L5")])

    def _sent(self) -> tuple[int, str]:
        with closing(sqlite3.connect(self._run / "operator.db")) as database:
            (stored,) = database.execute("SELECT count(*) FROM transactions").fetchone()
        operator = self.rehearsal.keys["operator"].address
        return stored, str(self.chain.rpc("eth_getTransactionCount", operator, "pending"))

    # ------------------------------------------------------------------- runs

    def _begin(self, scene: Scene, registry: Life) -> None:
        """Goes back to where the act begins; all that was before is final."""
        self._close()
        self.chain.revert(scene.start)
        scene.start = self.chain.snapshot()
        self.chain.mine(FINALITY + 1)
        shutil.rmtree(self._run)
        shutil.copytree(scene.folder, self._run)
        (self._run / "begun").write_text(str(self.chain.height()))
        (self._run / "commits").unlink(missing_ok=True)
        (self._run / "backup").mkdir(exist_ok=True)
        self.databases.copy(self._run, self._run / "backup", "operator")
        self._serve(registry)

    def _serve(self, registry: Life) -> None:
        if self._registry is not None:
            self._registry.start(registry)

    def _close(self) -> None:
        """Nobody has the databases open, in this process least of all: it is forked."""
        if self._registry is not None:
            self._registry.stop()
        self._engines.close()

    def _tell(self, act: Act, shift: Shift, registry: Life | None = None) -> list[int]:
        """Each time with a registry that people have started again, where something happens to it."""
        kept = json.loads(_read(self._run / "kept.json"))
        if registry:
            self._serve(registry)

        def tell(teller: Teller, points: Points) -> None:
            points.looks = act.name not in self._scenes
            act.tell(teller, kept)
            if shift == HONEST:
                (self._run / "points").write_text("\n".join(points.passed))
                (self._run / "worlds").write_text("\n".join(points.worlds))
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

    # -------------------------------------------------------------- processes

    def _warm_up(self, scene: Scene) -> None:
        """Tells the act in this process: what libraries read and reckon but once, forks find done."""
        self._begin(scene, {})
        with ExitStack() as stack:
            if self._registry is not None:
                self._registry.stop()
                inside = stack.enter_context(self._registry.within())
                honest, self._wire.transport = self._wire.transport, lambda: inside
                stack.callback(setattr, self._wire, "transport", honest)
            teller = Teller(World(self._run, self))
            scene.act.tell(teller, json.loads(_read(self._run / "kept.json")))
            self._project(teller)
        self._close()
        gc.collect()
        gc.freeze()

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
            if self._registry is not None:
                self._registry.look_after()
            time.sleep(0.002)
        return list(codes.values())

    def _fork(self, name: str, what: Callable[..., None], life: Life | None) -> int:
        """A process that does it. `life`: None for people who touch nothing that could fail, and whom no points see."""
        process = os.fork()
        if process == 0:
            self._live(self._run / f"error-{name}", what, life)
        return process

    def _live(self, error_file: Path, what: Callable[..., None], life: Life | None) -> None:
        gc.disable()  # it ends before there is much to collect
        self._registry = None  # nor does it know any key of that process
        self.chain.reconnect()
        code = 3
        error_file.unlink(missing_ok=True)
        try:
            world = World(self._run, self)
            if life is None:
                what(Teller(world))
            else:
                points = Points(life, world, self._wire)
                points.install()
                what(Teller(world), points)
            code = 0
        except BridgeError as error:
            error_file.write_text(f"{type(error).__name__}: {error}")
        except BaseException as error:
            error_file.write_text(f"a bug: {error!r}")
            with (self._run / "bugs").open("a") as file:
                file.write(f"a process died of {error!r}\n"[:500])
        finally:
            os._exit(code)


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
