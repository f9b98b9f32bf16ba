"""Stand-ins for what lies outside the registry: a final chain, witnesses of it, and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Engine

from bridge.domain.attestations import Deployment, Lock, Opening, Outcome, Receipt, Reversal, TypedData
from bridge.domain.credit_class import CreditClass, Gate, Verdict
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.observed import BlockStamp, Place, RequestOpened, WitnessedRequest
from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind, subtract
from bridge.domain.values import hex32, keccak_hex
from bridge.errors import BridgeError, Unreachable
from bridge.registry.attesters import Attester, AttesterSet
from bridge.registry.counterpart import Done
from bridge.registry.embedded import LedgerRegistry
from bridge.registry.ledger import Ledger
from bridge.registry.ledger.requests import Execution
from bridge.registry.port import Instruction, LockOrder, Registry

HERE = Deployment(chain_id=31337, contract=f"0x{0xB41D6E:040x}")
ELSEWHERE = Deployment(chain_id=1, contract=f"0x{0xE15E:040x}")
RECIPIENT = f"0x{0xA11CE:040x}"
HOLDER = f"0x{0x401DE4:040x}"
VER = SerialSpace(registry="VERRA", kind=SpaceKind.COUNTER, key="VER")
BATCH = SerialSpace(registry="GS", kind=SpaceKind.BATCH, key="30307")
BALE = CreditClass(registry="VERRA", project="1340", vintage=2020, credit_type="VCU", kg_per_unit=1000)
TONGXU = CreditClass(registry="VERRA", project="3005", vintage=2022, credit_type="VCU", kg_per_unit=1000)
BIOLITE = CreditClass(registry="GS", project="11236", vintage=2024, credit_type="VER", kg_per_unit=1000)


Answer = TypeVar("Answer")


class FakeSigner:
    """Signs by hashing: enough to tell who signed what."""

    def __init__(self, number: int) -> None:
        self.address = f"0x{number:040x}"

    def sign(self, document: TypedData) -> str:
        half = keccak_hex(f"{self.address}{document}".encode())
        return half + half.removeprefix("0x")


@dataclass
class FakeChain:
    """What is final on one deployment. Tests write it, witnesses read it."""

    deployment: Deployment = HERE
    now: int = 1_000
    used: set[tuple[str, str]] = field(default_factory=set)
    requests: dict[str, WitnessedRequest] = field(default_factory=dict)
    live: list[SerialRange] = field(default_factory=list)
    reversed: set[str] = field(default_factory=set)
    shortfall: int = 0
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    methodologies: dict[str, str] = field(default_factory=dict)
    admission_required: bool = False

    def mint(self, lock_id: str, registry: str = "VERRA") -> None:
        self.used.add((registry, lock_id))

    def bury(self, reversal: Reversal) -> None:
        """The reversal has landed."""
        self.live = [rest for span in self.live for rest in subtract(span, reversal.ranges)]
        self.reversed.add(reversal.event_id)
        self.shortfall += reversal.units

    def open(self, opening: Opening, kind: Kind, units: int | None = None) -> str:
        """The holder's request for what `opening` commits to."""
        request_id = hex32(0xF00 + len(self.requests))
        opened = RequestOpened(
            place=Place(block=1, transaction=hex32(1), log_index=0),
            request_id=request_id,
            holder=HOLDER,
            class_id=opening.class_id,
            kind=kind,
            units=units or opening.units,
            commitment=opening.commitment,
            salt=hex32(7),
            deadline=5_000,
        )
        self.requests[request_id] = WitnessedRequest(
            opened=opened, status=RequestStatus.OPEN, remaining=opened.units, settled=()
        )
        return request_id

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            was = self.requests[outcome.request_id]
            left = was.remaining - outcome.units
            status = RequestStatus.SETTLED if left == 0 else was.status
            self.requests[outcome.request_id] = was.model_copy(
                update={"settled": (*was.settled, outcome), "remaining": left, "status": status}
            )
            self.live = [rest for span in self.live for rest in subtract(span, outcome.ranges)]

    def end(self, request_id: str, status: RequestStatus) -> None:
        self.requests[request_id] = self.requests[request_id].model_copy(update={"status": status})


class FakeWitness:
    """Eyes on a fake chain; `blind` eyes have no node, `frozen` ones lag behind."""

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.blind = False
        self.sees_nothing_live = False
        self.unseen: set[str] = set()

    @property
    def deployment(self) -> Deployment:
        return self.chain.deployment

    def stamp(self) -> BlockStamp:
        if self.blind:
            raise Unreachable("the witness's node does not answer; repeat later")
        return BlockStamp(number=self.chain.now, hash=hex32(self.chain.now), timestamp=self.chain.now)

    @contextmanager
    def pinned(self) -> Iterator[None]:
        yield

    def locks_used(self, registry: str, lock_ids: Sequence[str]) -> set[str]:
        return {one for one in lock_ids if (registry, one) in self.chain.used and one not in self.unseen}

    def reversal_done(self, registry: str, event_id: str) -> bool:  # noqa: ARG002 one registry at a time
        return event_id in self.chain.reversed

    def live(self, class_id: str, space: str) -> tuple[SerialRange, ...]:  # noqa: ARG002 one class in a space
        return tuple(span for span in self.chain.live if span.space == space and not self.sees_nothing_live)

    def gate(self, credit_class: CreditClass) -> Gate:
        named = self.chain.methodologies.get(credit_class.project)
        return Gate(
            project=self.chain.verdicts.get(credit_class.project, Verdict.NONE),
            methodology=named,
            methodology_verdict=self.chain.verdicts.get(named or "", Verdict.NONE),
            admission_required=self.chain.admission_required,
        )

    def is_barred(self, registry: str, methodology: str) -> bool:  # noqa: ARG002 one registry at a time
        return self.chain.verdicts.get(methodology) is Verdict.BARRED

    def shortfall(self, class_id: str) -> int:
        return self.chain.shortfall if class_id == BALE.id else 0

    def requests(self, request_ids: Sequence[str]) -> dict[str, WitnessedRequest | Unreachable]:
        if self.blind:
            raise Unreachable("the witness's node does not answer; repeat later")
        known = self.chain.requests
        return {one: known[one] for one in request_ids if one in known and one not in self.unseen}


