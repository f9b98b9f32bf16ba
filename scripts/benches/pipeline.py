"""Deposits from lock to mined, beside the plain web3.py program that does the same one at a time; and how much of a
block of 30 million gas they fill.

Both bring the same orders of the same registry to the same contract on an anvil of their own, with two of three
attesters and a database that is on disk before anything is sent. Where blocks come at once nobody waits for one, which
is the plain program's best case; the filling is measured with blocks as far apart as the main chain's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from anvil import anvil
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table
from sqlalchemy import Engine, create_engine, event, text
from web3 import Web3
from web3.types import RPCEndpoint

from bridge.bootstrap import rehearse, sqlite_file
from bridge.chain.connection import Connection
from bridge.chain.contract import TRANSACTION_GAS_CAP
from bridge.chain.local import fund
from bridge.chain.signers import KeySigner
from bridge.domain.attestations import wire
from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.lifecycle import DepositState
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import hex32, to_bytes
from bridge.errors import NotYet
from bridge.flow.advance import advance
from bridge.flow.bridge import Bridge
from bridge.flow.hold import Holder
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.port import Instruction, LockOrder

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.databases import PostgresServer, postgres_server  # noqa: E402  the server that the tests start

BLOCK_GAS = 30_000_000
UNITS = 10
"""Of each deposit, one next to the other: the contract keeps each as a range of its own."""
DAY = 86_400
TERMS = Terms(request_deadline_seconds=10 * DAY, challenge_seconds=2 * DAY, challenge_blocks=5, kg_per_unit=1000)
CLASS = CreditClass(registry="VERRA", project="1340", vintage=2020, credit_type="VCU", kg_per_unit=1000)
SPACE = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="VER")


class Sizes(NamedTuple):
    """Deposits of each run."""

    plain: int
    ours: int
    slots: int
    slot_seconds: int


WHOLE = Sizes(plain=300, ours=5_000, slots=6_000, slot_seconds=12)
QUICK = Sizes(plain=60, ours=1_000, slots=3_500, slot_seconds=4)


class Chain:
    """An anvil as the rehearsal wants its chains."""

    def __init__(self, url: str, finality: int) -> None:
        self.url = url
        self.connection = Connection.to(url, finality)

    def signer(self, seed: int) -> KeySigner:
        signer = KeySigner(seed.to_bytes(32, "big"))
        fund(self.connection, signer.address)
        return signer


@dataclass
class Town:
    """A registry with depositors' orders, a bridge that has taken up none of them, and alice, who will hold."""

    registry: LedgerRegistry
    bridge: Bridge
    holder: Holder
    orders: list[Instruction]
    url: str
    first_block: int


@contextmanager
def town(folder: Path, urls: Callable[[Path, str], str], deposits: int, slot_seconds: int = 0) -> Iterator[Town]:
    """Without `slot_seconds` every transaction has a block of its own, at once."""
    with anvil("--gas-limit", str(BLOCK_GAS)) as url:
        chain = Chain(url, finality=0)
        rehearsal = rehearse({"VERRA": TERMS}, ["alice"], urls, chain)  # type: ignore[arg-type]
        for call in (rehearsal.contract.register_space(SPACE), rehearsal.contract.create_class(CLASS)):
            rehearsal.send("operator", call)
        folder.mkdir()
        ledger = rehearsal.open_ledger(folder)
        registry = rehearsal.open_registry(ledger)
        ledger.open_account("alice")
        ledger.add_space(SPACE)
        ledger.add_class(CLASS)
        whole = SerialRange(space=SPACE.id, first=1, last=deposits * UNITS)
        ledger.issue("all", whole, CLASS.id, "alice")
        not_after = chain.connection.head().timestamp + 30 * DAY
        deployment, recipient = rehearsal.contract.deployment, rehearsal.keys["alice"].address
        orders = [
            Instruction(
                instruction_id=hex32(n + 1),
                registry="VERRA",
                account="alice",
                range=SerialRange(space=SPACE.id, first=n * UNITS + 1, last=(n + 1) * UNITS),
                deployment=deployment,
                recipient=recipient,
                not_after=not_after,
            )
            for n in range(deposits)
        ]
        for order in orders:
            ledger.instruct(order)
        journal = rehearsal.open_journal("operator", folder)
        contract, sender = rehearsal.contract, rehearsal.sender("operator", journal)
        if slot_seconds:
            chain.connection.w3.provider.make_request(RPCEndpoint("evm_setIntervalMining"), [slot_seconds])
        bridge = Bridge(contract, registry, journal, sender, takes_up=True)
        holder = rehearsal.open_holder("alice", folder, registry)
        yield Town(registry, bridge, holder, orders, url, chain.connection.head().number + 1)


# ------------------------------------------------------------------------- ours


def ours(place: Town, told: Callable[[int], object]) -> float:
    """Seconds from the first order taken up until the journal has every one of them minted."""
    bridge, wanted = place.bridge, len(place.orders)
    begun, minted = time.perf_counter(), 0
    while minted < wanted:
        with suppress(NotYet):  # enough is on its way
            advance(bridge)
        minted = len(bridge.journal.deposits(bridge.deployment, DepositState.MINTED))
        told(minted)
    return time.perf_counter() - begun


