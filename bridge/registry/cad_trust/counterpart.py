"""The programme's own registry is CAD Trust: acts become staged rows, a commit of ours alone, and units read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from bridge.domain.attestations import Opening
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.serials import coalesce
from bridge.domain.values import Hex32, RegistryCode, keccak_hex
from bridge.errors import BridgeError, NotYet, RegistryRefused, Unreachable
from bridge.registry.cad_trust.client import CadTrustClient, StagedRow
from bridge.registry.cad_trust.place import CadTrust, marks_of
from bridge.registry.cad_trust.units import Placed, Unreadable, read_units
from bridge.registry.cad_trust.wanted import Write, content_of, covering, is_done, is_idle, next_writes
from bridge.registry.counterpart import ActRecord, Done, ForeignAct, Verb
from bridge.registry.evidence import EvidenceFolder
from bridge.registry.ledger import Ledger

_OPEN = (ActState.PLANNED, ActState.ASKED, ActState.UNKNOWN)


class Reading(NamedTuple):
    """What CAD Trust states. Staging is read before the units: what has left it stands in them."""

    is_pending: bool
    staged: Sequence[StagedRow]
    placed: Sequence[Placed]
    unreadable: Sequence[Unreadable]

    def named(self, round_: int) -> str:
        """As what resolves an act that was asked `round_` times."""
        text = "\n".join(sorted(one.unit.model_dump_json() for one in self.placed))
        return f"reading {keccak_hex(text.encode())[:10]} of {len(self.placed):,} units after round {round_}"


class CadTrustCounterpart:
    """Implements `Counterpart`. Each write follows from what was read just before; a write without an answer makes its
    acts unknown, and the next reading resolves them."""

    def __init__(
        self,
        ledger: Ledger,
        programme: RegistryCode,
        place: CadTrust,
        client: CadTrustClient,
        evidence: EvidenceFolder,
    ) -> None:
        self._ledger, self._programme, self._place = ledger, programme, place
        self._client, self._evidence = client, evidence

    def objection(self, _kind: Kind, _opening: Opening) -> str:
        return ""

    def pursue(self, acts: Sequence[ForeignAct]) -> list[Done | BridgeError]:
        try:
            reading = self.read()
        except BridgeError as trouble:
            return [trouble for _ in acts]
        answers: dict[Hex32, Done | BridgeError] = {}
        due: list[tuple[ForeignAct, list[Write]]] = []
        for act in acts:
            try:
                writes = next_writes(act, reading.placed, self._place.marketplace)
            except BridgeError as trouble:
                answers[act.id] = trouble
                continue
            if writes:
                due.append((act, writes))
            else:
                answers[act.id] = self._end(act, reading)
        if due:
            answers |= self._go_on(due, reading)
        return [answers[act.id] for act in acts]

    def check(self, record: ActRecord) -> None:
        """Looks at the units that the act named, by their ids."""
        act, done = record.act, record.done
        if done is None:
            raise RegistryRefused(f"{act.what} is not done; nothing is signed for it")
        self._evidence.require(done.evidence)
        found = [row for unit_id in done.reference.split(", ") if (row := self._client.unit(unit_id))]
        placed, _ = read_units(found, self._programme, self._place.counter, self._place.org_uid)
        units = covering(act, placed)
        whole = coalesce(one.block.range for one in units) == coalesce(act.ranges)
        if act.verb in (Verb.GIVE_BACK, Verb.HAND_OVER):  # whoever has them now may have moved them on
            marks = marks_of(act.deployment)
            true = not any((one.unit.marketplace_identifier or "").startswith(marks) for one in units)
        else:
            true = all(is_done(act, one.unit, self._place.marketplace) for one in units)
        if not (whole and true):
            raise RegistryRefused(f"{act.what} is not what CAD Trust shows of units {done.reference}; never sign it")

    def read(self) -> Reading:
        """Everything that there is. Raises as the client."""
        is_pending, staged = self._client.is_pending(), self._client.staged()
        placed, unreadable = read_units(self._client.units(), self._programme, self._place.counter, self._place.org_uid)
        return Reading(is_pending, staged, placed, unreadable)

    def _end(self, act: ForeignAct, reading: Reading) -> Done:
        units = [one.unit for one in covering(act, reading.placed)]
        rows = [unit.model_dump(by_alias=True) for unit in units]
        seal = self._evidence.keep_content(json.dumps(rows, sort_keys=True, ensure_ascii=False).encode(), ".json")
        done = Done(reference=", ".join(unit.warehouse_unit_id for unit in units), evidence=seal)
        return self._ledger.end_act(act.id, done, reading.named(self._round(act)))

    def _go_on(
        self, due: Sequence[tuple[ForeignAct, list[Write]]], reading: Reading
    ) -> dict[Hex32, Done | BridgeError]:
        if reading.is_pending:
            return {act.id: NotYet(f"{act.what} waits for a commit to be confirmed in CAD Trust") for act, _ in due}
        if strangers := self._strangers(reading):
            return {act.id: NotYet(f"{act.what} waits: {strangers}") for act, _ in due}
        answers: dict[Hex32, Done | BridgeError] = {}
        going: list[ForeignAct] = []
        writes: dict[str, Write] = {}
        for act, its_writes in due:
            if any(write.unit_id in writes for write in its_writes):
                answers[act.id] = NotYet(f"{act.what} waits for another act on the same unit")
                continue
            self._ask(act, reading)
            going.append(act)
            writes |= {write.unit_id: write for write in its_writes}
        try:
            self._stage_and_commit(writes, reading, going)
        except BridgeError as trouble:
            for act in going:
                self._ledger.lose_act(act.id, str(trouble))
                words = f"{act.what} is unknown ({trouble}); CAD Trust is read again before anything else"
                answers[act.id] = Unreachable(words) if isinstance(trouble, Unreachable) else NotYet(words)
            return answers
        committed = {act.id: NotYet(f"{act.what} is committed to CAD Trust, and not confirmed yet") for act in going}
        return answers | committed

    def _ask(self, act: ForeignAct, reading: Reading) -> None:
        """Stored before anything is written. What is unknown was not done, as this reading shows."""
        record = self._ledger.act(act.id)
        if record is not None and record.state is ActState.UNKNOWN:
            self._ledger.free_act(act.id, reading.named(record.round))
        if record is None or record.state is not ActState.ASKED:
            self._ledger.ask_act(act.id, "by the API of CAD Trust")

    def _stage_and_commit(self, writes: dict[str, Write], reading: Reading, acts: Sequence[ForeignAct]) -> None:
        staged = {row.uuid: row for row in reading.staged}
        for write in writes.values():
            row = staged.get(write.unit_id)
            if row is not None and content_of(row) == write.staged:
                if row.failed_commit:
                    self._client.retry(write.unit_id)
            elif write.records is not None:
                self._client.split(write.unit_id, write.records)
            else:
                self._client.update(write.body)
        now = {row.uuid: row for row in self._client.staged()}
        for write in writes.values():
            row = now.get(write.unit_id)
            if row is None or row.commited or content_of(row) != write.staged:
                raise RegistryRefused(f"unit {write.unit_id} stands otherwise in staging than was written; look there")
        self._client.commit(list(writes), f"carbonbridge {' '.join(act.id for act in acts)}")

    def _strangers(self, reading: Reading) -> str:
        """Rows that are not ours, in words; none when there are none. A commit names its rows, but when it is confirmed
        CAD Trust empties all of staging, with what others have prepared there."""
        ours: dict[str, list[object]] = {}
        for record in self._ledger.acts(self._programme, *_OPEN):
            try:
                writes = next_writes(record.act, reading.placed, self._place.marketplace)
            except BridgeError:
                continue
            for write in writes:
                ours.setdefault(write.unit_id, []).append(write.staged)
        others = [
            row.uuid
            for row in reading.staged
            if content_of(row) not in ours.get(row.uuid, []) and not is_idle(row, reading.placed)
        ]
        if not others:
            return ""
        return f"others have staged {', '.join(others[:5])} in CAD Trust; have them commit or delete it"

    def _round(self, act: ForeignAct) -> int:
        record = self._ledger.act(act.id)
        return record.round if record else 0
