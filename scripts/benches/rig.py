"""A bridge on py-evm with one registry (2 of 3 attesters), one class and one space, for measuring its doors."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_tester import EthereumTester, PyEVMBackend
from web3 import EthereumTesterProvider, Web3

from bridge.domain.values import ZERO_ADDRESS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from compile import CONTRACTS, compiled  # noqa: E402

ARTIFACTS = ROOT / "bridge" / "chain" / "artifacts"
TRANSACTION_GAS_CAP = 2**24  # EIP-7825
LOCK_SECONDS = 30 * 86_400
# Ahead of every clock, so that blocks are a second apart whenever this runs, and gas is the same to the unit.
GENESIS_TIME = 4_000_000_000
FLOORS = ("OpenZeppelin", "Solady", "Solmate")

LOCK = "uint256 lockId,uint256 classId,bytes32 space,uint64 first,uint64 last,address recipient,uint64 notAfter"
TYPES = {
    "Locks": "Lock[] locks",
    "Lock": LOCK,
    "Outcomes": "Outcome[] outcomes",
    "Outcome": "bytes32 requestId,uint16 part,Range[] ranges",
    "Range": "bytes32 space,uint64 first,uint64 last",
    "Refusals": "Refusal[] refusals",
    "Refusal": "bytes32 requestId,bytes32 reason",
    "Reversals": "Reversal[] reversals",
    "Reversal": "bytes32 eventId,uint256 classId,bytes32 reason,Range[] ranges",
    "Covers": "Cover[] covers",
    "Cover": "Lock lock,uint256 shortClassId",
    "StatementHeads": "StatementHead[] statementHeads",
    "StatementHead": "uint64 sequence,uint64 asOf,bytes32 rowsHash,ClassTotal[] totals",
    "ClassTotal": "uint256 classId,uint64 locked,uint64 released,uint64 retired,uint64 handedOver",
    "Request": "uint8 kind,address holder,uint256 classId,uint64 units,bytes32 commitment,uint256 salt,uint64 notAfter",
}
NEEDS = {
    "Locks": ["Locks", "Lock"],
    "Outcomes": ["Outcomes", "Outcome", "Range"],
    "Refusals": ["Refusals", "Refusal"],
    "Reversals": ["Reversals", "Reversal", "Range"],
    "Covers": ["Covers", "Cover", "Lock"],
    "StatementHeads": ["StatementHeads", "StatementHead", "ClassTotal"],
    "Request": ["Request"],
}


def _keys() -> Iterator[bytes]:
    """The same keys in each run, of addresses without zero bytes: calldata is never cheaper by luck."""
    for n in count(1):
        key = bytes(Web3.keccak(text=f"key {n}"))
        if 0 not in bytes.fromhex(Account.from_key(key).address[2:]):
            yield key


@dataclass
class Rig:
    """`serial` is the next unused serial, `before` the start of the last range: the next one's hint."""

    w3: Web3
    bridge: Any
    floors: dict[str, Any]
    class_id: int
    cover_class_id: int
    space: bytes
    attesters: list[Any]
    admin: str
    operator: str
    holders: list[str]
    not_after: int
    serial: int = 1
    before: int = 0
    lock_ids: Any = field(default_factory=lambda: count(1))
    salts: Any = field(default_factory=lambda: count(1))
    keys: Any = field(default_factory=_keys)
    requests: dict[bytes, tuple[Any, ...]] = field(default_factory=dict)

    def send(self, call: Any, sender: str, gas: int = 100_000_000) -> Any:
        receipt = self.w3.eth.wait_for_transaction_receipt(call.transact({"from": sender, "gas": gas}))
        if receipt["status"] != 1:
            call.call({"from": sender, "gas": gas})
            raise RuntimeError("reverted as a transaction, but not as a call")
        return receipt

    def gas(self, call: Any, sender: str) -> int:
        return int(self.send(call, sender)["gasUsed"])

    def sign(self, primary: str, message: dict[str, Any], signers: int = 2) -> list[tuple[bytes, bytes]]:
        typed = encode_typed_data(full_message=self._typed(primary, message))
        signatures = []
        for attester in self.attesters[:signers]:
            signed = attester.sign_message(typed)
            vs = signed.s | ((signed.v - 27) << 255)
            signatures.append((signed.r.to_bytes(32, "big"), vs.to_bytes(32, "big")))
        return signatures

    def lock(self, recipient: str, units: int, gap: int = 1) -> tuple[dict[str, Any], int]:
        """A lock of fresh serials and its hint; `gap` serials stay unused before the next, so that no two merge."""
        first, hint = self.serial, self.before
        self.serial, self.before = first + units + gap, first
        lock = {
            "lockId": next(self.lock_ids), "classId": self.class_id, "space": self.space,
            "first": first, "last": first + units - 1, "recipient": recipient, "notAfter": self.not_after,
        }  # fmt: skip
        return lock, hint

    def mint_call(self, locks: list[tuple[dict[str, Any], int]], signers: int = 2) -> Any:
        signatures = self.sign("Locks", {"locks": [lock for lock, _ in locks]}, signers)
        return self.bridge.functions.mint(
            [tuple(lock.values()) for lock, _ in locks], [hint for _, hint in locks], signatures
        )

    def stranger(self) -> str:
        """An address that nobody has used."""
        return str(Account.from_key(next(self.keys)).address)

    def new_holder(self) -> str:
        """An account of its own whose transactions the chain signs."""
        holder = str(self.w3.provider.ethereum_tester.add_account(next(self.keys).hex()))  # type: ignore[attr-defined]
        self.w3.eth.send_transaction({"from": self.admin, "to": holder, "value": 10**18})
        return holder

    def mint(self, recipient: str, units: int) -> int:
        """Mints one lock and returns its first serial."""
        lock, hint = self.lock(recipient, units)
        self.send(self.mint_call([(lock, hint)]), self.operator)
        return int(lock["first"])

    def request(self, holder: str, units: int, kind: int = 0) -> tuple[bytes, tuple[Any, ...]]:
        salt, commitment = next(self.salts), b"\x11" * 32
        door = self.bridge.functions.redeem if kind else self.bridge.functions.retire
        self.send(door(self.class_id, units, commitment, salt), holder)
        request = (kind, holder, self.class_id, units, commitment, salt)
        request_id = self.bridge.functions.requestId(request).call()
        self.requests[request_id] = request
        return request_id, request

    def settle_call(self, outcomes: list[tuple[bytes, int, int]], hints: int | list[int], signers: int = 2) -> Any:
        """Outcomes are (request id, first serial, units); one hint serves all, or each has its own."""
        message = [
            {
                "requestId": request_id,
                "part": 0,
                "ranges": [{"space": self.space, "first": first, "last": first + units - 1}],
            }
            for request_id, first, units in outcomes
        ]
        packed = [(o["requestId"], o["part"], [tuple(r.values()) for r in o["ranges"]]) for o in message]
        if isinstance(hints, int):
            hints = [hints] * len(outcomes)
        requests = [self.requests[request_id] for request_id, _, _ in outcomes]
        return self.bridge.functions.settle(
            packed, requests, hints, self.sign("Outcomes", {"outcomes": message}, signers)
        )

    def refuse_call(self, requests: list[tuple[bytes, tuple[Any, ...]]], signers: int = 2) -> Any:
        refusals = [{"requestId": request_id, "reason": b"no".ljust(32, b"\0")} for request_id, _ in requests]
        return self.bridge.functions.refuse(
            [tuple(r.values()) for r in refusals],
            [request for _, request in requests],
            self.sign("Refusals", {"refusals": refusals}, signers),
        )

    def reverse_call(self, first: int, units: int, event_id: bytes = b"\x22" * 32) -> Any:
        serials = {"space": self.space, "first": first, "last": first + units - 1}
        reversal = {"eventId": event_id, "classId": self.class_id, "reason": b"fire".ljust(32, b"\0")}
        packed = (*reversal.values(), [tuple(serials.values())])
        signatures = self.sign("Reversals", {"reversals": [{**reversal, "ranges": [serials]}]})
        return self.bridge.functions.reverse([packed], [first], signatures)

    def cover_call(self, provider: str, units: int) -> tuple[Any, tuple[Any, ...]]:
        """Of another class in the same space; the call, and the cover as `takeCover` takes it."""
        lock, hint = self.lock(provider, units)
        cover = {"lock": {**lock, "classId": self.cover_class_id}, "shortClassId": self.class_id}
        packed = (tuple(cover["lock"].values()), self.class_id)
        signatures = self.sign("Covers", {"covers": [cover]})
        return self.bridge.functions.cover([packed], [hint], signatures), packed

    def state_call(self, sequence: int) -> Any:
        as_of = self.w3.eth.get_block("latest")["timestamp"]
        total = {"classId": self.class_id, "locked": 10**9, "released": 1, "retired": 2, "handedOver": 3}
        head = {"sequence": sequence, "asOf": as_of, "rowsHash": b"\x33" * 32, "totals": [total]}
        signatures = self.sign("StatementHeads", {"statementHeads": [head]})
        return self.bridge.functions.stateReserves((sequence, as_of, b"\x33" * 32, [tuple(total.values())]), signatures)

    def request_for_call(self, key: bytes, units: int) -> Any:
        holder = Account.from_key(key)
        request = (0, holder.address, self.class_id, units, b"\x11" * 32, next(self.salts))
        names = ("kind", "holder", "classId", "units", "commitment", "salt")
        message = dict(zip(names, request, strict=True)) | {"notAfter": self.not_after}
        signed = holder.sign_message(encode_typed_data(full_message=self._typed("Request", message)))
        return self.bridge.functions.requestFor(request, self.not_after, signed.signature)

    def _typed(self, primary: str, message: dict[str, Any]) -> dict[str, Any]:
        def members(text: str) -> list[dict[str, str]]:
            pairs = (member.split(" ") for member in text.split(","))
            return [{"name": name, "type": kind} for kind, name in pairs]

        domain = "string name,string version,uint256 chainId,address verifyingContract"
        return {
            "types": {
                "EIP712Domain": members(domain),
                **{name: members(TYPES[name]) for name in NEEDS[primary]},
            },
            "primaryType": primary,
            "domain": {
                "name": "CarbonBridge",
                "version": "1",
                "chainId": self.w3.eth.chain_id,
                "verifyingContract": self.bridge.address,
            },
            "message": message,
        }


