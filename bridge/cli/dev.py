"""A chain on this machine, for rehearsals and development."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from bridge.cli.options import Json

app = typer.Typer(help="A local chain, gas for its accounts, its clock, and a demonstration.", no_args_is_help=True)

Port = Annotated[int, typer.Option(min=1, max=65535, help="On loopback only.")]


@app.command("chain", epilog="Example: carbonbridge dev chain --port 8545")
def chain(
    port: Port = 8545,
    embedded: Annotated[bool, typer.Option("--embedded", help="Do not look for anvil.")] = False,
    as_json: Json = False,
) -> None:
    """Run a chain in the foreground until Ctrl-C: anvil when it is there, else an embedded one. It keeps nothing."""
    from bridge.chain.local import find_anvil

    _require_free(port)
    anvil = None if embedded else find_anvil()
    rpc = f"http://127.0.0.1:{port}"
    if anvil is not None:
        _announce("anvil", rpc, as_json)
        _become_anvil(anvil, port)
    _serve(port, rpc, as_json)


@app.command("fund", epilog="Example: carbonbridge dev fund")
def fund(as_json: Json = False) -> None:
    """Give every key of the configuration ten ether of a local chain, for gas."""
    from bridge import bootstrap, settings
    from bridge.chain.local import fund as pay
    from bridge.cli.screen import checksummed, emit, say

    config = settings.load()
    connection = bootstrap.connect(config)
    accounts = {name: bootstrap.address_of(config, name) for name in config.key_names()}
    for account in accounts.values():
        pay(connection, account)
    if as_json:
        emit({name: checksummed(account) for name, account in accounts.items()})
    else:
        say(f"funded {', '.join(accounts)}", *([] if config.contract else ["Next: carbonbridge operator deploy"]))


@app.command("pass", epilog="Example: carbonbridge dev pass --seconds 86400")
def pass_time(
    seconds: Annotated[int, typer.Option(min=1, help="How far to move the chain's clock.")], as_json: Json = False
) -> None:
    """Move a local chain's clock, to rehearse deadlines."""
    from bridge import bootstrap, settings
    from bridge.chain.local import pass_seconds
    from bridge.cli.screen import emit, moment, say

    connection = bootstrap.connect(settings.load())
    pass_seconds(connection, seconds)
    head = connection.head()
    if as_json:
        emit({"block": head.number, "timestamp": head.timestamp})
    else:
        say(f"the chain is at block {head.number}, {moment(head.timestamp)}")


@app.command("demo", epilog="Example: carbonbridge dev demo --plain")
def show_demo(
    plain: Annotated[bool, typer.Option("--plain", help="Text without panels or colours.")] = False,
    as_json: Json = False,
) -> None:
    """The whole story in one process, on a chain and a registry that live only for it."""
    import sys
    from contextlib import redirect_stdout

    from bridge.cli import demo
    from bridge.cli.screen import emit

    if not as_json:
        raise typer.Exit(demo.run(plain=plain))
    with redirect_stdout(sys.stderr):
        exit_code = demo.run(plain=True)
    emit({"exit_code": exit_code})
    raise typer.Exit(exit_code)


def _require_free(port: int) -> None:
    """Raises UsageError when somebody listens there."""
    import socket

    from bridge.errors import UsageError

    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UsageError(f"port {port} is taken, maybe by another chain; choose one with --port")


def _announce(kind: str, rpc: str, as_json: bool) -> None:
    import sys

    from bridge.cli.screen import emit, say

    if as_json:
        emit({"chain": kind, "rpc": rpc})
    else:
        say(f"{kind} at {rpc}; Ctrl-C ends it and forgets everything on it", "Next: carbonbridge dev fund")
    sys.stdout.flush()


def _become_anvil(anvil: str, port: int) -> NoReturn:
    """This process becomes anvil, so that signals reach it."""
    import os

    os.execv(anvil, [anvil, "--host", "127.0.0.1", "--port", str(port), "--silent"])  # noqa: S606 no shell is meant


def _serve(port: int, rpc: str, as_json: bool) -> None:
    from bridge.chain.local import serve_embedded

    with serve_embedded(port) as server:
        _announce("embedded chain", rpc, as_json)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
