from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from bridge.registry.ledger import open_ledger
from tests.databases import Databases, migrated

from .fakes import World


def _unsynced(connection, _record: object) -> None:  # type: ignore[no-untyped-def]
    """Tests lose no power, so their commits need not wait for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def opened(url: str) -> Engine:
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
    World(opened(databases.url(folder, "registry"))).engine.dispose()
    return folder


@pytest.fixture
def url(tmp_path: Path, databases: Databases) -> str:
    """Of this test's ledger."""
    return databases.url(tmp_path, "registry")


@pytest.fixture
def engine(empty_ledger: Path, tmp_path: Path, databases: Databases) -> Iterator[Engine]:
    databases.copy(empty_ledger, tmp_path)
    engine = opened(databases.url(tmp_path, "registry"))
    yield engine
    engine.dispose()


@pytest.fixture
def world(furnished_ledger: Path, tmp_path: Path, databases: Databases) -> Iterator[World]:
    databases.copy(furnished_ledger, tmp_path)
    world = World(opened(databases.url(tmp_path, "registry")))
    yield world
    world.engine.dispose()
