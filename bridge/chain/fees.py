"""What is offered for a unit of gas (EIP-1559), never above a cap, and when more is offered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field

from bridge.chain.connection import Connection, answering
from bridge.domain.values import Fact
from bridge.errors import NotYet, Refused

GWEI = 10**9


class FeePolicy(Fact):
    """`cap_wei`: the most that is ever offered for a unit of gas. `patience_seconds`: how long, by the chain's clock, a
    transaction waits before more is offered for its nonce."""

    cap_wei: int = Field(default=500 * GWEI, gt=0)
    patience_seconds: int = Field(default=180, gt=0)


class Fees(Fact):
    """Wei a unit of gas: the most in all, and the part of it that goes to who makes the block."""

    max_wei: int
    tip_wei: int

    @property
    def fields(self) -> dict[str, int]:
        return {"maxFeePerGas": self.max_wei, "maxPriorityFeePerGas": self.tip_wei}


def suggested(connection: Connection, policy: FeePolicy) -> Fees:
    """Twice the base fee, so that five full blocks in a row do not price it out, and the tip that the node advises.

    Raises NotYet while the chain asks for more than the cap, Refused on a chain without a base fee.
    """
    with answering():
        block: Any = connection.w3.eth.get_block("latest")
        tip = int(connection.w3.eth.max_priority_fee)
    if "baseFeePerGas" not in block:
        raise Refused("the chain has no base fee: only chains with EIP-1559 are served")
    base = int(block["baseFeePerGas"])
    if base >= policy.cap_wei:
        raise NotYet(
            f"a unit of gas costs {_gwei(base)} gwei and the cap is {_gwei(policy.cap_wei)}: nothing was signed. It "
            "goes on when gas is cheaper, or with a higher max_fee_gwei in the configuration's [chain] section"
        )
    most = min(2 * base + tip, policy.cap_wei)
    return Fees(max_wei=most, tip_wei=min(tip, most))


def raised(old: Fees, now: Fees, policy: FeePolicy) -> Fees | None:
    """What replaces a waiting transaction: an eighth more of both, since nodes take no replacement for less than a
    tenth (the default of geth's txpool.pricebump). None when the cap leaves no room for that."""
    tip = max(_eighth_more(old.tip_wei), now.tip_wei)
    most = min(max(_eighth_more(old.max_wei), now.max_wei, tip), policy.cap_wei)
    tip = min(tip, most)
    enough = most * 10 >= old.max_wei * 11 and tip * 10 >= old.tip_wei * 11
    return Fees(max_wei=most, tip_wei=tip) if enough else None


def _eighth_more(wei: int) -> int:
    return wei + wei // 8 + 1


def _gwei(wei: int) -> str:
    return f"{Decimal(wei) / GWEI:,f}"
