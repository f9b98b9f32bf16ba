"""What each of eight processes does once all stand ready; run by `test_processes`."""

from __future__ import annotations

import os
import signal
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from bridge.domain.attestations import Deployment, Lock
from bridge.domain.lifecycle import ExitState, Kind
from bridge.domain.observed import Place, RequestOpened
from bridge.domain.values import hex32
from bridge.errors import BridgeError, Halted, NotYet
from bridge.journal.store import Journal, Work, open_journal
from bridge.registry.ledger import Ledger, open_ledger
from bridge.registry.ledger.requests import Wanted
from bridge.registry.port import LockOrder

SENDER = "0x" + "a1" * 20
ready: Barrier


class Signed(NamedTuple):
    hash: str
    nonce: int
    chain_id: int = 1
    sender: str = SENDER
    raw: str = "0x00"
    signed_at: int = 0


def start(barrier: Barrier) -> None:
    global ready  # noqa: PLW0603 the one thing that processes share
    ready = barrier


def _journal(url: str) -> Journal:
    journal = open_journal(url)
    ready.wait(60)
    return journal


def _ledger(url: str) -> Ledger:
    ledger = Ledger(open_ledger(url), lambda: 1_000)
    ready.wait(60)
    return ledger


def plan_at_once(url: str, here: Deployment, rounds: int) -> list[str]:
    """The same instructions in all processes, in a database that none has opened before."""
    ready.wait(60)
    journal = open_journal(url)
    return [journal.plan_deposit(hex32(number), "VERRA", here).lock_id for number in range(1, rounds + 1)]


def keep_a_transaction(url: str, number: int) -> tuple[int, int]:
    """The nonce that this process got, and how often it lost the one that it wanted."""
    journal = _journal(url)
    lost = 0
    nonce = journal.next_nonce(1, SENDER, 0)
    ready.wait(60)  # all have read the same
    while True:
        tx_hash = hex32(1_000 * (number + 1) + lost)
        if journal.keep_transaction(Signed(tx_hash, nonce), "mint", None):
            return nonce, lost
        lost += 1
        nonce = journal.next_nonce(1, SENDER, 0)


def move_exits(url: str, number: int, rounds: int) -> list[str]:
    """Half of the processes see each request refused, half see it returned: who comes second is halted."""
    journal = _journal(url)
    state = ExitState.REFUSED if number % 2 else ExitState.RETURNED
    told = []
    for request in range(rounds):
        try:
            journal.move_exit(hex32(request), state)
        except Halted:
            told.append("halted")
        else:
            told.append(state.value)
    return told


def be_alone(url: str) -> bool:
    journal = _journal(url)
    try:
        with journal.exclusive(Work.TURN):
            ready.wait(60)  # until all have tried
            return True
    except NotYet:
        ready.wait(60)
        return False


def die_alone(url: str) -> None:
    with open_journal(url).exclusive(Work.TURN):
        os.kill(os.getpid(), signal.SIGKILL)


def lock(url: str, number: int, rounds: int) -> list[str]:
    """Each round, eight locks of the same serials."""
    ledger = _ledger(url)
    locked = []
    for turn in range(rounds):
        name = hex32(100 * (turn + 1) + number)
        (answer,) = ledger.lock([LockOrder(name, name)])
        if isinstance(answer, Lock):
            locked.append(name)
    return locked


def reserve(url: str, here: Deployment, class_id: str, number: int) -> list[tuple[int, int]]:
    """Serials that this process got for a request of its own: (first, last)."""
    ledger = _ledger(url)
    opened = RequestOpened(
        place=Place(block=1, transaction=hex32(1), log_index=0),
        request_id=hex32(0xF00 + number),
        holder=SENDER,
        class_id=class_id,
        kind=Kind.REDEMPTION if number % 2 else Kind.RETIREMENT,
        units=30,
        commitment=hex32(3),
        salt=hex32(7),
        deadline=5_000,
    )
    (reservation,) = ledger.decide(here, [Wanted(opened)]).values()
    assert not isinstance(reservation, BridgeError)
    return [(span.first, span.last) for part in reservation.parts for span in part.ranges]
