"""Is the owner a timelock that leaves everybody time, and does the multisig alone steer it?"""

from __future__ import annotations

from collections.abc import Iterator

from bridge.chain.verifying.powers import BridgePower, Ownership, PolicyPower, RegistryPower, TimelockPower
from bridge.chain.verifying.words import DAY, all_shown, duration, shown
from bridge.domain.deployment import About, Check, Expectations
from bridge.domain.values import ZERO_ADDRESS, Address

_EXIT_TERMS = ("requestDeadline", "challengeSeconds")
_MULTISIG_ROLES = ("PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE")
_ADMIN_ROLE = "DEFAULT_ADMIN_ROLE"


def ownership_checks(
    subject: str, ownership: Ownership, lock: TimelockPower | None, named: Address | None
) -> Iterator[Check]:
    owner = ownership.owner
    if lock and owner == lock.address and named in (None, owner):
        yield Check.holds(About.OWNER, f"{subject} owner", f"timelock {shown(owner)}")
    elif owner == ZERO_ADDRESS:
        yield Check.fails(
            About.OWNER, f"{subject} owner", "nobody, for ever", "renounced: no admin act is possible any more"
        )
    elif lock and owner == lock.address:
        advice = "the owner is a timelock, but not the one that carbonbridge.toml names: ask who changed which"
        yield Check.fails(About.OWNER, f"{subject} owner", shown(owner), advice)
    else:
        advice = "it acts at once: hand over to a timelock with carbonbridge operator hand-over"
        yield Check.fails(About.OWNER, f"{subject} owner", f"{shown(owner)}, which is no timelock of ours", advice)
    yield _pending(subject, ownership)


def _pending(subject: str, ownership: Ownership) -> Check:
    if ownership.pending == ZERO_ADDRESS:
        return Check.holds(About.OWNER, f"{subject} hand-over", "none under way")
    found = f"{shown(ownership.pending)} has not accepted"
    advice = (
        "until it accepts, the owner of before keeps all power; to a timelock: schedule and execute acceptOwnership"
    )
    return Check.fails(About.OWNER, f"{subject} hand-over", found, advice)


def policy_owner_checks(policy: Ownership, owner: Address, lock: TimelockPower | None) -> Iterator[Check]:
    if policy.owner == owner and owner != ZERO_ADDRESS:
        kind = "the bridge's owner" if lock is None or lock.address != owner else "the same timelock"
        yield Check.holds(About.OWNER, "policy owner", kind)
    else:
        advice = "one owner must confirm freezes and name guardians: hand the policy over to the bridge's owner"
        yield Check.fails(About.OWNER, "policy owner", f"{shown(policy.owner)}, not the bridge's", advice)
    yield _pending("policy", policy)


def delay_checks(
    lock: TimelockPower, bridge: BridgePower, policy: PolicyPower | None, expected: Expectations
) -> Iterator[Check]:
    delay = lock.min_delay_seconds
    if expected.admin_delay_days is not None:
        yield Check.compared(
            About.TIMELOCK,
            "admin delay",
            delay == expected.admin_delay_days * DAY,
            duration(delay),
            f"expected {expected.admin_delay_days} days; the timelock itself changes it: timelock.updateDelay",
        )
    else:
        yield Check.shows(About.TIMELOCK, "admin delay", duration(delay))
    longest = max(bridge.registries, key=exit_seconds, default=None)
    if longest is not None:
        yield Check.compared(
            About.TIMELOCK,
            "delay and exits",
            delay > exit_seconds(longest),
            f"{duration(delay)}; the longest exit takes {duration(exit_seconds(longest))} ({longest.code})",
            "holders must be able to leave before a change: a longer delay, by timelock.updateDelay",
        )
    if policy is not None:
        yield Check.compared(
            About.TIMELOCK,
            "delay and freezes",
            delay < policy.freeze_seconds,
            f"{duration(delay)}; a freeze lasts {duration(policy.freeze_seconds)}",
            "a freeze would end before it can be confirmed: a shorter delay, by timelock.updateDelay",
        )


def exit_seconds(registry: RegistryPower) -> int:
    """From a holder's request to his taking it back, when nobody answers; blocks take their own time."""
    return sum(int(registry.terms[name]) for name in _EXIT_TERMS)


def role_checks(lock: TimelockPower, expected: Expectations) -> Iterator[Check]:
    for role in _MULTISIG_ROLES:
        yield _multisig_role(lock, role, expected.multisig)
    admins = lock.holders[_ADMIN_ROLE]
    yield Check.compared(
        About.TIMELOCK,
        "timelock admin",
        admins == (lock.address,),
        "itself alone" if admins == (lock.address,) else all_shown(admins),
        "whoever else is admin grants himself any role at once: he must renounce it",
    )
    for role, holders in lock.holders.items():
        if holders and role not in (*_MULTISIG_ROLES, _ADMIN_ROLE):
            advice = "this role means nothing to the timelock; ask why it was granted"
            yield Check.warns(About.TIMELOCK, f"role {role[:10]}", all_shown(holders), advice)


def _multisig_role(lock: TimelockPower, role: str, multisig: Address | None) -> Check:
    name = role.removesuffix("_ROLE").lower()
    holders = lock.holders[role]
    found = all_shown(holders)
    if multisig is not None and holders != (multisig,):
        advice = f"only the multisig {shown(multisig)} may hold this role; the timelock itself grants and revokes"
        return Check.fails(About.TIMELOCK, name, found, advice)
    if ZERO_ADDRESS in holders:
        advice = "anybody executes what is due, in an order and at a moment of his choice"
        return Check.warns(About.TIMELOCK, name, "open to anybody", advice)
    if len(holders) != 1:
        return Check.warns(
            About.TIMELOCK, name, found, "one multisig was meant; each of these acts alone, and none means never"
        )
    if holders[0] in lock.keys:
        return Check.warns(About.TIMELOCK, name, f"{found}, without code", "a single key, not a multisig")
    return (Check.shows if multisig is None else Check.holds)(About.TIMELOCK, name, found)


def waiting_check(lock: TimelockPower) -> Check:
    if not lock.waiting:
        return Check.shows(About.TIMELOCK, "scheduled acts", "none")
    advice = "see what they do, and when, with: carbonbridge admin pending"
    return Check.warns(About.TIMELOCK, "scheduled acts", f"{len(lock.waiting)}", advice)