@dataclass
class World:
    """A registry with two participants, serials 1 to 1000 held by one of them, and three attesters of whom two sign."""

    engine: Engine
    now: int = 1_000
    chain: FakeChain = field(default_factory=FakeChain)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.engine, self.clock)
        self.witness = FakeWitness(self.chain)
        self.attester_eyes = [FakeWitness(self.chain) for _ in range(3)]
        attesters = [Attester(FakeSigner(0xA0 + n), {HERE: eyes}) for n, eyes in enumerate(self.attester_eyes)]
        quorum = AttesterSet(2, attesters)
        self.registry = LedgerRegistry(self.ledger, {HERE: self.witness}, {"VERRA": quorum, "GS": quorum})
        for account in ("depositor", "receiver"):
            self.ledger.open_account(account)
        self.ledger.serve(HERE)
        for space in (VER, BATCH):
            self.ledger.add_space(space)
        for credit_class in (BALE, TONGXU, BIOLITE):
            self.ledger.add_class(credit_class)
        self.ledger.issue("first", serials(1, 1000), BALE.id, "depositor")

    def clock(self) -> int:
        return self.now

    def instruct(self, number: int, first: int, last: int, **changes: object) -> Instruction:
        values = {
            "instruction_id": hex32(number),
            "registry": "VERRA",
            "account": "depositor",
            "range": serials(first, last),
            "deployment": HERE,
            "recipient": RECIPIENT,
            "not_after": 2_000,
        }
        instruction = Instruction.model_validate(values | changes)
        self.ledger.instruct(instruction)
        return instruction

    def lock(self, number: int, first: int, last: int, *, minted: bool = False) -> str:
        """Instructs and locks under one number."""
        self.instruct(number, first, last)
        lock_id = hex32(number)
        one_lock(self.registry, lock_id, lock_id)
        if minted:
            self.chain.mint(lock_id)
            self.chain.live.append(serials(first, last))
        return lock_id

    def ask(self, kind: Kind, units: int, beneficiary: str = "Kinaxis Inc.", *, disclose: bool = True) -> str:
        """A holder's request, final, and disclosed unless told otherwise."""
        opening = opening_of(units, beneficiary)
        request_id = self.chain.open(opening, kind)
        if disclose:
            self.registry.disclose(request_id, opening)
        return request_id

    def settled(self, request_id: str) -> None:
        """Reserved, attested and finally settled."""
        answered(self.registry.reserve([request_id]))
        self.chain.settle(self.registry.attest_outcomes([(request_id, 0)]).items)

    def states(self, first: int = 1, last: int = 1000) -> dict[str, list[str]]:
        """Ranges of the VER space by state, as text."""
        rows = self.ledger.statement("VERRA", HERE)[1]
        found: dict[str, list[str]] = {}
        for row in rows:
            if first <= row.range.last and row.range.first <= last:
                found.setdefault(row.state, []).append(str(row.range))
        return found


def one_lock(registry: Registry, lock_id: str, instruction_id: str) -> Lock:
    """Raises what the registry answers for it."""
    return answered(registry.lock([LockOrder(lock_id, instruction_id)]))


def answered(answers: Sequence[Answer | BridgeError]) -> Answer:
    """The only answer. Raises what it is, when it is an error."""
    (answer,) = answers
    if isinstance(answer, BridgeError):
        raise answer
    return answer


def executed(
    ledger: Ledger, request_id: str, settled: Sequence[Outcome], receiver: str, done: Done | None = None
) -> Receipt:
    """What the ledger says of one request that has ended."""
    return answered(list(ledger.execute([Execution(request_id, settled, receiver, {}, done)]).values()))


def serials(first: int, last: int, space: SerialSpace = VER) -> SerialRange:
    return SerialRange(space=space.id, first=first, last=last)


def opening_of(units: int, beneficiary: str = "Kinaxis Inc.", credit_class: CreditClass = BALE) -> Opening:
    return Opening(
        holder=HOLDER,
        class_id=credit_class.id,
        units=units,
        beneficiary=beneficiary,
        purpose="emissions of 2024",
        secret=hex32(0x5EC2E7),
    )


def fixed_clock(seconds: int) -> Callable[[], int]:
    return lambda: seconds
