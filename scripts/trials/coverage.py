"""Coverage of contracts/src by the unit tests, counted by forge; the exit status says whether it is whole.

The random walks of test/invariant are left out: a line that only chance reaches is not tested. Forge counts a branch
for each path of an `if` with `else` and for the body of one without. It does not count the path around such a body,
nor `?:`, `&&`, `||`, modifiers of its own libraries and assembly: scripts/mutate tries those.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
ROW = re.compile(r"^\|\s*(src/\S+|File)\s*\|" + r"\s*([^|]*?)\s*\|" * 4)


def run(trace: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    [forge] = CONTRACTS.glob("node_modules/@foundry-rs/forge-*/bin/forge")
    chosen = ["--no-match-path", "test/invariant/*", "--report", "summary", "--report", "lcov", "--report-file"]
    return subprocess.run(
        [forge, "coverage", *chosen, trace, *settings],
        cwd=CONTRACTS,
        env=os.environ | {"FOUNDRY_PROFILE": "source", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def uncovered(trace: str) -> Iterator[str]:
    """Lines and branches of our sources that nothing reached, from a trace in the lcov format."""
    source = ""
    for record in trace.splitlines():
        kind, _, values = record.partition(":")
        if kind == "SF":
            source = values
        if not source.startswith("src/"):
            continue
        line, *rest = values.split(",")
        if kind == "DA" and rest[0] == "0":
            yield f"{source}:{line}: line"
        elif kind == "BRDA" and rest[-1] in ("-", "0"):
            yield f"{source}:{line}: branch, path {rest[1]}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "lcov.info"
        compiled = "without the optimiser"
        done = run(trace)
        if "Stack too deep" in done.stdout + done.stderr:
            compiled = "through the IR with the least optimisation, whose source maps are less exact"
            done = run(trace, "--ir-minimum")
        if done.returncode:
            print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
            return 1
        missing = list(uncovered(trace.read_text()))
    rows = [match.groups() for line in done.stdout.splitlines() if (match := ROW.match(line))]
    for name, *figures in rows:
        print(f"{name:24}", *(f"{figure:>20}" for figure in figures))
    sources = {row[0] for row in rows[1:]}
    bare = {f"src/{path.name}" for path in CONTRACTS.glob("src/*.sol")} - sources
    print(f"Compiled {compiled}. Nothing to execute in: {', '.join(sorted(bare)) or 'none'}.")
    print("Not counted: the path around an `if` without `else`, ?:, && and ||, assembly, test/invariant.")
    for place in missing:
        print(f"not reached: {place}")
    return 1 if missing or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
