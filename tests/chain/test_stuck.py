"""A transaction that no block takes is replaced by the same with a higher fee, and one of the two lands."""

from __future__ import annotations

import pytest
from web3.types import RPCEndpoint

from bridge.chain.connection import Connection
from bridge.chain.contract import BridgeContract
from bridge.chain.deploy import deploy
from bridge.chain.fees import GWEI, FeePolicy
from bridge.chain.local import fund
from bridge.chain.sightings import TransactionState, look
from bridge.chain.signers import KeySigner, SignedTransaction
from bridge.chain.transactions import Sender
from bridge.errors import NotYet
from bridge.flow.sending import signed_of
from bridge.journal.store import open_journal
from tests.chain.conftest import DatabaseAt

pytestmark = pytest.mark.slow

PATIENCE = 60


class Street:
    """An owner of a contract, on a chain that takes only what pays."""

    def __init__(self, url: str, at: DatabaseAt, cap_gwei: int = 500) -> None:
        self.connection = Connection.to(url, 0)
        self.journal = open_journal(at("operator"))
        key = KeySigner((1).to_bytes(32, "big"))
        fund(self.connection, key.address)
        policy = FeePolicy(cap_wei=cap_gwei * GWEI, patience_seconds=PATIENCE)
        self.sender = Sender(self.connection, key, self.journal, policy)
        deployed = deploy(self.connection, self.sender, key.address, "")
        self.contract = BridgeContract(self.connection, deployed)
        self.sender.send_and_wait(self.contract.functions.setGuardian(self.sender._account, True))

    def rpc(self, method: str, *parameters: object) -> None:
        response = self.connection.w3.provider.make_request(RPCEndpoint(method), list(parameters))
        assert "error" not in response, response

    def base_fee(self, gwei: int) -> None:
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))

    def mine(self, seconds: int = 0, base_fee: int | None = None) -> None:
        if seconds:
            self.rpc("evm_increaseTime", seconds)
        if base_fee is not None:
            self.base_fee(base_fee)
        self.rpc("evm_mine")

    def pause(self) -> str:
        """Sent, and not mined: it offers no more than today's price."""
        self.rpc("evm_setAutomine", False)
        return self.sender.submit(self.contract.functions.pause())

    @property
    def attempts(self) -> list[list[str]]:
        chain_id = self.connection.chain_id
        return [[row.hash for row in attempts] for attempts in self.journal.open_transactions(chain_id)][-1:]

    def urge(self) -> list[str]:
        (*_, rows) = self.journal.open_transactions(self.connection.chain_id)
        return [signed.hash for signed in self.sender.urge([signed_of(row) for row in rows])]

    def state(self) -> tuple[TransactionState, str]:
        (*_, rows) = self.journal.open_transactions(self.connection.chain_id)
        sighting = look(self.connection, rows, self.connection.final())
        return sighting.state, sighting.hash


def test_it_is_replaced_after_patience_by_the_same_nonce(anvil: str, database: DatabaseAt) -> None:
    street = Street(anvil, database)
    first = street.pause()
    street.mine(seconds=PATIENCE - 5, base_fee=50)
    assert street.urge() == []
    street.mine(seconds=20, base_fee=50)
    assert street.state() == (TransactionState.ABSENT, first)  # anvil forgets who pays too little
    (second,) = street.urge()
    assert street.attempts == [[first, second]]
    assert street.urge() == []  # it is as young as its newest attempt
    assert len({row.nonce for row in street.journal.open_transactions(street.connection.chain_id)[-1]}) == 1
    assert street.state() == (TransactionState.WAITING, second)
    street.mine(base_fee=50)
    assert street.state() == (TransactionState.FINAL, second)
    assert street.contract.view(street.contract.functions.paused())


def test_the_old_one_may_still_be_the_one_that_lands(anvil: str, database: DatabaseAt) -> None:
    """The replacement is stored, and the process dies before it is sent: others then mine the first."""
    street = Street(anvil, database)
    first = street.pause()
    street.mine(seconds=PATIENCE + 5, base_fee=50)
    street.sender.send = _lost  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        street.urge()
    (attempts,) = street.journal.open_transactions(street.connection.chain_id)[-1:]
    assert len(attempts) == 2
    street.base_fee(0)
    street.rpc("eth_sendRawTransaction", attempts[0].raw)
    street.mine(base_fee=0)
    assert street.state() == (TransactionState.FINAL, first)


def test_at_the_cap_it_waits(anvil: str, database: DatabaseAt) -> None:
    street = Street(anvil, database, cap_gwei=4)
    first = street.pause()
    street.mine(seconds=PATIENCE + 5, base_fee=50)
    with pytest.raises(NotYet, match="the cap is 4"):
        street.urge()
    street.mine(seconds=PATIENCE + 5, base_fee=1)
    street.rpc("anvil_setNextBlockBaseFeePerGas", hex(3 * GWEI))
    assert street.attempts == [[first]]


def test_who_waits_for_a_block_offers_more_meanwhile(
    anvil: str, database: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = Street(anvil, database)
    street.rpc("evm_setAutomine", False)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        street.mine(seconds=PATIENCE, base_fee=50)

    monkeypatch.setattr("bridge.chain.transactions.time.sleep", nap)
    mined = street.sender.send_and_wait(street.contract.functions.pause())
    assert len(street.attempts[0]) == 2
    assert street.attempts[0][1] == mined


def test_the_old_one_lands_just_before_the_dearer_one_is_sent(
    anvil: str, database: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = Street(anvil, database)
    street.rpc("evm_setAutomine", False)
    monkeypatch.setattr("bridge.chain.transactions.time.sleep", lambda _: street.mine(PATIENCE + 1, base_fee=50))
    keep = street.journal.keep_replacement

    def keep_and_mine(old: SignedTransaction, new: SignedTransaction) -> bool:
        kept = keep(old, new)
        street.base_fee(0)
        street.rpc("eth_sendRawTransaction", old.raw)
        street.mine(base_fee=0)
        return kept

    monkeypatch.setattr(street.journal, "keep_replacement", keep_and_mine)
    mined = street.sender.send_and_wait(street.contract.functions.pause())
    assert [mined] == street.attempts[0][:1]
    assert len(street.attempts[0]) == 2


def test_what_no_block_takes_in_time_stays_stored(
    anvil: str, database: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = Street(anvil, database)
    street.rpc("evm_setAutomine", False)
    monkeypatch.setattr("bridge.chain.transactions._WAIT_SECONDS", 0.1)
    with pytest.raises(NotYet, match="stored, and no block has taken it"):
        street.sender.send_and_wait(street.contract.functions.pause())
    assert len(street.attempts[0]) == 1
    street.mine()
    assert street.contract.view(street.contract.functions.paused())


def _lost(_: object) -> None:
    raise KeyboardInterrupt
