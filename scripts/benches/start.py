"""How long `carbonbridge --help` takes, beside a bare typer program: whole processes, in interleaved pairs, medians."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PAIRS, QUICK_PAIRS = 25, 7

BARE = """\
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "you") -> None:
    "Say hello."
    print(f"hello {name}")


app()
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer pairs")
    pairs = QUICK_PAIRS if arguments.parse_args().quick else PAIRS
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        ours, peer = measure(_carbonbridge(), [sys.executable, str(bare), "--help"], pairs)
    print(f"{'program':<24}{'median s':>10}{'fastest s':>11}")
    for name, times in (("carbonbridge --help", ours), ("a bare typer program", peer)):
        print(f"{name:<24}{statistics.median(times):>10.3f}{min(times):>11.3f}")
    print(json.dumps(result(ours, peer)))


def _carbonbridge() -> list[str]:
    return [sys.executable, str(Path(sys.executable).with_name("carbonbridge")), "--help"]


def measure(ours: Sequence[str], peer: Sequence[str], pairs: int) -> tuple[list[float], list[float]]:
    """Interleaved, so that a busy machine slows both; the first pair only warms the disk."""
    timed = [(seconds(ours), seconds(peer)) for _ in range(pairs + 1)][1:]
    return [pair[0] for pair in timed], [pair[1] for pair in timed]


def seconds(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def result(ours: Sequence[float], peer: Sequence[float]) -> dict[str, object]:
    """`ratio` is the median of the pairs' own ratios."""
    return {
        "name": "start",
        "ours": round(statistics.median(ours), 4),
        "peer": round(statistics.median(peer), 4),
        "ratio": round(statistics.median(a / b for a, b in zip(ours, peer, strict=True)), 3),
        "unit": "x",
        "seconds": round(sum(ours) + sum(peer), 2),
    }


if __name__ == "__main__":
    main()