def filled(place: Town) -> list[tuple[int, int]]:
    """Gas and transactions of the blocks that were filled while there was enough to fill them: not the first that holds
    a mint, which may have begun before it, nor the last."""
    w3 = place.bridge.contract.connection.w3
    blocks = [w3.eth.get_block(n, True) for n in range(place.first_block, w3.eth.block_number + 1)]
    busy = [n for n, block in enumerate(blocks) if block["transactions"]]
    inner = blocks[busy[0] + 1 : busy[-1]]
    dearest = max(tx["gas"] for block in blocks for tx in block["transactions"])
    if dearest > TRANSACTION_GAS_CAP:
        raise SystemExit(f"a transaction asked for {dearest:,} gas; one may have {TRANSACTION_GAS_CAP:,}")
    return [(block["gasUsed"], len(block["transactions"])) for block in inner]


# ---------------------------------------------------------------- plain web3.py


def plain(place: Town, book: Engine, told: Callable[[int], object]) -> float:
    """The program that one writes first: an order at a time, with web3.py's own defaults."""
    w3 = Web3(Web3.HTTPProvider(place.url))
    contract = w3.eth.contract(place.bridge.contract.functions.address, abi=place.bridge.contract.functions.abi)
    account = w3.eth.account.from_key((2).to_bytes(32, "big"))
    write = partial(_written, book)
    write("CREATE TABLE deposits (lock_id TEXT PRIMARY KEY, state TEXT, hash TEXT)")
    before, begun = 0, time.perf_counter()
    for number, order in enumerate(place.orders, start=1):
        lock_id = hex32(number << 8)
        write("INSERT INTO deposits VALUES (:lock, 'planned', NULL)", lock=lock_id)
        (lock,) = place.registry.lock([LockOrder(lock_id, order.instruction_id)])
        attested = place.registry.attest_locks([lock_id])
        call = contract.functions.mint(
            [wire(lock) | {"recipient": w3.to_checksum_address(lock.recipient)}],
            [before],
            [(to_bytes(s)[:32], to_bytes(s)[32:]) for s in attested.signatures],
        )
        transaction = call.build_transaction(
            {
                "from": account.address,
                "nonce": w3.eth.get_transaction_count(account.address),
                "gas": call.estimate_gas({"from": account.address}) * 12 // 10,
            }
        )
        signed = account.sign_transaction(transaction)
        sent = {"lock": lock_id, "hash": signed.hash.hex()}
        write("UPDATE deposits SET state = 'sent', hash = :hash WHERE lock_id = :lock", **sent)
        w3.eth.send_raw_transaction(signed.raw_transaction)
        if w3.eth.wait_for_transaction_receipt(signed.hash, poll_latency=0.001)["status"] != 1:
            raise SystemExit(f"the plain program's mint of {lock_id} failed")
        write("UPDATE deposits SET state = 'minted' WHERE lock_id = :lock", lock=lock_id)
        before = order.range.first
        told(number)
    return time.perf_counter() - begun


def _book(folder: Path, server: PostgresServer | None) -> Engine:
    """The plain program's own database, of the same kind as ours and as durable."""
    if server:
        return create_engine(server.empty(folder, "plain").replace("postgresql:", "postgresql+psycopg:"))
    engine = create_engine(f"sqlite:///{folder}/plain.db")
    for words in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
        event.listen(engine, "connect", lambda connection, _, words=words: connection.execute(words))
    return engine


def _written(book: Engine, words: str, **values: str) -> None:
    with book.begin() as connection:
        connection.execute(text(words), values)


# ----------------------------------------------------------------------- report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer deposits, and blocks closer together")
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="for journal and registry"
    )
    options = parser.parse_args()
    sizes = QUICK if options.quick else WHOLE
    on_postgres = options.database == "postgresql"
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server(durable=True) if on_postgres else nullcontext() as server,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        urls, root = (server.url if server else sqlite_file), Path(folder)

        def told(what: str, total: int) -> Callable[[int], object]:
            return partial(_advance, progress, progress.add_task(what, total=total))

        with town(root / "plain", urls, sizes.plain) as place:
            peer = sizes.plain / plain(place, _book(root, server), told("The plain program", sizes.plain))
        with town(root / "ours", urls, sizes.ours) as place:
            speed = sizes.ours / ours(place, told("The bridge", sizes.ours))
        with town(root / "slots", urls, sizes.slots, sizes.slot_seconds) as place:
            paced = sizes.slots / ours(place, told(f"A block each {sizes.slot_seconds} s", sizes.slots))
            blocks = filled(place)
    share = sum(gas for gas, _ in blocks) / (len(blocks) * BLOCK_GAS)
    table = Table(title=f"Deposits from lock to mined, on {options.database}", box=SIMPLE)
    for name in ("program", "blocks", "deposits", "a second"):
        table.add_column(name, justify="left" if name in ("program", "blocks") else "right")
    table.add_row("plain web3.py, one at a time", "at once", f"{sizes.plain:,}", f"{peer:,.1f}")
    table.add_row("carbonbridge", "at once", f"{sizes.ours:,}", f"{speed:,.1f}")
    table.add_row("carbonbridge", f"each {sizes.slot_seconds} s", f"{sizes.slots:,}", f"{paced:,.1f}")
    console = Console()
    console.print(table)
    each = ", ".join(f"{gas / BLOCK_GAS:.3f} ({count})" for gas, count in blocks)
    console.print(f"{len(blocks)} blocks of {BLOCK_GAS:,} gas filled, and transactions in each: {each}")
    result = {
        "name": "pipeline",
        "ours": round(speed, 1),
        "peer": round(peer, 1),
        "ratio": round(speed / peer, 2),
        "unit": "deposits a second, lock to mined",
        "database": options.database,
        "block_share": round(share, 3),
    }
    print(json.dumps(result))


def _advance(progress: Progress, task: TaskID, done: int) -> None:
    progress.update(task, completed=done)


if __name__ == "__main__":
    main()
