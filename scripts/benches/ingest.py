"""Logs a second from a node into Parquet, every column of them: ours beside cryo, which is written in Rust.

A local anvil holds the logs of mints, a thousand a block. Both read them from it in a process of their own, on the same
cores as anvil itself, decode them, and write Parquet files, in memory where the machine has a folder for that: we wait
for the disk, and cryo does not. What we do besides is in our time: the time of each block, and all checks of what the
node says. cryo runs with the requests that suit it best here (`--requests` shows others). The start of the interpreter
and imports are in nobody's time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from anvil import anvil
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig import ROOT, compiled
from web3 import Web3

BLOCKS, QUICK_BLOCKS, LOGS_A_BLOCK = 210, 40, 1_000
SIGNATURE = (
    "event Minted(uint256 indexed lockId, uint256 indexed classId, bytes32 indexed space, "
    "uint64 first, uint64 last, address recipient)"
)
PEER = ROOT / ".venv-ingest" / "bin" / "python"
REQUESTS = {"blocks a request": (1, 10, 50)}

OURS = """
import sys, time, json, resource
from pathlib import Path
from bridge.chain.archive.archive import EventArchive
from bridge.chain.archive.archived import bridge_emitters
from bridge.chain.archive.collect import collect
from bridge.chain.archive.node import Node
from bridge.domain.attestations import Deployment
url, contract, first, last, out = sys.argv[1:]
emitters = bridge_emitters(contract)
start, used = time.perf_counter(), time.process_time()
node = Node(url)
found = collect(EventArchive(Path(out)), node, Deployment(chain_id=31337, contract=contract), emitters, int(first),
    node.stamp(int(last)))
"""
THEIRS = """
import sys, time, json, resource
import cryo
url, contract, first, last, out, blocks, topic, signature = sys.argv[1:]
start, used = time.perf_counter(), time.process_time()
cryo.freeze("logs", start_block=int(first), end_block=int(last) + 1, rpc=url, output_dir=out, contract=[contract],
    topic0=[topic], event_signature=signature, inner_request_size=int(blocks), no_verbose=True, no_report=True,
    include_columns=["all"], u256_types=["binary"])
