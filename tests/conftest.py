"""Shared by every room's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms that are pure may not open a socket."""
    pure = {"domain", "report"}
    for item in items:
        if set(item.path.parts) & pure:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real registry rows; skips where there is none."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CARBONBRIDGE_DATA", beside))
    if not folder.is_dir():
        pytest.skip("no real registry rows here; name their folder in CARBONBRIDGE_DATA")
    return folder
