"""A policy that keeps a list: units go to listed accounts only, and who is struck off keeps and leaves."""

from __future__ import annotations

import pytest

from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy
from bridge.chain.local import EmbeddedChain
from bridge.chain.transactions import Sender
from bridge.errors import ContractRefused, UsageError
from bridge.journal.store import open_journal

HOLDER = "0x" + "33" * 20
CLASS = "0x" + "44" * 32


def bridge(**wanted: bool) -> tuple[BridgeContract, Sender]:
    """One account that is everybody."""
    chain = EmbeddedChain()
    sender = Sender(chain.connection, chain.signer(1), open_journal("sqlite://"))
    return BridgeContract(chain.connection, deploy(chain.connection, sender, sender.address, "", **wanted)), sender


@pytest.mark.parametrize("wanted", [{}, {"freezable": True}])
def test_without_a_list_nobody_lists_and_the_message_says_what_to_do(wanted: dict[str, bool]) -> None:
    contract, me = bridge(**wanted)
    for call in (lambda: contract.set_listed([HOLDER], True), lambda: contract.set_lister(me.address, True)):
        with pytest.raises(UsageError, match=r"keeps no list.*deploy with --allow-list"):
            call()


def test_a_lister_lists_and_strikes_and_whoever_is_not_listed_takes_nothing() -> None:
    contract, me = bridge(allow_list=True)
    with pytest.raises(ContractRefused, match=r"NotLister.*policy.setLister"):
        me.send_and_wait(contract.set_listed([HOLDER], True))
    me.send_and_wait(contract.set_lister(me.address, True))
    sending = contract.transfer(me.address, HOLDER, CLASS, 0)
    with pytest.raises(ContractRefused, match=r"NotListed.*compliance list ACCOUNT"):
        contract.view(sending)
    me.send_and_wait(contract.set_listed([HOLDER, me.address], True))
    assert contract.is_listed(HOLDER)
    me.send_and_wait(contract.set_listed([HOLDER], False))
    assert (contract.is_listed(HOLDER), contract.is_listed(me.address)) == (False, True)


def test_such_a_policy_freezes_too() -> None:
    contract, me = bridge(allow_list=True)
    me.send_and_wait(contract.set_freezer(me.address, True))
    me.send_and_wait(contract.freeze(me.address))
    with pytest.raises(ContractRefused, match="AccountFrozen"):
        contract.view(contract.transfer(me.address, HOLDER, CLASS, 0))
