from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from sqlalchemy import Engine, event

from bridge.registry.ledger import open_ledger
from tests.databases import Databases, migrated

from .fakes import HERE, World
from .served import Served, portal

PORT_SUITE = ("test_locks", "test_requests", "test_many_requests", "test_reversals")
"""Whose tests every registry passes, wherever it is."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in PORT_SUITE:
        metafunc.parametrize("world", ["embedded", "http"], indirect=True)


def _unsynced(connection, _record: object) -> None:  # type: ignore[no-untyped-def]
    """Tests lose no power, so their commits need not wait for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def opened_ledger(url: str) -> Engine:
    engine = open_ledger(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _unsynced)
        engine.dispose()
    return engine


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Path:
    """The folder of a migrated, empty ledger to copy: migrating anew for each test would be most of its time."""
    folder = tmp_path_factory.mktemp("empty")
    migrated(databases.url(folder, "registry"), "registry")
    return folder


@pytest.fixture(scope="session")
def furnished_ledger(tmp_path_factory: pytest.TempPathFactory, empty_ledger: Path, databases: Databases) -> Path:
    """The same with the world's accounts and serials, which a World built on it finds and leaves."""
    folder = tmp_path_factory.mktemp("furnished")
    databases.copy(empty_ledger, folder)
    World(opened_ledger(databases.url(folder, "registry"))).engine.dispose()
    return folder


@pytest.fixture
def url(tmp_path: Path, databases: Databases) -> str:
    """Of this test's ledger."""
    return databases.url(tmp_path, "registry")


@pytest.fixture
def engine(empty_ledger: Path, tmp_path: Path, databases: Databases) -> Iterator[Engine]:
    databases.copy(empty_ledger, tmp_path)
    engine = opened_ledger(databases.url(tmp_path, "registry"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def loop() -> Iterator[BlockingPortal]:
    """An event loop beside the tests, for services."""
    with portal() as made:
        yield made


@pytest.fixture
def world(
    furnished_ledger: Path, tmp_path: Path, databases: Databases, loop: BlockingPortal, request: pytest.FixtureRequest
) -> Iterator[World]:
    databases.copy(furnished_ledger, tmp_path)
    world = World(opened_ledger(databases.url(tmp_path, "registry")))
    if getattr(request, "param", "embedded") == "http":
        world.registry = Served(world.registry, loop).client(HERE)
    yield world
    world.engine.dispose()


@pytest.fixture
def served(world: World, loop: BlockingPortal) -> Served:
    """The world's registry behind its service."""
    return Served(world.registry, loop)
