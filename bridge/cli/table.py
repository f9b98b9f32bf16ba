"""The table of commands, made from the commands themselves: `python -m bridge.cli.table > bridge/cli/README.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

_HEAD = """\
# Commands

Each takes `--json` and has an example in its `--help`. Exit codes: 0 clean, 1 findings, 2 usage, 3 unreachable
(repeat), 4 refused, 5 not yet (repeat later), 6 halted (people decide), 70 a fault of ours; 130 when stopped.

This file is made: `python -m bridge.cli.table > bridge/cli/README.md`.

| command | what it does |
|---|---|
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its full name, such as `holder retire`."""
    from bridge.cli import app

    root: Any = typer.main.get_command(app)
    yield from _within(root)


def _within(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _within(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def markdown() -> str:
    rows = (f"| `carbonbridge {name}` | {_first_sentence(command.help)} |\n" for name, command in commands())
    return _HEAD + "".join(rows)


def _first_sentence(help_text: str) -> str:
    return " ".join(help_text.partition("\n\n")[0].split())


if __name__ == "__main__":
    typer.echo(markdown(), nl=False)
