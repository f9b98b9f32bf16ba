"""A contract's reverts in words: the named error, its numbers, and what to do next."""

from __future__ import annotations

import ast
import re
from enum import IntEnum
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from web3.exceptions import BadFunctionCallOutput, ContractCustomError, ContractLogicError, Web3RPCError

from bridge.chain.artifacts import artifact
from bridge.chain.connection import rpc_error_text
from bridge.domain.credit_class import Subject, Verdict
from bridge.domain.lifecycle import RequestStatus
from bridge.domain.values import code_text, hex32, moment
from bridge.errors import AlreadyDone, ContractRefused, NotYet, Refused, Unreachable

_ADMIN = "carbonbridge admin act, or carbonbridge admin propose where a timelock owns it"
_ADVICE = {
    "SerialsTaken": "these serials are tokenized already, live or retired; reconcile before anything else",
    "RegistryUnknown": f"this contract knows no such registry; the admin adds one by addRegistry, with: {_ADMIN}",
    "LockUsed": "this lock was minted before; nothing is left to do",
    "LockExpired": "the lock's time has passed; the registry will release it",
    "AllowanceExceeded": "wait for the allowance to refill, or ask the admin",
    "IsPaused": "minting and new requests are paused until the admin unpauses",
    "IsNotPaused": "nothing is paused; nothing is left to do",
    "QuorumNotReached": "collect more attesters' signatures",
    "SignerNotAttester": "the attester set has changed; have it signed again",
    "ERC1155InsufficientBalance": "see what you own with: carbonbridge holder balance",
    "DeadlineNotPassed": "the registry may still answer; try after the deadline",
    "ChallengeNotPassed": "a settlement may still land; try after the challenge",
    "RequestNotOpen": "the request has ended; see: carbonbridge holder requests",
    "AccountFrozen": "compliance has frozen this account; ask the guardian",
    "FreezeCoolingDown": "a guardian freezes once, then as long a peace follows; ask the admin to confirm",
    "SpaceUnknown": "create its class first, and with it the serial space: carbonbridge operator class SERIAL",
    "ClassUnknown": "create the class first with: carbonbridge operator class SERIAL",
    "OwnableUnauthorizedAccount": f"the owner alone may: {_ADMIN}",
    "TimelockInsufficientDelay": "the timelock asks for a longer delay",
    "NotHolder": "only this holder may, with his own key",
    "NotGuardian": f"only a guardian may; the admin names them by setGuardian, with: {_ADMIN}",
    "RecoveryExists": "just that is ordered already; see: carbonbridge compliance recovery list",
    "RecoveryStands": "one order at a time; see: carbonbridge compliance recovery list",
    "StatementSuperseded": "the contract has one as new already; nothing is left to do",
    "SignatureExpired": "its holder signs it again with: carbonbridge holder send REQUEST_ID --sign-only",
    "SignatureInvalid": "it was not signed so by this holder: ask the holder for the file again",
    "RequestExists": "the request was opened before; nothing is left to do",
    "NotAdmitted": f"the admin admits projects and methodologies by setVerdict, with: {_ADMIN}",
    "ReserveStale": "bring a newer statement with: carbonbridge operator reserves state",
    "ReserveExceeded": "the newest statement locks no more: carbonbridge operator reserves state, else reconcile",
    "ClassAllowanceExceeded": "wait for the class's allowance to refill, or ask the admin",
    "NotRecoverer": "only the recoverer whom the class's terms name may order",
    "RecoveryNotPending": "it was vetoed, executed or never ordered; see: carbonbridge compliance recovery list",
    "RecoveryNotMature": "its time for a veto runs still; execute it afterwards",
    "RecoveryLapsed": "nobody executed it in time: order it again",
    "QuarantineCoolingDown": "a guardian closes a class once, then as long a peace follows; ask the admin to confirm",
    "AlreadyAnchored": "the first time counts; nothing is left to do",
    "NotListed": "this account may not take units; a lister lists it with: carbonbridge compliance list ACCOUNT",
    "NotLister": f"only listers may; the admin names them by policy.setLister, with: {_ADMIN}",
    "NothingToSettle": "all of it is settled or has ended, or its class is short",
    "ClassShort": "the registry took serials of this class back; it opens when the gap is covered. Offers: "
    "carbonbridge holder cover list",
    "ClassQuarantined": "a guardian has closed this class until then; ask compliance, or wait",
    "CoverExceeded": "take no more than is left and the class is short of; see: carbonbridge holder cover list",
    "NotShort": "the class lacks nothing; the lock is released after its time, to be instructed without --covers",
    "StillShort": "holders may still take it; withdraw what is left when the class is short no more",
    "NothingToReverse": "this event was brought to the chain before; nothing is left to do",
    "SerialsNotLive": "these serials were settled or reversed meanwhile; have it signed again",
    "WeightMismatch": "units of both classes must weigh the same; cover it with another class",
}
_ADVICE_AT = {
    ("pause", "IsPaused"): "nothing is left to do",
    ("setVerdict", "OwnableUnauthorizedAccount"): "a guardian may bar; all else is the owner's to say",
    ("vetoRecovery", "NotHolder"): "the account itself may, or a guardian, with --key",
    ("withdrawCover", "NotHolder"): "its own class is short, and then only its provider may",
}
"""Where the same refusal means something else at one of the contract's functions."""

