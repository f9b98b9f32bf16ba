"""Reading a registry's export into a canonical statement: rows per second and peak memory at one and ten million rows,
beside Polars reading the same file and doing nothing with it.

The file is made up, in Verra's form, with as many batches, projects and beneficiaries as a register of its size would
have. Polars is the fastest CSV reader that we know; pyarrow.csv and DuckDB can be measured beside it (`--readers`).
It runs twice: taking the whole file into memory, as it is mostly used, and in its streaming engine, which bounds its
memory. Each reading is a process of its own, whose processor time and peak memory the kernel tells.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

SIZES, QUICK_SIZES = (1_000_000, 10_000_000), (100_000, 1_000_000)
HEADER = (
    "Issuance Date,Sustainable Development Goals,Vintage Start,Vintage End,ID,Name,Country/Area,Project Type,"
    "Methodology,Total Vintage Quantity,Quantity Issued,Serial Number,Additional Certifications,"
    "Retirement/Cancellation Date,"
    "Retirement Beneficiary,Retirement Reason,Retirement Details\n"
)
TYPE = '"Energy industries (renewable/non-renewable sources); Livestock, enteric fermentation, and manure management"'
PROJECTS, ROWS_A_BATCH, BENEFICIARIES = 4_800, 50, 200_000


class Run(NamedTuple):
    """`processor` in seconds, of all threads: on a busy machine it says more than the clock does."""

    seconds: float
    processor: float
    peak_mb: float
    rows: int


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a tenth of the rows")
    arguments.add_argument("--readers", action="store_true", help="also pyarrow.csv and DuckDB")
    arguments.add_argument("--only", nargs=3, metavar=("READER", "FILE", "ROWS"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        print(json.dumps(_measured(READERS[given.only[0]], Path(given.only[1]))))
        return
    names = list(READERS) if given.readers else ["carbonbridge", "polars", "polars streaming"]
    found: dict[int, dict[str, Run]] = {}
    console = Console(width=100)
    with tempfile.TemporaryDirectory(prefix="carbonbridge-bench-") as folder:
        for rows in QUICK_SIZES if given.quick else SIZES:
            file = Path(folder) / f"{rows}.csv"
            write_export(file, rows, console)
            megabytes = file.stat().st_size / 2**20
            found[rows] = {name: run(name, file, rows) for name in names}
            file.unlink()
            console.print(draw(rows, megabytes, found[rows]))
    print(json.dumps(result(found)))


def write_export(path: Path, rows: int, console: Console) -> None:
    """Always the same for one number of rows."""
    chance = random.Random(1)  # noqa: S311 nothing secret
    serial, batch, left = 1, 0, 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for row in track(range(rows), f"writing {rows:,} rows", console=console, transient=True):
            if not left:
                left, batch = chance.randint(1, 2 * ROWS_A_BATCH - 1), batch + 1
                project, year = chance.randint(1, PROJECTS), chance.randint(2008, 2025)
            left -= 1
            units = chance.choice((1, 5, 10, 100, 1000, chance.randint(1, 50_000)))
            quantity = f'"{units:,}"' if units > 999 else str(units)
            ended = ",,,"
            if chance.random() < 0.6:
                day = f"20{chance.randint(10, 26)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
                who = f'"Company {chance.randint(1, BENEFICIARIES)}, Ltd"'
                ended = f"{day},{who},Environmental Benefit,Retired on behalf of customer {row} for the year {year}."
            file.write(
                f"{year + 1}-04-02,,{year}-01-01,{year}-12-31,{project},Project {project} of clean energy and cooking,"
                f'Viet Nam,{TYPE},ACM0010,"100,897",{quantity},{batch}-{serial}-{serial + units - 1}-VCS-VCU-1310-VER-'
                f"VN-13-{project}-0101{year}-3112{year}-0,,{ended}\n"
            )
            serial += units


def run(name: str, file: Path, rows: int) -> Run:
    """In a process of its own."""
    command = [sys.executable, __file__, "--only", name, str(file), str(rows)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = Run(*json.loads(told.splitlines()[-1]))
    if found.rows != rows:
        raise SystemExit(f"{name} found {found.rows:,} rows of {rows:,}")
    return found


def _measured(read: Callable[[Path], int], file: Path) -> Run:
    start = time.perf_counter()
    rows = read(file)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Run(round(seconds, 3), round(used.ru_utime + used.ru_stime, 3), round(used.ru_maxrss / 1024, 1), rows)


def _carbonbridge(file: Path) -> int:
    """All of it: parsed, checked for law L3, written as Parquet."""
    from bridge.registry.statements.grammar import grammar
    from bridge.registry.statements.statement import read_statement

    with read_statement(file, grammar("VERRA")) as statement:
        statement.save(file.with_suffix(".parquet"))
        file.with_suffix(".parquet").unlink()
        return statement.head.taken


def _polars(file: Path) -> int:
    import polars

    return polars.read_csv(file, infer_schema=False).height


def _polars_streaming(file: Path) -> int:
    """Written as Parquet, since a stream must go somewhere."""
    import polars

    out = file.with_suffix(".polars.parquet")
    polars.scan_csv(file, infer_schema=False).sink_parquet(out)
    rows = polars.scan_parquet(out).select(polars.len()).collect().item()
    out.unlink()
    return int(rows)


def _pyarrow(file: Path) -> int:
    from pyarrow import csv

    types = csv.ConvertOptions(column_types=dict.fromkeys(HEADER.strip().split(","), "string"))
    return sum(batch.num_rows for batch in csv.open_csv(file, convert_options=types))


def _duckdb(file: Path) -> int:
    import duckdb

    columns = ", ".join(f'max("{name}")' for name in HEADER.strip().split(","))
    query = f"select count(*), {columns} from read_csv(?, all_varchar = true)"  # noqa: S608 our own names
    found = duckdb.execute(query, [str(file)]).fetchone()
    return int(found[0]) if found else 0


READERS = {
    "carbonbridge": _carbonbridge,
    "polars": _polars,
    "polars streaming": _polars_streaming,
    "pyarrow": _pyarrow,
    "duckdb": _duckdb,
}


def draw(rows: int, megabytes: float, runs: dict[str, Run]) -> Table:
    table = Table(title=f"{rows:,} rows, {megabytes:,.0f} MB", box=None, title_justify="left")
    table.add_column("reader")
    for column in ("seconds", "processor s", "rows a second", "peak MB"):
        table.add_column(column, justify="right")
    for name, found in runs.items():
        times = (f"{found.seconds:.2f}", f"{found.processor:.2f}", f"{found.rows / found.seconds:,.0f}")
        table.add_row(name, *times, f"{found.peak_mb:,.0f}")
    return table


def result(found: dict[int, dict[str, Run]]) -> dict[str, object]:
    """`ours` and `peer` are rows a second at the larger size, `ratio` how many times longer we take than Polars alone;
    `growth` is our peak memory at the larger size over that at the smaller."""
    small, large = sorted(found)
    ours, peer = found[large]["carbonbridge"], found[large]["polars"]
    return {
        "name": "statements",
        "ours": round(large / ours.seconds),
        "peer": round(large / peer.seconds),
        "ratio": round(ours.seconds / peer.seconds, 2),
        "processor_ratio": round(ours.processor / peer.processor, 2),
        "unit": "rows/s",
        "rows": large,
        "peak_mb": ours.peak_mb,
        "peer_peak_mb": peer.peak_mb,
        "growth": round(ours.peak_mb / found[small]["carbonbridge"].peak_mb, 2),
        "seconds": round(sum(run.seconds for runs in found.values() for run in runs.values()), 2),
    }


if __name__ == "__main__":
    main()
