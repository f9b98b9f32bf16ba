"""One turn of the operator's wheel: everything that can go a step further, does."""

from __future__ import annotations

from bridge.domain.observed import BlockStamp
from bridge.flow.attest import attest_locked, attest_reserved
from bridge.flow.bridge import Bridge
from bridge.flow.execute import execute_ended
from bridge.flow.lock import lock_planned, take_up
from bridge.flow.mint import mint_attested, release_expired
from bridge.flow.reserve import reserve_seen
from bridge.flow.reverse import refuse_short, reverse_taken_back
from bridge.flow.sending import follow
from bridge.flow.settle import settle_attested
from bridge.flow.watch import watch
from bridge.journal.store import Work


def advance(bridge: Bridge) -> BlockStamp:
    """Takes every saga as far as it can go now; safe to repeat at any time, and after any crash.

    Returns the final block that was looked at. Raises NotYet while another process does the same. What single items
    met is raised when all others have had their turn: Halted when people must decide, else Unreachable.
    """
    with bridge.journal.exclusive(Work.TURN):
        bridge.troubles.clear()
        final = _turn(bridge)
        if bridge.troubles:
            raise max(bridge.troubles, key=lambda trouble: trouble.exit_code)
        return final


def _turn(bridge: Bridge) -> BlockStamp:
    follow(bridge, watch(bridge))
    reverse_taken_back(bridge)
    take_up(bridge)
    lock_planned(bridge)
    attest_locked(bridge)
    mint_attested(bridge)
    reserve_seen(bridge)
    refuse_short(bridge)
    attest_reserved(bridge)
    settle_attested(bridge)
    final = watch(bridge)
    follow(bridge, final)
    execute_ended(bridge)
    release_expired(bridge)
    return final
