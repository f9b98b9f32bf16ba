"""Freezing is a policy that a deployment has from its beginning, or never."""

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


class Here:
    """One account that is everybody, and a bridge."""

    def __init__(self, freezable: bool) -> None:
        chain = EmbeddedChain()
        self.connection = chain.connection
        self.sender = Sender(chain.connection, chain.signer(1), open_journal("sqlite://"))
        self.me = self.sender.address
        self.deployed = deploy(chain.connection, self.sender, self.me, "", freezable=freezable)
        self.contract = BridgeContract(chain.connection, self.deployed)


def test_without_a_policy_nobody_freezes_and_the_message_says_what_to_do() -> None:
    here = Here(freezable=False)
    assert here.deployed.policy is None
    for call in (here.contract.freeze, lambda account: here.contract.set_freezer(account, True)):
        with pytest.raises(UsageError, match=r"no policy.*deploy with --freezable"):
            call(HOLDER)


def test_with_one_its_guardian_freezes_and_the_bridges_refusal_is_in_words() -> None:
    here = Here(freezable=True)
    named = here.contract.view(here.contract.functions.policy())
    assert named.lower() == here.deployed.policy
    with pytest.raises(ContractRefused, match="NotGuardian"):
        here.sender.send_and_wait(here.contract.freeze(here.me))
    here.sender.send_and_wait(here.contract.set_freezer(here.me, True))
    here.sender.send_and_wait(here.contract.freeze(here.me))
    with pytest.raises(ContractRefused, match=r"AccountFrozen.*compliance has frozen"):
        here.contract.view(here.contract.transfer(here.me, HOLDER, CLASS, 0))
    with pytest.raises(ContractRefused, match=r"FreezeCoolingDown.*ask the admin"):
        here.sender.send_and_wait(here.contract.freeze(here.me))
