"""Who may do what in a deployment: its events say who ever could, its views who still can, all at one block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eth_utils.abi import event_abi_to_log_topic
from eth_utils.address import to_checksum_address
from web3.exceptions import TransactionNotFound
from web3.types import FilterParams

from bridge.chain.artifacts import artifact
from bridge.chain.connection import Connection, answering
from bridge.chain.events import PAGE_BLOCKS
from bridge.chain.reverts import answers_in_words
from bridge.chain.verifying.code import Code
from bridge.domain.credit_class import Subject, Verdict
from bridge.domain.deployment import TermValue
from bridge.domain.values import ZERO_ADDRESS, Address, Fact, Hex32, to_bytes
from bridge.errors import Halted

_SET_UP = (
    "RegistryAdded",
    "AttestersSet",
    "AllowanceSet",
    "GuardianSet",
    "OwnershipTransferred",
    "ClassCreated",
    "ClassAllowanceSet",
    "VerdictSet",
)
_FREEZING = ("GuardianSet", "OwnershipTransferred", "ListerSet")
_ROLES = ("RoleGranted", "RoleRevoked")


class RegistryPower(Fact):
    """`attesters` are those whom events name and the view confirms; `counted` is the contract's own figure. `terms` by
    the contract's names."""

    code: str
    threshold: int
    counted: int
    attesters: tuple[Address, ...]
    terms: dict[str, TermValue]


class Ownership(Fact):
    owner: Address
    pending: Address


class BridgePower(Fact):
    """`creation`: as `Reader.creation_fault`, of all three. `recoverers` with the registries whose new classes, and the
    classes whose units, each may order away; `class_allowances` in units a day, by class; `verdicts` in words."""

    creation: str | None
    ownership: Ownership
    policy: Address | None
    paused: bool
    guardians: tuple[Address, ...]
    operators: dict[Address, int]
    registries: tuple[RegistryPower, ...]
    recoverers: dict[Address, tuple[str, ...]]
    class_allowances: dict[str, int]
    verdicts: tuple[str, ...]


class PolicyPower(Fact):
    """`listers`: None where the policy keeps no list."""

    creation: str | None
    ownership: Ownership
    freeze_seconds: int
    guardians: tuple[Address, ...]
    listers: tuple[Address, ...] | None


class TimelockPower(Fact):
    """`holders` by role, those of the contract by name; `keys` are the holders without code, which are no multisig.
    `waiting` are the ids of operations that are scheduled and not yet executed."""

    creation: str | None
    address: Address
    min_delay_seconds: int
    holders: dict[str, tuple[Address, ...]]
    keys: tuple[Address, ...]
    waiting: tuple[Hex32, ...]


