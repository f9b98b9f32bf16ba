"""The fault matrix: every touch of the world cut off in every way that matters, and a thousand schedules by chance."""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.faults.anvil import anvil
from tests.faults.faults import Fault
from tests.faults.runs import Theatre
from tests.faults.schedules import Schedule, Way, by_chance, exhaustive, sample
from tests.faults.story import ACTS
from tests.faults.verdicts import Verdict

WORKERS = 2
BAD = ("lost", "doubled", "stuck", "diverged")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a worker ends its chain
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a sample: of each act each fault once, and a few by chance"
    )
    parser.add_argument(
        "--registry",
        choices=["embedded", "http"],
        default="embedded",
        help="in the tellers' process (embedded), or in its own behind a bad network",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random schedules")
    parser.add_argument("--random", type=int, default=1000, metavar="N", help="so many of them (1000)")
    parser.add_argument("--act", choices=[act.name for act in ACTS], help="of this act alone")
    parser.add_argument("--schedule", metavar="'deposit 7:kill & - | 3:lost'", help="this alone, as a report names it")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.schedule:
        options.act = Schedule.read(options.schedule).act
    if options.worker:
        _work(options)
        return 0
    return _lead(options)


# ---------------------------------------------------------------------- workers


def _work(options: argparse.Namespace) -> None:
    """Says what it would plan, hears what is its share of one plan, and prints a line of JSON for each run."""
    served = options.registry == "http"
    with (
        anvil() as chain,
        tempfile.TemporaryDirectory(dir=_memory()) as folder,
        Theatre(chain, Path(folder), served=served) as theatre,
    ):
        plans: list[list[Schedule]] = []
        for act in ACTS:
            scene = theatre.prepare(act)
            if options.act in (None, act.name):
                plans.append(_planned(options, act.name, scene.way))
            if options.act == act.name:
                break
        _say({"plans": [list(map(str, plan)) for plan in plans]})
        for plan in reversed(json.loads(sys.stdin.readline())):
            for schedule in plan:
                _say(asdict(theatre.run(Schedule.read(schedule))))


def _planned(options: argparse.Namespace, act: str, way: Way) -> list[Schedule]:
    if options.schedule:
        return [Schedule.read(options.schedule)]
    chance = random.Random(f"{options.seed} {act}")
    if options.quick:
        return list(sample(act, way, chance))
    acts = 1 if options.act else len(ACTS)
    plan = [*exhaustive(act, way), *(by_chance(act, way, chance) for _ in range(options.random // acts))]
    chance.shuffle(plan)  # so that all workers have as much to do
    return plan


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 files that live as long as the run


# ------------------------------------------------------------------------- lead


def _lead(options: argparse.Namespace) -> int:
    begun, found, planned = time.monotonic(), list[Verdict](), 0
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    watched = sys.stderr.isatty()
    with Progress(*columns, transient=True, speed_estimate_period=600, disable=not watched) as progress:
        bar = progress.add_task("runs", total=None)
        try:
            for line in _lines():
                if "plans" in line:
                    planned = sum(map(len, line["plans"]))
                    progress.update(bar, total=planned)
                    continue
                verdict = Verdict(**line)
                found.append(verdict)
                progress.advance(bar)
                if not verdict.good:
                    progress.console.print(_told(verdict), markup=False, highlight=False, soft_wrap=True)
                if not watched and len(found) % 100 == 0:
                    _log(progress.tasks[bar])
        except (KeyboardInterrupt, SystemExit) as end:
            print(f"stopped: {end!r}", file=sys.stderr)  # noqa: T201 and what was seen until then is told all the same
    Console().print(_table(found))
    counts = {name: sum(bool(getattr(one, name)) for one in found) for name in BAD}
    faults, seconds = sum(len(one.met) for one in found), round(time.monotonic() - begun)
    _say(
        {
            "runs": len(found),
            "planned": planned,
            "faults": faults,
            **counts,
            "registry": options.registry,
            "seed": options.seed,
            "seconds": seconds,
        }
    )
    return 0 if 0 < planned == len(found) and not any(counts.values()) else 1


def _log(task: Task) -> None:
    """A line for who reads this in a file."""
    minutes = f"{task.time_remaining / 60:.0f} minutes left" if task.time_remaining else ""
    print(f"{task.completed:.0f} of {task.total:.0f} runs; {minutes}", file=sys.stderr, flush=True)  # noqa: T201


def _table(found: Sequence[Verdict]) -> Table:
    """Faults that were met, by kind and act."""
    acts = [act.name for act in ACTS if any(one.act == act.name for one in found)]
    table = Table("", *acts, "all", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    met = Counter((one.partition(" ")[0], verdict.act) for verdict in found for one in verdict.met)
    rows = {str(fault): [met[fault, act] for act in acts] for fault in Fault}
    rows["runs"] = [sum(one.act == act for one in found) for act in acts]
    for name, counts in rows.items():
        table.add_row(name, *map(str, counts), str(sum(counts)))
    return table


def _lines() -> Iterator[dict[str, Any]]:
    """What all workers say, as it comes. They share the plan of the first to have one: what an undisturbed telling
    passes is not quite the same twice. Raises SystemExit when one of them dies."""
    heard: Queue[dict[str, Any] | int] = Queue()

    command = [sys.executable, "-m", "tests.faults", *sys.argv[1:], "--worker"]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
    ]

    def listen(worker: subprocess.Popen[str]) -> None:
        for line in worker.stdout or ():
            heard.put(json.loads(line))
        heard.put(worker.wait())

    for worker in workers:
        Thread(target=listen, args=(worker,), daemon=True).start()
    try:
        running, is_planned = WORKERS, False
        while running:
            line = heard.get()
            if isinstance(line, int):
                running -= 1
                if line:
                    raise SystemExit(f"a worker ended with {line}")
            elif "plans" not in line:
                yield line
            elif not is_planned:
                is_planned = True
                yield line
                _share(workers, line["plans"])
    finally:
        for worker in workers:
            worker.terminate()


def _share(workers: Sequence[subprocess.Popen[str]], plans: Sequence[Sequence[str]]) -> None:
    for number, worker in enumerate(workers):
        if worker.stdin:
            worker.stdin.write(json.dumps([plan[number::WORKERS] for plan in plans]) + "\n")
            worker.stdin.flush()


def _told(verdict: Verdict) -> str:
    faults = [*verdict.lost, *verdict.doubled, *verdict.diverged, *([verdict.stuck] if verdict.stuck else [])]
    return "\n".join(
        [f"--schedule '{verdict.schedule}'  ({', '.join(verdict.met)})", *(f"    {one}" for one in faults)]
    )


if __name__ == "__main__":
    sys.exit(main())
