"""What has to be done at a programme's own registry before the ledger's word of it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

    def carry_out(
        self, decision: Decision, seen: WitnessedRequest, opening: Opening, account: str, final: BlockStamp
    ) -> Done | None:
        """Exactly what is settled of a request that has ended, at this final block. `account` is the one that has the
        serials, of which a retirement takes them."""
        counterpart = self._counterparts.get(decision.registry)
        if counterpart is None:
            return None
        handed_over = decision.kind is Kind.REDEMPTION
        act = ForeignAct(
            verb=ENDING[decision.kind],
            subject=seen.opened.request_id,
            programme=decision.registry,
            deployment=decision.deployment,
            class_id=decision.class_id,
            ranges=tuple(sorted((r for part in seen.settled for r in part.ranges), key=lambda r: r.key)),
            account=opening.beneficiary if handed_over else account,
            due=seen.opened.deadline,
            beneficiary=opening.beneficiary,
            purpose=opening.purpose,
            final=final,
        )
        (done,) = self._pursue(counterpart, [act])
        return done

    def _giving_back(self, record: LockRecord, final: BlockStamp) -> ForeignAct:
        ranges = self._ledger.still_locked(record.lock.lock_id)
        return _taking(record).model_copy(update={"verb": Verb.GIVE_BACK, "ranges": ranges, "final": final})

    def _pursue(self, counterpart: Counterpart, acts: Sequence[ForeignAct]) -> list[Done]:
        """All done, or the worst of what was answered is raised."""
        stored = [self._ledger.plan_act(act) for act in acts]
        found: dict[Hex32, Done | BridgeError] = {}
        for act in stored:
            record = self._ledger.act(act.id)
            if record and record.done:
                found[act.id] = record.done
            elif record and record.state is ActState.VOID:
                found[act.id] = RegistryRefused(f"{act.what} was given up; lock the serials anew")
        left = [act for act in stored if act.id not in found]
        found |= zip((act.id for act in left), counterpart.pursue(left) if left else [], strict=True)
        troubles = [answer for answer in found.values() if isinstance(answer, BridgeError)]
        if troubles:
            raise max(troubles, key=lambda trouble: trouble.exit_code)
        return [answer for answer in found.values() if isinstance(answer, Done)]


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
