"""Gas by verb, against our targets, the least ERC-1155 of three libraries and Toucan's measured transactions.

Gas on the embedded chain is exact, so that the figures are kept in gas.json: `--check` fails when one has moved,
`--update` writes them anew.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_account import Account
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rig import FLOORS, TRANSACTION_GAS_CAP, Rig, build_rig, embedded_chain

SNAPSHOT = Path(__file__).with_name("gas.json")
OURS = "ours"
Figures = dict[str, dict[str, int]]
BATCH = 20
# The largest batches that anybody should send (locks, ranges, requests); the table below shows how many would fit.
CONDITIONS = (
    "m = 2 of 3 attesters, two signatures; class, space and pending figures in use; hints exact",
    "mint: to a holder without balance, lock id in a bitmap word in use (ids run on), operator's allowance used before",
    f"mint_next: what each further lock adds, (batch of {BATCH} − batch of 1) / {BATCH - 1}, same class and holder",
    "retire, redeem, transfer: the holder keeps a balance (an emptied slot is refunded); transfer goes to one without",
    f"settle: the request's serials are one range, taken from an edge of a live range; batched: {BATCH} requests,"
    " each its own range beside the last",
    "floors: mint by a minter of their own, burn by the holder; the same class id, amounts and accounts",
    "calldata costs are as sent: 16 gas a non-zero byte, 4 a zero byte, EIP-7623's floor applied",
)


@dataclass(frozen=True)
class Verb:
    """`floor` does the nearest thing that a plain ERC-1155 can; `remedy` is what would bring a missed target back."""

    name: str
    measure: Callable[[Rig], int]
    target: int | None = None
    floor: Callable[[Rig, Any], int] | None = None
    toucan: str = ""
    remedy: str = ""


def prepare(rig: Rig) -> None:
    """Nothing measured below is the first of its kind."""
    holder = rig.holders[0]
    rig.mint(holder, 1_000_000)
    for kind in (0, 1):
        rig.request(holder, 10, kind)
    for floor in rig.floors.values():
        rig.send(floor.functions.mint(holder, rig.class_id, 1_000_000), rig.operator)


def mint(rig: Rig) -> int:
    return rig.gas(rig.mint_call([rig.lock(rig.stranger(), 100)]), rig.operator)


def mint_next(rig: Rig) -> int:
    one = mint(rig)
    recipient = rig.stranger()
    many = rig.gas(rig.mint_call([rig.lock(recipient, 100) for _ in range(BATCH)]), rig.operator)
    return (many - one) // (BATCH - 1)


def retire(rig: Rig) -> int:
    call = rig.bridge.functions.retire(rig.class_id, 10, b"\x11" * 32, next(rig.salts))
    return rig.gas(call, rig.holders[0])


def redeem(rig: Rig) -> int:
    call = rig.bridge.functions.redeem(rig.class_id, 10, b"\x11" * 32, next(rig.salts))
    return rig.gas(call, rig.holders[0])


def settlement(rig: Rig, kind: int, requests: int) -> int:
    """Gas of each request. Retirements take from the low edge, redemptions from the high one: no range is split."""
    holder = rig.holders[0]
    block = rig.mint(holder, 1_000)
    firsts = [block + 10 * i if kind == 0 else block + 990 - 10 * i for i in range(requests)]
    outcomes = [(rig.request(holder, 10, kind)[0], first, 10) for first in firsts]
    return rig.gas(rig.settle_call(outcomes, block), rig.holders[-1]) // requests


def refuse(rig: Rig) -> int:
    return rig.gas(rig.refuse_call([rig.request(rig.holders[0], 10)]), rig.holders[-1])


def request_for(rig: Rig) -> int:
    """By a holder who has no gas, with units left."""
    key = next(rig.keys)
    rig.mint(Account.from_key(key).address, 100)
    return rig.gas(rig.request_for_call(key, 10), rig.holders[-1])


def reverse(rig: Rig) -> int:
    """Not the first of the class, from the low edge of a range."""
    block = rig.mint(rig.holders[0], 1_000)
    rig.send(rig.reverse_call(block, 10, b"\x21" * 32), rig.holders[-1])
    return rig.gas(rig.reverse_call(block + 10, 10), rig.holders[-1])


def short(rig: Rig) -> None:
    rig.send(rig.reverse_call(rig.mint(rig.holders[0], 1_000), 100), rig.holders[-1])


def cover(rig: Rig) -> int:
    short(rig)
    rig.send(rig.cover_call(rig.holders[1], 50)[0], rig.operator)
    return rig.gas(rig.cover_call(rig.holders[1], 50)[0], rig.operator)


def take_cover(rig: Rig) -> int:
    """To a holder who had none of the cover's class, while the class stays short."""
    short(rig)
    call, packed = rig.cover_call(rig.holders[1], 50)
    rig.send(call, rig.operator)
    return rig.gas(rig.bridge.functions.takeCover(packed, 10), rig.holders[0])


