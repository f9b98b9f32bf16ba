"""A folder with a configuration, and the command line run in it as its users run it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from unittest.mock import patch

from bridge.cli import main
from tests.databases import Databases, SqliteFiles

PASSWORD = "correct horse"
COMMAND = [sys.executable, "-c", "from bridge.cli import main; main()"]


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What it says on stderr, in one line."""
        return " ".join(self.err.split())


@dataclass
class Office:
    """`transcript` keeps everything that was ever shown."""

    folder: Path
    password: str | None = PASSWORD
    transcript: list[str] = field(default_factory=list)
    databases: ClassVar[Databases] = SqliteFiles()

    @property
    def config(self) -> Path:
        return self.folder / "carbonbridge.toml"

    def beside(self, name: str, rpc: str) -> Office:
        """Another folder with the same keys and the same registry, and a journal of its own."""
        other = Office(self.folder.parent / name)
        other.folder.mkdir()
        shutil.copytree(self.folder / "keys", other.folder / "keys")
        text = re.sub('rpc = ".*"', f'rpc = "{rpc}"', self.config.read_text())
        text = text.replace("sqlite:///registry.db", f"sqlite:///{self.folder}/registry.db")
        for own in ("journal", "compliance"):
            text = text.replace(self.databases.url(self.folder, own), self.databases.url(other.folder, own))
        other.config.write_text(text)
        return other

    def _move_in(self) -> None:
        """A new configuration's databases to where this run of the tests keeps them."""
        if isinstance(self.databases, SqliteFiles):
            return
        text = self.config.read_text()
        for room in ("journal", "registry"):
            text = text.replace(f"sqlite:///{room}.db", self.databases.url(self.folder, room))
        compliance = self.databases.url(self.folder, "compliance")
        self.config.write_text(f'{text}\n[compliance]\nurl = "{compliance}"\n')

    def run(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        environment = {"CARBONBRIDGE_CONFIG": str(self.config), "LANG": "C", "COLUMNS": "80"}
        if self.password is not None:
            environment["CARBONBRIDGE_PASSWORD"] = self.password
        with (
            patch.dict(os.environ, environment),
            patch.object(sys, "argv", ["carbonbridge", *arguments]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = _exit_code()
        if code == 0 and arguments[0] == "init":
            self._move_in()
        ran = Ran(code, out.getvalue(), err.getvalue())
        self.transcript += [ran.out, ran.err]
        return ran

    def done(self, *arguments: str) -> str:
        """What it shows people; it must end clean."""
        ran = self.run(*arguments)
        assert ran.code == 0, ran
        return ran.out

    def told(self, *arguments: str, code: int = 0) -> Any:
        """What it tells machines."""
        ran = self.run(*arguments, "--json")
        assert ran.code == code, ran
        return json.loads(ran.out)

    def addresses(self) -> dict[str, str]:
        """Of all keys, by name."""
        return {name: key["address"] for name, key in self.told("key", "list").items()}

    def refused(self, code: int, *arguments: str) -> str:
        """The message in one line, which is the same for people and machines; nothing else is shown."""
        ran = self.run(*arguments)
        assert (ran.code, ran.out) == (code, ""), ran
        machine = json.loads(self.run(*arguments, "--json").err)
        assert machine["exit_code"] == code
        assert "Traceback" not in ran.err
        return ran.complaint


def _exit_code() -> int:
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    raise AssertionError("main() always ends by sys.exit")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chain_process(*options: str) -> Iterator[dict[str, str]]:
    """`dev chain` in a process of its own, until Ctrl-C; gives what it announces."""
    arguments = ["dev", "chain", "--port", str(free_port()), "--json", *options]
    # Tests that a shell started in the background ignore Ctrl-C, and their children would.
    heeding = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from bridge.cli import main; main()"
    )
    command = [sys.executable, "-c", heeding, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(_announcement(process))
        finally:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert "Traceback" not in err


def _announcement(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            break
    return "".join(lines)
