"""What people want of the bridge, in six acts; each can be told again by who does not know how far it went."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.chain.covers import offers
from bridge.domain.attestations import Request
from bridge.domain.lifecycle import (
    DEPOSIT_MOVES,
    EXIT_MOVES,
    REVERSAL_MOVES,
    Kind,
    RequestStatus,
    SerialState,
    going_on,
)
from bridge.errors import NotYet, Refused
from bridge.flow import hold
from bridge.flow.advance import advance
from bridge.flow.cover import take_cover, withdraw_cover
from bridge.flow.hold import Holder, ask, plan_request
from bridge.flow.lock import plan
from bridge.flow.relay import opening, sign_request
from tests.faults.anvil import FINALITY
from tests.flow.world import BATCH, BIOGAS, DAY, FOREST, STOVES, World, span
from tests.laws import laws

Kept = dict[str, list[str]]
PEOPLE = ("alice", "bob")


class Teller:
    """The people of one process, each of whose touches of the world may be a point. None knows which registry it is."""

    def __init__(self, world: World) -> None:
        self.world, self.bridge = world, world.bridge

    def holder(self, name: str) -> Holder:
        return self.world.holder(name)

    def turns(self, count: int) -> None:
        """The outside world mines; the operator's process looks after each few blocks."""
        for _ in range(count):
            self.world.chain.mine(FINALITY + 1)
            self._turn()

    def _turn(self) -> None:
        """Waits while another process turns the wheel, and takes over when that one dies."""
        while True:
            try:
                advance(self.bridge)
            except NotYet:
                time.sleep(0.01)
            else:
                return

    def status(self, request_id: str) -> RequestStatus:
        return self.world.contract.request_state(request_id).status


@dataclass(frozen=True)
class Act:
    """`prepare` is what people have decided before; `tell` is what can be cut off."""

    name: str
    prepare: Callable[[Teller], Kept]
    tell: Callable[[Teller, Kept], None]


def _prepare_deposit(teller: Teller) -> Kept:
    world = teller.world
    world.issue(span(1, 100))
    world.issue(span(201, 300))
    world.issue(span(1, 50, BATCH), STOVES)
    orders = [world.instruct(span(1, 100)), world.instruct(span(201, 300))]
    return {"orders": [*orders, world.instruct(span(1, 50, BATCH), registry="GS")]}


def _deposit(teller: Teller, kept: Kept) -> None:
    for order in kept["orders"]:
        plan(teller.bridge, order)
    teller.turns(4)


def _prepare_exit(teller: Teller) -> Kept:
    alice = teller.holder("alice")
    return {
        "requests": [
            plan_request(alice, Kind.RETIREMENT, FOREST.id, 100, "Acme", "2026"),
            plan_request(alice, Kind.REDEMPTION, FOREST.id, 30, "bob", ""),
            plan_request(alice, Kind.REDEMPTION, STOVES.id, 5, "nobody", ""),
        ]
    }


def _exit(teller: Teller, kept: Kept) -> None:
    alice = teller.holder("alice")
    for request in kept["requests"]:
        _insist(partial(ask, alice, request))
    teller.turns(4)


def _prepare_relay(teller: Teller) -> Kept:
    return {"requests": [plan_request(teller.holder("alice"), Kind.RETIREMENT, FOREST.id, 11, "Acme", "")]}


def _relay(teller: Teller, kept: Kept) -> None:
    """The holder signs, another one brings it to the chain, and the registry learns for whom when he looks."""
    (request_id,) = kept["requests"]
    alice, bob, contract = teller.holder("alice"), teller.holder("bob"), teller.world.contract

    def bring() -> None:
        hold.resume(bob.journal, bob.sender, contract.connection)
        if teller.status(request_id) is RequestStatus.NONE:
            hold.send(bob, opening(contract, sign_request(alice, request_id, 30 * DAY)))

    _insist(bring)
    teller.turns(1)
    hold.disclose_opened(contract, alice.registry, alice.journal, alice.sender.address)
    teller.turns(3)


def _prepare_silence(teller: Teller) -> Kept:
    return {"requests": [plan_request(teller.holder("alice"), Kind.RETIREMENT, FOREST.id, 7, "Acme", "")]}


def _silence(teller: Teller, kept: Kept) -> None:
    """Nobody tells the registry for whom, so that it cannot serve; the holder takes his units back."""
    (request_id,) = kept["requests"]
    alice, world = teller.holder("alice"), teller.world

    def open_it() -> None:
        hold.resume(alice.journal, alice.sender, world.contract.connection)
        if teller.status(request_id) is RequestStatus.NONE:
            own = Request.model_validate_json(alice.journal.own_request(request_id).request)
            hold.send(alice, world.contract.open_request(own))

    def call_back() -> None:
        if teller.status(request_id) is RequestStatus.OPEN:
            world.chain.pass_seconds(11 * DAY)
            hold.call_back(alice, request_id)

    def take_back() -> None:
        if teller.status(request_id) is RequestStatus.CALLED_BACK:
            world.chain.pass_seconds(3 * DAY)
            world.chain.mine(6)
            hold.take_back(alice, request_id, world.address("alice"))

    _insist(open_it)
    teller.turns(1)
    _insist(call_back)
    _insist(take_back)
    teller.turns(3)


