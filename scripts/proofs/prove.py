"""Run halmos over contracts/proofs and print a table. Only a proof without timeout and cut loop counts as one."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Each proof's walks and batches are shorter; were one not, halmos would count a cut loop, which fails here.
LOOP = 8
SOLVER = "scripts/proofs/solve.py"
SECONDS_PER_QUERY = 120
# The meanings of halmos' exit codes, which its report gives as numbers.
RESULTS = {0: "proved", 1: "COUNTEREXAMPLE", 2: "TIMEOUT", 3: "STUCK", 4: "REVERTS ALWAYS", 5: "ERROR"}


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    root = Path.cwd().parent
    # Anew each time: a build left over holds proofs that are gone.
    shutil.rmtree("out/proofs", ignore_errors=True)
    shutil.rmtree("cache/proofs", ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            "halmos",
            "--forge-build-out=out/proofs",
            f"--match-contract={name}",
            f"--loop={LOOP}",
            "--solver-timeout-branching=10ms",
            f"--solver-timeout-assertion={SECONDS_PER_QUERY}s",
            f"--solver-command={root}/.venv-proofs/bin/python {root / SOLVER}",
            # In calldata made from the ABI: one signature fewer than the proofs' bridge wants.
            "--array-lengths=signatures={0,1}",
            "--default-array-lengths=0,1,2",
            "--default-bytes-lengths=0,32",
            "--no-status",
            "--statistics",
            f"--json-output={report}",
        ]
        done = subprocess.run(command, env=os.environ | {"FOUNDRY_PROFILE": "proofs"}, check=False)
        tests = json.loads(report.read_text())["test_results"] if report.exists() else {}
    rows = [_row(contract, test) for contract in sorted(tests) for test in tests[contract]]
    print(f"\n{'proof':58} {'paths':>6} {'seconds':>8}  result   (loops unrolled {LOOP} times)")
    for proof, paths, seconds, result in rows:
        print(f"{proof:58} {paths:6} {seconds:8.1f}  {result}")
    failed = [row for row in rows if row[3] not in {"proved", "refuted, as it must"}]
    print(f"{len(rows) - len(failed)} of {len(rows)} as they must be")
    # halmos itself ends with one for the refuted; anything above is a halmos that did not finish.
    return 1 if failed or not rows or done.returncode not in {0, 1} else 0


def _row(contract: str, test: dict[str, Any]) -> tuple[str, int, float, str]:
    result = RESULTS.get(test["exitcode"], "ERROR")
    if result == "proved" and test["num_bounded_loops"]:
        result = "LOOP CUT"
    if "_REFUTED" in test["name"]:
        # It shows that the proofs beside it do not hold of nothing.
        result = "refuted, as it must" if result == "COUNTEREXAMPLE" else "NOT REFUTED"
    name = f"{contract.rsplit(':', 1)[1]} {test['name'].split('(')[0].removeprefix('check_')}"
    return name, test["num_paths"][0], test["time"][0], result


if __name__ == "__main__":
    sys.exit(main())
