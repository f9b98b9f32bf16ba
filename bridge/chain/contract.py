"""The bridge contract: its views at a named block, its doors as calls, and its refusals in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from web3.contract.contract import ContractFunction, ContractFunctions
from web3.exceptions import ContractCustomError, ContractLogicError, Web3Exception

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering, rpc_error_text
from bridge.chain.events import read_events
from bridge.domain.attestations import (
    Attested,
    Deployment,
    Lock,
    Outcome,
    Refusal,
    Request,
    wire,
)
from bridge.domain.credit_class import CreditClass, Terms
from bridge.domain.lifecycle import Kind, RequestStatus
from bridge.domain.observed import ChainEvent, ClassCreated
from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Address, Fact, Hex32, Hex64, RegistryCode, code_bytes, hex32, to_bytes, to_int
from bridge.errors import ContractRefused, Refused, UsageError

TRANSACTION_GAS_CAP = 16_777_216
"""Mainnet's limit for one transaction (EIP-7825)."""

LENS_PAGE = 64

_ADVICE = {
    "SerialsTaken": "these serials are tokenized already, live or retired; reconcile before anything else",
    "LockUsed": "this lock was minted before; nothing is left to do",
    "LockExpired": "the lock's time has passed; the registry will release it",
    "AllowanceExceeded": "wait for the allowance to refill, or ask the admin",
    "IsPaused": "minting and new requests are paused; ask the guardian",
    "QuorumNotReached": "collect more attesters' signatures",
    "SignerNotAttester": "the attester set has changed; have it signed again",
    "ERC1155InsufficientBalance": "see what you own with: carbonbridge holder balance",
    "DeadlineNotPassed": "the registry may still answer; try after the deadline",
    "ChallengeNotPassed": "a settlement may still land; try after the challenge",
    "RequestNotOpen": "the request has ended; see: carbonbridge holder requests",
    "AccountFrozen": "compliance has frozen this account; ask the guardian",
    "FreezeCoolingDown": "a guardian freezes once, then as long a peace follows; ask the admin to confirm",
    "SpaceUnknown": "register the serial space first",
    "ClassUnknown": "create the class first with: carbonbridge operator class",
    "NothingToSettle": "all of it is settled or has ended",
}


ContractCall = ContractFunction
"""A call of one of our doors, ready to be simulated and sent."""


class RequestState(Fact):
    """A request's slot on chain; `deadline` is in chain seconds."""

    remaining: int
    deadline: int
    parts: int
    kind: Kind
    status: RequestStatus


class ClassState(Fact):
    """A class on chain, in units, with the terms it copied."""

    supply: int
    pending_retirement: int
    pending_redemption: int
    shortfall: int
    terms: Terms

    @property
    def live(self) -> int:
        """Live serials in the ledger, by law L1."""
        return self.supply + self.pending_retirement + self.pending_redemption - self.shortfall


class LedgerRange(Fact):
    """A range of the serial ledger: tombstones below `live_from`, live serials from there."""

    first: int
    live_from: int
    last: int
    class_id: Hex32


