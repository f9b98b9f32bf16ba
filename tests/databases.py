"""Where tests keep databases: SQLite files, or databases of a private PostgreSQL server (`pytest --database`)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

import psycopg
from psycopg import sql

from bridge.cases import store as cases
from bridge.database import open_database
from bridge.journal import store
from bridge.registry import ledger

ROOMS = {
    "journal": (Path(store.__file__).parent / "migrations", "deposits"),
    "registry": (Path(ledger.__file__).parent / "migrations", "blocks"),
    "compliance": (Path(cases.__file__).parent / "migrations", "runs"),
}
"""Where a room's revisions lie, and a table that only it has."""


def room_of(name: str) -> str:
    """Folders hold one registry's ledger and one book of compliance; every other name is a journal's."""
    return name if name in ROOMS else "journal"


def migrated(url: str, room: str) -> None:
    """Brings an empty database up to date, and gives it nothing else: no journal's identity, above all."""
    open_database(url, room, *ROOMS[room]).dispose()


class Databases(Protocol):
    def url(self, folder: Path, name: str) -> str:
        """The database of that name in the folder, made when it is asked for first."""

    def empty(self, folder: Path, name: str) -> str:
        """The same, without any tables."""

    def copy(self, source: Path, target: Path, name: str | None = None) -> None:
        """One database of a folder, or all, as they stand; nobody may have them open."""

    def forget(self, folder: Path, name: str) -> None:
        """As if it had never been."""

    def leave(self, folder: Path) -> None:
        """Gives back what a folder and those in it cost; files go with the folder."""


class SqliteFiles:
    def url(self, folder: Path, name: str) -> str:
        return f"sqlite:///{folder}/{name}.db"

    empty = url

    def copy(self, source: Path, target: Path, name: str | None = None) -> None:
        for file in source.glob(f"{name or '*'}.db*"):
            shutil.copy(file, target)

    def forget(self, folder: Path, name: str) -> None:
        for file in folder.glob(f"{name}.db*"):
            file.unlink()

    def leave(self, folder: Path) -> None:
        pass


class PostgresServer:
    """A server of our own on a socket of its own. Its databases are copies of migrated templates: tens of milliseconds
    each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[Path, str], str] = {}
        self._numbers = count()
        for room in ROOMS:
            self._create(f"{room}_template")
            migrated(self._url(f"{room}_template"), room)

    def url(self, folder: Path, name: str) -> str:
        if (folder, name) not in self._made:
            self._copy(f"{room_of(name)}_template", folder, name)
        return self._url(self._made[folder, name])

    def empty(self, folder: Path, name: str) -> str:
        self._copy("template1", folder, name)
        return self._url(self._made[folder, name])

    def copy(self, source: Path, target: Path, name: str | None = None) -> None:
        for (folder, known), database in list(self._made.items()):
            if folder == source and name in (None, known):
                self._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))
                self.forget(target, known)
                self._copy(database, target, known)

    def forget(self, folder: Path, name: str) -> None:
        database = self._made.pop((folder, name), None)
        if database is not None:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def leave(self, folder: Path) -> None:
        for place, name in [key for key in self._made if key[0].is_relative_to(folder)]:
            self.forget(place, name)

    def _copy(self, template: str, folder: Path, name: str) -> None:
        database = f"{name}_{next(self._numbers)}"
        self._create(database, template)
        self._made[folder, name] = database

    def _create(self, database: str, template: str = "template1") -> None:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._run(words.format(sql.Identifier(database), sql.Identifier(template)))

    def _run(self, words: sql.Composed | str, values: tuple[str, ...] = ()) -> None:
        with psycopg.connect(host=str(self._folder), user="postgres", autocommit=True) as connection:
            connection.execute(words, values)  # type: ignore[arg-type]

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"


def binaries() -> Path:
    """The newest server that Debian keeps, else what is on the PATH."""
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = kept[-1] if kept else shutil.which("initdb")
    if found is None:
        raise RuntimeError("these tests need a PostgreSQL server: install Debian's package postgresql")
    return Path(found).resolve().parent


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Runs until the end; as nobody when we are root, whom it refuses. A socket's path must be short. `durable`: on a
    disk, with every commit written through, as for a bridge that matters; tests lose no power."""
    memory = not durable and os.access("/dev/shm", os.W_OK)  # noqa: S108 a folder of its own in it
    within = "/dev/shm" if memory else "/tmp"  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="carbonbridge-postgres-", dir=within))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
    who = {"user": "nobody", "group": "nogroup", "extra_groups": ()} if os.geteuid() == 0 else {}
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
    }
    if not durable:
        options |= {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
    initdb = [
        binaries() / "initdb",
        "--auth=trust",
        "--username=postgres",
        "--locale=C",
        "--encoding=UTF8",
        "--no-sync",
    ]
    try:
        subprocess.run([*initdb, "-D", folder / "data"], check=True, capture_output=True, cwd=folder, **who)
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [binaries() / "postgres", "-D", folder / "data", *words], stdout=log, stderr=log, cwd=folder, **who
            )
        try:
            _await(server, folder)
            yield PostgresServer(folder)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: subprocess.Popen[bytes], folder: Path) -> None:
    until = monotonic() + 60
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(folder / 'log').read_text()}") from None
            sleep(0.05)
        else:
            return
