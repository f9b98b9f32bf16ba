"""What attesters sign, as EIP-712 typed data, and what requests and openings hash to.

The batch types are the contract's (`contracts/src/Attestations.sol`); statements, receipts, officers' confirmations
and pins of metadata are signed under the same domain but read off chain only. Ids travel as hex text and are numbers or
bytes32 on chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from eth_abi.abi import encode
from pydantic import Field

from bridge.domain.lifecycle import Kind
from bridge.domain.quantity import Units
from bridge.domain.serials import SerialRange, total_units
from bridge.domain.values import Address, Fact, Hex32, Hex64, code_bytes, hex32, keccak_hex, to_bytes, to_int

NAME, VERSION = "CarbonBridge", "1"
NO_EVIDENCE: Hex32 = hex32(0)
"""Of an act in the attesters' own ledger, which is its own evidence."""


class Deployment(Fact):
    """One contract on one chain: the only place where a lock, once made, can be minted."""

    chain_id: int = Field(gt=0)
    contract: Address

    def __str__(self) -> str:
        return f"{self.chain_id}:{self.contract}"


class Lock(Fact):
    """ "The registry holds these serials for this deployment; mint them to this recipient, or never."

    `not_after` is in chain seconds since 1970.
    """

    lock_id: Hex32
    class_id: Hex32
    range: SerialRange
    recipient: Address
    not_after: int = Field(gt=0, lt=2**64)


class Outcome(Fact):
    """ "These serials are set aside for part `part` of the request." Ranges rise."""

    request_id: Hex32
    part: int = Field(ge=0, lt=2**16)
    ranges: tuple[SerialRange, ...] = Field(min_length=1)

    @property
    def units(self) -> Units:
        return total_units(self.ranges)


class Refusal(Fact):
    """ "The registry will not act on what is left of the request." `reason` is a short ASCII code."""

    request_id: Hex32
    reason: str = Field(pattern=r"^[a-z0-9-]{1,32}$")


class Cover(Fact):
    """ "These serials are to cover what `short_class_id` lacks." The lock's recipient gets what nobody takes."""

    lock: Lock
    short_class_id: Hex32


class Reversal(Fact):
    """ "The registry has taken these serials back", once for each of its events. Ranges rise; `reason` as above."""

    event_id: Hex32
    class_id: Hex32
    reason: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    ranges: tuple[SerialRange, ...] = Field(min_length=1)

    @property
    def units(self) -> Units:
        return total_units(self.ranges)


class ClassTotal(Fact):
    """Lifetime totals of one class for one deployment, in units; they never fall."""

    class_id: Hex32
    locked: int = Field(ge=0)
    released: int = Field(ge=0)
    retired: int = Field(ge=0)
    handed_over: int = Field(ge=0)


class StatementHead(Fact):
    """The signed head of a registry's statement; `rows_hash` binds the rows themselves."""

    sequence: int = Field(ge=0)
    as_of: int = Field(ge=0)
    rows_hash: Hex32
    totals: tuple[ClassTotal, ...]


class Receipt(Fact):
    """The registry's word that it has retired or handed over, after the settlement was final. `evidence` seals what the
    attesters have of a registry that is not theirs; zero where the registry is their own ledger."""

    request_id: Hex32
    kind: Kind
    ranges: tuple[SerialRange, ...]
    reference: str
    executed_at: int = Field(ge=0, lt=2**64)
    evidence: Hex32 = NO_EVIDENCE


class Confirmation(Fact):
    """An officer's word on an act at a registry that has only screens: that it is `filed`, or has been seen `done` or
    `not-done`. `round` counts how often it was filed. A `filed` has neither reference nor evidence."""

    act_id: Hex32
    round: int = Field(ge=0, lt=2**16)
    finding: Literal["filed", "done", "not-done"]
    ranges: tuple[SerialRange, ...] = Field(min_length=1)
    reference: str = ""
    evidence: Hex32 = NO_EVIDENCE
    seen_at: int = Field(ge=0, lt=2**64)


class Pin(Fact):
    """ "This is the SHA-256 of the class's metadata at this moment", in chain seconds since 1970. `number` counts the
    pins of a class on a deployment, from one: of two of one moment the larger counts."""

    class_id: Hex32
    number: int = Field(ge=1, lt=2**64)
    sha256: Hex32
    as_of: int = Field(ge=0, lt=2**64)


Message = TypeVar("Message", Lock, Cover, Outcome, Refusal, Reversal, StatementHead, Receipt, Confirmation, Pin)


