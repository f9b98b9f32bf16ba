"""Shared by every room's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Databases, SqliteFiles, postgres_server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--openapi-examples", type=int, default=6, help="requests a route and kind of token")
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="where tests keep rows")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Rooms that are pure may not open a socket; and a server's databases are no files."""
    pure = {"domain", "report"}
    elsewhere = pytest.mark.skip(reason="about a database that is a file")
    for item in items:
        if config.getoption("--database") != "sqlite" and item.get_closest_marker("sqlite"):
            item.add_marker(elsewhere)
        if set(item.path.parts) & pure:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """What `--database` says. Those of a test end with it."""
    if request.config.getoption("--database") == "sqlite":
        yield SqliteFiles()
        return
    with postgres_server() as server:
        yield server


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """As ever; and the databases of the folder end with it."""
    databases = request.getfixturevalue("databases") if "databases" in request.fixturenames else SqliteFiles()
    yield tmp_path
    databases.leave(tmp_path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real registry rows; skips where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CARBONBRIDGE_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real registry rows here; name their folder in CARBONBRIDGE_DATA")
    return folder
