"""The command line, one file a user. Only typer is imported at the top of these files, so that `--help` is quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bridge.cli import admin, compliance, dev, holder, keys, operator, registry
from bridge.errors import BridgeError, Stopped

app = typer.Typer(
    name="carbonbridge",
    help="Carbon credits locked in their registry, held as tokens, retired or redeemed serial by serial.",
    epilog="Exit codes: 0 clean, 1 findings, 2 usage, 3 unreachable (repeat), 4 refused, 5 not yet (repeat later), "
    "6 halted (people decide), 70 a fault of ours.\n\nStart with: carbonbridge init --dev",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(
    "init",
    epilog="Example: carbonbridge init --rpc https://node.example\n\nExample: carbonbridge init --dev\n\n"
    "Example: carbonbridge init --anew journal",
)(keys.init)
app.add_typer(operator.app, name="operator")
app.add_typer(holder.app, name="holder")
app.add_typer(compliance.app, name="compliance")
app.add_typer(registry.app, name="registry")
app.add_typer(admin.app, name="admin")
app.add_typer(keys.app, name="key")
app.add_typer(dev.app, name="dev")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"carbonbridge {version('carbonbridge')}")
        raise typer.Exit


@app.callback()
def carbonbridge(
    version: Annotated[  # noqa: ARG001 its callback has acted on it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    if "--help" not in sys.argv:
        _warn_of_keys_in_the_environment()


def _warn_of_keys_in_the_environment() -> None:
    """Whoever may look at a process can read its environment."""
    from bridge.settings import KEY_VARIABLE, environment_keys

    if names := environment_keys():
        _warn(f"{', '.join(names)}: private keys from {KEY_VARIABLE}…, which are for tests and CI only")


def main() -> None:
    """The command `carbonbridge`: every error becomes one message on stderr and its exit code."""
    arguments = sys.argv[1:]
    as_json = "--json" in arguments
    try:
        sys.exit(_run(arguments, as_json))
    except BridgeError as error:
        if error.exit_code == 0:
            sys.exit(_end_well(str(error), as_json))
        sys.exit(_fail(type(error).__name__, str(error), error.exit_code, as_json))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(_fail("Stopped", _STOPPED, 130, as_json))
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own, which it shows unless --json
            sys.exit(_fail("UsageError", error.format_message(), 2, as_json))
        sys.exit(_fail_unforeseen(error, as_json))


_STOPPED = (
    "stopped: everything stored is safe. Repeat the command, or look with: carbonbridge operator status, or "
    "carbonbridge holder requests"
)


def _run(arguments: list[str], as_json: bool) -> int | str | None:
    """Typer ends with 130, and without a word, when somebody presses Ctrl-C."""
    try:
        code: int | str | None = app(arguments, prog_name="carbonbridge", standalone_mode=not as_json)
    except SystemExit as left:
        code = left.code
    if code == Stopped.exit_code:
        raise Stopped(_STOPPED)
    return code


def _end_well(message: str, as_json: bool) -> int:
    """Nothing was left to do, which is no failure of a command that is repeated."""
    from bridge.cli.screen import emit, say

    if as_json:
        emit({"done": None, "message": message})
    else:
        say(message)
    return 0


def _fail_unforeseen(error: Exception, as_json: bool) -> int:
    """Says what kind of error, and no more: its text and trace may hold what nobody else should read."""
    from bridge import settings

    if settings.debugging():
        import traceback

        traceback.print_exception(error)
    kind = type(error).__name__
    message = f"a fault of ours ({kind}); what was stored stays. See where with CARBONBRIDGE_DEBUG=1, and report it"
    return _fail(kind, message, 70, as_json)


def _warn(message: str) -> None:
    from bridge.cli.screen import complain

    if "--json" in sys.argv:
        import json

        typer.echo(json.dumps({"warning": message}), err=True)
    else:
        complain(f"carbonbridge: {message}")


def _fail(kind: str, message: str, exit_code: int, as_json: bool) -> int:
    from bridge.cli.screen import complain

    if as_json:
        import json

        typer.echo(json.dumps({"error": kind, "message": message, "exit_code": exit_code}), err=True)
    else:
        complain(f"carbonbridge: {message}")
    return exit_code
