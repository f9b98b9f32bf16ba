"""Units of a lost key: ordered by the recoverer whom the class's terms name, in the open, and executed by anybody."""

from __future__ import annotations

from enum import StrEnum

from bridge.chain.contract import BridgeContract
from bridge.chain.transactions import Sender
from bridge.domain.attestations import Recovery
from bridge.domain.observed import Recovered, RecoveryOrdered, RecoveryVetoed
from bridge.domain.values import Address, Fact, Hex32, hex32
from bridge.errors import Refused


class OrderState(StrEnum):
    PENDING = "pending"  # the account may veto
    DUE = "due"  # anybody may execute it
    LAPSED = "lapsed"
    VETOED = "vetoed"
    EXECUTED = "executed"


class Order(Fact):
    """An order with its end, or with what may be done now. Times are chain seconds."""

    recovery_id: Hex32
    recovery: Recovery
    matures_at: int
    lapses_at: int
    state: OrderState

    @property
    def waits(self) -> bool:
        return self.state in (OrderState.PENDING, OrderState.DUE)


def recovery_orders(contract: BridgeContract) -> list[Order]:
    """All that were ever given, the oldest first, as of the newest block: who may veto has no time to lose."""
    head = contract.connection.head()
    events = list(contract.events(contract.first_block, head.number, RecoveryOrdered, RecoveryVetoed, Recovered))
    ends = {event.recovery_id: OrderState.VETOED for event in events if isinstance(event, RecoveryVetoed)}
    ends |= {event.recovery_id: OrderState.EXECUTED for event in events if isinstance(event, Recovered)}
    return [
        _order(contract, event, ends.get(event.recovery_id), head.timestamp)
        for event in events
        if isinstance(event, RecoveryOrdered)
    ]


def order_recovery(
    contract: BridgeContract, recoverer: Sender, class_id: Hex32, lost: Address, to: Address, units: int
) -> Order:
    """Salts count up from zero, so that the same words after the first order's end name another.

    Raises Refused while an order of the account's units in this class stands: there is one at a time.
    """
    orders = recovery_orders(contract)
    for one in orders:
        if one.waits and (one.recovery.class_id, one.recovery.sender) == (class_id, lost):
            raise Refused(
                f"recovery {one.recovery_id} of {one.recovery.units:,} units of that account is {one.state}, and there "
                "is one at a time; nothing was sent"
            )
    wanted = (class_id, lost, to, units)
    alike = [one for one in orders if _words(one.recovery) == wanted]
    recovery = Recovery(class_id=class_id, sender=lost, to=to, units=units, salt=hex32(len(alike)))
    recoverer.send_and_wait(contract.order_recovery(recovery))
    recovery_id = contract.recovery_id(recovery)
    return next(one for one in recovery_orders(contract) if one.recovery_id == recovery_id)


def execute_recovery(contract: BridgeContract, sender: Sender, order: Order) -> Hex32:
    """Raises ContractRefused before it matures, once it has lapsed or ended, and while the class is closed."""
    return sender.send_and_wait(contract.recover(order.recovery))


def veto_recovery(contract: BridgeContract, sender: Sender, order: Order) -> Hex32:
    """By the account that would lose the units, or by a guardian; for good."""
    return sender.send_and_wait(contract.veto_recovery(order.recovery))


def _words(recovery: Recovery) -> tuple[Hex32, Address, Address, int]:
    return recovery.class_id, recovery.sender, recovery.to, recovery.units


def _order(contract: BridgeContract, event: RecoveryOrdered, end: OrderState | None, now: int) -> Order:
    state = contract.class_state(event.class_id)
    if state is None:
        raise LookupError(event.class_id)
    lapses_at = event.matures_at + state.terms.recovery_seconds
    waiting = OrderState.PENDING if now < event.matures_at else OrderState.DUE
    return Order(
        recovery_id=event.recovery_id,
        recovery=Recovery(
            class_id=event.class_id, sender=event.sender, to=event.to, units=event.units, salt=event.salt
        ),
        matures_at=event.matures_at,
        lapses_at=lapses_at,
        state=end or (OrderState.LAPSED if now > lapses_at else waiting),
    )
