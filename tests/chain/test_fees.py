"""What is offered for gas stays under the cap, and a replacement is one that nodes take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chain.fees import GWEI, FeePolicy, Fees, raised, suggested
from bridge.chain.local import EmbeddedChain
from bridge.errors import NotYet

WEI = st.integers(0, 10**13)


@given(WEI, WEI, WEI, WEI, st.integers(1, 10**13))
def test_a_replacement_offers_a_tenth_more_of_both_and_never_more_than_the_cap(
    old_max: int, old_tip: int, new_max: int, new_tip: int, cap: int
) -> None:
    old = Fees(max_wei=max(old_max, old_tip), tip_wei=old_tip)
    fees = raised(old, Fees(max_wei=max(new_max, new_tip), tip_wei=new_tip), FeePolicy(cap_wei=cap))
    if fees is None:
        assert max(old.max_wei, old.tip_wei) * 11 > cap * 10
        return
    assert fees.max_wei <= cap
    assert fees.tip_wei <= fees.max_wei
    assert fees.max_wei * 10 >= old.max_wei * 11
    assert fees.tip_wei * 10 >= old.tip_wei * 11


def test_the_market_decides_when_it_asks_for_more_than_an_eighth() -> None:
    fees = raised(Fees(max_wei=100, tip_wei=8), Fees(max_wei=500, tip_wei=50), FeePolicy())
    assert fees == Fees(max_wei=500, tip_wei=50)


def test_just_below_the_cap_the_cap_is_offered() -> None:
    old, now = Fees(max_wei=90 * GWEI, tip_wei=GWEI), Fees(max_wei=90 * GWEI, tip_wei=GWEI)
    assert raised(old, now, FeePolicy(cap_wei=100 * GWEI)) == Fees(max_wei=100 * GWEI, tip_wei=GWEI + GWEI // 8 + 1)
    assert raised(old, now, FeePolicy(cap_wei=98 * GWEI)) is None


def test_nothing_is_offered_while_gas_costs_more_than_the_cap() -> None:
    connection = EmbeddedChain().connection
    base = connection.w3.eth.get_block("latest")["baseFeePerGas"]
    with pytest.raises(NotYet, match=r"the cap is 0\.000000001: nothing was signed.*max_fee_gwei"):
        suggested(connection, FeePolicy(cap_wei=1))
    fees = suggested(connection, FeePolicy(cap_wei=base + 1))
    assert (fees.max_wei, fees.tip_wei <= fees.max_wei) == (base + 1, True)