def state_reserves(rig: Rig) -> int:
    """Of one class, not the first time."""
    rig.send(rig.state_call(1), rig.holders[-1])
    return rig.gas(rig.state_call(2), rig.holders[-1])


def call_back(rig: Rig) -> int:
    _, request = rig.request(rig.holders[0], 10)
    rig.w3.provider.ethereum_tester.time_travel(rig.w3.eth.get_block("latest")["timestamp"] + 15 * 86_400)  # type: ignore[attr-defined]
    return rig.gas(rig.bridge.functions.callBack(request), rig.holders[0])


def pause(rig: Rig) -> int:
    return rig.gas(rig.bridge.functions.pause(), rig.holders[0])


def quarantine(rig: Rig) -> int:
    return rig.gas(rig.bridge.functions.quarantine(rig.class_id), rig.holders[0])


def transfer(rig: Rig) -> int:
    return floor_transfer(rig, rig.bridge)


def transfer_of_all(rig: Rig) -> int:
    whole = rig.new_holder()
    rig.mint(whole, 10)
    call = rig.bridge.functions.safeTransferFrom(whole, rig.stranger(), rig.class_id, 10, b"")
    return rig.gas(call, whole)


def floor_mint(rig: Rig, floor: Any) -> int:
    return rig.gas(floor.functions.mint(rig.stranger(), rig.class_id, 100), rig.operator)


def floor_burn(rig: Rig, floor: Any) -> int:
    return rig.gas(floor.functions.burn(rig.class_id, 10), rig.holders[0])


def floor_transfer(rig: Rig, floor: Any) -> int:
    holder = rig.holders[0]
    return rig.gas(floor.functions.safeTransferFrom(holder, rig.stranger(), rig.class_id, 10, b""), holder)


VERBS = (
    Verb(
        "mint", mint, 130_000, floor_mint, "tokenize 576,000–639,000",
        "a slot fewer: written are the range, the one before it, the lock's bit, balance, supply and allowance",
    ),
    Verb(
        "mint_next", mint_next, 35_000,
        remedy="a shorter lock in calldata, or no event for each: the one new slot, its range, costs 22,100",
    ),
    Verb(
        "retire", retire, 75_000, floor_burn, "250,000",
        "a smaller event: the one new slot, the request, costs 22,100 and cannot go",
    ),
    Verb("redeem", redeem, None, floor_burn),
    Verb(
        "settle_alone", lambda rig: settlement(rig, 0, 1), 100_000,
        toucan="with certificate 511,000–591,000; with serials 1,709,000 in two transactions",
        remedy="fewer signatures, or a batch: two recoveries and their attesters' slots are some 10,000",
    ),
    Verb(
        "settle_batched", lambda rig: settlement(rig, 0, BATCH), 60_000,
        remedy="a larger batch: what all requests share is divided among them",
    ),
    Verb("settle_alone (redeemed)", lambda rig: settlement(rig, 1, 1)),
    Verb("settle_batched (redeemed)", lambda rig: settlement(rig, 1, BATCH)),
    Verb("refuse", refuse),
    Verb(
        "transfer", transfer, 60_000, floor_transfer,
        remedy="an `_update` of one's own without the two arrays that OpenZeppelin builds for a single id",
    ),
    Verb("transfer (of all)", transfer_of_all),
    Verb("request_for", request_for),
    Verb("call_back", call_back),
    Verb("reverse", reverse),
    Verb("cover", cover),
    Verb("take_cover", take_cover),
    Verb("state_reserves", state_reserves),
    Verb("pause", pause),
    Verb("quarantine", quarantine),
)  # fmt: skip
TARGETS = {verb.name: verb.target for verb in VERBS if verb.target}


def measure(verb: Verb) -> dict[str, int]:
    """On a chain of its own, so that no figure hangs on what was measured before it."""
    rig = build_rig(embedded_chain())
    prepare(rig)
    figures = {OURS: verb.measure(rig)}
    if verb.floor:
        figures |= {name: verb.floor(rig, floor) for name, floor in rig.floors.items()}
    return figures


def measure_verbs() -> Figures:
    return {verb.name: measure(verb) for verb in VERBS}


def snapshot_text(figures: Figures) -> str:
    rows = (f" {json.dumps(verb)}: {json.dumps(figures[verb])}" for verb in sorted(figures))
    return "{\n" + ",\n".join(rows) + "\n}\n"


def drift(kept: Figures, figures: Figures) -> list[str]:
    """A line for each figure that is not what was kept."""
    cells = sorted({(verb, whose) for table in (kept, figures) for verb, row in table.items() for whose in row})
    pairs = [(cell, *(table.get(cell[0], {}).get(cell[1]) for table in (kept, figures))) for cell in cells]
    return [f"{verb}, {whose}: {was} kept, {now} measured" for (verb, whose), was, now in pairs if was != now]


