"""A whole real bridge on another chain, read as claims: what is minted, burned and retired, and what is really open."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

import pytest

from bridge.domain.findings import Severity
from bridge.errors import UsageError
from bridge.reconcile.claims import ClaimsFile
from bridge.reconcile.evidence import Claim, ClaimState, Evidence
from bridge.reconcile.reconcile import reconcile
from bridge.reconcile.stellarcarbon import read_stellarcarbon
from bridge.registry.statements.verra import parse_serial

pytestmark = pytest.mark.data

OPEN_KG = {
    "20dbafdc604fc1a48eafc4ce0df2b6151dfa5a5241c307f811a99ce4ddf2fb7f": 15,  # 3.015 t burned, 3 t retired for it
    "7b75b036bc542059e35472eb5c58b82fa660b9646f3dcbecb99569ec61448488": 283,
    "97e0e67947d9094d6556a11ada0be88f2e279581bcbd9135e7c7935e2bc2e633": 100,
    "0b83039ee6abfdb3ba748cd2902fa2d4c5e1574c82df80e5738582e1e8b3bd16": 107,
    "eaa1cf0d5cb3dacfedc4b88b5ca01a90844b093837d66a76da0e300107683b55": 100,
    "c9e3caecd32dea524e552cfa06ca39af8f5d330d5803332997b88cef05dc4ca3": 100,
    "5d129ff41bc3df31154d2aad02029c097883dfc0d452e4dcca5421395d922b8e": 127,
    "f983cf2a28885f6a7386999af06491b0059d725e08c85edb0d0c903cfa95597a": 100,
}


@pytest.fixture
def folder(real_data: Path) -> Path:
    return real_data / "stellarcarbon"


@pytest.fixture
def files(folder: Path) -> dict[str, ClaimsFile]:
    return read_stellarcarbon(folder)


def evidence(files: dict[str, ClaimsFile], *planted: Claim) -> Evidence:
    claims = chain.from_iterable(file.claims for file in files.values())
    return Evidence(claims=[*claims, *planted], links=list(chain.from_iterable(file.links for file in files.values())))


def test_every_line_is_read(files: dict[str, ClaimsFile]) -> None:
    assert {name: (len(file.claims), len(file.links)) for name, file in files.items()} == {
        "minted_blocks": (9, 0),
        "sinking_txs": (31, 0),
        "retirements": (17, 0),
        "retirement_from_block": (0, 17),
        "sink_status": (0, 24),
    }
    assert [file.rejected for file in files.values()] == [()] * 5


@pytest.mark.parametrize(
    ("name", "state", "kg"),
    [
        ("minted_blocks", ClaimState.MINTED, 202_000),
        ("sinking_txs", ClaimState.BURNED, 31_932),
        ("retirements", ClaimState.RETIRED, 31_000),
    ],
)
def test_masses_are_whole_kilograms(files: dict[str, ClaimsFile], name: str, state: ClaimState, kg: int) -> None:
    assert {claim.state for claim in files[name].claims} == {state}
    assert sum(claim.kg for claim in files[name].claims) == kg


def test_only_what_is_really_open_is_reported_by_transaction(files: dict[str, ClaimsFile]) -> None:
    """No `claim-unminted`: all 31 retired tonnes lie in minted blocks. No `claim-link-mismatch`: the tables agree."""
    result = reconcile(evidence(files))
    assert {finding.rule for finding in result.findings} == {"claim-unretired"}
    assert {finding.subject.split()[-1]: finding.kg for finding in result.findings} == OPEN_KG
    assert sum(OPEN_KG.values()) == 31_932 - 31_000
    assert {finding.severity for finding in result.findings} == {Severity.WARNING}
    assert result.in_flight == ()


def test_a_retirement_outside_the_blocks_would_be_found(files: dict[str, ClaimsFile]) -> None:
    retired = files["retirements"].claims[0]
    assert retired.range is not None
    outside = retired.range.model_copy(update={"first": 449_402_561, "last": 449_402_561})
    planted = retired.model_copy(update={"claim_id": "planted", "range": outside})
    (finding,) = [f for f in reconcile(evidence(files, planted)).findings if f.rule == "claim-unminted"]
    assert finding.ranges == (outside,)


def test_a_link_to_another_block_would_be_found(files: dict[str, ClaimsFile]) -> None:
    honest = files["retirement_from_block"].links
    moved = honest[0].model_copy(update={"earlier": honest[-1].earlier})
    bent = {**files, "retirement_from_block": ClaimsFile(claims=(), links=(moved, *honest[1:]), rejected=())}
    assert "claim-link-mismatch" in {finding.rule for finding in reconcile(evidence(bent)).findings}


def test_mer_numbers_never_collide_with_ver_ones(files: dict[str, ClaimsFile]) -> None:
    minted = files["minted_blocks"].claims[0]
    assert minted.range is not None
    newer = parse_serial("9000-449402275-449402275-VCS-VCU-1507-VER-PE-14-1360-01012020-31122020-1").range
    assert (newer.first, newer.last) == (minted.range.first, minted.range.last)
    elsewhere = Claim(source="another", claim_id="ver", range=newer, kg=1000, state=ClaimState.MINTED)
    assert {f.rule for f in reconcile(evidence(files, elsewhere)).findings} == {"claim-unretired"}


def test_the_same_mer_numbers_spelt_otherwise_do_collide(files: dict[str, ClaimsFile]) -> None:
    minted = files["minted_blocks"].claims[0]
    respelt = parse_serial(" 8040-449402275-449402276-vcu-042-MER-PE-14-1360-01072013-30062014-1 ").range
    elsewhere = Claim(source="another", claim_id="mer", range=respelt, kg=2000, state=ClaimState.MINTED)
    result = reconcile(evidence(files, elsewhere))
    (overlap,) = [finding for finding in result.findings if finding.rule == "overlapping-tokenization"]
    assert overlap.ranges == (respelt,)
    assert minted.claim_id in "".join(exhibit.text for exhibit in overlap.evidence)


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("sink_status", '["a", 1, 0.0001, true]', "whole number of kilograms"),
        ("sink_status", '["a", 1, NaN, true]', "not JSON"),
        ("sink_status", '["a", 1]', "Field required"),
        ("retirements", "not json", "not JSON"),
        ("retirement_from_block", '[1, "a", 1.5]', "integer"),
        ("retirement_from_block", '[1, "a", -1]', "greater than 0"),
    ],
)
def test_a_malformed_line_is_reported_with_its_reason(
    folder: Path, tmp_path: Path, name: str, line: str, reason: str
) -> None:
    copied = shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    Path(copied).chmod(0o755)
    file = tmp_path / "copy" / f"{name}.ndjson"
    before = file.read_text().splitlines()
    file.write_text("\n".join([line, *before]))
    read = read_stellarcarbon(tmp_path / "copy")[name]
    (rejected,) = read.rejected
    assert (rejected.line, rejected.content) == (1, line)
    assert reason in rejected.reason
    assert len(read.claims) + len(read.links) == len(before)


def test_a_missing_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="minted_blocks"):
        read_stellarcarbon(tmp_path)


def test_both_link_tables_weigh_what_was_retired(files: dict[str, ClaimsFile]) -> None:
    assert sum(link.kg for link in files["sink_status"].links) == 31_000
    assert sum(link.kg for link in files["retirement_from_block"].links) == 31_000
