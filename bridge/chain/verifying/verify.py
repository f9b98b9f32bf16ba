"""A deployment against what this package ships and what somebody expects, read from one final block of the chain."""

from __future__ import annotations

from typing import NamedTuple

from bridge.chain.connection import Connection
from bridge.chain.contract import Deployed
from bridge.chain.verifying.code import Code, is_code_of, read_code, read_extensions
from bridge.chain.verifying.code_checks import (
    code_check,
    creation_check,
    immutables_check,
    unread_check,
)
from bridge.chain.verifying.owner_checks import (
    delay_checks,
    ownership_checks,
    policy_owner_checks,
    role_checks,
    waiting_check,
)
from bridge.chain.verifying.power_checks import power_checks
from bridge.chain.verifying.powers import (
    BridgePower,
    PolicyPower,
    Reader,
    TimelockPower,
    read_bridge,
    read_policy,
    read_timelock,
)
from bridge.chain.verifying.words import shown
from bridge.domain.attestations import Deployment
from bridge.domain.deployment import About, Check, Expectations, Verdict
from bridge.domain.observed import BlockStamp
from bridge.domain.values import Address, Fact
from bridge.errors import NotYet


class Verification(Fact):
    """All checks, and the facts behind those of powers. None where code that is not ours could say anything."""

    block: BlockStamp
    checks: tuple[Check, ...]
    bridge: BridgePower | None = None
    policy: PolicyPower | None = None
    timelock: TimelockPower | None = None

    @property
    def holds(self) -> bool:
        return not self.failures()

    def failures(self, *, but: About | None = None) -> list[Check]:
        return [one for one in self.checks if one.verdict is Verdict.FAILS and one.about is not but]


def verify(
    connection: Connection,
    deployed: Deployed,
    expected: Expectations,
    timelock: Address | None = None,
    since: int | None = None,
) -> Verification:
    """`timelock` is the one that is to own the bridge, before it does. `since` is an earlier block to read from, for a
    timelock that is older. Raises NotYet while the deployment is not final."""
    block = connection.final()
    place = _Place(connection, deployed.deployment, since or deployed.first_block, block.number)
    code = place.code("CarbonBridge", deployed.deployment.contract)
    parts = {"bridge": code} | {one.name.lower(): one for one in read_extensions(connection, code, block.number)}
    lens = place.code("BridgeLens", deployed.lens)
    checks = [code_check(subject, one) for subject, one in (parts | {"lens": lens}).items()]
    if any(one.fault for one in parts.values()):
        return Verification(block=block, checks=(*checks, unread_check("the bridge")))

    bridge = read_bridge(place.reader(code))
    chain_id = deployed.deployment.chain_id
    checks += [immutables_check(subject, one, chain_id, bridge.policy) for subject, one in parts.items()]
    checks.append(creation_check("bridge", bridge.creation))
    policy, policy_checks = _policy(place, deployed.policy, bridge.policy)
    owner = bridge.ownership.owner
    lock, lock_checks = _timelock(place, owner, timelock)
    checks += [*policy_checks, *lock_checks, *ownership_checks("bridge", bridge.ownership, lock, timelock)]
    if policy:
        checks += policy_owner_checks(policy.ownership, owner, lock)
    if lock:
        checks += delay_checks(lock, bridge, policy, expected)
        checks += [*role_checks(lock, expected), waiting_check(lock)]
    checks += power_checks(bridge, policy, expected)
    return Verification(block=block, checks=tuple(checks), bridge=bridge, policy=policy, timelock=lock)


class _Place(NamedTuple):
    """Where and when everything is read."""

    connection: Connection
    deployment: Deployment
    first: int
    block: int

    def code(self, name: str, address: Address) -> Code:
        """Raises NotYet for code that is newer than the final block."""
        code = read_code(self.connection, name, address, self.block)
        if code.absent and self.connection.has_code(address):
            raise NotYet(f"{shown(address)} is newer than final block {self.block:,}; repeat later")
        return code

    def reader(self, code: Code) -> Reader:
        return Reader(self.connection, code, self.first, self.block)


def _policy(place: _Place, named: Address | None, actual: Address | None) -> tuple[PolicyPower | None, list[Check]]:
    if named != actual:
        advice = "name the bridge's own policy in carbonbridge.toml, or ask who changed the file"
        found = f"the bridge has {shown(actual)}, the configuration {shown(named)}"
        checks = [Check.fails(About.CODE, "policy", found, advice)]
    else:
        checks = [
            Check.holds(About.CODE, "policy", "as configured" if actual else "none, as configured: nobody can freeze")
        ]
    if actual is None:
        return None, checks
    listing = is_code_of(place.connection, "AllowListPolicy", actual, place.block)
    code = place.code("AllowListPolicy" if listing else "FreezePolicy", actual)
    checks.append(code_check("policy", code))
    if code.fault:
        return None, checks
    policy = read_policy(place.reader(code))
    return policy, [*checks, creation_check("policy", policy.creation)]


def _timelock(place: _Place, owner: Address, named: Address | None) -> tuple[TimelockPower | None, list[Check]]:
    """The owner when it is a timelock, else the one that is to be."""
    address = (
        owner if named is None or is_code_of(place.connection, "TimelockController", owner, place.block) else named
    )
    code = place.code("TimelockController", address)
    if code.fault:
        return None, [] if named is None else [code_check("timelock", code)]
    lock = read_timelock(place.reader(code))
    return lock, [code_check("timelock", code), creation_check("timelock", lock.creation)]
