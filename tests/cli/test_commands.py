"""Every command is documented, speaks JSON, and starts fast."""

from __future__ import annotations

import ast
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bridge.cli
from bridge.cli.table import commands, markdown
from tests.cli.office import COMMAND

ROOM = Path(bridge.cli.__file__).parent
COMMANDS = dict(commands())


def examples(command: Any) -> list[str]:
    return [p.removeprefix("Example: ") for p in command.epilog.split("\n\n") if p.startswith("Example: ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_an_example_and_json(name: str) -> None:
    command = COMMANDS[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert command.help
    assert "--json" in options or {"--log"} <= options  # what runs for ever says its lines as `--log json`
    assert examples(command)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_a_command_that_parses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in examples(COMMANDS[name]):
        words = shlex.split(example)
        wanted = ["carbonbridge", *name.split()]
        assert words[: len(wanted)] == wanted
        arguments = words[len(wanted) :]
        for word in arguments:
            if Path(word).suffix in (".json", ".csv", ".html", ".ndjson", ".toml", ".pem"):
                Path(word).touch()
        COMMANDS[name].make_context(name, list(arguments))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_password_or_key_is_an_argument(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert not {o for o in options if "password" in o or "private" in o or "secret" in o}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_loses_no_word(name: str) -> None:
    """What stands in brackets would pass for markup."""
    shown = CliRunner().invoke(bridge.cli.app, [*name.split(), "--help"], env={"COLUMNS": "200"}).output
    words = set(shown.replace("│", " ").split())
    command = COMMANDS[name]
    told = [command.help, command.epilog, *(getattr(parameter, "help", None) or "" for parameter in command.params)]
    assert {word for text in told for word in text.split()} - words == set()


def test_the_table_of_commands_is_fresh() -> None:
    assert (ROOM / "README.md").read_text() == markdown(), "run: python -m bridge.cli.table > bridge/cli/README.md"


def test_help_shows_every_exit_code() -> None:
    shown = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": "80"})
    text = " ".join(shown.stdout.split())
    for code in ("0 clean", "1 findings", "2 usage", "3 unreachable", "4 refused", "5 not yet", "6 halted"):
        assert code in text
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80


@pytest.mark.parametrize("path", [p for p in ROOM.glob("*.py") if p.name != "demo.py"], ids=lambda p: p.name)
def test_only_typer_is_imported_at_the_top(path: Path) -> None:
    top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in top if isinstance(node, ast.ImportFrom)}
    foreign = {m for m in modules if m.partition(".")[0] not in _STANDARD and not m.startswith("bridge.cli")}
    assert foreign <= {"typer", "bridge.errors"}


_STANDARD = {"__future__", "collections", "contextlib", "datetime", "pathlib", "re", "sys", "time", "typing"}
