"""The bridge contract: its views at a named block, and its doors as calls."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address
from web3.contract.contract import ContractFunction, ContractFunctions

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.events import read_events, read_terms
from bridge.chain.places import Places
from bridge.chain.reverts import answers_in_words
from bridge.domain.attestations import (
    Attested,
    Cover,
    Deployment,
    Lock,
    Outcome,
    Recovery,
    Refusal,
    Request,
    Reversal,
    StatementHead,
    wire,
)
from bridge.domain.credit_class import CreditClass, Gate, Subject, Terms, Verdict
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.observed import ChainEvent, ClassCreated
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import (
    ZERO_ADDRESS,
    Address,
    Fact,
    Hex32,
    Hex64,
    RegistryCode,
    code_bytes,
    hex32,
    to_bytes,
    to_int,
)
from bridge.errors import ContractRefused, UsageError

TRANSACTION_GAS_CAP = 16_777_216
"""Mainnet's limit for one transaction (EIP-7825)."""

LENS_PAGE = 64

ContractCall = ContractFunction
"""A call of one of our doors, ready to be simulated and sent."""


class RequestState(Fact):
    """A request's slot on chain; `deadline` is in chain seconds."""

    remaining: int
    deadline: int
    parts: int
    status: RequestStatus


class ClassState(Fact):
    """A class on chain, in units, with the terms it copied. While it is short, or until `quarantined_until` (chain
    seconds), its units stay where they are."""

    supply: int
    pending_retirement: int
    pending_redemption: int
    shortfall: int
    quarantined_until: int
    terms: Terms

    @property
    def live(self) -> int:
        """Live serials in the ledger, by law L1."""
        return self.supply + self.pending_retirement + self.pending_redemption - self.shortfall


class ReserveState(Fact):
    """Units minted in a class's life, and locked less released by its statement `sequence` as of a chain second."""

    minted: int
    locked: int
    sequence: int
    as_of: int


class LedgerRange(Fact):
    """A range of the serial ledger: tombstones below `live_from`, live serials from there."""

    first: int
    live_from: int
    last: int
    class_id: Hex32


class Deployed(Fact):
    """A deployment with its lens, the block before which nothing of it exists, and the policy that freezes, if any;
    with `allow_list` that also says who takes units."""

    deployment: Deployment
    lens: Address
    first_block: int
    policy: Address | None = None
    allow_list: bool = False


