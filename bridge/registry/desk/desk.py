"""The desk of one programme: what its officers have to do, and what they attest of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge.domain.attestations import NO_EVIDENCE, Confirmation, Deployment, Opening, TypedData, typed_data
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.serials import SerialRange, coalesce
from bridge.domain.values import Address, Hex32, Hex64, RegistryCode, moment
from bridge.errors import AlreadyDone, BridgeError, Conflict, NotYet, RegistryRefused, UsageError
from bridge.registry.counterpart import ActRecord, Confirmed, Done, ForeignAct, Verb
from bridge.registry.desk.lists import read_list, verdict
from bridge.registry.desk.rules import DeskRules
from bridge.registry.evidence import EvidenceFolder
from bridge.registry.ledger import Ledger
from bridge.registry.port import ChainWitness, Signer

DAY = 86_400
OPEN = (ActState.PLANNED, ActState.ASKED, ActState.UNKNOWN)

Recover = Callable[[TypedData, Hex64], Address | None]
"""Who signed a document."""


class Desk:
    """Implements `Counterpart`. `officers` by address, with the names of their keys; `eyes` are the desk's own."""

    def __init__(
        self,
        ledger: Ledger,
        programme: RegistryCode,
        rules: DeskRules,
        officers: Mapping[Address, str],
        eyes: Mapping[Deployment, ChainWitness],
        recover: Recover,
        evidence: EvidenceFolder,
    ) -> None:
        if len(officers) != len(rules.officers):
            raise UsageError(f"officers of {programme} share a key; two persons with two keys must have seen an act")
        self.ledger, self.programme, self.rules = ledger, programme, rules
        self.officers, self._eyes, self._recover, self.evidence = officers, eyes, recover, evidence

    # ------------------------------------------------------------- for the registry

    def objection(self, kind: Kind, opening: Opening) -> str:
        return self.rules.objection(kind, opening)

    def pursue(self, acts: Sequence[ForeignAct]) -> list[Done | BridgeError]:
        return [self._pursued(self.record(act.id)) for act in acts]

    def check(self, record: ActRecord) -> None:
        """A quorum of officers signed the same, for this act's serials, and the file that they name is still there."""
        what, done = record.act.what, record.done
        if done is None:
            raise RegistryRefused(f"{what} is not done; nothing is signed for it")
        agreeing: set[Address] = set()
        for one in record.confirmed:
            said = one.confirmation
            if said.finding != "done" or (said.reference, said.evidence) != (done.reference, done.evidence):
                continue
            signer = self._recover(typed_data(record.act.deployment, [said]), one.signature)
            if signer is not None and signer in self.officers and said.ranges == record.act.ranges:
                agreeing.add(signer)
        if len(agreeing) < self.rules.threshold:
            raise RegistryRefused(f"{what}: {len(agreeing)} of {self.rules.threshold} officers signed for it")
        self.evidence.require(done.evidence)

    # ------------------------------------------------------------------ for officers

    def work(self) -> tuple[ActRecord, ...]:
        """What waits for somebody here, oldest first."""
        return self.ledger.acts(self.programme, *OPEN)

    def record(self, act_id: Hex32) -> ActRecord:
        record = self.ledger.act(act_id)
        if record is None or record.act.programme != self.programme:
            raise RegistryRefused(f"there is no act {act_id} at the desk of {self.programme}")
        return record

    def file(self, act_id: Hex32, officer: Signer) -> ActRecord:
        """Stores that this officer files the act, before he does. Never twice: raises Conflict when it stands as filed,
        NotYet or RegistryRefused unless the desk's own eyes see what it follows from at a final block."""
        record, name = self.record(act_id), self._name(officer.address)
        if record.act.verb is Verb.TAKE:
            raise RegistryRefused(
                f"{record.act.what} is the depositor's to file; confirm it when the serials are there"
            )
        if record.state is not ActState.PLANNED:
            raise Conflict(
                f"{record.act.what} is {record.state} since {moment(record.since)} ({record.words}): it is never filed "
                f"twice. Who does not know whether it went through says so: carbonbridge registry desk doubt {act_id}"
            )
        self._require_final(record.act)
        said = Confirmation(
            act_id=act_id,
            round=record.round + 1,
            finding="filed",
            ranges=record.act.ranges,
            seen_at=self.ledger.clock(),
        )
        self._keep(record.act, officer, said)
        self.ledger.ask_act(act_id, f"filed by {name}")
        return self.record(act_id)

    def doubt(self, act_id: Hex32, officer: Signer) -> ActRecord:
        """It was filed, and nobody knows whether it went through."""
        record, name = self.record(act_id), self._name(officer.address)
        if record.state is ActState.UNKNOWN:
            raise AlreadyDone(f"{record.act.what} is unknown since {moment(record.since)} ({record.words})")
        if record.state is not ActState.ASKED:
            raise RegistryRefused(f"{record.act.what} is {record.state}; only what stands as filed can be in doubt")
        self.ledger.lose_act(act_id, f"{name} does not know whether it went through")
        return self.record(act_id)

    def confirm(self, act_id: Hex32, officer: Signer, reference: str, file: Path) -> ActRecord:
        """An officer has seen the act done, under that registry's reference, as this file shows. With the last officer
        that the rules ask for it is done. Raises Conflict when he names other things than another officer."""
        record = self.record(act_id)
        if record.done is None and record.act.verb is not Verb.TAKE and record.state is ActState.PLANNED:
            raise RegistryRefused(f"{record.act.what} is not filed yet: carbonbridge registry desk file {act_id}")
        if record.state is ActState.UNKNOWN:
            raise RegistryRefused(
                f"{record.act.what} is unknown: only that registry's list resolves it: "
                f"carbonbridge registry desk resolve {act_id} --list FILE"
            )
        return self._attest(record, officer, "done", reference, file, self.ledger.clock(), "officers' confirmations")

    def resolve(self, act_id: Hex32, officer: Signer, file: Path, as_of: int, reference: str) -> ActRecord:
        """What that registry's list of `as_of` says of an unknown act, as this officer sees it; with the last one it
        counts: done, or to be filed again."""
        record = self.record(act_id)
        if record.state is not ActState.UNKNOWN:
            raise RegistryRefused(f"{record.act.what} is {record.state}; a list resolves what is unknown")
        if as_of > self.ledger.clock():
            raise UsageError(f"a list of {moment(as_of)} is of the future; say when it was downloaded")
        asked = max(at for at, state, _ in self.ledger.steps(act_id) if state is ActState.ASKED)
        found = read_list(file, self.programme, self.rules)
        is_done = verdict(record.act, found, self.rules)
        if as_of < asked:
            raise NotYet(f"the list of {moment(as_of)} is older than the filing of {moment(asked)}; get a newer one")
        if not is_done and as_of < (until := asked + self.rules.processing_days * DAY):
            raise NotYet(f"{self.programme} may still be at it: what is not done by {moment(until)} can be filed again")
        if not is_done:
            reference = ""
        statement = f"the list {found.seal[:10]} of {moment(as_of)}"
        return self._attest(record, officer, "done" if is_done else "not-done", reference, file, as_of, statement)

    # -------------------------------------------------------------------------------

    def _attest(
        self, record: ActRecord, officer: Signer, finding: str, reference: str, file: Path, seen_at: int, statement: str
    ) -> ActRecord:
        act, name = record.act, self._name(officer.address)
        if finding == "done" and not reference.strip():
            raise UsageError(f"{act.what}: name that registry's own reference for it")
        said = Confirmation.model_validate(
            {
                "act_id": act.id,
                "round": record.round,
                "finding": finding,
                "ranges": act.ranges,
                "reference": reference.strip(),
                "evidence": self.evidence.keep(file),
                "seen_at": seen_at,
            }
        )
        self._require_agreement(record, officer.address, said)
        if record.done is not None:
            raise AlreadyDone(f"{act.what} is done as {record.done.reference}; nothing is left to confirm")
        if record.state is ActState.VOID:
            raise RegistryRefused(f"{act.what} was given up ({record.words}); the serials have to go back")
        self._keep(act, officer, said)
        self._count(self.record(act.id), f"{statement}, the last by {name}")
        return self.record(act.id)

    def _require_agreement(self, record: ActRecord, officer: Address, said: Confirmation) -> None:
        """Nobody adds a word that contradicts another's; who has given one may still change it."""
        words = {one.officer: one.confirmation for one in record.confirmed if one.confirmation.finding != "filed"}
        own = words.get(officer)
        if record.done is None and own is not None and _content(own) != _content(said):
            return
        for other, word in words.items():
            if _content(word) != _content(said):
                raise Conflict(
                    f"{record.act.what}: {self._name(other)} attested {_spelt(word)}, this is {_spelt(said)}. "
                    "Look again together: whoever was wrong confirms anew, then the other"
                )

    def _count(self, record: ActRecord, statement: str) -> None:
        """Ends, or frees, what enough officers agree upon."""
        if record.done is not None:
            return
        words = {one.officer: one.confirmation for one in record.confirmed if one.confirmation.finding != "filed"}
        officers = [officer for officer in words if officer in self.officers]
        if len(officers) < self.rules.threshold or len({_content(words[one]) for one in officers}) != 1:
            return
        said = words[officers[0]]
        if said.finding == "done":
            self.ledger.end_act(record.act.id, Done(reference=said.reference, evidence=said.evidence), statement)
        elif record.state is ActState.UNKNOWN:
            self.ledger.free_act(record.act.id, statement)

    def _pursued(self, record: ActRecord) -> Done | BridgeError:
        self._count(
            record, f"officers' confirmations of round {record.round}"
        )  # whoever died in between had said all that is needed
        record = self.record(record.act.id)
        return record.done or NotYet(self.waiting_for(record))

    def waiting_for(self, record: ActRecord) -> str:
        """In words, what an act waits for."""
        act, seen = record.act, sum(one.confirmation.finding != "filed" for one in record.confirmed)
        quorum = f"{seen} of {self.rules.threshold} officers have confirmed it"
        command = f"carbonbridge registry desk {{}} {act.id[:10]}"
        if record.state is ActState.UNKNOWN:
            return f"{act.what} is unknown ({record.words}); {self.programme}'s next list resolves it, nothing else"
        if record.state is ActState.ASKED:
            return f"{act.what} is {record.words}; {quorum}: {command.format('confirm')}"
        if act.verb is Verb.TAKE:
            return (
                f"{act.what} waits for account {act.account!r} to move them to {self.rules.account}; {quorum}: "
                + command.format("confirm")
            )
        return f"{act.what} waits for an officer to file it: {command.format('file')}"

    def _require_final(self, act: ForeignAct) -> None:
        witness = self._eyes.get(act.deployment)
        if witness is None:
            raise UsageError(f"this desk has no eyes on {act.deployment}; configure its node")
        if act.verb is Verb.GIVE_BACK:
            stamp = witness.stamp()
            if stamp.timestamp <= act.due or witness.locks_used(act.programme, [act.subject]):
                raise RegistryRefused(f"lock {act.subject} can be minted, or is; its serials do not go back")
            return
        seen = witness.requests([act.subject]).get(act.subject)
        if isinstance(seen, BridgeError):
            raise seen
        if seen is None or not seen.status.ended:
            raise NotYet(f"request {act.subject} has not ended at a final block; nothing is filed for it before")
        settled: list[SerialRange] = [span for part in seen.settled for span in part.ranges]
        if coalesce(settled) != coalesce(act.ranges):
            raise RegistryRefused(f"{act.what} is on other serials than are settled on the final chain; reconcile")

    def _keep(self, act: ForeignAct, officer: Signer, said: Confirmation) -> None:
        document = typed_data(act.deployment, [said])
        signature = officer.sign(document)
        if self._recover(document, signature) != officer.address:
            raise RegistryRefused(f"the signature is not {officer.address}'s; look at the key")
        self.ledger.confirm(Confirmed(officer=officer.address, confirmation=said, signature=signature))

    def _name(self, officer: Address) -> str:
        if officer not in self.officers:
            raise RegistryRefused(f"{officer} is no officer of {self.programme}'s desk; configured are {self._named()}")
        return self.officers[officer]

    def _named(self) -> str:
        return ", ".join(sorted(self.officers.values()))


def _content(said: Confirmation) -> tuple[str, str, Hex32]:
    return (said.finding, said.reference, said.evidence)


def _spelt(said: Confirmation) -> str:
    evidence = "no file" if said.evidence == NO_EVIDENCE else f"file {said.evidence[:10]}"
    return f"{said.finding} ({said.reference or 'no reference'}, {evidence})"
