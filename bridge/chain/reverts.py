"""A contract's reverts in words: the named error, its numbers, and what to do next."""

from __future__ import annotations

import ast
import re
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import function_abi_to_4byte_selector
from web3.exceptions import ContractCustomError, ContractLogicError, Web3Exception

from bridge.chain.artifacts import artifact
from bridge.chain.connection import rpc_error_text
from bridge.errors import ContractRefused, Refused

_ADVICE = {
    "SerialsTaken": "these serials are tokenized already, live or retired; reconcile before anything else",
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
    "SpaceUnknown": "register the serial space first",
    "ClassUnknown": "create the class first with: carbonbridge operator class",
    "OwnableUnauthorizedAccount": "the owner alone may; a timelock is asked with: carbonbridge admin propose",
    "TimelockInsufficientDelay": "the timelock asks for a longer delay",
    "NotHolder": "only this holder may, with his own key",
    "NotGuardian": "only a guardian may; the admin names them with: carbonbridge admin propose setGuardian",
    "RecoveryExists": "just that is ordered already; see: carbonbridge compliance recovery list",
    "RecoveryStands": "one order at a time; see: carbonbridge compliance recovery list",
    "StatementSuperseded": "the contract has one as new already; nothing is left to do",
    "SignatureExpired": "its holder signs it again with: carbonbridge holder send REQUEST_ID --sign-only",
    "SignatureInvalid": "it was not signed so by this holder: ask the holder for the file again",
    "RequestExists": "the request was opened before; nothing is left to do",
    "NotAdmitted": "the admin admits projects and methodologies with: carbonbridge admin propose setVerdict",
    "ReserveStale": "bring a newer statement with: carbonbridge operator reserves state",
    "ReserveExceeded": "the newest statement locks no more: carbonbridge operator reserves state, else reconcile",
    "ClassAllowanceExceeded": "wait for the class's allowance to refill, or ask the admin",
    "NotRecoverer": "only the recoverer whom the class's terms name may order",
    "RecoveryNotPending": "it was vetoed, executed or never ordered; see: carbonbridge compliance recovery list",
    "RecoveryNotMature": "its time for a veto runs still; execute it afterwards",
    "RecoveryLapsed": "nobody executed it in time: order it again",
    "QuarantineCoolingDown": "a guardian closes a class once, then as long a peace follows; ask the admin to confirm",
    "NotListed": "this account may not take units; a lister lists it with: carbonbridge compliance list ACCOUNT",
    "NotLister": "only listers may; the admin names them with: carbonbridge admin propose policy.setLister",
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


LASTING = ("NotShort", "SerialsTaken", "WeightMismatch")
"""Refusals of a lock that do not pass by themselves."""


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
    for name in ("CarbonBridge", "AllowListPolicy", "TimelockController")
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
    if printed := re.search(r"b(['\"]).*\1$", text, re.DOTALL):
        return bytes(ast.literal_eval(printed.group()))  # eth-tester prints the bytes into its message
    return text


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
