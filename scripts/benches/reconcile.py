"""Reconciling one, ten and fifty million ranges, each minted on one of two chains and stated by a registry, beside
the floor and beside a pandas program.

The floor is DuckDB reading the same Parquet and sorting it: mints and rows, with every column that the reconciler
needs, by space and first serial; all other events by class. Whoever compares ranges must at least do that. Left out on
both sides: transaction hashes, which only exhibits need, and the hash over a statement's rows, which whoever archives a
statement checks once, when every byte passes his hands anyway.

Pandas answers two of our questions only: overlaps among mints, and mints without a row of the same serials and lock.

On a second day one range of a hundred is changed (`days.py`): `next day` compares all again, with both days'
statements, and `daily` does it from the checkpoint that `first day` has left; both must answer alike.

Each run is a process of its own. `processor` is its time on all cores as the kernel tells it, which says more than the
clock on a machine that others use. Planning, which is the same for any size, is paid once a process and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from bridge.domain.findings import Reconciliation

SIZES, QUICK_SIZES = (1_000_000, 10_000_000), (100_000, 1_000_000)
HUGE = 50_000_000
PANDAS_UP_TO = 10_000_000  # beyond, it needs more memory than the machine has


class Run(NamedTuple):
    """`answer` is what was found, for each program its own."""

    seconds: float
    processor: float
    peak_mb: float
    answer: str


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the ranges")
    arguments.add_argument("--huge", action="store_true", help="also fifty million ranges, which takes 12 GB of disk")
    arguments.add_argument("--seed", type=int, default=6)
    arguments.add_argument("--folder", type=Path, help="where the ranges are kept, or were kept by an earlier run")
    arguments.add_argument("--only", nargs=2, metavar=("PROGRAM", "FOLDER"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        print(json.dumps(_measured(PROGRAMS[given.only[0]], Path(given.only[1]))))
        return
    sizes = (QUICK_SIZES if given.quick else SIZES) + ((HUGE,) if given.huge else ())
    found: dict[int, dict[str, Run]] = {}
    console = Console(width=100)
    with tempfile.TemporaryDirectory(prefix="carbonbridge-bench-") as temporary:
        for ranges in sizes:
            folder = (given.folder or Path(temporary)) / str(ranges)
            _build(ranges, folder, given.seed)
            names = [name for name in list(PROGRAMS)[1:] if name != "pandas" or ranges <= PANDAS_UP_TO]
            found[ranges] = {name: _run(name, folder) for name in names}
            console.print(draw(ranges, found[ranges]))
            if found[ranges]["daily"].answer != found[ranges]["next day"].answer:
                raise SystemExit("from the checkpoint the second day is judged otherwise than in full")
    print(json.dumps(result(found)))


def _build(ranges: int, folder: Path, seed: int) -> None:
    done = folder / "done"
    if not done.exists():
        command = [sys.executable, __file__, "--only", "build", str(folder)]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "asked.json").write_text(json.dumps([ranges, seed]))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        done.touch()


def _run(name: str, folder: Path) -> Run:
    """In a process of its own."""
    command = [sys.executable, __file__, "--only", name, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Run(*json.loads(told.splitlines()[-1]))


def _measured(program: Callable[[Path], Callable[[], str]], folder: Path) -> Run:
    work = program(folder)
    start, used = time.perf_counter(), _processor()
    answer = work()
    seconds, processor = time.perf_counter() - start, _processor() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Run(round(seconds, 3), round(processor, 3), round(peak, 1), answer)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _make(folder: Path) -> Callable[[], str]:
    from days import NextDay
    from ranges import House

    count, seed = json.loads((folder / "asked.json").read_text())
    house = House(count, folder, seed)
    house.build()
    NextDay(house).build()
    return lambda: "built"


def _carbonbridge(folder: Path, days: int = 1) -> Callable[[], str]:
    """Everything that reconciling does, after the plan is made."""
    from ranges import evidence_in

    from bridge.reconcile.evidence import Evidence
    from bridge.reconcile.reconcile import reconcile

    reconcile(Evidence(), skip_quiet=True)
    return lambda: _told(reconcile(evidence_in(folder, days)))


def _next_day(folder: Path) -> Callable[[], str]:
    return _carbonbridge(folder, days=2)


def _first_day(folder: Path) -> Callable[[], str]:
    """As the first, and leaves a checkpoint."""
    from ranges import evidence_in

    from bridge.reconcile.incremental import compare

    return lambda: _told(compare(evidence_in(folder), folder=folder / "checkpoint", full=True).found)


def _daily(folder: Path) -> Callable[[], str]:
    """The second day from the first one's checkpoint."""
    from ranges import evidence_in

    from bridge.reconcile.evidence import Evidence
    from bridge.reconcile.incremental import compare
    from bridge.reconcile.reconcile import reconcile

    reconcile(Evidence(), skip_quiet=False)

    def work() -> str:
        done = compare(evidence_in(folder, days=2), folder=folder / "checkpoint")
        if not done.incremental:
            raise SystemExit(done.words)
        return _told(done.found)

    return work


