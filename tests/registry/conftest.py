from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from bridge.registry.ledger import open_ledger

from .fakes import World


def _unsynced(connection, _record: object) -> None:  # type: ignore[no-untyped-def]
    """Tests lose no power, so their commits need not wait for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def _open(path: Path) -> Engine:
    engine = open_ledger(f"sqlite:///{path}")
    event.listen(engine, "connect", _unsynced)
    engine.dispose()
    return engine


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated, empty ledger to copy: migrating anew for each test would be most of its time."""
    path = tmp_path_factory.mktemp("ledger") / "empty.db"
    _open(path).dispose()
    return path


@pytest.fixture(scope="session")
def furnished(migrated: Path) -> Path:
    """The same with the world's accounts and serials, which a World built on it finds and leaves."""
    path = migrated.with_name("furnished.db")
    shutil.copy(migrated, path)
    World(_open(path)).engine.dispose()
    return path


@pytest.fixture
def engine(migrated: Path, tmp_path: Path) -> Iterator[Engine]:
    engine = _open(Path(shutil.copy(migrated, tmp_path / "ledger.db")))
    yield engine
    engine.dispose()


@pytest.fixture
def world(furnished: Path, tmp_path: Path) -> Iterator[World]:
    world = World(_open(Path(shutil.copy(furnished, tmp_path / "world.db"))))
    yield world
    world.engine.dispose()
