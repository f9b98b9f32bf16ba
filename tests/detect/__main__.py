"""The detection matrix: every rule against hidden faults, and honest houses against every rule."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing import get_context

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bridge.reconcile.rules import RULES
from tests.detect.honest import Mood
from tests.detect.matrix import HONEST, Result, Run, told
from tests.detect.plant import PLANTS


def main() -> int:
    args = _arguments()
    started = time.perf_counter()
    runs = _runs(args)
    results = []
    by_rule: defaultdict[str, list[Result]] = defaultdict(list)
    for result in track(_told(runs, args.jobs), "Telling histories", len(runs), console=Console(stderr=True)):
        results.append(result)
        by_rule[result.run.rule].append(result)
        if result.false or not result.exact:
            say(f"--schedule {result.run.words}: {result.plant}: {'; '.join(result.false)}")
    _print(by_rule)
    _print_seen(by_rule[HONEST])
    figures = _figures(results) | {"seconds": round(time.perf_counter() - started, 1), "seed": args.seed}
    figures |= {"ranges": args.ranges}
    say(json.dumps(figures))
    return 0 if {figures["recall"], figures["precision"], figures["exact"]} == {1.0} else 1


def say(line: str) -> None:
    """Whole lines, however wide the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/detect", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one history a fault, ten honest ones, in 2,000 ranges")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rule", choices=[*PLANTS, HONEST], help="only this one")
    parser.add_argument("--schedule", metavar="RULE:NUMBER", help="one history again, as a report names it")
    parser.add_argument("--ranges", type=int, help="how many the honest house holds (100,000)")
    parser.add_argument("--histories", type=int, help="faulty ones a rule (20)")
    parser.add_argument("--honest", type=int, help="honest ones (200)")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    args.ranges = args.ranges or (2_000 if args.quick else 100_000)
    args.histories = args.histories or (3 if args.quick else 20)
    args.honest = args.honest or (10 if args.quick else 200)
    return args


def _runs(args: argparse.Namespace) -> list[Run]:
    if args.schedule:
        rule, number = args.schedule.split(":")
        return [Run(rule, int(number), args.seed, args.ranges)]
    counts = {rule.name: max(args.histories, len(PLANTS[rule.name])) for rule in RULES} | {HONEST: args.honest}
    wanted = {args.rule: counts[args.rule]} if args.rule else counts
    runs = [Run(rule, number, args.seed, args.ranges) for rule, count in wanted.items() for number in range(count)]
    # One of each rule after the other: what is wrong with a rule shows early.
    return sorted(runs, key=lambda run: run.number)


def _told(runs: list[Run], jobs: int) -> Iterator[Result]:
    if jobs == 1 or len(runs) == 1:
        yield from map(told, runs)
        return
    # Threads of a forked database do not survive, so each process makes its own house.
    with get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(told, runs)


def _figures(results: list[Result]) -> dict[str, object]:
    planted = [r for r in results if r.run.rule != HONEST]
    said = sum(r.found for r in planted)
    false = sum(len(r.false) for r in results)
    return {
        "recall": said / len(planted) if planted else 1.0,
        "precision": said / (said + false) if said else float(not false),
        "exact": sum(r.exact for r in results) / len(results),
        "rules": len({r.run.rule for r in planted}),
        "runs": len(results),
        "honest": {str(mood): count for mood, count in _seen(results).items()},
    }


def _print_seen(honest: list[Result]) -> None:
    """How much of life the honest histories hold, and what of it was no finding and yet was told."""
    if honest:
        table = Table("of all honest histories", "have it", title="Honest life")
        for what, count in _seen(honest).items():
            table.add_row(what, f"{count} of {len(honest)}")
        Console(width=110).print(table)


def _seen(results: list[Result]) -> dict[str, int]:
    counted = Counter(what for result in results for what in set(result.seen))
    return dict.fromkeys(Mood, 0) | dict(sorted(counted.items(), key=lambda one: (":" in one[0], one[0])))


def _print(by_rule: dict[str, list[Result]]) -> None:
    table = Table("rule", *("histories", "found", "exact", "false", "processor s"), title="Detection")
    for rule, some in by_rule.items():
        false = sum(len(r.false) for r in some)
        found = "" if rule == HONEST else str(sum(r.found for r in some))
        seconds = f"{sum(r.seconds for r in some):.1f}"
        table.add_row(rule, str(len(some)), found, str(sum(r.exact for r in some)), str(false), seconds)
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
