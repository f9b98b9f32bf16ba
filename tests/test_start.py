"""What a start brings into memory: help no libraries, and every day's commands not what only comparisons need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"web3", "sqlalchemy", "pyarrow", "numpy", "ibis", "duckdb", "fastapi"}
OF_COMPARISONS = {"ibis", "duckdb", "pyarrow", "numpy"}

HELP = """
import typer.testing
from bridge.cli import app
assert typer.testing.CliRunner().invoke(app, ["--help"]).exit_code == 0
"""
HANDS = "import bridge.bootstrap, bridge.daemon.daemon"


def brought(code: str) -> set[str]:
    told = f"{code}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("code", "left_out"), [(HELP, HEAVY), (HANDS, OF_COMPARISONS)])
def test_a_start_leaves_out_what_it_does_not_need(code: str, left_out: set[str]) -> None:
    found = brought(code)
    assert "bridge" in found
    assert not found & left_out
