"""Classes that lean on statements mint no more than the registry's newest one on chain says is locked."""

from __future__ import annotations

from bridge.domain.attestations import Attested, StatementHead
from bridge.domain.values import Hex32, RegistryCode, hex32
from bridge.errors import ContractRefused
from bridge.flow.bridge import Bridge

STATING = "stateReserves"
"""The contract's function."""

RESERVE_REFUSALS = frozenset({"ReserveStale", "ReserveExceeded"})


def leaning(bridge: Bridge) -> dict[RegistryCode, list[Hex32]]:
    """The classes on chain whose terms ask for statements, by registry."""
    found: dict[RegistryCode, list[Hex32]] = {}
    for class_id, created in bridge.contract.credit_classes().items():
        state = bridge.contract.class_state(class_id)
        if state is not None and state.terms.statement_seconds:
            found.setdefault(created.registry, []).append(class_id)
    return found


def state_reserves(bridge: Bridge, registry: RegistryCode) -> tuple[Attested[StatementHead], Hex32 | None]:
    """Has the registry state its totals now, and brings the signed head to the chain; gives it and the transaction.
    None is sent while nothing was ever locked."""
    head = bridge.registry.statement(registry, bridge.deployment).head
    if not head.items[0].totals:
        return head, None
    return head, bridge.sender.submit(bridge.contract.state_reserves(head))


def bring_statement(bridge: Bridge, registry: RegistryCode, refusal: ContractRefused) -> bool:
    """Whether a newer statement mends the refused mint; then it is sent, or one is on its way already."""
    sent = bridge.journal.open_transactions(bridge.deployment.chain_id)
    if any(attempts[0].purpose == STATING for attempts in sent):
        return True
    class_id = hex32(int(str(refusal.arguments[0])))
    signed = bridge.registry.statement(registry, bridge.deployment).head
    if not _mends(bridge, refusal, signed.items[0], class_id):
        return False
    bridge.sender.submit(bridge.contract.state_reserves(signed))
    return True


def _mends(bridge: Bridge, refusal: ContractRefused, head: StatementHead, class_id: Hex32) -> bool:
    """What would be as stale, or would lock no more, is not worth its gas at every turn."""
    state, stated = bridge.contract.class_state(class_id), bridge.contract.reserve_of(class_id)
    if state is None:
        return False
    if refusal.name == "ReserveStale":
        fresh_until = head.as_of + state.terms.statement_seconds
        return head.as_of > stated.as_of and fresh_until > bridge.contract.connection.head().timestamp
    return _locked(head, class_id) > stated.locked


def _locked(head: StatementHead, class_id: Hex32) -> int:
    return sum(total.locked - total.released for total in head.totals if total.class_id == class_id)