def dearest_mint(rig: Rig, size: int) -> Any:
    """Each lock to a recipient of its own, its id in a bitmap word of its own, all three attesters signing."""
    locks = []
    for _ in range(size):
        lock, hint = rig.lock(rig.stranger(), 10)
        locks.append(({**lock, "lockId": (lock["lockId"] + (1 << 128)) << 8}, hint))
    return rig.mint_call(locks, signers=3)


def dearest_settlement(rig: Rig, size: int) -> Any:
    """Each request redeemed from the middle of a range of its own, all three attesters signing."""
    holder = rig.holders[0]
    firsts = [rig.mint(holder, 30) for _ in range(size)]
    outcomes = [(rig.request(holder, 10, 1)[0], first + 10, 10) for first in firsts]
    return rig.settle_call(outcomes, firsts, signers=3)


def dearest_refusal(rig: Rig, size: int) -> Any:
    """Each request a redemption by a holder of his own, who has nothing left."""
    requests = []
    for _ in range(size):
        holder = rig.new_holder()
        rig.mint(holder, 10)
        requests.append(rig.request(holder, 10, 1))
    return rig.refuse_call(requests, signers=3)


DEAREST = {"mint": dearest_mint, "settle": dearest_settlement, "refuse": dearest_refusal}


def batch_gas(rig: Rig, door: str, size: int) -> int:
    call = DEAREST[door](rig, size)
    return rig.gas(call, rig.operator)


def largest_batch(rig: Rig, door: str, probe: int) -> tuple[int, int]:
    """Gas of each further item, and how many fit under the cap, from batches of `probe` and twice as many."""
    small, large = batch_gas(rig, door, probe), batch_gas(rig, door, 2 * probe)
    each = (large - small) / probe
    return round(each), int(probe + (TRANSACTION_GAS_CAP - small) / each)


def verbs_table(figures: Figures) -> Table:
    table = Table(title=f"Gas by verb, and how many times {FLOORS[0]}'s floor", box=SIMPLE)
    for column in ("verb", OURS, "target", *FLOORS):
        table.add_column(column, justify="left" if column == "verb" else "right")
    for verb in VERBS:
        row = figures[verb.name]
        cells = {column: f"{row[column]:,}" for column in row}
        if missed(verb, figures):
            cells[OURS] = f"[red]{cells[OURS]}"
        if verb.floor:
            cells[FLOORS[0]] += f" ×{row[OURS] / row[FLOORS[0]]:.2f}"
        target = f"{verb.target:,}" if verb.target else ""
        table.add_row(verb.name, cells[OURS], target, *(cells.get(name, "") for name in FLOORS))
    return table


def notes(figures: Figures) -> list[str]:
    toucan = [f"Toucan, measured: {verb.name} {verb.toucan}" for verb in VERBS if verb.toucan]
    misses = [
        f"[red]{verb.name} misses its target[/]; it would take {verb.remedy}" for verb in VERBS if missed(verb, figures)
    ]
    return [*CONDITIONS, *toucan, *misses]


def missed(verb: Verb, figures: Figures) -> bool:
    return verb.target is not None and figures[verb.name][OURS] > verb.target


def batches_table(rig: Rig, probe: int) -> Table:
    table = Table(title=f"Largest batches under {TRANSACTION_GAS_CAP:,} gas (EIP-7825), each item the dearest there is")
    for column in ("door", "gas an item", "items that fit"):
        table.add_column(column, justify="left" if column == "door" else "right")
    for door in DEAREST:
        each, fits = largest_batch(rig, door, probe)
        table.add_row(door, f"{each:,}", f"{fits:,}")
    return table


def result(figures: Figures) -> dict[str, Any]:
    worst = max(TARGETS, key=lambda verb: figures[verb][OURS] / TARGETS[verb])
    ours = figures[worst][OURS]
    return {
        "name": "gas",
        "ours": ours,
        "peer": TARGETS[worst],
        "ratio": round(ours / TARGETS[worst], 4),
        "unit": f"gas, {worst} against its target",
        "verbs": {verb: figures[verb][OURS] for verb in TARGETS},
        "times_floor": {
            verb: {name: round(row[OURS] / row[name], 3) for name in FLOORS}
            for verb, row in figures.items()
            if len(row) > 1
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the largest batches")
    keep = parser.add_mutually_exclusive_group()
    keep.add_argument("--check", action="store_true", help="fail when a figure is not the kept one")
    keep.add_argument("--update", action="store_true", help="keep these figures")
    options = parser.parse_args()

    console = Console()
    figures = measure_verbs()
    console.print(verbs_table(figures))
    for note in notes(figures):
        console.print(f"  · {note}", highlight=False)
    if not options.quick:
        rig = build_rig(embedded_chain())
        prepare(rig)
        console.print(batches_table(rig, probe=20))
    print(json.dumps(result(figures)))

    if options.update:
        SNAPSHOT.write_text(snapshot_text(figures))
    if options.check:
        moved = drift(json.loads(SNAPSHOT.read_text()), figures)
        if moved:
            sys.exit("\n".join([*moved, "If that is meant: scripts/bench gas --update"]))


if __name__ == "__main__":
    main()
