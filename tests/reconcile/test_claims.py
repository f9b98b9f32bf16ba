"""Our own form of other bridges' claims: every line is taken or rejected with its line, reason and content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.errors import UsageError
from bridge.reconcile.claims import read_claims
from bridge.reconcile.evidence import Claim, ClaimLink, ClaimState
from tests.reconcile.story import SPACE, serials

VERRA = "19385-941467007-941467431-VCS-VCU-1507-VER-ET-14-1340-01012020-31122020-1"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "claims.ndjson"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_claims_by_serial_and_by_range_and_links(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f'{{"claim_id": "a", "state": "minted", "kg": 425000, "registry": "VERRA", "serial": "{VERRA}"}}',
        "",
        f'{{"claim_id": "b", "state": "retired", "kg": 2000, "space": "{SPACE.id}", "first": 1, "last": 2}}',
        '{"claim_id": "t", "state": "burned", "kg": 2504, "evidence": "tx 9"}',
        '{"earlier": "t", "later": "b", "kg": 2000}',
    )
    read = read_claims("other", path)
    assert read.rejected == ()
    assert [claim.claim_id for claim in read.claims] == ["a", "b", "t"]
    assert read.claims[0].range == serials(941_467_007, 941_467_431)
    assert read.claims[2] == Claim(source="other", claim_id="t", kg=2504, state=ClaimState.BURNED, evidence="tx 9")
    assert read.links == (ClaimLink(source="other", earlier="t", later="b", kg=2000),)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "line"),
        ('{"claim_id": "a", "state": "sold", "kg": 1}', "state"),
        ('{"claim_id": "a", "state": "burned", "kg": 1.5}', "kg"),
        ('{"claim_id": "a", "state": "burned", "kg": 0}', "kg"),
        ('{"claim_id": "", "state": "burned", "kg": 1}', "claim_id"),
        ('{"claim_id": "a", "state": "minted", "kg": 1}', "names its serials"),
        (f'{{"claim_id": "a", "state": "minted", "kg": 1, "space": "{SPACE.id}", "first": 3, "last": 2}}', "backwards"),
        ('{"claim_id": "a", "state": "minted", "kg": 1, "registry": "NONE", "serial": "1-2"}', "NONE"),
        ('{"claim_id": "a", "state": "minted", "kg": 1, "registry": "VERRA", "serial": "1-2"}', ""),
        ('{"claim_id": "a", "state": "burned", "kg": 1, "surprise": true}', "surprise"),
    ],
)
def test_a_malformed_line_is_rejected(tmp_path: Path, line: str, reason: str) -> None:
    good = '{"claim_id": "t", "state": "burned", "kg": 1}'
    read = read_claims("other", written(tmp_path, good, line))
    (rejected,) = read.rejected
    assert (rejected.line, rejected.content) == (2, line)
    assert reason in rejected.reason
    assert len(read.claims) == 1


def test_a_claim_id_used_twice_is_rejected(tmp_path: Path) -> None:
    line = '{"claim_id": "t", "state": "burned", "kg": 1}'
    read = read_claims("other", written(tmp_path, line, line))
    assert [row.line for row in read.rejected] == [2]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_claims("other", tmp_path / "none")


def _claims_file(path: Path, *ranges: tuple[int, int]) -> Path:
    lines = [
        {"claim_id": f"c{n}", "state": "minted", "kg": 1000, "space": SPACE.id, "first": first, "last": last}
        for n, (first, last) in enumerate(ranges)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_a_file_of_nested_ranges_is_refused_before_it_is_cut(tmp_path: Path) -> None:
    nested = _claims_file(tmp_path / "nested", *((n, 20_000 - n) for n in range(1, 5000)))
    with pytest.raises(UsageError, match="more than 16 times"):
        read_claims("other", nested)


def test_many_ranges_side_by_side_and_a_few_repeated_are_read(tmp_path: Path) -> None:
    beside = [(10 * n, 10 * n + 9) for n in range(1, 5000)]
    assert len(read_claims("other", _claims_file(tmp_path / "beside", *beside, *[(10, 19)] * 15)).claims) == 5014
