"""Run the tests once for each mutant of contracts/src and hold the share that they kill.

First the unit tests with few fuzz runs, then with all of them, and only for what survives those the random walks. A
survivor must be explained in equivalent.toml, and each explanation must still have its survivor.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Lock
from typing import Any

from schemata import CONTRACTS, SWITCH, Mutant, Schemata

RESULTS = CONTRACTS / "out" / "mutants.json"
EXPLAINED = Path(__file__).with_name("equivalent.toml")
UNIT = ("--no-match-path", "test/invariant/*")
STAGES = (
    # Twenty thousand requests take a while to open.
    (*UNIT, "--no-match-contract", "Griefing", "--fuzz-runs", "16"),
    UNIT,
    ("--match-path", "test/invariant/*"),
)
SECONDS = 600
LEAST = 0.95
[FORGE] = CONTRACTS.glob("node_modules/@foundry-rs/forge-*/bin/forge")

Key = tuple[str, str, str, int]


class Bench:
    """A compiled copy of contracts/ with all mutants in it, and one process to run its tests in."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def build(cls, root: Path, sources: dict[str, str]) -> "Bench":
        shutil.copytree(CONTRACTS / "test", root / "test")
        shutil.copytree(CONTRACTS / "node_modules/@openzeppelin", root / "node_modules/@openzeppelin")
        shutil.copy(CONTRACTS / "foundry.toml", root)
        for test in root.glob("test/**/*.sol"):
            text = test.read_text()
            if re.search(r"basefee|\bfee\(", text):
                raise SystemExit(f"{test.name} sees {SWITCH}, which switches the mutants: choose another switch")
            # They may call what is no longer pure.
            test.write_text(re.sub(r"\bpure\b", "view", text))
        for name, text in sources.items():
            path = root / (name if name.startswith("src/") else f"node_modules/{name}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        # Forge asks for the version at each start, and node takes its time to say it.
        solc = CONTRACTS / "solc"
        version = subprocess.run([solc, "--version"], capture_output=True, text=True, check=True).stdout
        (root / "version").write_text(version)
        (root / "solc").write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec cat {root}/version\nexec {solc} "$@"\n')
        (root / "solc").chmod(0o755)
        bench = cls(root)
        built = bench._forge("build")
        if "Stack too deep" in built.stdout + built.stderr:
            config = root / "foundry.toml"
            config.write_text(config.read_text().replace("optimizer = false", "optimizer = true\nvia_ir = true"))
            built = bench._forge("build")
        if built.returncode:
            raise SystemExit(f"the mutants do not compile:\n{built.stdout}{built.stderr}")
        return bench

    def copy(self, root: Path) -> "Bench":
        return Bench(shutil.copytree(self.root, root))

    def failed(self, switch: int, stage: Iterable[str]) -> str | None:
        """The first test that fails with this mutant switched on."""
        # What an earlier mutant's fuzzing found is not this one's.
        for memory in ("fuzz", "invariant"):
            shutil.rmtree(self.root / "cache" / memory, ignore_errors=True)
        options = ("--json", "--fail-fast", "-j", "1", "--block-base-fee-per-gas", str(switch))
        try:
            done = self._forge("test", *options, *stage)
        except subprocess.TimeoutExpired:
            return f"no end within {SECONDS} s"
        if not done.stdout.startswith("{"):
            raise SystemExit(f"forge gave no result for {switch}:\n{done.stdout}{done.stderr}")
        suites: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
        results = [
            (f"{suite.rpartition(':')[2]}.{test.partition('(')[0]}", result["status"])
            for suite, tests in suites.items()
            for test, result in tests["test_results"].items()
        ]
        failures = [test for test, status in results if status == "Failure"]
        if not results or bool(failures) != bool(done.returncode):
            raise SystemExit(f"forge tells of {len(results)} tests and exits with {done.returncode}:\n{done.stderr}")
        return failures[0] if failures else None

    def _forge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [FORGE, *arguments, "--use", self.root / "solc"],
            cwd=self.root,
            env=os.environ | {"FOUNDRY_PROFILE": "source", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


class Results:
    """Mutant → its killer if there is one, and the stages that it went through; until sources or tests change."""

    def __init__(self, sources: dict[str, str], anew: bool) -> None:
        tests = [CONTRACTS / "foundry.toml", *sorted(CONTRACTS.glob("test/**/*.sol"))]
        text = repr((sources, STAGES, [test.read_text() for test in tests]))
        self._of = hashlib.sha256(text.encode()).hexdigest()
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() and not anew else {}
        self._found: dict[str, tuple[str | None, int]] = kept["found"] if kept.get("of") == self._of else {}
        self._lock = Lock()

    def killer(self, mutant: Mutant) -> str | None:
        return self._found[str(mutant.number)][0]

    def awaits(self, mutant: Mutant, stage: int) -> bool:
        killer, passed = self._found.get(str(mutant.number), (None, 0))
        return killer is None and passed <= stage

    def keep(self, mutant: Mutant, killer: str | None, stage: int) -> None:
        with self._lock:
            self._found[str(mutant.number)] = (killer, stage + 1)
            RESULTS.parent.mkdir(exist_ok=True)
            partial = RESULTS.with_suffix(".part")
            partial.write_text(json.dumps({"of": self._of, "found": self._found}))
            partial.replace(RESULTS)


def explanations() -> dict[Key, str]:
    entries = tomllib.loads(EXPLAINED.read_text()).get("equivalent", [])
    return {(e["function"], e["original"], e["change"], e.get("occurrence", 1)): e["why"] for e in entries}


def run(mutants: list[Mutant], sources: dict[str, str], results: Results, unused: int) -> None:
    """Finds the results that are not known yet, on two benches, stage by stage."""
    if not any(results.awaits(mutant, stage) for mutant in mutants for stage in range(len(STAGES))):
        return
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        first = Bench.build(Path(folder, "0"), sources)
        benches = (first, first.copy(Path(folder, "1")))
        free: Queue[Bench] = Queue()
        for bench in benches:
            free.put(bench)

        def judge(mutant: Mutant) -> None:
            bench = free.get()
            try:
                killer = bench.failed(mutant.number, STAGES[stage])
            finally:
                free.put(bench)
            results.keep(mutant, killer, stage)
            print(f"stage {stage + 1}: {mutant.number} {killer or 'survived'}", file=sys.stderr, flush=True)

        for stage in range(len(STAGES)):
            waiting = [mutant for mutant in mutants if results.awaits(mutant, stage)]
            if not waiting:
                continue
            # The unchanged contract must pass, and so must it with a switch that no mutant has.
            for broken in pool.map(Bench.failed, benches, (0, unused), [STAGES[stage]] * 2):
                if broken:
                    raise SystemExit(f"{broken} fails without any mutant")
            print(f"stage {stage + 1}: {len(waiting)} mutants", file=sys.stderr, flush=True)
            list(pool.map(judge, waiting))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", metavar="FILE", help="the mutants of one source, such as Guard.sol")
    parser.add_argument("--sample", type=int, metavar="N", help="N mutants by chance")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--anew", action="store_true", help="forget what an earlier run found")
    options = parser.parse_args()

    begun = time.monotonic()
    schemata = Schemata()
    sources = schemata.render()
    chosen = [m for m in schemata.mutants if options.only is None or m.file == f"src/{options.only}"]
    if options.sample is not None and options.sample < len(chosen):
        chosen = random.Random(options.seed).sample(chosen, options.sample)  # noqa: S311 a sample is no secret
        chosen.sort(key=schemata.mutants.index)
    if not chosen:
        raise SystemExit(f"no mutants in {options.only}")
    results = Results(sources, options.anew)
    run(chosen, sources, results, len(schemata.mutants) + 1)

    why = explanations()
    survivors = []
    for mutant in chosen:
        killer = results.killer(mutant)
        if killer is None:
            survivors.append(mutant)
        verdict = killer or f"SURVIVED: {why.get(mutant.key, 'not explained')}"
        place = f"{mutant.file}:{mutant.line}"
        again = f" ({mutant.occurrence})" if mutant.occurrence > 1 else ""
        print(f"{place}  {mutant.function}  {mutant.original}{again} → {mutant.change}  | {verdict}")

    known = {mutant.key for mutant in schemata.mutants}
    tried = {mutant.key for mutant in chosen}
    explained = [mutant for mutant in survivors if mutant.key in why]
    idle = why.keys() - {mutant.key for mutant in survivors}
    idle = {key for key in idle if key in tried or key not in known}
    for function, original, change, _ in sorted(idle):
        print(f"explained, but there is no such survivor: {function}  {original} → {change}")
    score = 1 - len(survivors) / len(chosen)
    figures = {
        "mutants": len(chosen),
        "killed": len(chosen) - len(survivors),
        "survived": len(survivors),
        "explained": len(explained),
        "score": round(score, 4),
        "seconds": round(time.monotonic() - begun, 1),
    }
    print(json.dumps(figures))
    return 1 if score < LEAST or len(explained) < len(survivors) or idle else 0


if __name__ == "__main__":
    sys.exit(main())