class Attested(Fact, Generic[Message]):
    """A batch with one set of compact signatures, in rising order of signer. A batch gives its items no order."""

    items: tuple[Message, ...] = Field(min_length=1)
    signers: tuple[Address, ...]
    signatures: tuple[Hex64, ...]


class Request(Fact):
    """What a request id commits to, with its deployment."""

    kind: Kind
    holder: Address
    class_id: Hex32
    units: int = Field(gt=0, lt=2**64)
    commitment: Hex32
    salt: Hex32

    def id_on(self, deployment: Deployment) -> Hex32:
        """`keccak256(abi.encode(chainid, contract, request))`."""
        types = ["uint256", "address", "uint8", "address", "uint256", "uint64", "bytes32", "uint256"]
        return keccak_hex(
            encode(
                types,
                [
                    deployment.chain_id,
                    deployment.contract,
                    self.kind,
                    self.holder,
                    to_int(self.class_id),
                    self.units,
                    to_bytes(self.commitment),
                    to_int(self.salt),
                ],
            )
        )


class Recovery(Fact):
    """Units that the class's recoverer orders from one account to another; an id is usable once."""

    class_id: Hex32
    sender: Address
    to: Address
    units: int = Field(gt=0, lt=2**64)
    salt: Hex32


class Opening(Fact):
    """What the holder tells the registry alone. `beneficiary` names who retires, or the account that receives."""

    holder: Address
    class_id: Hex32
    units: int = Field(gt=0, lt=2**64)
    beneficiary: str = Field(min_length=1, max_length=200)
    purpose: str = Field(max_length=500)
    secret: Hex32

    @property
    def commitment(self) -> Hex32:
        """`keccak256(abi.encode(holder, classId, units, beneficiary, purpose, secret))`."""
        types = ["address", "uint256", "uint64", "string", "string", "bytes32"]
        values = [
            self.holder,
            to_int(self.class_id),
            self.units,
            self.beneficiary,
            self.purpose,
            to_bytes(self.secret),
        ]
        return keccak_hex(encode(types, values))


TypedData = dict[str, Any]
_Members = Sequence[tuple[str, str]]

_DOMAIN: _Members = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
]
_RANGE: _Members = [("space", "bytes32"), ("first", "uint64"), ("last", "uint64")]
_LOCK: _Members = [
    ("lockId", "uint256"),
    ("classId", "uint256"),
    ("space", "bytes32"),
    ("first", "uint64"),
    ("last", "uint64"),
    ("recipient", "address"),
    ("notAfter", "uint64"),
]
_REQUEST: _Members = [
    ("kind", "uint8"),
    ("holder", "address"),
    ("classId", "uint256"),
    ("units", "uint64"),
    ("commitment", "bytes32"),
    ("salt", "uint256"),
    ("notAfter", "uint64"),
]
_TYPES: Mapping[str, Mapping[str, _Members]] = {
    "Lock": {"Lock": _LOCK},
    "Cover": {"Cover": [("lock", "Lock"), ("shortClassId", "uint256")], "Lock": _LOCK},
    "Outcome": {
        "Outcome": [("requestId", "bytes32"), ("part", "uint16"), ("ranges", "Range[]")],
        "Range": _RANGE,
    },
    "Refusal": {"Refusal": [("requestId", "bytes32"), ("reason", "bytes32")]},
    "Reversal": {
        "Reversal": [
            ("eventId", "bytes32"),
            ("classId", "uint256"),
            ("reason", "bytes32"),
            ("ranges", "Range[]"),
        ],
        "Range": _RANGE,
    },
    "StatementHead": {
        "StatementHead": [
            ("sequence", "uint64"),
            ("asOf", "uint64"),
            ("rowsHash", "bytes32"),
            ("totals", "ClassTotal[]"),
        ],
        "ClassTotal": [
            ("classId", "uint256"),
            ("locked", "uint64"),
            ("released", "uint64"),
            ("retired", "uint64"),
            ("handedOver", "uint64"),
        ],
    },
    "Receipt": {
        "Receipt": [
            ("requestId", "bytes32"),
            ("kind", "uint8"),
            ("ranges", "Range[]"),
            ("reference", "string"),
            ("executedAt", "uint64"),
            ("evidence", "bytes32"),
        ],
        "Range": _RANGE,
    },
    "Confirmation": {
        "Confirmation": [
            ("actId", "bytes32"),
            ("round", "uint16"),
            ("finding", "string"),
            ("ranges", "Range[]"),
            ("reference", "string"),
            ("evidence", "bytes32"),
            ("seenAt", "uint64"),
        ],
        "Range": _RANGE,
    },
    "Pin": {"Pin": [("classId", "uint256"), ("number", "uint64"), ("sha256", "bytes32"), ("asOf", "uint64")]},
}
_BATCH_MEMBER = {
    "Lock": "locks",
    "Cover": "covers",
    "Outcome": "outcomes",
    "Refusal": "refusals",
    "Reversal": "reversals",
    "StatementHead": "statementHeads",
    "Receipt": "receipts",
    "Confirmation": "confirmations",
    "Pin": "pins",
}