def _told(answer: Reconciliation) -> str:
    if not answer.clean:
        raise SystemExit(f"honest ranges were found to be broken: {answer.findings[:1]}")
    flight = Counter(item.rule for item in answer.in_flight)
    told = hashlib.sha256(answer.model_dump_json().encode()).hexdigest()[:8]
    return f"clean, {sum(flight.values())} in flight, {sum(t.live for t in answer.totals)} units live, {told}"


def _floor(folder: Path) -> Callable[[], str]:
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(folder / "spill")})

    def work() -> str:
        for event in sorted({place.name for place in folder.glob("chains/*/events/*")}):
            order = "space, first" if event == "Minted" else "class_id" if event not in _SMALL else "block"
            source = f"read_parquet('{folder}/chains/*/events/{event}/0.parquet', filename = true)"
            read = f"SELECT * EXCLUDE (transaction) FROM {source} ORDER BY {order}"  # noqa: S608 our own names
            connection.execute(f'CREATE TEMP TABLE "{event}" AS {read}')
        read = f"SELECT * FROM '{folder}/statements/*-0/rows.parquet' ORDER BY space, first"  # noqa: S608
        connection.execute(f"CREATE TEMP TABLE statement_rows AS {read}")
        return "sorted"

    return work


_SMALL = {"SpaceRegistered", "ClassCreated"}


def _pandas(folder: Path) -> Callable[[], str]:
    import pandas as pd

    def work() -> str:
        names = ["space", "first", "last", "lock_id"]
        files = sorted(folder.glob("chains/*/events/Minted/0.parquet"))
        mints = pd.concat([pd.read_parquet(file, columns=names) for file in files])
        rows = pd.read_parquet(next(folder.glob("statements/*-0/rows.parquet")), columns=names)
        mints = mints.sort_values(["space", "first"])
        reached = mints.groupby("space")["last"].cummax().groupby(mints["space"]).shift()
        overlaps = int((reached >= mints["first"]).sum())
        both = mints.merge(rows, on=names, how="left", indicator=True)
        return f"{overlaps} overlaps, {int((both['_merge'] == 'left_only').sum())} without row"

    return work


PROGRAMS = {
    **{"build": _make, "floor": _floor, "carbonbridge": _carbonbridge, "pandas": _pandas},
    **{"first day": _first_day, "next day": _next_day, "daily": _daily},
}


def draw(ranges: int, runs: dict[str, Run]) -> Table:
    table = Table(title=f"{ranges:,} ranges", box=None, title_justify="left")
    table.add_column("program")
    for column in ("seconds", "processor s", "peak MB"):
        table.add_column(column, justify="right")
    table.add_column("answer")
    for name, found in runs.items():
        table.add_row(name, f"{found.seconds:.2f}", f"{found.processor:.2f}", f"{found.peak_mb:,.0f}", found.answer)
    return table


def result(found: dict[int, dict[str, Run]]) -> dict[str, object]:
    """`ratio` is how many times the floor we take, by size; `growth` what ten times the ranges take more."""
    small, large, *_ = sorted(found)
    ratio = {
        name: {
            size: round(getattr(r["carbonbridge"], name) / getattr(r["floor"], name), 2) for size, r in found.items()
        }
        for name in ("seconds", "processor")
    }
    ours = {size: runs["carbonbridge"] for size, runs in found.items()}
    return {
        "name": "reconcile",
        "ranges": list(found),
        "ours": {size: run.seconds for size, run in ours.items()},
        "peer": {size: runs["floor"].seconds for size, runs in found.items()},
        "pandas": {size: runs["pandas"].seconds for size, runs in found.items() if "pandas" in runs},
        "ratio": ratio["seconds"],
        "processor_ratio": ratio["processor"],
        "growth": round(ours[large].seconds / ours[small].seconds, 2),
        "processor_growth": round(ours[large].processor / ours[small].processor, 2),
        "daily_share": {
            size: round(runs["daily"].seconds / runs["next day"].seconds, 3) for size, runs in found.items()
        },
        "daily_processor_share": {
            size: round(runs["daily"].processor / runs["next day"].processor, 3) for size, runs in found.items()
        },
        "peak_mb": {size: run.peak_mb for size, run in ours.items()},
        "unit": "s",
    }


if __name__ == "__main__":
    main()
