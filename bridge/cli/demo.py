"""The whole story in one process, on a chain and a registry that live only for it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.books.certificate import certify, summary, verify
from bridge.bootstrap import Rehearsal, evidence, rehearse
from bridge.domain.attestations import Opening, Request
from bridge.domain.credit_class import Terms
from bridge.domain.findings import Finding, Reconciliation
from bridge.domain.lifecycle import Kind, SerialState
from bridge.domain.quantity import kilograms, tonnes
from bridge.domain.serials import SerialRange
from bridge.domain.values import Hex32, hex32
from bridge.flow import hold
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from bridge.reconcile.evidence import Claim, ClaimState
from bridge.reconcile.reconcile import reconcile
from bridge.registry.port import Instruction
from bridge.registry.statements import acr, car, gold_standard, verra
from bridge.registry.statements.serial import Serial

DAY = 86_400
TERMS = Terms(request_deadline_seconds=30 * DAY, challenge_seconds=3 * DAY, challenge_blocks=10, kg_per_unit=1000)

# Invented blocks in the spelling of four registries.
BLOCKS = [
    verra.parse_serial("19900-960000001-960005000-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"),
    gold_standard.parse_serial("GS1-1-KE-GS11603-16-2025-39999-1-2500"),
    acr.parse_serial("ACR-FR-1129-2025-2999-1 to 1200"),
    car.parse_serial("CAR-1-US-1335-31-983-KS-2025-9999-1 to 800"),
]
FOREST, STOVES, FLARE, NITRIC = BLOCKS


def run(plain: bool) -> int:
    """Tells the story; returns 0 when everything came out as it should."""
    with TemporaryDirectory(prefix="carbonbridge-demo-") as folder:
        return _Demo(Path(folder), _Screen(plain)).tell()


class _Screen:
    """Panels and spinners in a terminal, plain lines elsewhere."""

    def __init__(self, plain: bool) -> None:
        self._rich = sys.stdout.isatty() and not plain
        self.console = Console(width=None if self._rich else 80, highlight=False, emoji=False)
        self._step = 0

    def chapter(self, title: str, text: str) -> None:
        self._step += 1
        if self._rich:
            self.console.print(Panel(text, title=f"{self._step}. {title}", title_align="left", width=80))
        else:
            self.console.print(f"\n{self._step}. {title}", markup=False)
            self.line(text)

    def line(self, text: str, indent: str = "   ") -> None:
        """One fact, with long hashes cut and long lines folded under themselves."""
        short = re.sub(r"0x([0-9a-f]{4})[0-9a-f]{28,}([0-9a-f]{4})", r"0x\1…\2", text)
        folded = fill(short, 80, initial_indent=indent, subsequent_indent=indent + "  ")
        self.console.print(folded, markup=False)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        if not self._rich:
            yield
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            bar.add_task(what)
            yield

    def table(self, *columns: str, rows: Iterable[tuple[str, ...]]) -> None:
        table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*row)
        self.console.print(table)


class _Demo:
    """Actors: alice deposits and retires, bob buys, acme is named as beneficiary, mallory cheats."""

    def __init__(self, folder: Path, screen: _Screen) -> None:
        self.folder, self.screen = folder, screen

    def tell(self) -> int:
        self._open_house()
        self._issue()
        self._deposit()
        self._trade()
        self._retire_and_redeem()
        self._take_back()
        clean = self._reconcile(
            "Reconciled", "Chain at a final block, registry at a signed statement, serial by serial."
        )
        found = self._cheat()
        return self._judge(clean, found)

    # ------------------------------------------------------------- the story

    def _open_house(self) -> None:
        self.screen.chapter(
            "A contract and its registries", "Each registry has three attesters of its own; two must sign."
        )
        with self.screen.working("deploying to a chain in this process"):
            codes = [block.space.registry for block in BLOCKS]
            self.house: Rehearsal = rehearse(dict.fromkeys(codes, TERMS), ["alice", "bob"])
            self.ledger = self.house.open_ledger(self.folder)
            self.registry = self.house.open_registry(self.ledger)
            self.bridge = self.house.open_bridge(self.folder, self.registry)
            self.contract = self.house.contract
        self.screen.line(f"contract {self.contract.deployment.contract}, registries {', '.join(codes)}")

    def _issue(self) -> None:
        self.screen.chapter("Credits in their registries", "Blocks of serial numbers, in each registry's own spelling.")
        for account in ("alice", "bob"):
            self.ledger.open_account(account)
        for block in BLOCKS:
            self.ledger.add_space(block.space)
            self.ledger.add_class(block.credit_class)
            self.ledger.issue(f"issue {block.range.key}", block.range, block.credit_class.id, "alice")
        self.screen.table(
            "credit class", "serials", "amount", rows=((b.credit_class.label, str(b.range), amount(b)) for b in BLOCKS)
        )

    def _deposit(self) -> None:
        self.screen.chapter(
            "Deposit", "The registry locks the serials, attesters sign, the operator mints: one unit a serial."
        )
        with self.screen.working("locking, attesting, minting"):
            for block in BLOCKS:
                self.house.send("operator", self.contract.register_space(block.space))
                self.house.send("operator", self.contract.create_class(block.credit_class))
            for number, block in enumerate(BLOCKS, start=1):
                plan(self.bridge, self._instruct(number, block))
            advance(self.bridge)
        for block in BLOCKS:
            self.screen.line(f"alice holds {self._balance('alice', block):,} units of {block.credit_class.label}")

    def _trade(self) -> None:
        self.screen.chapter("Hold and trade", "ERC-1155 units move like any token; the serials stay locked.")
        alice = self.house.open_holder("alice", self.folder, self.registry)
        hold.transfer(alice, self.house.keys["bob"].address, FOREST.credit_class.id, 1500)
        self.screen.line(f"alice sends bob 1,500 units; bob holds {self._balance('bob', FOREST):,}")

    def _retire_and_redeem(self) -> None:
        self.screen.chapter(
            "Retire and redeem",
            "Units burn at once. The registry reserves serials, attesters sign, the settlement becomes final; only "
            "then the registry acts.",
        )
        retirement = self._ask("bob", Kind.RETIREMENT, FOREST, 400, "Acme K.K.")
        redemption = self._ask("alice", Kind.REDEMPTION, STOVES, 500, "bob")
        refused = self._ask("alice", Kind.REDEMPTION, FLARE, 100, "nobody")
        with self.screen.working("reserving, attesting, settling, executing"):
            advance(self.bridge)
        for name, request in (
            ("retirement", retirement),
            ("redemption", redemption),
            ("redemption to nobody", refused),
        ):
            row = self.bridge.journal.exit(request)
            self.screen.line(f"{name}: {row.state if row else 'unseen'}")
        self._certificate("bob", retirement)

    def _certificate(self, name: str, request_id: Hex32) -> None:
        own = self.house.open_holder(name, self.folder, self.registry).journal.own_request(request_id)
        request, opening = Request.model_validate_json(own.request), Opening.model_validate_json(own.opening)
        certificate = certify(self.contract, request, opening, self.registry.receipt(request_id))
        ranges = ", ".join(f"{s.space_key} {s.range}" for s in certificate.serials)
        self.screen.line(f"certificate: {summary(certificate)}")
        self.screen.line(f"             serials {ranges}; receipt {certificate.receipt.items[0].reference}")
        faults = verify(certificate, self.contract)
        self.screen.line(f"             checked against the chain: {'; '.join(faults) or 'holds'}")

    def _take_back(self) -> None:
        self.screen.chapter(
            "A holder who is not answered", "Past the deadline he calls back; after the challenge he takes his units."
        )
        alice = self.house.open_holder("alice", self.folder, self.registry)
        request_id = hold.plan_request(
            alice, Kind.RETIREMENT, NITRIC.credit_class.id, 300, "Acme K.K.", "never disclosed"
        )
        own = Request.model_validate_json(alice.journal.own_request(request_id).request)
        self.house.send("alice", self.contract.open_request(own))
        before = self._balance("alice", NITRIC)
        advance(self.bridge)
        self.house.chain.pass_seconds(TERMS.request_deadline_seconds + 1)
        hold.call_back(alice, request_id)
        self.house.chain.pass_seconds(TERMS.challenge_seconds + 1)
        self.house.chain.mine(TERMS.challenge_blocks)
        hold.take_back(alice, request_id, self.house.keys["alice"].address)
        advance(self.bridge)
        self.screen.line(f"alice held {before:,} units meanwhile, and {self._balance('alice', NITRIC):,} again now")

    def _cheat(self) -> Reconciliation:
        locked = SerialRange(space=FOREST.range.space, first=FOREST.range.last - 99, last=FOREST.range.last)
        self.ledger.override("behind the bridge", locked, SerialState.RETIRED, "an officer's mistake")
        elsewhere = SerialRange(space=STOVES.range.space, first=101, last=150)
        claim = Claim(
            source="another bridge",
            claim_id="block 7",
            range=elsewhere,
            kg=kilograms(elsewhere.units, 1000),
            state=ClaimState.MINTED,
            evidence="its public list of minted blocks",
        )
        self.house.chain.pass_seconds(60)
        self.cheated = (locked, elsewhere)
        return self._reconcile(
            "Reconciled again, after two frauds",
            "Somebody tokenized the same serials elsewhere, and a locked block was retired behind the bridge's back.",
            [claim],
        )

    def _reconcile(self, title: str, text: str, claims: Iterable[Claim] = ()) -> Reconciliation:
        self.screen.chapter(title, text)
        with self.screen.working("comparing"):
            codes = [block.space.registry for block in BLOCKS]
            result = reconcile(evidence(self.contract, self.registry, codes, list(claims)))
        self.screen.table(
            "credit class",
            "supply",
            "pending",
            "live serials",
            "locked",
            rows=(
                (self._label(t.class_id), f"{t.supply:,}", f"{t.pending:,}", f"{t.live:,}", f"{t.locked:,}")
                for t in result.totals
            ),
        )
        self.screen.line(f"{'clean' if result.clean else 'BREAKS'}: {len(result.findings)} findings")
        for finding in result.findings:
            self._show(finding)
        return result

    def _show(self, finding: Finding) -> None:
        ranges = ", ".join(str(r) for r in finding.ranges)
        self.screen.line(f"[{finding.severity}] {finding.title}: {ranges} ({finding.units:,} units)")
        for exhibit in finding.evidence[:3]:
            self.screen.line(exhibit.text, indent="     ")
        self.screen.line(f"what to do: {finding.advice}", indent="     ")

    def _judge(self, clean: Reconciliation, found: Reconciliation) -> int:
        named = [r for finding in found.findings for r in finding.ranges]
        expected = clean.clean and not clean.findings and not found.clean
        exact = set(named) == set(self.cheated)
        if expected and exact:
            self.screen.line("Both frauds were found, with exactly their serials. Nothing else was reported.")
            return 0
        self.screen.line("The story did not come out as it should.")
        return 1

    # --------------------------------------------------------------- details

    def _instruct(self, number: int, block: Serial) -> Hex32:
        instruction = Instruction(
            instruction_id=hex32(number),
            registry=block.space.registry,
            account="alice",
            range=block.range,
            deployment=self.contract.deployment,
            recipient=self.house.keys["alice"].address,
            not_after=self.house.chain.connection.head().timestamp + 3 * DAY,
        )
        self.ledger.instruct(instruction)
        return instruction.instruction_id

    def _ask(self, name: str, kind: Kind, block: Serial, units: int, for_: str) -> Hex32:
        holder = self.house.open_holder(name, self.folder, self.registry)
        request_id = hold.plan_request(holder, kind, block.credit_class.id, units, for_, "demonstration")
        hold.ask(holder, request_id)
        verb = "retire" if kind is Kind.RETIREMENT else "redeem"
        self.screen.line(f"{name} asks to {verb} {units:,} units of {block.credit_class.label} for {for_}")
        return request_id

    def _balance(self, name: str, block: Serial) -> int:
        return self.contract.balance(self.house.keys[name].address, block.credit_class.id)

    def _label(self, class_id: Hex32) -> str:
        return next(c.label for c in (block.credit_class for block in BLOCKS) if c.id == class_id)


def amount(block: Serial) -> str:
    mass = kilograms(block.range.units, block.kg_per_unit)
    return f"{block.range.units:,} units, {tonnes(mass):,.0f} t"
