"""Putting a contract on a chain, and what it must know before anything can be minted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract, Deployed
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialSpace
    from bridge.flow.bridge import Bridge
    from bridge.settings import Settings

_DAY = 86_400
_FREEZE_DAYS = 30
"""As the policy says on chain, where verification reads it; this only spares a useless deployment."""


def require_undeployed(config: Settings) -> None:
    from bridge.cli.screen import checksummed
    from bridge.errors import UsageError

    if config.contract is not None:
        raise UsageError(
            f"carbonbridge.toml names a contract already: {checksummed(config.contract.address)} on chain "
            f"{config.contract.chain_id}. To deploy another, take its [contract] section out first"
        )


class Timelocked(NamedTuple):
    """The admin that is to be: a timelock of so many days that this multisig steers."""

    multisig: str
    days: int


def require_timelock(config: Settings, multisig: str | None, days: int | None, freezable: bool) -> Timelocked | None:
    """None when neither is named. Raises UsageError for a delay that leaves holders or guardians too little time."""
    from bridge.cli.naming import address
    from bridge.errors import UsageError

    if multisig is None and days is None:
        return None
    if multisig is None or days is None:
        raise UsageError("--multisig and --admin-delay-days go together: who decides, and how long all are warned")
    for code, programme in config.programmes.items():
        exit_seconds = programme.terms.request_deadline_seconds + programme.terms.challenge_seconds
        if days * _DAY <= exit_seconds:
            raise UsageError(
                f"{days} days are too short: holders of {code} need {exit_seconds / _DAY:.3g} days to be out before a "
                "change; name more --admin-delay-days"
            )
    if freezable and days >= _FREEZE_DAYS:
        raise UsageError(f"a freeze lasts {_FREEZE_DAYS} days and would end before its confirmation: name fewer days")
    return Timelocked(address(config, multisig), days)


def deploy_and_set_up(
    config: Settings,
    allowance: int,
    uri: str,
    freezable: bool,
    allow_list: bool,
    timelocked: Timelocked | None,
    quiet: bool,
) -> tuple[Deployed, str | None]:
    """Everything before the file is written, and the timelock's address: a crash leaves orphans without credits."""
    from bridge import bootstrap
    from bridge.chain import deploy as chain
    from bridge.chain.contract import BridgeContract
    from bridge.cli.passwords import ask
    from bridge.cli.screen import progress

    connection = bootstrap.connect(config)
    admin = bootstrap.sender(config, "admin", ask)
    with progress("Deploying", 4 + len(config.programmes) + freezable + 2 * allow_list, quiet) as step:
        deployed = chain.deploy(connection, admin, admin.address, uri, freezable=freezable, allow_list=allow_list)
        step(1)
        contract = BridgeContract(connection, deployed)
        for code, programme in config.programmes.items():
            attesters = [bootstrap.address_of(config, name) for name in programme.attesters]
            call = contract.add_registry(code, attesters, programme.threshold, programme.terms)
            admin.send_and_wait(call)
            step(1)
        operator, guardian = (bootstrap.address_of(config, name) for name in ("operator", "guardian"))
        calls = [contract.set_allowance(operator, allowance), contract.set_guardian(guardian, True)]
        if freezable or allow_list:
            calls.append(contract.set_freezer(guardian, True))
        if allow_list:
            calls.append(contract.set_lister(guardian, True))
        for call in calls:
            admin.send_and_wait(call)
            step(1)
        timelock = None
        if timelocked:
            timelock = chain.deploy_timelock(connection, admin, timelocked.multisig, timelocked.days * _DAY)
        step(1)
    if not config.registry.is_remote:
        bootstrap.ledger(config).serve(deployed.deployment)
    return deployed, timelock


def keep_contract(path: Path, deployed: Deployed, timelock: str | None, multisig: str | None) -> None:
    from bridge.cli.files import write_file
    from bridge.cli.screen import checksummed

    further = {"policy": deployed.policy, "timelock": timelock, "multisig": multisig}
    section = [
        "",
        "# Written by `carbonbridge operator deploy`.",
        "[contract]",
        f"chain_id = {deployed.deployment.chain_id}",
        f'address = "{checksummed(deployed.deployment.contract)}"',
        f'lens = "{checksummed(deployed.lens)}"',
        f"first_block = {deployed.first_block}",
        *(f'{name} = "{checksummed(address)}"' for name, address in further.items() if address),
        *(["allow_list = true"] if deployed.allow_list else []),
        "",
    ]
    write_file(path, path.read_text(encoding="utf-8") + "\n".join(section))


def keep_timelock(path: Path, timelock: str, multisig: str) -> None:
    """Beside a contract that the file names already."""
    from bridge.cli.files import write_file
    from bridge.cli.screen import checksummed

    before, head, after = path.read_text(encoding="utf-8").partition("[contract]\n")
    named = f'timelock = "{checksummed(timelock)}"\nmultisig = "{checksummed(multisig)}"\n'
    write_file(path, before + head + named + after)


def following_words(timelock: str | None) -> list[str]:
    """What to do next; and without a timelock what is missing."""
    if timelock:
        return [
            f"timelock {timelock}, which owns nothing yet: until the hand-over the admin's key does",
            "Next: carbonbridge operator verify, then carbonbridge operator hand-over",
        ]
    return [
        "Warning: the admin is one key that acts at once. That is for rehearsals; for others' credits deploy with",
        "--multisig and --admin-delay-days.",
        "Next: carbonbridge registry import VERRA transactions.csv --into NAME",
    ]


def ensure_class(
    contract: BridgeContract, space: SerialSpace, wanted: CreditClass, sender: Callable[[], Any]
) -> list[str]:
    """Registers the space and creates the class when they are missing; both lose nothing when repeated."""

    calls = []
    if not contract.space_exists(space.id):
        calls.append((f"serial space {space.registry} {space.key}", contract.register_space(space)))
    if contract.class_state(wanted.id) is None:
        calls.append((f"class {wanted.label}", contract.create_class(wanted)))
    if calls:
        operator = sender()
        for _, call in calls:
            operator.send_and_wait(call)
    return [what for what, _ in calls]


def ensure_class_of(bridge: Bridge, lock_id: str) -> None:
    """The space and class of a locked deposit, as the registry knows them."""
    from bridge.flow.batches import lock_of

    row = bridge.journal.deposit(lock_id)
    if row is None or row.lock is None:
        return
    lock = lock_of(row)
    space, wanted = bridge.registry.space(lock.range.space), bridge.registry.credit_class(lock.class_id)
    if space is not None and wanted is not None:
        ensure_class(bridge.contract, space, wanted, lambda: bridge.sender)
