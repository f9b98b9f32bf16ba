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
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from rich.progress import Progress

from tests.faults.anvil import anvil
from tests.faults.points import Fault
from tests.faults.runs import Schedule, Theatre, Verdict, by_chance, exhaustive
from tests.faults.story import ACTS

WORKERS = 2
QUICK = 12
"""Runs of each act in a sample, half of them random."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a worker ends its chain
    parser = argparse.ArgumentParser(prog="scripts/faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a sample of some hundred runs")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random schedules")
    parser.add_argument("--random", type=int, default=1000, metavar="N", help="so many of them (1000)")
    parser.add_argument("--act", choices=[act.name for act in ACTS], help="of this act alone")
    parser.add_argument("--schedule", metavar="'deposit 7:kill | 3:lost'", help="this one alone, as a report names it")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        _work(options)
        return 0
    return _lead(options)


# ---------------------------------------------------------------------- workers


def _work(options: argparse.Namespace) -> None:
    """Gives its share of every act, and prints a line of JSON for each run."""
    with anvil() as chain, tempfile.TemporaryDirectory(dir=_memory()) as folder:
        theatre = Theatre(chain, Path(folder))
        for act in ACTS:
            theatre.act(act)
            if options.act in (None, act.name):
                _say(
                    {
                        "act": act.name,
                        "points": len(theatre.points),
                        "planned": len(_planned(options, theatre, act.name)),
                    }
                )
                for schedule in _planned(options, theatre, act.name)[options.worker :: WORKERS]:
                    _say(asdict(theatre.run(schedule)))
            theatre.leave()


def _planned(options: argparse.Namespace, theatre: Theatre, act: str) -> list[Schedule]:
    if options.schedule:
        return [one for one in [_read(options.schedule)] if one.act == act]
    every = list(exhaustive(act, theatre.points))
    chance = random.Random(f"{options.seed} {act}")
    if options.quick:
        half = QUICK // 2
        return [*chance.sample(every, half), *(by_chance(act, theatre.points, chance) for _ in range(half))]
    return [*every, *(by_chance(act, theatre.points, chance) for _ in range(options.random // len(ACTS)))]


def _read(text: str) -> Schedule:
    act, _, rest = text.partition(" ")
    lives = [
        {int(at): Fault(fault) for at, _, fault in (part.partition(":") for part in life.split())}
        for life in rest.split("|")
    ]
    return Schedule(act, tuple(lives))


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 files that live as long as the run


# ------------------------------------------------------------------------- lead


def _lead(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    found: list[Verdict] = []
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("Faults", total=None)
        planned: dict[str, int] = {}
        for line in _lines():
            if "points" in line:
                planned[line["act"]] = line["planned"]
                progress.update(bar, total=sum(planned.values()))
                continue
            verdict = Verdict(**line)
            found.append(verdict)
            progress.advance(bar)
            if not verdict.good:
                progress.console.print(_told(verdict), markup=False, highlight=False)
    faults = Counter(met.partition(" ")[0] for verdict in found for met in verdict.met)
    for fault in Fault:
        print(f"{faults[fault]:>6}  {fault}")  # noqa: T201
    summary = {
        "runs": len(found),
        "faults": sum(faults.values()),
        "lost": sum(bool(one.lost) for one in found),
        "doubled": sum(bool(one.doubled) for one in found),
        "stuck": sum(bool(one.stuck) for one in found),
        "diverged": sum(bool(one.diverged) for one in found),
        "seed": options.seed,
        "seconds": round(time.monotonic() - begun),
    }
    _say(summary)
    return 0 if found and all(one.good for one in found) else 1


def _lines() -> Iterator[dict[str, Any]]:
    """What all workers say, as it comes. Raises SystemExit when one of them dies."""
    heard: Queue[dict[str, Any] | int] = Queue()

    command = [sys.executable, "-m", "tests.faults", *sys.argv[1:], "--worker"]
    workers = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(WORKERS)]

    def listen(worker: subprocess.Popen[str]) -> None:
        for line in worker.stdout or ():
            heard.put(json.loads(line))
        heard.put(worker.wait())

    for worker in workers:
        Thread(target=listen, args=(worker,), daemon=True).start()
    try:
        running = WORKERS
        while running:
            line = heard.get()
            if isinstance(line, int):
                running -= 1
                if line:
                    raise SystemExit(f"a worker ended with {line}")
            else:
                yield line
    finally:
        for worker in workers:
            worker.terminate()


def _told(verdict: Verdict) -> str:
    faults = [*verdict.lost, *verdict.doubled, *verdict.diverged, *([verdict.stuck] if verdict.stuck else [])]
    return "\n".join(
        [f"--schedule '{verdict.schedule}'  ({', '.join(verdict.met)})", *(f"    {one}" for one in faults)]
    )


if __name__ == "__main__":
    sys.exit(main())
