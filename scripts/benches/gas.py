"""Gas by verb, against our targets, a plain OpenZeppelin ERC-1155 and Toucan's measured transactions."""

import argparse
import json
from typing import Any

from eth_account import Account
from rich.console import Console
from rich.table import Table
from rig import TRANSACTION_GAS_CAP, Rig, build_rig, embedded_chain

TARGETS = {
    "mint": 130_000,
    "mint_next": 35_000,
    "retire": 75_000,
    "settle_batched": 60_000,
    "settle_alone": 100_000,
    "transfer": 60_000,
}
TOUCAN = {
    "mint": "tokenize 576,000–639,000",
    "retire": "250,000",
    "settle_alone": "with certificate 511,000–591,000; with serials 1,709,000 in two transactions",
}
BATCH = 20
# The largest batches that anybody should send (locks, ranges, requests); the table below shows how many would fit.
LIMITS = {"mint": 100, "settle": 100, "refuse": 100}
CONDITIONS = (
    "m = 2 of 3 attesters, two signatures; class, space and pending figures in use; hints exact",
    "mint: to a holder without balance, lock id in a bitmap word in use (ids run on), operator's allowance used before",
    f"mint_next: what each further lock adds, (batch of {BATCH} − batch of 1) / {BATCH - 1}, same class and holder",
    "retire, redeem, transfer: the holder keeps a balance (an emptied slot is refunded); transfer goes to one without",
    f"settle: the request's serials are one range, taken from an edge of a live range; batched: {BATCH} requests,"
    " each its own range beside the last",
    "calldata costs are as sent: 16 gas a non-zero byte, 4 a zero byte, EIP-7623's floor applied",
)


def stranger() -> str:
    return str(Account.create().address)


def prepare(rig: Rig) -> None:
    """Nothing measured below is the first of its kind."""
    holder = rig.holders[0]
    rig.mint(holder, 1_000_000)
    for kind in (0, 1):
        rig.request(holder, 10, kind)
    rig.send(rig.floor.functions.mint(holder, 1, 1_000_000), rig.operator)


def measure_verbs(rig: Rig) -> dict[str, int]:
    holder, anyone, call = rig.holders[0], rig.holders[-1], rig.bridge.functions
    one = rig.gas(rig.mint_call([rig.lock(stranger(), 100)]), rig.operator)
    recipient = stranger()
    many = rig.gas(rig.mint_call([rig.lock(recipient, 100) for _ in range(BATCH)]), rig.operator)
    verbs = {
        "mint": one,
        "mint_next": (many - one) // (BATCH - 1),
        "retire": rig.gas(call.retire(rig.class_id, 10, b"\x11" * 32, next(rig.salts)), holder),
        "redeem": rig.gas(call.redeem(rig.class_id, 10, b"\x11" * 32, next(rig.salts)), holder),
    }
    for suffix, kind in (("", 0), (" (redeemed)", 1)):
        block = rig.mint(holder, 1_000)
        # Retirements take from the low edge, redemptions from the high edge: no range is split.
        firsts = [block + 10 * i if kind == 0 else block + 990 - 10 * i for i in range(BATCH + 1)]
        outcomes = [(rig.request(holder, 10, kind)[0], first, 10) for first in firsts]
        verbs["settle_alone" + suffix] = rig.gas(rig.settle_call(outcomes[:1], block), anyone)
        verbs["settle_batched" + suffix] = rig.gas(rig.settle_call(outcomes[1:], block), anyone) // BATCH
    verbs["refuse"] = rig.gas(rig.refuse_call([rig.request(holder, 10)]), anyone)
    verbs["transfer"] = rig.gas(call.safeTransferFrom(holder, stranger(), rig.class_id, 10, b""), holder)
    whole = rig.new_holder()
    rig.mint(whole, 10)
    verbs["transfer (of all)"] = rig.gas(call.safeTransferFrom(whole, stranger(), rig.class_id, 10, b""), whole)
    return verbs


def measure_floors(rig: Rig) -> dict[str, int]:
    holder, call = rig.holders[0], rig.floor.functions
    return {
        "mint": rig.gas(call.mint(stranger(), 1, 100), rig.operator),
        "retire": rig.gas(call.burn(1, 10), holder),
        "transfer": rig.gas(call.safeTransferFrom(holder, stranger(), 1, 10, b""), holder),
    }


def dearest_mint(rig: Rig, size: int) -> Any:
    """Each lock to a recipient of its own, its id in a bitmap word of its own, all three attesters signing."""
    locks = []
    for _ in range(size):
        lock, hint = rig.lock(stranger(), 10)
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


def verbs_table(verbs: dict[str, int], floors: dict[str, int]) -> Table:
    table = Table(title="Gas by verb")
    for column in ("verb", "ours", "target", "floor", "Toucan, measured"):
        table.add_column(column, justify="left" if column in {"verb", "Toucan, measured"} else "right")
    for verb, ours in verbs.items():
        target, floor = TARGETS.get(verb), floors.get(verb)
        shown = f"{ours:,}" if target is None or ours <= target else f"[red]{ours:,}"
        figures = (f"{figure:,}" if figure else "" for figure in (target, floor))
        table.add_row(verb, shown, *figures, TOUCAN.get(verb, ""))
    return table


def batches_table(rig: Rig, probe: int) -> Table:
    table = Table(title=f"Largest batches under {TRANSACTION_GAS_CAP:,} gas (EIP-7825), each item the dearest there is")
    for column in ("door", "gas an item", "items that fit", "limit"):
        table.add_column(column, justify="left" if column == "door" else "right")
    for door in DEAREST:
        each, fits = largest_batch(rig, door, probe)
        table.add_row(door, f"{each:,}", f"{fits:,}", f"{LIMITS[door]:,}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the largest batches")
    quick = parser.parse_args().quick

    console = Console()
    rig = build_rig(embedded_chain())
    prepare(rig)
    verbs, floors = measure_verbs(rig), measure_floors(rig)
    console.print(verbs_table(verbs, floors))
    for condition in CONDITIONS:
        console.print(f"  · {condition}", highlight=False)
    if not quick:
        console.print(batches_table(rig, probe=20))
    worst = max(TARGETS, key=lambda verb: verbs[verb] / TARGETS[verb])
    result = {
        "name": "gas",
        "ours": verbs[worst],
        "peer": TARGETS[worst],
        "ratio": round(verbs[worst] / TARGETS[worst], 4),
        "unit": f"gas, {worst} against its target",
        "verbs": {verb: verbs[verb] for verb in TARGETS},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