class Deployed(Fact):
    """A deployment with its lens, the block before which nothing of it exists, and the policy that freezes, if any."""

    deployment: Deployment
    lens: Address
    first_block: int
    policy: Address | None = None


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
        self.functions: ContractFunctions = w3.eth.contract(
            address=self._address, abi=artifact("CarbonBridge").abi
        ).functions
        self._policy = deployed.policy

    # ---------------------------------------------------------------- events

    def events(self, first: int, last: int, *only: type[ChainEvent]) -> Iterator[ChainEvent]:
        """Events of blocks `first` to `last`, both included, in chain order; of all kinds when none is named."""
        return read_events(self.connection, self.deployment, max(first, self.first_block), last, only)

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
        with answering(), refusals_in_words():
            return call.call(block_identifier="latest" if block is None else block)

    def balance(self, holder: Address, class_id: Hex32, block: int | None = None) -> int:
        return int(self.view(self.functions.balanceOf(_account(holder), to_int(class_id)), block))

    def lock_used(self, registry: RegistryCode, lock_id: Hex32, block: int | None = None) -> bool:
        return bool(self.view(self.functions.lockUsed(code_bytes(registry), to_int(lock_id)), block))

    def request_state(self, request_id: Hex32, block: int | None = None) -> RequestState:
        state = self.view(self.functions.requestState(to_bytes(request_id)), block)
        return RequestState(remaining=state[0], deadline=state[2], parts=state[5], kind=state[6], status=state[7])

    def class_state(self, class_id: Hex32, block: int | None = None) -> ClassState | None:
        """None when the class does not exist."""
        supply, retiring, redeeming, shortfall, index, _, terms = self.view(
            self.functions.creditClass(to_int(class_id)), block
        )
        if index == 0:
            return None
        return ClassState(
            supply=supply,
            pending_retirement=retiring,
            pending_redemption=redeeming,
            shortfall=shortfall,
            terms=_terms(terms),
        )

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

    # ----------------------------------------------------------------- doors

    def mint(self, attested: Attested[Lock]) -> ContractCall:
        locks = [wire(lock) | {"recipient": _account(lock.recipient)} for lock in attested.items]
        return self.functions.mint(locks, self._mint_hints(attested.items), _signatures(attested.signatures))

    def settle(self, attested: Attested[Outcome]) -> ContractCall:
        outcomes = [wire(outcome) for outcome in attested.items]
        return self.functions.settle(outcomes, self._settle_hints(attested.items), _signatures(attested.signatures))

    def refuse(self, attested: Attested[Refusal], requests: Sequence[Request]) -> ContractCall:
        refusals = [wire(refusal) for refusal in attested.items]
        return self.functions.refuse(refusals, [_request(r) for r in requests], _signatures(attested.signatures))

    def open_request(self, request: Request) -> ContractCall:
        door = self.functions.retire if request.kind is Kind.RETIREMENT else self.functions.redeem
        return door(to_int(request.class_id), request.units, to_bytes(request.commitment), to_int(request.salt))

    def call_back(self, request: Request) -> ContractCall:
        return self.functions.callBack(_request(request))

    def take_back(self, request: Request, to: Address) -> ContractCall:
        return self.functions.takeBack(_request(request), _account(to))

    def transfer(self, sender: Address, to: Address, class_id: Hex32, units: int) -> ContractCall:
        return self.functions.safeTransferFrom(_account(sender), _account(to), to_int(class_id), units, b"")

    def register_space(self, space: SerialSpace) -> ContractCall:
        return self.functions.registerSpace(code_bytes(space.registry), int(space.kind), space.key)

    def create_class(self, c: CreditClass) -> ContractCall:
        return self.functions.createClass(code_bytes(c.registry), c.project, c.vintage, c.credit_type)

    def add_registry(
        self, registry: RegistryCode, attesters: Sequence[Address], threshold: int, terms: Terms
    ) -> ContractCall:
        wire_terms = (
            terms.request_deadline_seconds,
            terms.challenge_seconds,
            terms.challenge_blocks,
            terms.kg_per_unit,
        )
        return self.functions.addRegistry(code_bytes(registry), [_account(a) for a in attesters], threshold, wire_terms)

    def set_allowance(self, operator: Address, units_per_day: int) -> ContractCall:
        return self.functions.setAllowance(_account(operator), units_per_day)

    def set_guardian(self, account: Address, enabled: bool) -> ContractCall:
        return self.functions.setGuardian(_account(account), enabled)

    def set_freezer(self, account: Address, enabled: bool) -> ContractCall:
        """Names a guardian of the policy. Raises UsageError when the deployment has none."""
        return self._freezing().setGuardian(_account(account), enabled)

    def freeze(self, account: Address) -> ContractCall:
        """Raises UsageError when the deployment has no policy."""
        return self._freezing().freeze(_account(account))

    def _freezing(self) -> ContractFunctions:
        if self._policy is None:
            raise UsageError("this deployment has no policy, so nobody can freeze; deploy with --freezable")
        w3 = self.connection.w3
        address = w3.to_checksum_address(self._policy)
        functions: ContractFunctions = w3.eth.contract(address=address, abi=artifact("FreezePolicy").abi).functions
        return functions

    # ----------------------------------------------------------------- hints

    def _mint_hints(self, locks: Sequence[Lock]) -> list[int]:
        """The start of the range before each lock, which may be an earlier lock of the same batch."""
        hints = []
        for i, lock in enumerate(locks):
            earlier = [
                other.range.first
                for other in locks[:i]
                if other.range.space == lock.range.space and other.range.first < lock.range.first
            ]
            hints.append(max([self._hint(lock.range.space, lock.range.first), *earlier]))
        return hints

    def _settle_hints(self, outcomes: Sequence[Outcome]) -> list[int]:
        """For each range the start of one before it. A redemption takes its ranges out of the ledger, so a start that
        an earlier range of the batch takes away is no hint for a later one."""
        gone: set[tuple[Hex32, int]] = set()
        hints = []
        for outcome in outcomes:
            redeems = self.request_state(outcome.request_id).kind is Kind.REDEMPTION
            for r in outcome.ranges:
                hint = self._hint(r.space, r.first)
                while (r.space, hint) in gone:
                    hint = self._hint(r.space, hint)
                hints.append(hint)
                if redeems:
                    gone.add((r.space, r.first))
        return hints

    def _hint(self, space: Hex32, serial: int) -> int:
        return int(self.view(self._lens.functions.hintFor(self._address, to_bytes(space), serial)))