def typed_data(deployment: Deployment, items: Sequence[Message]) -> TypedData:
    """The EIP-712 document of a batch of one kind of message, as `eth_signTypedData_v4` takes it."""
    name = type(items[0]).__name__
    member = _BATCH_MEMBER[name]
    batch_type = member[0].upper() + member[1:]
    types = {batch_type: [(member, f"{name}[]")], **_TYPES[name]}
    return _document(deployment, batch_type, types, {member: [wire(item) for item in items]})


def typed_request(deployment: Deployment, request: Request, not_after: int) -> TypedData:
    """The EIP-712 document by which a holder lets anybody open his request until `not_after` (chain seconds)."""
    message = {
        "kind": int(request.kind),
        "holder": request.holder,
        "classId": to_int(request.class_id),
        "units": request.units,
        "commitment": to_bytes(request.commitment),
        "salt": to_int(request.salt),
        "notAfter": not_after,
    }
    return _document(deployment, "Request", {"Request": _REQUEST}, message)


def _document(
    deployment: Deployment, primary: str, types: Mapping[str, _Members], message: dict[str, Any]
) -> TypedData:
    all_types = {"EIP712Domain": _DOMAIN, **types}
    return {
        "types": {key: [{"name": n, "type": t} for n, t in members] for key, members in all_types.items()},
        "primaryType": primary,
        "domain": {
            "name": NAME,
            "version": VERSION,
            "chainId": deployment.chain_id,
            "verifyingContract": deployment.contract,
        },
        "message": message,
    }


def wire(
    item: Lock | Cover | Outcome | Refusal | Reversal | StatementHead | Receipt | ClassTotal | Confirmation | Pin,
) -> dict[str, Any]:
    """One message with the contract's member names and types."""
    match item:
        case Lock():
            return {
                "lockId": to_int(item.lock_id),
                "classId": to_int(item.class_id),
                **_wire_range(item.range),
                "recipient": item.recipient,
                "notAfter": item.not_after,
            }
        case Cover():
            return {"lock": wire(item.lock), "shortClassId": to_int(item.short_class_id)}
        case Outcome():
            return {
                "requestId": to_bytes(item.request_id),
                "part": item.part,
                "ranges": [_wire_range(r) for r in item.ranges],
            }
        case Refusal():
            return {"requestId": to_bytes(item.request_id), "reason": code_bytes(item.reason)}
        case Reversal():
            return {
                "eventId": to_bytes(item.event_id),
                "classId": to_int(item.class_id),
                "reason": code_bytes(item.reason),
                "ranges": [_wire_range(r) for r in item.ranges],
            }
        case StatementHead():
            return {
                "sequence": item.sequence,
                "asOf": item.as_of,
                "rowsHash": to_bytes(item.rows_hash),
                "totals": [wire(total) for total in item.totals],
            }
        case ClassTotal():
            return {
                "classId": to_int(item.class_id),
                "locked": item.locked,
                "released": item.released,
                "retired": item.retired,
                "handedOver": item.handed_over,
            }
        case Receipt():
            return {
                "requestId": to_bytes(item.request_id),
                "kind": int(item.kind),
                "ranges": [_wire_range(r) for r in item.ranges],
                "reference": item.reference,
                "executedAt": item.executed_at,
                "evidence": to_bytes(item.evidence),
            }
        case Confirmation():
            return {
                "actId": to_bytes(item.act_id),
                "round": item.round,
                "finding": item.finding,
                "ranges": [_wire_range(r) for r in item.ranges],
                "reference": item.reference,
                "evidence": to_bytes(item.evidence),
                "seenAt": item.seen_at,
            }
        case Pin():
            return {
                "classId": to_int(item.class_id),
                "number": item.number,
                "sha256": to_bytes(item.sha256),
                "asOf": item.as_of,
            }


def _wire_range(r: SerialRange) -> dict[str, Any]:
    return {"space": to_bytes(r.space), "first": r.first, "last": r.last}
