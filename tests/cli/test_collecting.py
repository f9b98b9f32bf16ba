"""What is handed in beside chains and registries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.cli import collecting
from bridge.errors import UsageError
from bridge.reconcile.claims import ClaimsFile


def test_a_file_of_claims_does_not_give_way_to_a_contract_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the run would say that it has compared what it has not."""
    nobody: Any = None
    nothing = ClaimsFile(claims=(), links=(), rejected=())
    file = tmp_path / "other-bridge.ndjson"
    file.write_text("")
    monkeypatch.setattr(collecting, "_peers", lambda _: {"other-bridge": nothing})
    with pytest.raises(UsageError, match="claims under the name other-bridge; give one of them another name"):
        collecting.looked_at(nobody, [], nobody, [], [file], [tmp_path / "mapping.toml"])