class BridgeContract:
    """One deployment, with the lens that walks its ledger. Views name their block; `Sender` sends the calls."""

    def __init__(self, connection: Connection, deployed: Deployed) -> None:
        self.connection = connection
        self.deployment = deployed.deployment
        self.first_block = deployed.first_block
        self._classes: dict[Hex32, ClassCreated] = {}
        w3 = connection.w3
        self._lens: Any = w3.eth.contract(address=w3.to_checksum_address(deployed.lens), abi=artifact("BridgeLens").abi)
        self._address = w3.to_checksum_address(self.deployment.contract)
        self._contract: Any = w3.eth.contract(address=self._address, abi=artifact("CarbonBridge").abi)
        self.functions: ContractFunctions = self._contract.functions
        self.policy = deployed.policy
        self._policy, self._allow_list = deployed.policy, deployed.allow_list
        self._places = Places(self._following, self._page, LENS_PAGE)

    # ---------------------------------------------------------------- events

    def events(self, first: int, last: int, *only: type[ChainEvent]) -> Iterator[ChainEvent]:
        """Events of blocks `first` to `last`, both included, in chain order; of all kinds when none is named, and
        then also those of its policy."""
        since = max(first, self.first_block)
        return read_events(self.connection, self.deployment, since, last, only, self._policy)

    @property
    def keeps_list(self) -> bool:
        """Whether its policy lets only listed accounts take units."""
        return self._allow_list

    def credit_classes(self) -> dict[Hex32, ClassCreated]:
        """Every class there is at the final block, by id."""
        self._classes |= {
            event.class_id: event
            for event in self.events(self.first_block, self.connection.final().number, ClassCreated)
            if isinstance(event, ClassCreated)
        }
        return self._classes

    def credit_class(self, class_id: Hex32) -> ClassCreated:
        """Raises UsageError for a class that this deployment does not have."""
        known = self._classes.get(class_id) or self.credit_classes().get(class_id)
        if known is None:
            raise UsageError(f"class {class_id} does not exist on {self.deployment}")
        return known

    # ----------------------------------------------------------------- views

    def view(self, call: ContractCall, block: int | None = None) -> Any:
        with answering(), answers_in_words():
            return call.call(block_identifier="latest" if block is None else block)

    def balance(self, holder: Address, class_id: Hex32, block: int | None = None) -> int:
        return int(self.view(self.functions.balanceOf(_account(holder), to_int(class_id)), block))

    def retired_balance(self, account: Address, class_id: Hex32, block: int | None = None) -> int:
        """Units that the registry retired for the account, for ever."""
        return int(self.view(self.functions.retiredBalanceOf(_account(account), to_int(class_id)), block))

    def uri(self, class_id: Hex32) -> str:
        """Where a class's metadata is to be found, its id put in as ERC-1155 says: 64 small hex digits without 0x."""
        template = str(self.view(self.functions.uri(to_int(class_id))))
        return template.replace("{id}", class_id.removeprefix("0x"))

    def cover_left(self, cover_id: Hex32, block: int | None = None) -> int:
        return int(self.view(self.functions.coverLeft(to_bytes(cover_id)), block))

    def cover_id(self, cover: Cover) -> Hex32:
        return "0x" + bytes(self.view(self.functions.coverId(_cover(cover)))).hex()

    def decoded(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """The door and the arguments of a transaction's input. Raises ValueError when it is no call of ours."""
        function, arguments = self._contract.decode_function_input(data)
        return str(function.fn_name), arguments

    def locks_used(self, registry: RegistryCode, lock_ids: Sequence[Hex32], block: int) -> set[Hex32]:
        """Those that are minted, or offered as cover."""
        asked = [(code_bytes(registry), to_int(lock_id)) for lock_id in lock_ids]
        with answering(), answers_in_words():
            answers = self.connection.call_each(self.functions.lockUsed, asked, block)
        return {lock_id for lock_id, used in zip(lock_ids, answers, strict=True) if used}

    def reversal_done(self, registry: RegistryCode, event_id: Hex32, block: int | None = None) -> bool:
        """False also for a registry that the contract does not know."""
        try:
            return bool(self.view(self.functions.reversalDone(code_bytes(registry), to_bytes(event_id)), block))
        except ContractRefused as refusal:
            if refusal.name == "RegistryUnknown":
                return False
            raise

    def request_state(self, request_id: Hex32, block: int | None = None) -> RequestState:
        return _request_state(self.view(self.functions.requestState(to_bytes(request_id)), block))

    def request_states(self, request_ids: Sequence[Hex32], block: int) -> list[RequestState]:
        asked = [(to_bytes(request_id),) for request_id in request_ids]
        with answering(), answers_in_words():
            return [
                _request_state(state) for state in self.connection.call_each(self.functions.requestState, asked, block)
            ]

    def class_state(self, class_id: Hex32, block: int | None = None) -> ClassState | None:
        """None when the class does not exist."""
        supply, retiring, redeeming, shortfall, quarantined_until, index, _, terms = self.view(
            self.functions.creditClass(to_int(class_id)), block
        )
        if index == 0:
            return None
        return ClassState(
            supply=supply,
            pending_retirement=retiring,
            pending_redemption=redeeming,
            shortfall=shortfall,
            quarantined_until=quarantined_until,
            terms=read_terms(terms),
        )

    def is_barred(self, c: CreditClass, block: int | None = None) -> bool:
        """Whether its project is barred; its methodology, the chain knows by its seal only."""
        return self.verdict(c.registry, Subject.PROJECT, c.project, block) is Verdict.BARRED

    def gate(self, c: CreditClass, methodology: str | None, block: int | None = None) -> Gate:
        """What a mint of the class would meet; `methodology` as the admin named it. Raises ContractRefused for a
        registry that the contract does not know."""
        state = self.class_state(c.id, block)
        terms = (
            state.terms if state else read_terms(self.view(self.functions.registryOf(code_bytes(c.registry)), block)[2])
        )
        return Gate(
            project=self.verdict(c.registry, Subject.PROJECT, c.project, block),
            methodology=methodology,
            methodology_verdict=Verdict.NONE
            if methodology is None
            else self.verdict(c.registry, Subject.METHODOLOGY, methodology, block),
            admission_required=terms.admission_required,
        )

    def verdict(self, registry: RegistryCode, subject: Subject, code: str, block: int | None = None) -> Verdict:
        return Verdict(self.view(self.functions.verdictOn(code_bytes(registry), int(subject), code), block))

    def reserve_of(self, class_id: Hex32, block: int | None = None) -> ReserveState:
        minted, locked, sequence, as_of = self.view(self.functions.reserveOf(to_int(class_id)), block)
        return ReserveState(minted=minted, locked=locked, sequence=sequence, as_of=as_of)

    def recovery_id(self, recovery: Recovery) -> Hex32:
        return "0x" + bytes(self.view(self.functions.recoveryId(_recovery(recovery)))).hex()

    def space_exists(self, space: Hex32, block: int | None = None) -> bool:
        try:
            self.view(self.functions.spaceOf(to_bytes(space)), block)
        except ContractRefused as refusal:
            if refusal.name == "SpaceUnknown":
                return False
            raise
        return True

    def threshold(self, registry: RegistryCode, block: int | None = None) -> int:
        """How many attesters must sign. Raises ContractRefused for an unknown registry."""
        return int(self.view(self.functions.registryOf(code_bytes(registry)), block)[0])

    def is_attester(self, registry: RegistryCode, account: Address, block: int | None = None) -> bool:
        return bool(self.view(self.functions.isAttester(code_bytes(registry), _account(account)), block))

    def ranges(self, space: Hex32, block: int | None = None) -> list[LedgerRange]:
        """The whole serial ledger of a space, in order."""
        found: list[LedgerRange] = []
        while True:
            above = found[-1].first if found else 0
            page = self.view(self._lens.functions.ranges(self._address, to_bytes(space), above, LENS_PAGE), block)
            found += [
                LedgerRange(first=first, live_from=live_from, last=last, class_id=hex32(class_id))
                for first, live_from, last, _, class_id in page
            ]
            if len(page) < LENS_PAGE:
                return found

    def live(self, class_id: Hex32, space: Hex32, block: int | None = None) -> tuple[SerialRange, ...]:
        """The class's live serials of a space, rising, each range as the contract keeps it."""
        found = (live_serials(space, node) for node in self.ranges(space, block) if node.class_id == class_id)
        return tuple(serials for serials in found if serials)

    # ----------------------------------------------------------------- doors

    def mint(self, attested: Attested[Lock]) -> ContractCall:
        return self.mint_behind(attested, [])[0]

    def mint_behind(self, attested: Attested[Lock], coming: Sequence[Lock]) -> tuple[ContractCall, ContractCall]:
        """The call as of the newest block, and as it is best sent behind `coming`: locks that will be in the ledger by
        then, though no block has them yet."""
        locks, signatures = [_lock(lock) for lock in attested.items], _signatures(attested.signatures)
        now, then = self._mint_hints(attested.items, coming)
        return self.functions.mint(locks, now, signatures), self.functions.mint(locks, then, signatures)

    def cover(self, attested: Attested[Cover]) -> ContractCall:
        return self.cover_behind(attested, [])[0]

    def cover_behind(self, attested: Attested[Cover], coming: Sequence[Lock]) -> tuple[ContractCall, ContractCall]:
        covers, signatures = [_cover(cover) for cover in attested.items], _signatures(attested.signatures)
        now, then = self._mint_hints([cover.lock for cover in attested.items], coming)
        return self.functions.cover(covers, now, signatures), self.functions.cover(covers, then, signatures)

    def reverse(self, attested: Attested[Reversal]) -> ContractCall:
        spans = [span for reversal in attested.items for span in reversal.ranges]
        before = self._before(spans)
        hints = [before[span.space, span.first] for span in spans]
        reversals = [wire(reversal) for reversal in attested.items]
        return self.functions.reverse(reversals, hints, _signatures(attested.signatures))

    def state_reserves(self, attested: Attested[StatementHead]) -> ContractCall:
        """A batch of one statement."""
        (head,) = attested.items
        return self.functions.stateReserves(wire(head), _signatures(attested.signatures))

    def settle(self, attested: Attested[Outcome], requests: Sequence[Request]) -> ContractCall:
        """Each outcome with the request it is about."""
        return self.functions.settle(
            [wire(outcome) for outcome in attested.items],
            [_request(request) for request in requests],
            self._settle_hints(attested.items, requests),
            _signatures(attested.signatures),
        )

    def refuse(self, attested: Attested[Refusal], requests: Sequence[Request]) -> ContractCall:
        refusals = [wire(refusal) for refusal in attested.items]
        return self.functions.refuse(refusals, [_request(r) for r in requests], _signatures(attested.signatures))

    def open_request(self, request: Request) -> ContractCall:
        door = self.functions.retire if request.kind is Kind.RETIREMENT else self.functions.redeem
        return door(to_int(request.class_id), request.units, to_bytes(request.commitment), to_int(request.salt))

    def request_for(self, request: Request, not_after: int, signature: bytes) -> ContractCall:
        return self.functions.requestFor(_request(request), not_after, signature)

    def call_back(self, request: Request) -> ContractCall:
        return self.functions.callBack(_request(request))

    def take_back(self, request: Request, to: Address) -> ContractCall:
        return self.functions.takeBack(_request(request), _account(to))

    def take_cover(self, cover: Cover, units: int) -> ContractCall:
        return self.functions.takeCover(_cover(cover), units)

    def withdraw_cover(self, cover: Cover) -> ContractCall:
        return self.functions.withdrawCover(_cover(cover))

    def order_recovery(self, recovery: Recovery) -> ContractCall:
        return self.functions.orderRecovery(_recovery(recovery))

    def veto_recovery(self, recovery: Recovery) -> ContractCall:
        return self.functions.vetoRecovery(_recovery(recovery))

    def recover(self, recovery: Recovery) -> ContractCall:
        return self.functions.recover(_recovery(recovery))

    def quarantine(self, class_id: Hex32) -> ContractCall:
        return self.functions.quarantine(to_int(class_id))

    def set_verdict(self, registry: RegistryCode, subject: Subject, code: str, verdict: Verdict) -> ContractCall:
        return self.functions.setVerdict(code_bytes(registry), int(subject), code, int(verdict))

    def transfer(self, sender: Address, to: Address, class_id: Hex32, units: int) -> ContractCall:
        return self.functions.safeTransferFrom(_account(sender), _account(to), to_int(class_id), units, b"")

    def register_space(self, space: SerialSpace) -> ContractCall:
        return self.functions.registerSpace(code_bytes(space.registry), int(space.kind), space.key)

    def create_class(self, c: CreditClass) -> ContractCall:
        return self.functions.createClass(code_bytes(c.registry), c.project, c.vintage, c.credit_type)

    def add_registry(
        self, registry: RegistryCode, attesters: Sequence[Address], threshold: int, terms: Terms
    ) -> ContractCall:
        return self.functions.addRegistry(
            code_bytes(registry), [_account(a) for a in attesters], threshold, _wire_terms(terms)
        )

    def set_allowance(self, operator: Address, units_per_day: int) -> ContractCall:
        return self.functions.setAllowance(_account(operator), units_per_day)

    def allowance(self, operator: Address) -> tuple[int, int]:
        """Units a day that the operator may mint, and what is left of them now."""
        per_day, left = self.view(self.functions.allowance(_account(operator)))
        return int(per_day), int(left)

    def set_guardian(self, account: Address, enabled: bool) -> ContractCall:
        return self.functions.setGuardian(_account(account), enabled)

    def set_freezer(self, account: Address, enabled: bool) -> ContractCall:
        """Names a guardian of the policy. Raises UsageError when the deployment has none."""
        return self._freezing().setGuardian(_account(account), enabled)

    def freeze(self, account: Address) -> ContractCall:
        """Raises UsageError when the deployment has no policy."""
        return self._freezing().freeze(_account(account))

    def set_lister(self, account: Address, enabled: bool) -> ContractCall:
        return self._listing().setLister(_account(account), enabled)

    def set_listed(self, accounts: Sequence[Address], listed: bool) -> ContractCall:
        """Raises UsageError when the deployment has no list."""
        return self._listing().setListed([_account(account) for account in accounts], listed)

    def is_listed(self, account: Address, block: int | None = None) -> bool:
        return bool(self.view(self._listing().isListed(_account(account)), block))

    def _freezing(self) -> ContractFunctions:
        if self._policy is None:
            raise UsageError("this deployment has no policy, so nobody can freeze; deploy with --freezable")
        return self._policy_functions(self._policy, "FreezePolicy")

    def _listing(self) -> ContractFunctions:
        if self._policy is None or not self._allow_list:
            raise UsageError("this deployment keeps no list, so anybody takes units; deploy with --allow-list")
        return self._policy_functions(self._policy, "AllowListPolicy")

    def _policy_functions(self, policy: Address, name: str) -> ContractFunctions:
        w3 = self.connection.w3
        address = w3.to_checksum_address(policy)
        functions: ContractFunctions = w3.eth.contract(address=address, abi=artifact(name).abi).functions
        return functions

    # ----------------------------------------------------------------- hints

    def _mint_hints(self, locks: Sequence[Lock], coming: Sequence[Lock]) -> tuple[list[int], list[int]]:
        """The start of the range before each lock, which may be an earlier lock of the batch: as of now, and once what
        is coming is there."""
        before = self._before([lock.range for lock in locks])
        return self._hints_among(locks, before, []), self._hints_among(locks, before, coming)

    def _hints_among(
        self, locks: Sequence[Lock], before: Mapping[tuple[Hex32, int], int], coming: Sequence[Lock]
    ) -> list[int]:
        starts: dict[Hex32, list[int]] = {}
        for lock in coming:
            starts.setdefault(lock.range.space, []).append(lock.range.first)
        for known in starts.values():
            known.sort()
        hints = []
        for lock in locks:
            known = starts.setdefault(lock.range.space, [])
            place = bisect_left(known, lock.range.first)
            hints.append(max(before[lock.range.space, lock.range.first], known[place - 1] if place else 0))
            known.insert(place, lock.range.first)
        for space, known in starts.items():
            self._places.remember(space, known[-1])
        return hints

    def _settle_hints(self, outcomes: Sequence[Outcome], requests: Sequence[Request]) -> list[int]:
        """For each range the start of one before it. A redemption takes its ranges out of the ledger, so a start that
        an earlier range of the batch takes away is no hint for a later one."""
        gone: set[tuple[Hex32, int]] = set()
        before = self._before([span for outcome in outcomes for span in outcome.ranges])
        hints = []
        for outcome, request in zip(outcomes, requests, strict=True):
            for r in outcome.ranges:
                hint = before[r.space, r.first]
                while (r.space, hint) in gone:
                    hint = self._places.before(r.space, [hint])[hint]
                hints.append(hint)
                if request.kind is Kind.REDEMPTION:
                    gone.add((r.space, r.first))
        return hints

    def _before(self, spans: Iterable[SerialRange]) -> dict[tuple[Hex32, int], int]:
        """By space and first serial: the start of the last range before the one that holds it, or its gap."""
        firsts: dict[Hex32, list[int]] = {}
        for span in spans:
            firsts.setdefault(span.space, []).append(span.first)
        return {
            (space, first): start
            for space, serials in firsts.items()
            for first, start in self._places.before(space, serials).items()
        }

    def _following(self, space: Hex32, first: int) -> int | None:
        _, _, last, following, _ = self.view(self.functions.rangeAt(to_bytes(space), first))
        return None if first and not last else int(following)

    def _page(self, space: Hex32, above: int) -> list[int]:
        page = self.view(self._lens.functions.ranges(self._address, to_bytes(space), above, LENS_PAGE))
        return [int(first) for first, *_ in page]


def _request_state(state: Sequence[Any]) -> RequestState:
    return RequestState(remaining=state[0], deadline=state[1], parts=state[4], status=state[5])


def _wire_terms(terms: Terms) -> tuple[int | bool | str, ...]:
    return (
        terms.request_deadline_seconds,
        terms.challenge_seconds,
        terms.challenge_blocks,
        terms.kg_per_unit,
        terms.statement_seconds,
        terms.recovery_seconds,
        terms.admission_required,
        ZERO_ADDRESS if terms.recoverer is None else _account(terms.recoverer),
    )


@lru_cache(maxsize=4096)  # a hash each, and a batch names the same few again and again
def _account(address: Address) -> str:
    return to_checksum_address(address)


def _lock(lock: Lock) -> dict[str, Any]:
    return wire(lock) | {"recipient": _account(lock.recipient)}


def _cover(cover: Cover) -> dict[str, Any]:
    return wire(cover) | {"lock": _lock(cover.lock)}


def _recovery(recovery: Recovery) -> tuple[int, str, str, int, int]:
    """A recovery as the contract's struct."""
    return (
        to_int(recovery.class_id),
        _account(recovery.sender),
        _account(recovery.to),
        recovery.units,
        to_int(recovery.salt),
    )


def _request(request: Request) -> tuple[int, str, int, int, bytes, int]:
    """A request as the contract's struct."""
    return (
        int(request.kind),
        _account(request.holder),
        to_int(request.class_id),
        request.units,
        to_bytes(request.commitment),
        to_int(request.salt),
    )


def _signatures(signatures: Sequence[Hex64]) -> list[tuple[bytes, bytes]]:
    return [(to_bytes(s)[:32], to_bytes(s)[32:]) for s in signatures]


def live_serials(space: Hex32, node: LedgerRange) -> SerialRange | None:
    """The live serials of a ledger range, if any are left."""
    if node.live_from > node.last:
        return None
    return SerialRange(space=space, first=node.live_from, last=node.last)