def _prepare_expiry(teller: Teller) -> Kept:
    teller.world.issue(span(401, 410))
    return {"orders": [teller.world.instruct(span(401, 410), days=1)]}


def _expiry(teller: Teller, kept: Kept) -> None:
    """A pause outlasts a lock, which goes back to its depositor."""
    world, contract = teller.world, teller.world.contract

    def paused() -> bool:
        return bool(contract.view(contract.functions.paused()))

    def pause() -> None:
        if not paused():
            world.send("guardian", contract.functions.pause())

    def unpause() -> None:
        if paused():
            world.send("admin", contract.functions.unpause())

    _insist(pause)
    plan(teller.bridge, kept["orders"][0])
    teller.turns(1)
    world.chain.pass_seconds(2 * DAY)
    teller.turns(2)
    _insist(unpause)


def _prepare_reversal(teller: Teller) -> Kept:
    """A request is under way when the registry takes ten serials back."""
    world = teller.world
    request = plan_request(teller.holder("alice"), Kind.RETIREMENT, FOREST.id, 10, "Acme", "")
    ask(teller.holder("alice"), request)
    world.issue(span(501, 515), BIOGAS)
    return {"requests": [request], "orders": [world.instruct(span(501, 515), covers=FOREST.id)]}


def _reversal(teller: Teller, kept: Kept) -> None:
    world = teller.world
    world.reverse(span(231, 240))
    teller.turns(3)
    plan(teller.bridge, kept["orders"][0])
    teller.turns(3)
    alice = teller.holder("alice")

    def cover() -> None:
        offered = [one for one in offers(world.contract) if one.left]
        if offered and (short := _shortfall(world)):
            hold.resume(alice.journal, alice.sender, world.contract.connection)
            take_cover(alice, offered[0].cover, short)

    def withdraw() -> None:
        for one in offers(world.contract):
            if one.left and not _shortfall(world):
                withdraw_cover(alice, one.cover)

    _insist(cover)
    world.chain.mine(FINALITY + 1)
    _insist(withdraw)
    teller.turns(3)


def _insist(step: Callable[[], None]) -> None:
    """Once more when it was refused: another process of the same person was quicker, and nothing is left to do."""
    try:
        step()
    except Refused:
        step()


def _shortfall(world: World) -> int:
    state = world.contract.class_state(FOREST.id)
    return state.shortfall if state else 0


ACTS = (
    Act("deposit", _prepare_deposit, _deposit),
    Act("exit", _prepare_exit, _exit),
    Act("relay", _prepare_relay, _relay),
    Act("silence", _prepare_silence, _silence),
    Act("expiry", _prepare_expiry, _expiry),
    Act("reversal", _prepare_reversal, _reversal),
)


def projection(world: World) -> dict[str, Any]:
    """What must be equal in every run (L7): balances, supply, serials by state and holder, ends of sagas; and what must
    be nothing: laws broken, serials twice. As JSON's own types."""
    journal, contract = world.bridge.journal, world.contract
    deployment = contract.deployment
    classes = (FOREST, BIOGAS, STOVES)
    states = [contract.class_state(c.id) for c in classes]
    balances = {f"{who} {c.label}": world.balance(who, c) for who in PEOPLE for c in classes}
    retired = [contract.retired_balance(world.address("alice"), c.id) for c in classes]
    registry = world.ledger.balances()
    held = sum(b.units for b in registry if b.account in PEOPLE and b.state is SerialState.HELD)
    found = {
        "balances": balances,
        "retired": retired,
        "classes": [state.model_dump() if state else None for state in states],
        "registry": sorted(b.model_dump_json() for b in registry),
        "owned": held + sum(balances.values()) + sum(retired) - sum(state.shortfall for state in states if state),
        "deposits": Counter(d.state for d in journal.deposits(deployment)),
        "exits": Counter(f"{row.registry_code} {row.state}" for row in journal.exits(deployment)),
        "reversals": Counter(row.state for row in journal.reversals(deployment)),
        "open": len(journal.open_transactions(deployment.chain_id)),
        "laws": [str(broken) for broken in laws.broken(world)],
    }
    return dict(json.loads(json.dumps(found, default=str)))


def unfinished(found: dict[str, Any]) -> list[str]:
    """What of a projection can go no further by itself and has not come to an end."""
    tables = {"deposits": DEPOSIT_MOVES, "exits": EXIT_MOVES, "reversals": REVERSAL_MOVES}
    states = [(kind, state) for kind in tables for state in found[kind]]
    waiting = [f"{kind}: {state}" for kind, state in states if state.split()[-1] in going_on(tables[kind])]
    return waiting + ([f"{found['open']} open transactions"] if found["open"] else [])