class Reader:
    """One contract at one block, with its events since `first`."""

    def __init__(self, connection: Connection, code: Code, first: int, block: int) -> None:
        self._connection, self._first, self._block = connection, first, block
        parts = artifact(code.name)
        self.abi, self.address = parts.abi, code.address
        self._creation = parts.bytecode
        w3 = connection.w3
        self._contract: Any = w3.eth.contract(address=w3.to_checksum_address(code.address), abi=self.abi)

    def view(self, name: str, *arguments: object) -> Any:
        with answering(), answers_in_words():
            return self._contract.functions[name](*arguments).call(block_identifier=self._block)

    def has_code(self, account: Address) -> bool:
        with answering():
            return bool(self._connection.w3.eth.get_code(to_checksum_address(account), self._block))

    def events(self, *names: str) -> list[Any]:
        """In chain order. Raises Halted when the node answers with logs that were not asked for."""
        topics = {
            "0x" + event_abi_to_log_topic(entry).hex(): entry["name"]  # type: ignore[arg-type]
            for entry in self.abi
            if entry["type"] == "event" and entry["name"] in names
        }
        return list(self._pages(topics))

    def creation_fault(self, events: Sequence[Any]) -> str | None:
        """None when the first event is of the transaction that made the contract, from our creation code: then no event
        is missed, and no other constructor wrote powers that no event tells of. Constructors here emit one always."""
        if not events:
            return f"no event since block {self._first:,}"
        try:
            with answering():
                receipt = self._connection.w3.eth.get_transaction_receipt(events[0]["transactionHash"])
                made: Any = self._connection.w3.eth.get_transaction(events[0]["transactionHash"])
        except TransactionNotFound:
            return "the node has forgotten the transaction that made it"
        if str(receipt.get("contractAddress") or "").lower() != self.address:
            return f"not made by a transaction of its own since block {self._first:,}"
        if not bytes(made["input"]).startswith(to_bytes(self._creation)):
            return "made by other creation code"
        return None

    def _pages(self, topics: dict[str, str]) -> Iterator[Any]:
        for start in range(self._first, self._block + 1, PAGE_BLOCKS):
            end = min(start + PAGE_BLOCKS - 1, self._block)
            query: FilterParams = {
                "address": self._contract.address,
                "fromBlock": start,
                "toBlock": end,
                "topics": [list(topics)],
            }
            with answering():
                logs = self._connection.w3.eth.get_logs(query)
            for log in sorted(logs, key=lambda entry: (entry["blockNumber"], entry["logIndex"])):
                if not start <= log["blockNumber"] <= end or log["address"].lower() != self.address:
                    raise Halted(f"the node answered with a log of block {log['blockNumber']}; asked for {start}-{end}")
                yield self._contract.events[topics["0x" + bytes(log["topics"][0]).hex()]]().process_log(log)


def read_bridge(reader: Reader) -> BridgePower:
    events = reader.events(*_SET_UP)
    policy = reader.view("policy").lower()
    allowances = {
        account: reader.view("allowance", account)[0] for account in _named(events, "AllowanceSet", "operator")
    }
    registries = dict.fromkeys(
        bytes(event["args"]["registry"]) for event in events if event["event"] == "RegistryAdded"
    )
    powers = tuple(_registry(reader, code, events) for code in registries)
    created = [event["args"] for event in events if event["event"] == "ClassCreated"]
    return BridgePower(
        creation=reader.creation_fault(events),
        ownership=_ownership(reader),
        policy=None if policy == ZERO_ADDRESS else policy,
        paused=reader.view("paused"),
        guardians=_guardians(reader, events),
        operators={account.lower(): units for account, units in allowances.items() if units},
        registries=powers,
        recoverers=_recoverers(powers, created),
        class_allowances=_class_allowances(reader, events, created),
        verdicts=tuple(_verdicts(reader, events)),
    )


def read_policy(reader: Reader) -> PolicyPower:
    events = reader.events(*_FREEZING)
    return PolicyPower(
        creation=reader.creation_fault(events),
        ownership=_ownership(reader),
        freeze_seconds=reader.view("FREEZE_SECONDS"),
        guardians=_guardians(reader, events),
        listers=_listers(reader, events),
    )


def read_timelock(reader: Reader) -> TimelockPower:
    events = reader.events(*_ROLES)
    names = [entry["name"] for entry in reader.abi if str(entry.get("name", "")).endswith("_ROLE")]
    roles = {bytes(reader.view(name)): name for name in names}
    roles |= {role: "0x" + role.hex() for role in (bytes(e["args"]["role"]) for e in events) if role not in roles}
    holders = {
        name: tuple(
            account.lower()
            for account in dict.fromkeys(e["args"]["account"] for e in events if bytes(e["args"]["role"]) == role)
            if reader.view("hasRole", role, account)
        )
        for role, name in roles.items()
    }
    return TimelockPower(
        creation=reader.creation_fault(events),
        address=reader.address,
        min_delay_seconds=reader.view("getMinDelay"),
        holders=holders,
        keys=tuple(
            sorted(one for one in set().union(*holders.values()) if one != ZERO_ADDRESS and not reader.has_code(one))
        ),
        waiting=waiting(reader),
    )