"""
TOLD = """
told = [time.perf_counter() - start, time.process_time() - used]
told.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps(told), flush=True)
"""
LEAVE = """
import os
os._exit(0)  # its threads are sometimes still at work when the interpreter ends, and bring it down
"""


class Run(NamedTuple):
    """`processor`: of all threads, in seconds: on a busy machine it says more than the clock does."""

    seconds: float
    processor: float
    peak_mb: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="a fifth of the logs, once")
    arguments.add_argument("--requests", action="store_true", help="cryo with fewer and more blocks a request")
    given = arguments.parse_args()
    if not PEER.exists():
        raise SystemExit("cryo is not there: run it as scripts/bench ingest")
    blocks = QUICK_BLOCKS if given.quick else BLOCKS
    console = Console(width=100)
    with anvil() as url, tempfile.TemporaryDirectory(prefix="carbonbridge-bench-", dir=_memory()) as name:
        contract, first, last = fill(url, blocks, console)
        logs = blocks * LOGS_A_BLOCK
        sizes = REQUESTS["blocks a request"] if given.requests else (10,)
        runs: dict[str, list[Run]] = {}
        for turn in range(1 if given.quick else 5):
            folder = Path(name) / str(turn)
            runs.setdefault("carbonbridge", []).append(_ours(url, contract, first, last, folder / "ours", logs))
            for size in sizes:
                place = folder / f"theirs{size}"
                runs.setdefault(f"cryo, {size} blocks a request", []).append(
                    _theirs(url, contract, first, last, place, size, logs)
                )
    console.print(draw(runs, logs))
    print(json.dumps(result(runs, logs)))


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 a folder of our own is made in it


def fill(url: str, blocks: int, console: Console) -> tuple[str, int, int]:
    """The emitter, and its first and last block."""
    w3 = Web3(Web3.HTTPProvider(url, {"timeout": 60}))
    made = compiled({"Emitter": Path(__file__).with_name("Emitter.sol")}, "abi", "evm.bytecode.object")
    source = made["contracts"]["Emitter"]["Emitter"]
    sender = w3.eth.accounts[0]
    code = w3.eth.contract(abi=source["abi"], bytecode=source["evm"]["bytecode"]["object"])
    receipt = w3.eth.wait_for_transaction_receipt(code.constructor().transact({"from": sender}))
    emitter = w3.eth.contract(address=receipt["contractAddress"], abi=source["abi"])
    for block in track(range(blocks), "filling the chain", console=console, transient=True):
        call: Any = emitter.functions.say(block * LOGS_A_BLOCK, LOGS_A_BLOCK)
        w3.eth.wait_for_transaction_receipt(call.transact({"from": sender, "gas": 16_000_000}))
    return str(receipt["contractAddress"]).lower(), receipt["blockNumber"], w3.eth.block_number


def _ours(url: str, contract: str, first: int, last: int, out: Path, logs: int) -> Run:
    return _ran([sys.executable, "-c", OURS + TOLD, url, contract, str(first), str(last), str(out)], out, logs)


def _theirs(url: str, contract: str, first: int, last: int, out: Path, size: int, logs: int) -> Run:
    out.mkdir(parents=True)
    topic = Web3.keccak(text="Minted(uint256,uint256,bytes32,uint64,uint64,address)").to_0x_hex()
    command = [str(PEER), "-c", THEIRS + TOLD + LEAVE, url, contract, str(first), str(last), str(out)]
    return _ran([*command, str(size), topic, SIGNATURE], out, logs)


def _ran(command: list[str], out: Path, logs: int) -> Run:
    """Raises SystemExit where not all logs are in the files, with their arguments."""
    from pyarrow import parquet

    told = subprocess.run(command, check=False, capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    files = [parquet.read_table(file) for file in out.rglob("*.parquet")]
    rows = sum(file.num_rows for file in files)
    if rows != logs or any(not _decoded(file.column_names) for file in files):
        raise SystemExit(f"{rows:,} of {logs:,} logs were written, with {files and files[0].column_names}")
    return Run(*json.loads(told.stdout.splitlines()[-1]))


def _decoded(names: list[str]) -> bool:
    return {"lock_id", "recipient", "time"} <= set(names) or {"event__lockId_binary", "event__recipient"} <= set(names)


def draw(runs: dict[str, list[Run]], logs: int) -> Table:
    table = Table(title=f"{logs:,} logs, the median of {len(runs['carbonbridge'])}", box=None, title_justify="left")
    table.add_column("reader")
    for column in ("seconds", "logs a second", "processor s", "peak MB"):
        table.add_column(column, justify="right")
    for name, found in runs.items():
        middle = Run(*(statistics.median(values) for values in zip(*found, strict=True)))
        times = (f"{middle.seconds:.2f}", f"{logs / middle.seconds:,.0f}", f"{middle.processor:.2f}")
        table.add_row(name, *times, f"{middle.peak_mb:,.0f}")
    return table


def result(runs: dict[str, list[Run]], logs: int) -> dict[str, object]:
    """`ratio`: how many times as many logs a second as cryo at its best, `processor_ratio` a second of processor time;
    medians."""
    rates = {name: logs / statistics.median(run.seconds for run in found) for name, found in runs.items()}
    work = {name: statistics.median(run.processor for run in found) for name, found in runs.items()}
    ours, own_work = rates.pop("carbonbridge"), work.pop("carbonbridge")
    peer = max(rates.values())
    return {
        "name": "ingest",
        "ours": round(ours),
        "peer": round(peer),
        "ratio": round(ours / peer, 2),
        "processor_ratio": round(min(work.values()) / own_work, 2),
        "unit": "logs/s",
        "logs": logs,
        "peak_mb": round(statistics.median(run.peak_mb for run in runs["carbonbridge"])),
    }


if __name__ == "__main__":
    main()
