"""Who may take units, where the deployment keeps a list."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli.options import Json, Key

Accounts = Annotated[list[str], typer.Argument(metavar="ACCOUNT...", help="Addresses, or keys' names.")]


def list_accounts(accounts: Accounts, key: Key = "guardian", as_json: Json = False) -> None:
    """List accounts, which may take units from then on, with a lister's key.

    Only in a deployment made with `operator deploy --allow-list`, whose guardian is the first lister.
    """
    _set(accounts, True, key, as_json)


def strike(accounts: Accounts, key: Key = "guardian", as_json: Json = False) -> None:
    """Strike accounts off the list, with a lister's key: they take no more units, and may give, retire or redeem."""
    _set(accounts, False, key, as_json)


def _set(names: list[str], listed: bool, key: str, as_json: bool) -> None:
    from bridge import bootstrap, settings
    from bridge.cli.naming import address
    from bridge.cli.passwords import ask
    from bridge.cli.screen import checksummed, emit, say

    config = settings.load()
    contract = bootstrap.contract(config)
    accounts = [address(config, name) for name in names]
    call = contract.set_listed(accounts, listed)
    tx_hash = bootstrap.sender(config, key, ask).send_and_wait(call)
    shown = [checksummed(account) for account in accounts]
    if as_json:
        emit({"listed": listed, "accounts": shown, "transaction": tx_hash})
        return
    words = "may take units" if listed else "takes no more units, and may give, retire or redeem"
    say(*(f"{account} {words}" for account in shown), f"transaction {tx_hash}")