def waiting(reader: Reader) -> tuple[Hex32, ...]:
    """Scheduled operations of a timelock that are neither executed nor cancelled, the oldest first."""
    ids = dict.fromkeys(bytes(event["args"]["id"]) for event in reader.events("CallScheduled"))
    return tuple("0x" + one.hex() for one in ids if reader.view("isOperationPending", one))


def _ownership(reader: Reader) -> Ownership:
    return Ownership(owner=reader.view("owner").lower(), pending=reader.view("pendingOwner").lower())


def _guardians(reader: Reader, events: Iterable[Any]) -> tuple[Address, ...]:
    named = _named(events, "GuardianSet", "account")
    return tuple(account.lower() for account in named if reader.view("isGuardian", account))


def _listers(reader: Reader, events: Iterable[Any]) -> tuple[Address, ...] | None:
    if not any(entry.get("name") == "isLister" for entry in reader.abi):
        return None
    named = _named(events, "ListerSet", "account")
    return tuple(account.lower() for account in named if reader.view("isLister", account))


def _recoverers(registries: Sequence[RegistryPower], created: Iterable[Any]) -> dict[Address, tuple[str, ...]]:
    """A class keeps its terms for good, so that one of before may name another than its registry does now."""
    named = [(str(one.terms["recoverer"]), f"new classes of {one.code}") for one in registries]
    named += [(made["terms"]["recoverer"].lower(), _label(made)) for made in created]
    found: dict[Address, tuple[str, ...]] = {}
    for account, where in named:
        if account != ZERO_ADDRESS:
            found[account] = (*found.get(account, ()), where)
    return found


def _class_allowances(reader: Reader, events: Iterable[Any], created: Iterable[Any]) -> dict[str, int]:
    labels = {made["classId"]: _label(made) for made in created}
    ids = dict.fromkeys(event["args"]["classId"] for event in events if event["event"] == "ClassAllowanceSet")
    units = {class_id: reader.view("classAllowance", class_id)[0] for class_id in ids}
    return {labels[class_id]: per_day for class_id, per_day in units.items() if per_day}


def _verdicts(reader: Reader, events: Iterable[Any]) -> Iterator[str]:
    """Those that stand; `NONE` is none."""
    said = [event["args"] for event in events if event["event"] == "VerdictSet"]
    for registry, subject, code in dict.fromkeys((bytes(a["registry"]), a["subject"], a["code"]) for a in said):
        verdict = Verdict(reader.view("verdictOn", registry, subject, code))
        if verdict is not Verdict.NONE:
            yield f"{_text(registry)} {Subject(subject).name.lower()} {code} {verdict.name.lower()}"


def _label(made: Any) -> str:
    return f"{_text(made['registry'])} {made['project']} {made['vintage']} {made['creditType']}"


def _text(code: bytes) -> str:
    return bytes(code).rstrip(b"\0").decode("ascii", "replace")


def _named(events: Iterable[Any], event_name: str, member: str) -> list[str]:
    return list(dict.fromkeys(event["args"][member] for event in events if event["event"] == event_name))


def _registry(reader: Reader, code: bytes, events: Iterable[Any]) -> RegistryPower:
    added = [
        e["args"]["added"] for e in events if e["event"] == "AttestersSet" and bytes(e["args"]["registry"]) == code
    ]
    ever = dict.fromkeys(account for accounts in added for account in accounts)
    threshold, counted, terms = reader.view("registryOf", code)
    return RegistryPower(
        code=_text(code),
        threshold=threshold,
        counted=counted,
        attesters=tuple(account.lower() for account in ever if reader.view("isAttester", code, account)),
        terms={
            name: value.lower() if isinstance(value, str) else value
            for name, value in zip(_term_names(reader.abi), terms, strict=True)
        },
    )


def _term_names(abi: Sequence[dict[str, Any]]) -> list[str]:
    view = next(entry for entry in abi if entry.get("name") == "registryOf")
    return [member["name"] for member in view["outputs"][2]["components"]]
