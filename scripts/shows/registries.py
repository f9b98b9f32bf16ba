"""Real blocks of several registries through the whole house: deposited, part retired, part redeemed, reconciled."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bridge.bootstrap import evidence, rehearse
from bridge.chain.contract import live_serials
from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.serials import SerialRange, SerialSpace, coalesce, total_units
from bridge.domain.values import Hex32, RegistryCode, hex32
from bridge.flow import hold
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from bridge.reconcile.reconcile import reconcile
from bridge.registry.importer import import_rows
from bridge.registry.port import Instruction
from bridge.registry.statements.grammar import grammar
from bridge.registry.statements.statement import read_statement

DAY = 86_400
TERMS = Terms(request_deadline_seconds=30 * DAY, challenge_seconds=3 * DAY, challenge_blocks=10, kg_per_unit=1000)
FILES = {
    "VERRA": "verra/transactions.csv",
    "GS": "gold-standard/issuances.csv",
    "ACR": "american-carbon-registry/retirements.csv",
    "CAR": "climate-action-reserve/retirements.csv",
}


class Block(NamedTuple):
    space: SerialSpace
    range: SerialRange
    credit_class: CreditClass


Blocks = Mapping[RegistryCode, Sequence[Block]]
Asked = Mapping[tuple[RegistryCode, Kind], int]

console = Console(width=100)


class Rehearsal:
    """One house with four registries in it; alice deposits, retires for a beneficiary, and redeems to bob."""

    def __init__(self, folder: Path) -> None:
        self.house = rehearse(dict.fromkeys(FILES, TERMS), ["alice", "bob"])
        self.contract = self.house.contract
        self.ledger = self.house.open_ledger(folder)
        for account in ("alice", "bob"):
            self.ledger.open_account(account)
        self.registry = self.house.open_registry(self.ledger)
        self.bridge = self.house.open_bridge(folder, self.registry)
        self.alice = self.house.open_holder("alice", folder, self.registry)

    def import_blocks(self, count: int) -> Blocks:
        """Each file whole, as held by alice; of its blocks `count` evenly spread ones are chosen."""
        chosen = {}
        for code, file in FILES.items():
            path = Path(os.environ["CARBONBRIDGE_DATA"]) / "registries" / file
            with read_statement(path, grammar(code)) as statement:
                import_rows(self.ledger, statement.head, statement.in_order(), "alice", as_held=True)
                own = [
                    Block(row.serial_space, row.range, row.credit_class)
                    for row in statement.rows()
                    if row.registry == code and row.range and row.credit_class
                ]
            chosen[code] = own[:: max(1, len(own) // count)][:count]
        return chosen

    def deposit(self, rows: Sequence[Block]) -> None:
        for number, row in enumerate(track(rows, "depositing", console=console, transient=True), start=1):
            space, credit_class = row.space, row.credit_class
            if not self.contract.space_exists(space.id):
                self.house.send("operator", self.contract.register_space(space))
            if self.contract.class_state(credit_class.id) is None:
                self.house.send("operator", self.contract.create_class(credit_class))
            plan(self.bridge, self._instruct(number, row))
        advance(self.bridge)

    def retire_and_redeem(self, blocks: Blocks) -> Asked:
        """A third and a quarter of each class."""
        asked: dict[tuple[RegistryCode, Kind], int] = defaultdict(int)
        classes = {row.credit_class.id: row.credit_class for rows in blocks.values() for row in rows}
        for credit_class in track(list(classes.values()), "asking", console=console, transient=True):
            units = self.contract.balance(self.alice.sender.address, credit_class.id)
            for kind, share in ((Kind.RETIREMENT, units // 3), (Kind.REDEMPTION, units // 4)):
                if share:
                    request = hold.plan_request(self.alice, kind, credit_class.id, share, "bob", "")
                    hold.ask(self.alice, request)
                    asked[(credit_class.registry, kind)] += share
        advance(self.bridge)
        return asked

    def live(self, spaces: Iterable[Hex32]) -> Iterator[SerialRange]:
        """From the contract's storage."""
        for space in spaces:
            for node in self.contract.ranges(space):
                if serials := live_serials(space, node):
                    yield serials

    def stated(self, code: RegistryCode, state: SerialState) -> list[SerialRange]:
        """From the registry's statement, what is in this state for the deployment."""
        rows = self.registry.statement(code, self.contract.deployment).rows
        return coalesce(r.range for r in rows if r.state is state and r.deployment == self.contract.deployment)

    def _instruct(self, number: int, row: Block) -> Hex32:
        instruction = Instruction(
            instruction_id=hex32(number),
            registry=row.space.registry,
            account="alice",
            range=row.range,
            deployment=self.contract.deployment,
            recipient=self.alice.sender.address,
            not_after=self.contract.connection.head().timestamp + 3 * DAY,
        )
        self.ledger.instruct(instruction)
        return instruction.instruction_id


def compare(rehearsal: Rehearsal, blocks: Blocks, asked: Asked) -> bool:
    """Serial by serial, without the reconciler: what is live on chain is what the registry holds locked."""
    table = Table("registry", "blocks", "units in", "retired", "redeemed", "live", "equal to the serial", box=None)
    exact = True
    for code, rows in blocks.items():
        deposited = total_units(row.range for row in rows)
        live = coalesce(rehearsal.live({row.space.id for row in rows}))
        retired = total_units(rehearsal.stated(code, SerialState.RETIRED))
        redeemed = deposited - total_units(live) - retired
        same = live == rehearsal.stated(code, SerialState.LOCKED)
        same &= (retired, redeemed) == (asked[(code, Kind.RETIREMENT)], asked[(code, Kind.REDEMPTION)])
        figures = (len(rows), deposited, retired, redeemed, total_units(live))
        table.add_row(code, *(f"{n:,}" for n in figures), "yes" if same else "NO")
        exact &= same
    console.print(table)
    return exact


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=8, help="blocks of each registry")
    count = parser.parse_args().blocks
    with TemporaryDirectory() as folder:
        rehearsal = Rehearsal(Path(folder))
        blocks = rehearsal.import_blocks(count)
        rehearsal.deposit([row for rows in blocks.values() for row in rows])
        exact = compare(rehearsal, blocks, rehearsal.retire_and_redeem(blocks))
        result = reconcile(evidence(rehearsal.contract, rehearsal.registry, list(FILES)))
    clean = result.clean and not result.findings
    verdict = "clean" if clean else "NOT clean"
    console.print(f"reconciliation: {verdict}, {len(result.findings)} findings, {len(result.in_flight)} in flight")
    figures = {"registries": len(blocks), "blocks": sum(map(len, blocks.values())), "classes": len(result.totals)}
    print(json.dumps({"name": "registries", **figures, "exact": exact, "findings": len(result.findings)}))
    return 0 if exact and clean else 1


if __name__ == "__main__":
    sys.exit(main())
