"""Putting a contract on a chain, and what it must know before anything can be minted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract, Deployed
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialSpace
    from bridge.flow.bridge import Bridge
    from bridge.settings import Settings


def require_undeployed(config: Settings) -> None:
    from bridge.cli.screen import checksummed
    from bridge.errors import UsageError

    if config.contract is not None:
        raise UsageError(
            f"carbonbridge.toml names a contract already: {checksummed(config.contract.address)} on chain "
            f"{config.contract.chain_id}. To deploy another, take its [contract] section out first"
        )


def deploy_and_set_up(config: Settings, allowance: int, uri: str, freezable: bool, quiet: bool) -> Deployed:
    """Everything before the file is written: a crash leaves an orphan without credits."""
    from bridge import bootstrap
    from bridge.chain import deploy as chain
    from bridge.chain.contract import BridgeContract
    from bridge.cli.passwords import ask
    from bridge.cli.screen import progress

    connection = bootstrap.connect(config)
    admin = bootstrap.sender(config, "admin", ask)
    with progress("Deploying", 3 + len(config.programmes) + freezable, quiet) as step:
        deployed = chain.deploy(connection, admin, admin.address, uri, freezable=freezable)
        step(1)
        contract = BridgeContract(connection, deployed)
        for code, programme in config.programmes.items():
            attesters = [bootstrap.address_of(config, name) for name in programme.attesters]
            call = contract.add_registry(code, attesters, programme.threshold, programme.terms)
            chain.send_and_wait(connection, admin, call)
            step(1)
        operator, guardian = (bootstrap.address_of(config, name) for name in ("operator", "guardian"))
        calls = [contract.set_allowance(operator, allowance), contract.set_guardian(guardian, True)]
        if freezable:
            calls.append(contract.set_freezer(guardian, True))
        for call in calls:
            chain.send_and_wait(connection, admin, call)
            step(1)
    bootstrap.ledger(config).serve(deployed.deployment)
    return deployed


def keep_contract(path: Path, deployed: Deployed) -> None:
    from bridge.cli.screen import checksummed, write_file

    section = [
        "",
        "# Written by `carbonbridge operator deploy`.",
        "[contract]",
        f"chain_id = {deployed.deployment.chain_id}",
        f'address = "{checksummed(deployed.deployment.contract)}"',
        f'lens = "{checksummed(deployed.lens)}"',
        f"first_block = {deployed.first_block}",
        *([f'policy = "{checksummed(deployed.policy)}"'] if deployed.policy else []),
        "",
    ]
    write_file(path, path.read_text(encoding="utf-8") + "\n".join(section))


def ensure_class(
    contract: BridgeContract, space: SerialSpace, wanted: CreditClass, sender: Callable[[], Any]
) -> list[str]:
    """Registers the space and creates the class when they are missing; both lose nothing when repeated."""
    from bridge.chain.deploy import send_and_wait

    calls = []
    if not contract.space_exists(space.id):
        calls.append((f"serial space {space.registry} {space.key}", contract.register_space(space)))
    if contract.class_state(wanted.id) is None:
        calls.append((f"class {wanted.label}", contract.create_class(wanted)))
    if calls:
        operator = sender()
        for _, call in calls:
            send_and_wait(contract.connection, operator, call)
    return [what for what, _ in calls]


def ensure_class_of(config: Settings, bridge: Bridge, lock_id: str) -> None:
    """The space and class of a locked deposit, as the registry knows them."""
    from bridge import bootstrap
    from bridge.flow.mint import lock_of

    row = bridge.journal.deposit(lock_id)
    if row is None or row.lock is None:
        return
    lock, books = lock_of(row), bootstrap.ledger(config)
    space = next((space for space in books.spaces() if space.id == lock.range.space), None)
    wanted = books.credit_class(lock.class_id)
    if space is not None and wanted is not None:
        ensure_class(bridge.contract, space, wanted, lambda: bridge.sender)
