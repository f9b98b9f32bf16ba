from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Databases
from tests.flow.world import Stage, World


@pytest.fixture(scope="session")
def stage(databases: Databases) -> Stage:
    return Stage(databases)


@pytest.fixture
def world(tmp_path: Path, stage: Stage) -> World:
    stage.clear()
    return World(tmp_path, stage)