def embedded_chain() -> Web3:
    genesis = PyEVMBackend.generate_genesis_params({"gas_limit": 1_000_000_000, "timestamp": GENESIS_TIME})
    return Web3(EthereumTesterProvider(EthereumTester(PyEVMBackend(genesis_parameters=genesis))))


def build_rig(w3: Web3) -> Rig:
    admin, operator, *holders = w3.eth.accounts
    remedies = _deploy(w3, admin, _artifact("Remedies"), (ZERO_ADDRESS,))
    office = _deploy(w3, admin, _artifact("Office"), (ZERO_ADDRESS, remedies.address))
    bridge = _deploy(w3, admin, _artifact("CarbonBridge"), (admin, "ipfs://", ZERO_ADDRESS, office.address))
    registry = Web3.keccak(text="registry")
    attesters = sorted((Account.from_key(Web3.keccak(n)) for n in range(1, 4)), key=lambda a: int(a.address, 16))
    not_after = w3.eth.get_block("latest")["timestamp"] + LOCK_SECONDS
    floors = {name: _deploy(w3, admin, artifact, (operator,)) for name, artifact in _floors().items()}
    rig = Rig(w3, bridge, floors, 0, 0, b"", attesters, admin, operator, holders, not_after)

    terms = (14 * 86_400, 7 * 86_400, 1_000, 1_000, 0, 0, False, ZERO_ADDRESS)
    call = bridge.functions
    rig.send(call.addRegistry(registry, [a.address for a in attesters], 2, terms), admin)
    rig.send(call.setAllowance(operator, 10**15), admin)
    rig.send(call.registerSpace(registry, 0, "counter"), operator)
    rig.send(call.setGuardian(holders[0], True), admin)
    for project in ("1686", "1340"):
        rig.send(call.createClass(registry, project, 2014, "VCU"), operator)
    abi = w3.codec.encode
    rig.space = Web3.keccak(abi(["bytes32", "uint8", "string"], [registry, 0, "counter"]))
    rig.class_id, rig.cover_class_id = (
        int.from_bytes(
            Web3.keccak(abi(["bytes32", "string", "uint16", "string"], [registry, project, 2014, "VCU"])), "big"
        )
        for project in ("1686", "1340")
    )
    return rig


def _artifact(name: str) -> dict[str, Any]:
    artifact: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text())
    return artifact


@cache
def _floors() -> dict[str, dict[str, Any]]:
    """The least ERC-1155 of each library, compiled with our own settings."""
    output = compiled({name: CONTRACTS / "floor" / f"{name}.sol" for name in FLOORS}, "abi", "evm.bytecode.object")
    floors = {name: output["contracts"][name]["Floor"] for name in FLOORS}
    return {
        name: {"abi": floor["abi"], "bytecode": floor["evm"]["bytecode"]["object"]} for name, floor in floors.items()
    }


def _deploy(w3: Web3, sender: str, artifact: dict[str, Any], arguments: tuple[Any, ...] = ()) -> Any:
    contract = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    receipt = w3.eth.wait_for_transaction_receipt(
        contract.constructor(*arguments).transact({"from": sender, "gas": 100_000_000})
    )
    return w3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])
