from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from bridge.chain.connection import Connection
from bridge.chain.local import find_anvil
from bridge.errors import Unreachable
from tests.databases import Databases


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


DatabaseAt = Callable[[str], str]
"""A test's database of that name, by its URL."""


@pytest.fixture
def database(tmp_path: Path, databases: Databases) -> DatabaseAt:
    return partial(databases.url, tmp_path)


@pytest.fixture
def anvil() -> Iterator[str]:
    """A fresh anvil's address; its `finalized` block is two behind the newest."""
    with anvil_process("--slots-in-an-epoch", "1") as url:
        yield url


@contextmanager
def anvil_process(*options: str) -> Iterator[str]:
    program = find_anvil()
    if program is None:
        pytest.skip("no anvil: run scripts/setup --contracts")
    port = free_port()
    process = subprocess.Popen([program, "--port", str(port), "--silent", *options], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(Connection.to(url, 0))
        yield url
    finally:
        process.terminate()
        process.wait(10)


def wait_for(connection: Connection) -> None:
    for _ in range(200):
        try:
            connection.head()
        except Unreachable:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("anvil did not start")
