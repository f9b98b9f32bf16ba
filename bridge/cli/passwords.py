"""Asking people for passwords: hidden, on stderr, and never as an argument."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer


def ask(key: str) -> str:
    """Raises UsageError where nobody can type."""
    _require_terminal(f"key {key}")
    return str(typer.prompt(f"Password of key {key}", hide_input=True, err=True))


def ask_for_new(keys: Sequence[str]) -> str:
    """One password for these new keys, typed twice."""
    named = f"new {'key' if len(keys) == 1 else 'keys'} {', '.join(keys)}"
    _require_terminal(named)
    return str(typer.prompt(f"Password for {named}", hide_input=True, confirmation_prompt=True, err=True))


def _require_terminal(keys: str) -> None:
    from bridge.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            f"no password for {keys}: set CARBONBRIDGE_PASSWORD_FILE or CARBONBRIDGE_PASSWORD, or use a terminal"
        )
