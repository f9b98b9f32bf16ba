"""What compliance does: reconcile, read findings, and trip the breaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Reconcile, read findings, pause, freeze.", no_args_is_help=True)


@app.command("pause", epilog="Example: carbonbridge compliance pause")
def pause(as_json: Json = False) -> None:
    """Stop minting and new requests, with the guardian's key. Settlements and returns go on."""
    _send("guardian", "pause", [], "paused: no minting and no new requests until the admin unpauses", as_json)


@app.command("unpause", epilog="Example: carbonbridge compliance unpause")
def unpause(as_json: Json = False) -> None:
    """Let minting and new requests go on, with the admin's key."""
    _send("admin", "unpause", [], "unpaused", as_json)


@app.command("freeze", epilog="Example: carbonbridge compliance freeze 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
def freeze(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An address, or a key's name.")],
    as_json: Json = False,
) -> None:
    """Freeze an account for thirty days, with the guardian's key: it can neither send nor ask."""
    from bridge import settings
    from bridge.cli.naming import address
    from bridge.cli.screen import checksummed

    frozen = checksummed(address(settings.load(), account))
    _send("guardian", "freeze", [frozen], f"froze {frozen} for thirty days; the admin can confirm or lift it", as_json)


def _send(key: str, door: str, arguments: Sequence[Any], words: str, as_json: bool) -> None:
    from bridge import bootstrap, settings
    from bridge.chain.deploy import send_and_wait
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say

    config = settings.load()
    contract = bootstrap.contract(config)
    call = getattr(contract.functions, door)(*arguments)
    receipt = send_and_wait(contract.connection, bootstrap.sender(config, key, ask), call)
    tx_hash = "0x" + bytes(receipt["transactionHash"]).hex()
    if as_json:
        emit({"done": door, "by": key, "arguments": list(arguments), "transaction": tx_hash})
    else:
        say(words, f"transaction {tx_hash}")