_NOT_YET = {"RecoveryNotMature", "StillShort", "DeadlineNotPassed", "ChallengeNotPassed"}
_MOMENTS = {"asOf", "deadline", "lapsedAt", "maturesAt", "notAfter", "since", "timestamp", "until"}
ENUMS: dict[str, type[IntEnum]] = {"enum Subject": Subject, "enum Verdict": Verdict, "enum Status": RequestStatus}
"""The contract's words, by the ABI's names of them."""


LASTING = ("NotShort", "SerialsTaken", "WeightMismatch")
"""Refusals of a lock that do not pass by themselves."""


class _Answers:
    """Context in which a contract's revert becomes ContractRefused, with the error's name and numbers. `door`: the
    function that was called, where its refusals mean something of their own. `simulated`: errors of the node's own are
    refusals, too."""

    def __init__(self, door: str, *, simulated: bool) -> None:
        self._door, self._simulated = door, simulated

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ContractCustomError):
            raise explain_revert(error.data, self._door) from error
        if isinstance(error, ContractLogicError):
            known = isinstance(error.data, bytes | str) and error.data != "no data"
            raise explain_revert(error.data if known else error.message, self._door) from error
        if type(error).__name__ == "TransactionFailed":
            # eth-tester hands the revert's bytes over as they are
            raise explain_revert(error.args[0] if error and error.args else None, self._door) from error
        if isinstance(error, BadFunctionCallOutput):
            text = "no such contract answers at that block: its address is wrong, or the node is behind"
            raise Unreachable(f"{text}; check the contract's address, and try again") from error
        if isinstance(error, Web3RPCError) and self._simulated:
            raise Refused(f"the node refused: {rpc_error_text(error)}") from error


def refusals_in_words(door: str = "") -> _Answers:
    """For what is simulated before it is sent. Raises ContractRefused, or Refused where the node itself will not: it
    may be too much for one transaction."""
    return _Answers(door, simulated=True)


def answers_in_words() -> _Answers:
    """For questions. Raises ContractRefused; what the node itself cannot answer is nobody's no (`answering`)."""
    return _Answers("", simulated=False)


_ERRORS: dict[bytes, dict[str, Any]] = {
    function_abi_to_4byte_selector(entry): entry  # type: ignore[arg-type]
    for name in ("CarbonBridge", "AllowListPolicy", "TimelockController", "ReportAnchor")
    for entry in artifact(name).abi
    if entry["type"] == "error"
}


def explain_revert(data: Any, door: str = "") -> ContractRefused:
    """A revert's bytes, or hex text, as the contract's named error. It ends a command as what it means: not yet, or
    nothing is left to do, or else a refusal."""
    if isinstance(data, str):
        data = revert_bytes(data)
    entry = _ERRORS.get(bytes(data[:4])) if isinstance(data, bytes) else None
    if entry is None:
        return ContractRefused(f"the contract refused: {data!r}")
    values = decode([member["type"] for member in entry["inputs"]], data[4:])
    details = ", ".join(
        f"{member['name']} {_show(member, value)}" for member, value in zip(entry["inputs"], values, strict=True)
    )
    name = entry["name"]
    advice = _ADVICE_AT.get((door, name)) or _ADVICE.get(name, "")
    if name == "NotAdmitted" and values[2] == Verdict.BARRED:
        advice = f"it is barred, and nothing of it is minted until the admin says otherwise by setVerdict: {_ADMIN}"
    refusal = ContractRefused(
        f"the contract refused with {name}({details})" + (f"; {advice}" if advice else ""), name, values
    )
    if name in _NOT_YET:
        refusal.exit_code = NotYet.exit_code
    elif advice.endswith("nothing is left to do"):
        refusal.exit_code = AlreadyDone.exit_code
    return refusal


def revert_bytes(text: str) -> bytes | str:
    """The bytes that a node's text about a revert holds, or the text itself."""
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    if printed := re.search(r"b(['\"]).*\1$", text, re.DOTALL):
        return bytes(ast.literal_eval(printed.group()))  # eth-tester prints the bytes into its message
    return text


def _show(member: dict[str, Any], value: Any) -> str:
    """By the parameter's name and type, as commands show the same."""
    name, enum = member["name"], ENUMS.get(member.get("internalType", ""))
    if enum:
        return enum(value).name.lower() if value in set(enum) else str(value)
    if name in _MOMENTS:
        return moment(value) if value else "never"
    if name == "classId":
        return hex32(value)[:10]
    if isinstance(value, bytes):
        return code_text(value) if name == "registry" else "0x" + value.hex()
    if member["type"] == "address":
        return to_checksum_address(value)
    return hex32(value) if isinstance(value, int) and value >= 2**64 else str(value)
