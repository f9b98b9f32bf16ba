"""The world with a programme whose registry has screens only: three officers, and the screens themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.bootstrap import ATTESTER_NAMES, desk_of
from bridge.chain.signers import KeySigner
from bridge.domain.credit_class import CreditClass
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.domain.values import Hex32
from bridge.flow.advance import advance
from bridge.flow.lock import plan
from bridge.registry.attesters import Eyes
from bridge.registry.counterpart import Counterparts, ForeignAct, Verb, act_id
from bridge.registry.desk.desk import Desk
from bridge.registry.desk.rules import DeskRules
from bridge.registry.embedded import LedgerRegistry
from tests.flow.world import DAY, TERMS, Stage, World, span

CODE = "J-CREDIT"
CERTIFICATION = "JC-FM-001234"
FORESTRY = SerialSpace(registry=CODE, kind=SpaceKind.BATCH, key=CERTIFICATION)
PINES = CreditClass(registry=CODE, project="001234", vintage=2021, credit_type="FM", kg_per_unit=1000)
OFFICERS = ("officer-1", "officer-2", "officer-3")
USES = ("カーボン・オフセット", "温対法の報告", "寄付")
OURS, ALICE = "1000-0001", "alice"


class DeskStage(Stage):
    def __init__(self) -> None:
        super().__init__()
        rehearsal = self.rehearsal
        keys = dict(rehearsal.keys) | {name: rehearsal.chain.signer(90 + n) for n, name in enumerate(OFFICERS)}
        self.rehearsal = replace(rehearsal, keys=keys, codes=(*rehearsal.codes, CODE))
        attesters = [keys[name].address for name in ATTESTER_NAMES]
        self.rehearsal.send("admin", rehearsal.contract.add_registry(CODE, attesters, 2, TERMS))
        self.rehearsal.send("operator", rehearsal.contract.register_space(FORESTRY))
        self.rehearsal.send("operator", rehearsal.contract.create_class(PINES))
        self._clean = rehearsal.chain.snapshot()


def trees(first: int, last: int) -> SerialRange:
    return span(first, last, FORESTRY)


@dataclass
class Screens:
    """The registry itself: who has each serial, and whether it is retired. What is filed twice, it cannot do twice."""

    holder: dict[int, str] = field(default_factory=dict)
    retired: set[int] = field(default_factory=set)
    filings: list[str] = field(default_factory=list)

    def move(self, spans: Sequence[SerialRange], source: str, target: str) -> str:
        for number in _numbers(spans):
            assert self.holder[number] == source, f"serial {number} is not in {source}"
            assert number not in self.retired
            self.holder[number] = target
        return self._filed("移転")

    def retire(self, spans: Sequence[SerialRange]) -> str:
        assert not self.retired & set(_numbers(spans)), "retired already: it was filed twice"
        self.retired |= set(_numbers(spans))
        return self._filed("無効化")

    def carry_out(self, act: ForeignAct) -> str:
        """What an officer types in from the sheet."""
        if act.verb is Verb.RETIRE:
            return self.retire(act.ranges)
        source, target = (act.account, OURS) if act.verb is Verb.TAKE else (OURS, act.account)
        return self.move(act.ranges, source, target)

    def save_list(self, path: Path) -> Path:
        rows = ["認証番号,シリアル番号（開始）,シリアル番号（終了）,状態,口座番号"]
        for number, account in sorted(self.holder.items()):
            state = "無効化" if number in self.retired else "保有" if account == OURS else "移転"
            rows.append(f"{CERTIFICATION},{number},{number},{state},{account}")
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return path

    def _filed(self, what: str) -> str:
        self.filings.append(what)
        return f"{what} 2026-{len(self.filings):03d}"


def _numbers(spans: Sequence[SerialRange]) -> list[int]:
    return [number for one in spans for number in range(one.first, one.last + 1)]


class DeskWorld(World):
    """Also: three officers of whom two must agree, and the screens."""

    def __init__(self, folder: Path, stage: Stage, screens: Screens | None = None) -> None:
        super().__init__(folder, stage)
        self.screens = screens or Screens()
        self.ledger.add_space(FORESTRY)
        self.ledger.add_class(PINES)

    @property
    def rules(self) -> DeskRules:
        return DeskRules(
            account=OURS, holder="架け橋株式会社", officers=OFFICERS, uses=USES, evidence=self.folder / "evidence"
        )

    @property
    def desk(self) -> Desk:
        return self._desk({self.contract.deployment: self.rehearsal.witness()})

    def _desk(self, eyes: Eyes) -> Desk:
        officers = {self.keys[name].address: name for name in OFFICERS}
        return desk_of(self.ledger, CODE, self.rules, officers, eyes)

    def open_registry(self) -> LedgerRegistry:
        def counterparts(eyes: Eyes) -> Counterparts:
            return {CODE: self._desk(eyes)}

        return self.rehearsal.open_registry(self.ledger, counterparts)

    def officer(self, number: int) -> KeySigner:
        return self.keys[OFFICERS[number - 1]]

    def file_of(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.write_text(content or f"what the screens show: {name}", encoding="utf-8")
        return path

    def order(self, serials: SerialRange, days: int = 30) -> Hex32:
        """Alice has serials there and orders them brought here; gives the lock id."""
        self.issue(serials, PINES)
        self.screens.holder |= dict.fromkeys(_numbers([serials]), ALICE)
        return plan(self.bridge, self.instruct(serials, registry=CODE, days=days)).lock_id

    def attest(self, act: Hex32, reference: str, officers: Sequence[int] = (1, 2)) -> None:
        """Officers see it done, and name the same file."""
        evidence = self.file_of(f"{act[:10]}.txt")
        for number in officers:
            self.desk.confirm(act, self.officer(number), reference, evidence)

    def deposited(self, serials: SerialRange) -> Hex32:
        """Ordered, moved on the screens, confirmed, minted; gives the lock id."""
        lock_id = self.order(serials)
        advance(self.bridge)
        act = act_id(Verb.TAKE, lock_id)
        self.attest(act, self.screens.carry_out(self.desk.record(act).act))
        advance(self.bridge)
        return lock_id

    def filed(self, act: Hex32) -> str:
        """Recorded, then filed; gives the registry's reference."""
        record = self.desk.file(act, self.officer(1))
        return self.screens.carry_out(record.act)


__all__ = ["CODE", "DAY", "PINES", "USES", "DeskStage", "DeskWorld", "Screens", "trees"]
