"""What has to be done at a programme's own registry before the ledger's word of it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bridge.domain.attestations import Opening
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.observed import BlockStamp, WitnessedRequest
from bridge.domain.serials import SerialRange
from bridge.domain.values import Hex32, RegistryCode
from bridge.errors import BridgeError, RegistryRefused
from bridge.registry.counterpart import Counterpart, Counterparts, Done, ForeignAct, Verb, act_id
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.locking import LockRecord
from bridge.registry.ledger.requests import Decision

ENDING = {Kind.RETIREMENT: Verb.RETIRE, Kind.REDEMPTION: Verb.HAND_OVER}


class Ending(NamedTuple):
    """A request that has ended at this final block. `account` is the one that has the serials, of which a retirement
    takes them."""

    decision: Decision
    seen: WitnessedRequest
    opening: Opening
    account: str
    final: BlockStamp


class Abroad:
    """The ledger with the counterparts of its programmes. Each method does nothing for a programme without one, and
    raises what the counterpart answers until the act is done."""

    def __init__(self, ledger: Ledger, counterparts: Counterparts) -> None:
        self._ledger = ledger
        self._counterparts = counterparts

    def objection(self, registry: RegistryCode, kind: Kind, opening: Opening) -> str:
        counterpart = self._counterparts.get(registry)
        return counterpart.objection(kind, opening) if counterpart else ""

    def take(self, registry: RegistryCode, records: Sequence[LockRecord], now: Callable[[], int]) -> None:
        """Out of circulation, before anybody signs the locks. `now`: the final chain's seconds."""
        if counterpart := self._counterparts.get(registry):
            for record in records:
                if record.released or not record.whole or record.instruction.not_after < now():
                    raise RegistryRefused(
                        f"lock {record.lock.lock_id} has run out, or its serials are no longer locked"
                    )
            self._pursue(counterpart, [_taking(record) for record in records])

    def give_back(self, record: LockRecord, final: BlockStamp) -> None:
        """To the depositor, of a lock that was seen unused at this final block. What was never asked for is let be."""
        counterpart = self._counterparts.get(record.instruction.registry)
        if counterpart is None:
            return
        taking = self._ledger.act(act_id(Verb.TAKE, record.lock.lock_id))
        if taking is None or taking.state is ActState.VOID:
            return
        if taking.state is ActState.PLANNED:
            self._ledger.void_act(taking.act.id, "its lock ran out")
            return
        self._pursue(counterpart, [taking.act])
        known = self._ledger.act(act_id(Verb.GIVE_BACK, record.lock.lock_id))
        giving_back = known.act if known else self._giving_back(record, final)
        if giving_back.ranges:  # or all of it was reversed meanwhile
            self._pursue(counterpart, [giving_back])

    def serves(self, registry: RegistryCode) -> bool:
        """Whether the programme's own registry is another."""
        return registry in self._counterparts

    def carry_out(self, programme: RegistryCode, endings: Sequence[Ending]) -> dict[Hex32, Done | BridgeError]:
        """Exactly what is settled of requests that have ended; an answer for each, by request."""
        acts = {_act_of(programme, one).id: one.decision.reservation.request_id for one in endings}
        answers = self._pursue_each(self._counterparts[programme], [_act_of(programme, one) for one in endings])
        return {acts[act]: answer for act, answer in answers.items()}

    def _giving_back(self, record: LockRecord, final: BlockStamp) -> ForeignAct:
        ranges = self._ledger.still_locked(record.lock.lock_id)
        return _taking(record).model_copy(update={"verb": Verb.GIVE_BACK, "ranges": ranges, "final": final})

    def _pursue(self, counterpart: Counterpart, acts: Sequence[ForeignAct]) -> list[Done]:
        """All done, or the worst of what was answered is raised."""
        answers = self._pursue_each(counterpart, acts).values()
        troubles = [answer for answer in answers if isinstance(answer, BridgeError)]
        if troubles:
            raise max(troubles, key=lambda trouble: trouble.exit_code)
        return [answer for answer in answers if isinstance(answer, Done)]

    def _pursue_each(self, counterpart: Counterpart, acts: Sequence[ForeignAct]) -> dict[Hex32, Done | BridgeError]:
        """By the acts' ids."""
        found: dict[Hex32, Done | BridgeError] = {}
        left: list[ForeignAct] = []
        for act in acts:
            try:
                stored = self._ledger.plan_act(act)
            except BridgeError as trouble:
                found[act.id] = trouble
                continue
            record = self._ledger.act(act.id)
            if record and record.done:
                found[act.id] = record.done
            elif record and record.state is ActState.VOID:
                found[act.id] = RegistryRefused(f"{act.what} was given up; lock the serials anew")
            else:
                left.append(stored)
        return found | dict(zip((act.id for act in left), counterpart.pursue(left) if left else [], strict=True))


def done_abroad(ledger: Ledger, counterpart: Counterpart, act: Hex32, ranges: Sequence[SerialRange]) -> Done:
    """For an attester: raises RegistryRefused unless these serials' act is done at the programme's own registry, and
    his own look confirms it."""
    record = ledger.act(act)
    if record is None or record.done is None:
        raise RegistryRefused(f"act {act} on these serials is not done at their own registry; nothing is signed for it")
    if list(record.act.ranges) != sorted(ranges, key=lambda r: r.key):
        raise RegistryRefused(f"{record.act.what} was on other serials; never sign it")
    counterpart.check(record)
    return record.done


def _act_of(programme: RegistryCode, ending: Ending) -> ForeignAct:
    decision, seen, opening = ending.decision, ending.seen, ending.opening
    handed_over = decision.kind is Kind.REDEMPTION
    return ForeignAct(
        verb=ENDING[decision.kind],
        subject=seen.opened.request_id,
        programme=programme,
        deployment=decision.deployment,
        class_id=decision.class_id,
        ranges=tuple(sorted((r for part in seen.settled for r in part.ranges), key=lambda r: r.key)),
        account=opening.beneficiary if handed_over else ending.account,
        due=seen.opened.deadline,
        beneficiary=opening.beneficiary,
        purpose=opening.purpose,
        final=ending.final,
    )


def _taking(record: LockRecord) -> ForeignAct:
    instruction = record.instruction
    return ForeignAct(
        verb=Verb.TAKE,
        subject=record.lock.lock_id,
        programme=instruction.registry,
        deployment=instruction.deployment,
        class_id=record.lock.class_id,
        ranges=(instruction.range,),
        account=instruction.account,
        due=instruction.not_after,
    )
