"""The kept artifacts are what the contracts compile to today."""

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "contracts" / "node_modules").exists(), reason="run scripts/compile once"),
]


@pytest.fixture(scope="module")
def compiled() -> tuple[dict[str, str], str]:
    """The artifacts of a new compile, and what the compiler had to say."""
    from compile import compile_contracts

    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        return compile_contracts(), said.getvalue()


def test_a_new_compile_gives_the_kept_artifacts(compiled: tuple[dict[str, str], str]) -> None:
    from compile import ARTIFACTS

    for name, text in compiled[0].items():
        assert (ARTIFACTS / name).read_text() == text, f"{name} is stale: run scripts/compile"


def test_the_compiler_has_nothing_to_warn_of(compiled: tuple[dict[str, str], str]) -> None:
    assert compiled[1] == ""


def test_each_contract_leaves_room_under_the_size_limit(compiled: tuple[dict[str, str], str]) -> None:
    for name, text in compiled[0].items():
        assert len(json.loads(text)["deployedBytecode"]) // 2 <= 24_000, name