class _Answers:
    """Context in which a contract's revert becomes ContractRefused, with the error's name and numbers."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ContractCustomError):
            raise explain_revert(error.data) from error
        if isinstance(error, ContractLogicError):
            known = isinstance(error.data, bytes | str) and error.data != "no data"
            raise explain_revert(error.data if known else error.message) from error
        if type(error).__name__ == "TransactionFailed":
            # eth-tester hands the revert's bytes over as they are
            raise explain_revert(error.args[0] if error and error.args else None) from error
        if isinstance(error, Web3Exception) and hasattr(error, "rpc_response"):
            raise Refused(f"the node refused: {rpc_error_text(error)}") from error


def refusals_in_words() -> _Answers:
    return _Answers()


_ERRORS: dict[bytes, dict[str, Any]] = {
    function_abi_to_4byte_selector(entry): entry  # type: ignore[arg-type]
    for name in ("CarbonBridge", "RegistryBook", "FreezePolicy")
    for entry in artifact(name).abi
    if entry["type"] == "error"
}


def explain_revert(data: Any) -> ContractRefused:
    """A revert's bytes, or hex text, as the contract's named error."""
    if isinstance(data, str):
        data = revert_bytes(data)
    entry = _ERRORS.get(bytes(data[:4])) if isinstance(data, bytes) else None
    if entry is None:
        return ContractRefused(f"the contract refused: {data!r}")
    values = decode([member["type"] for member in entry["inputs"]], data[4:])
    details = ", ".join(
        f"{member['name']} {_show(value)}" for member, value in zip(entry["inputs"], values, strict=True)
    )
    advice = _ADVICE.get(entry["name"], "")
    text = f"the contract refused with {entry['name']}({details})" + (f"; {advice}" if advice else "")
    return ContractRefused(text, entry["name"], values)


def revert_bytes(text: str) -> bytes | str:
    """The bytes that a node's text about a revert holds, or the text itself."""
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    if printed := re.search(r"b(['\"]).*\1", text, re.DOTALL):
        return bytes(ast.literal_eval(printed.group()))  # eth-tester prints the bytes into its message
    return text


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _terms(value: Sequence[int]) -> Terms:
    deadline, challenge_seconds, challenge_blocks, kg_per_unit = value
    return Terms(
        request_deadline_seconds=deadline,
        challenge_seconds=challenge_seconds,
        challenge_blocks=challenge_blocks,
        kg_per_unit=kg_per_unit,
    )


def _account(address: Address) -> str:
    return to_checksum_address(address)


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


def as_range(space: Hex32, node: LedgerRange) -> SerialRange | None:
    """The live serials of a ledger range, if any are left."""
    if node.live_from > node.last:
        return None
    return SerialRange(space=space, first=node.live_from, last=node.last)
