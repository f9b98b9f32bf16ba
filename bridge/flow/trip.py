"""The breaker: shuts the minting door on account of what is proved, once for each proof, and never opens it."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.cases.store import Cases
from bridge.chain.contract import BridgeContract
from bridge.chain.transactions import Sender
from bridge.domain.findings import Finding, Pause
from bridge.errors import BridgeError, ContractRefused


def trip(contract: BridgeContract, guardian: Sender, cases: Cases, proved: Sequence[Finding], now: int) -> Pause | None:
    """`proved`: what our own evidence proves (`reconcile.proof`). None when nothing is, or all of it has paused before.

    The intention is stored first. What could not be sent is no failure of the run, which must be kept and told: the
    next run tries again. If the admin unpauses, the same proof does not pause a second time; a changed one does.
    """
    due = cases.intend(proved, str(contract.deployment), now)
    if not due:
        return None
    facts = Pause(
        deployment=str(contract.deployment),
        findings=tuple(finding.id for finding in due),
        rules=tuple(sorted({finding.rule for finding in due})),
        outcome="shut",
    )
    try:
        transaction = "" if contract.view(contract.functions.paused()) else _pause(contract, guardian)
    except BridgeError as error:
        return facts.model_copy(update={"outcome": "failed", "note": f"{type(error).__name__}: {error}"})
    cases.tripped(due, transaction, now)
    return facts.model_copy(update={"outcome": "paused", "transaction": transaction}) if transaction else facts


def _pause(contract: BridgeContract, guardian: Sender) -> str:
    """Empty when somebody else was quicker."""
    try:
        return guardian.send_and_wait(contract.functions.pause())
    except ContractRefused as refusal:
        if refusal.name != "IsPaused":
            raise
        return ""
