"""From the deployer's key to the timelock: offered when all else is in order, and accepted through the multisig."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.cli.deploying import Timelocked
    from bridge.cli.proposing import Proposal
    from bridge.settings import Settings


def add_timelock(config: Settings, path: Path, timelocked: Timelocked) -> Settings:
    """Deploys it and writes it into carbonbridge.toml. Raises UsageError where there is one."""
    from bridge import bootstrap
    from bridge.chain.deploy import deploy_timelock
    from bridge.chain.verifying.words import DAY
    from bridge.cli.deploying import keep_timelock
    from bridge.cli.passwords import ask
    from bridge.cli.screen import checksummed
    from bridge.errors import UsageError
    from bridge.settings import load

    if known := config.deployed().timelock:
        raise UsageError(f"carbonbridge.toml names timelock {checksummed(known)} already; hand over without options")
    connection = bootstrap.contract(config).connection
    admin = bootstrap.sender(config, "admin", ask)
    made = deploy_timelock(connection, admin, timelocked.multisig, timelocked.days * DAY)
    keep_timelock(path, made, timelocked.multisig)
    return load(path)


def offer_to_timelock(config: Settings) -> Proposal:
    """Raises Refused when something else than the owner fails verification, AlreadyDone when it owns it."""
    from bridge import bootstrap
    from bridge.chain.admin.handover import offer, unaccepted
    from bridge.cli.passwords import ask
    from bridge.cli.proposing import propose
    from bridge.cli.screen import checksummed
    from bridge.errors import AlreadyDone

    timelock, acts = bootstrap.timelock(config), bootstrap.admin_acts(config)
    named = config.deployed()
    owned = {"bridge": named.address} | ({"policy": named.policy} if named.policy else {})
    places = unaccepted(timelock, owned)
    if not places:
        raise AlreadyDone(f"the timelock {checksummed(timelock.address)} owns it already: nothing is left to do")
    _require_order(config)
    offer(timelock, bootstrap.sender(config, "admin", ask), owned, places)
    calls = [acts.read([f"{place}.acceptOwnership"], lambda text: text) for place in places]
    return propose(config, calls)


def _require_order(config: Settings) -> None:
    from bridge import bootstrap
    from bridge.domain.deployment import About
    from bridge.errors import Refused

    failures = bootstrap.verification(config).failures(but=About.OWNER)
    if failures:
        named = "; ".join(f"{one.subject} ({one.found})" for one in failures)
        raise Refused(f"not handed over, for verification fails: {named}. See: carbonbridge operator verify")
