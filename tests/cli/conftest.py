"""Where the command line's databases are."""

from __future__ import annotations

import pytest

from tests.cli.office import Office
from tests.databases import Databases


@pytest.fixture(scope="session", autouse=True)
def _databases(databases: Databases) -> None:
    Office.databases = databases
