"""A line of claims that could not be compared is said wherever the result is said, and no file is taken for another."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bridge import bootstrap
from bridge.cli import collecting
from bridge.reconcile.evidence import Evidence
from tests.cli.office import Office

pytestmark = pytest.mark.slow

GOOD = json.dumps({"claim_id": "a", "state": "minted", "kg": 2000, "space": "0x" + "11" * 32, "first": 1, "last": 2})


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Without chain or registry: only claims are compared."""

    def evidence(_: Any, __: Any, ___: Any, claims: Any, links: Any) -> Evidence:
        return Evidence(claims=claims, links=links)

    monkeypatch.setattr(bootstrap, "contracts", lambda *_: [SimpleNamespace(credit_classes=dict)])
    monkeypatch.setattr(bootstrap, "registry", lambda *_: None)
    monkeypatch.setattr(bootstrap, "all_evidence", evidence)
    office = Office(tmp_path)
    office.done("init", "--dev")
    return office


def written(path: Path, *lines: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_rejected_line_soils_the_result_and_stands_in_every_form_of_it(office: Office) -> None:
    file, report = written(office.folder / "other.ndjson", GOOD, "not a \x1b[2J claim"), office.folder / "report.json"
    ran = office.run("compliance", "reconcile", "--claims", file, "--out", str(report))
    assert ran.code == 1
    assert "could not be compared: 1." in ran.out
    assert "other:2: not JSON" in ran.out
    assert "\x1b" not in ran.out
    told = office.told("compliance", "reconcile", "--claims", file, code=1)
    assert (told["clean"], told["findings"]) == (False, [])
    assert [(row["source"], row["line"]) for row in told["not_compared"]] == [("other", 2)]
    assert json.loads(report.read_text())["not_compared"] == told["not_compared"]
    again = office.run("compliance", "findings", str(report))
    assert (again.code, "other:2: not JSON" in again.out) == (1, True)
    assert "not-compared" in office.run("compliance", "reconcile", "--claims", file, "--format", "csv").out
    assert "照合できなかった行" in office.run("compliance", "findings", str(report), "--lang", "ja").out


def test_claims_that_were_all_compared_leave_it_clean(office: Office) -> None:
    assert "Clean" in office.done("compliance", "reconcile", "--claims", written(office.folder / "other.ndjson", GOOD))


def test_files_of_one_name_are_two_sources_and_one_file_named_twice_is_one(office: Office) -> None:
    one, two = (written(office.folder / folder / "claims.ndjson", GOOD) for folder in ("one", "two"))
    told = office.told("compliance", "reconcile", "--claims", one, "--claims", two, code=1)
    assert [finding["rule"] for finding in told["findings"]] == ["overlapping-tokenization"]
    assert set(collecting.read_claims([Path(one), Path(two)])) == {one, two}
    beside = str(Path(one).parent / ".." / "one" / "claims.ndjson")
    assert office.told("compliance", "reconcile", "--claims", one, "--claims", beside)["clean"]


def test_reissues_are_compared_and_a_row_that_cannot_be_soils_the_result(office: Office) -> None:
    """The same serials become others twice; and the last row names none."""
    spaces = ["0x" + pair * 32 for pair in ("11", "22", "33")]
    rows = [f"told,{spaces[0]},1,5,{space},1,5" for space in spaces[1:]]
    columns = "source,origin_space,origin_first,origin_last,becomes_space,becomes_first,becomes_last"
    file = written(office.folder / "moved.csv", columns, *rows, "told,,,,,,")
    told = office.told("compliance", "reconcile", "--reissues", file, code=1)
    assert [(f["rule"], f["units"]) for f in told["findings"]] == [("reissued-elsewhere", 5)]
    assert [(row["source"], row["line"]) for row in told["not_compared"]] == [("moved.csv", 4)]
