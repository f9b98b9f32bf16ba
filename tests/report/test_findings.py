"""A reconciliation as text, JSON and CSV, in both languages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from bridge.cli.findings import read
from bridge.domain.attestations import Deployment
from bridge.domain.findings import (
    ClassTotals,
    Exhibit,
    ExhibitKind,
    Finding,
    InFlight,
    NotCompared,
    PinnedBlock,
    PinnedStatement,
    Reconciliation,
    Severity,
    Shown,
)
from bridge.domain.observed import BlockStamp
from bridge.domain.quantity import Kilograms, Units
from bridge.domain.serials import MAX_SERIAL, SerialRange
from bridge.domain.values import hex32
from bridge.reconcile.rules import RULES
from bridge.report.findings import as_csv, as_json, as_text
from bridge.report.messages import JAPANESE, Language
from bridge.report.text import WIDTH, width

HERE = Deployment(chain_id=1, contract="0x" + "c1" * 20)
RULE = next(rule for rule in RULES if rule.name == "retired-while-circulating")


def serials(first: int, last: int) -> SerialRange:
    return SerialRange(space=hex32(7), first=first, last=last)


def finding(*ranges: SerialRange, exhibits: int = 1) -> Finding:
    units = sum(r.units for r in ranges)
    return Finding(
        rule=RULE.name,
        subject=f"lock {hex32(1)} on {HERE}",
        class_id=hex32(2),
        ranges=ranges,
        units=Units(units),
        kg=Kilograms(units * 1000),
        evidence=tuple(
            Exhibit(kind=ExhibitKind.TRANSACTION, text=f"{HERE} block {n} transaction {hex32(n)} log 0: lock minted")
            for n in range(exhibits)
        ),
        first_seen=1_700_000_000,
        severity=RULE.severity,
        title=RULE.title,
        advice=RULE.advice,
    )


WAITING = InFlight(
    rule="locked-without-mint",
    subject=f"lock {hex32(3)} on {HERE}",
    units=Units(10),
    first_seen=1_700_000_000,
    title="Locked in the registry, awaits mint or release",
    due=1_700_086_400,
)
TOTALS = ClassTotals(
    deployment=str(HERE),
    class_id=hex32(2),
    supply=38,
    pending=5,
    live=43,
    retired=7,
    locked=38,
    reserved=5,
    executed=7,
)
SHORT = TOTALS.model_copy(update={"reversed": 12, "shortfall": 9, "cover": 3})
KNOWN = Shown(
    rule="reversal-unfounded",
    subject=f"reversal {hex32(4)} on {HERE}",
    class_id=hex32(2),
    ranges=(SerialRange(space=hex32(7), first=31, last=42),),
    units=Units(12),
    kg=Kilograms(12_000),
    first_seen=1_700_000_000,
    title=next(rule for rule in RULES if rule.name == "reversal-unfounded").shown,
)


def result(*findings: Finding) -> Reconciliation:
    return Reconciliation(
        findings=findings,
        in_flight=(WAITING,),
        totals=(TOTALS,),
        blocks=(PinnedBlock(deployment=HERE, stamp=BlockStamp(number=9, hash=hex32(9), timestamp=1_700_000_000)),),
        statements=(PinnedStatement(registry="VERRA", sequence=3, as_of=1_700_000_000),),
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_speaks_both_languages(rule: object) -> None:
    japanese = JAPANESE[rule.name]  # type: ignore[attr-defined]
    assert all((japanese.title, japanese.advice, rule.title, rule.advice))  # type: ignore[attr-defined]
    assert bool(japanese.waiting) == bool(rule.waiting)  # type: ignore[attr-defined]
    assert bool(japanese.shown) == bool(rule.shown)  # type: ignore[attr-defined]


def test_no_message_outlives_its_rule() -> None:
    assert set(JAPANESE) == {rule.name for rule in RULES}


def with_a_reversal() -> Reconciliation:
    return result().model_copy(update={"totals": (TOTALS, SHORT), "shown": (KNOWN,)})


def test_text_shows_reversals_and_cover_and_is_clean_all_the_same() -> None:
    text = as_text(with_a_reversal())
    assert text.startswith("Clean: nothing is a break.")
    head, row = text.partition("Reversed units and cover by class")[2].splitlines()[2:4]
    assert (head.split()[2:], row.split()[2:]) == (["reversed", "shortfall", "cover"], ["12", "9", "3"])
    assert f"* {KNOWN.title}" in text
    assert "31-42" in text.partition("To know of")[2]
    assert "Reversed units" not in as_text(result())


def test_japanese_shows_them_too() -> None:
    text = as_text(with_a_reversal(), Language.JAPANESE)
    told = text.partition("参考事項")[2]
    assert f"* {JAPANESE[KNOWN.rule].shown}" in told
    assert "クラス別の取消し（リバーサル）と補填の単位数" in text
    assert max(map(width, text.splitlines())) <= WIDTH


def test_what_is_shown_is_in_json_and_csv_and_is_read_again(tmp_path: Path) -> None:
    one = with_a_reversal()
    path = tmp_path / "report.json"
    path.write_bytes(as_json(one))
    assert json.loads(path.read_bytes())["shown"][0]["id"] == KNOWN.id
    assert read(path) == one
    rows = list(csv.DictReader(io.StringIO(as_csv(one))))
    assert [(row["severity"], row["first"], row["last"]) for row in rows if row["rule"] == KNOWN.rule] == [
        ("shown", "31", "42")
    ]


def test_a_report_of_before_there_were_reversals_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    document = json.loads(as_json(result()))
    del document["shown"]
    document["totals"] = [
        {k: v for k, v in t.items() if k not in ("reversed", "shortfall", "cover")} for t in document["totals"]
    ]
    path.write_text(json.dumps(document))
    assert read(path) == result()


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("count", [1, 30])
def test_text_fits_80_columns(language: Language, count: int) -> None:
    ranges = [serials(MAX_SERIAL - 3 * n, MAX_SERIAL - 3 * n) for n in range(count)]
    text = as_text(result(finding(*ranges, exhibits=count)), language)
    assert max(map(width, text.splitlines())) <= WIDTH


def test_text_says_which_credit_why_and_what_to_do() -> None:
    text = as_text(result(finding(serials(11, 20))))
    assert text.startswith("NOT CLEAN: 1 of 1 findings are breaks.")
    for part in ("11-20", "10 units, 10.000 t", RULE.title, "Do: Have the registry attest", "statement 3", "block 9"):
        assert part in text
    assert "2023-11-15 22:13:20 UTC" in text


def test_text_of_japanese_names_the_same_serials() -> None:
    text = as_text(result(finding(serials(11, 20))), Language.JAPANESE)
    assert "11-20" in text
    assert JAPANESE[RULE.name].title.replace("、", "") in text.replace("\n", "").replace("、", "").replace("   ", "")


def test_text_of_a_clean_run_says_so() -> None:
    assert as_text(result()).startswith("Clean: nothing is a break.")
    assert as_text(result(), Language.JAPANESE).startswith("問題なし")


def test_warnings_leave_it_clean() -> None:
    warned = finding(serials(1, 1)).model_copy(update={"severity": Severity.WARNING})
    assert result(warned).clean
    assert not result(finding(serials(1, 1))).clean


def test_json_is_canonical_and_exact() -> None:
    one = result(finding(serials(MAX_SERIAL, MAX_SERIAL)))
    document = json.loads(as_json(one))
    assert document["findings"][0]["ranges"][0]["last"] == str(MAX_SERIAL)
    assert document["findings"][0]["id"] == one.findings[0].id
    assert (document["clean"], document["findings"][0]["units"]) == (False, 1)
    assert as_json(one) == as_json(Reconciliation.model_validate(one.model_dump()))
    assert as_json(one) == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_csv_has_a_line_a_range_whose_units_and_masses_add_up() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(result(finding(serials(1, 3), serials(7, 7)))))))
    assert [(row["first"], row["last"], row["units"], row["kg"]) for row in rows[:2]] == [
        ("1", "3", "3", "3000"),
        ("7", "7", "1", "1000"),
    ]
    assert (rows[2]["severity"], rows[2]["due"], rows[2]["first"]) == ("in flight", "1700086400", "")


@pytest.mark.parametrize("evil", ["=1+1", " =1+1", "@SUM(A1)", "-1", "+1", "＝1", "\t=1"])
def test_no_stranger_s_words_become_a_formula(evil: str) -> None:
    told = finding(serials(1, 3)).model_copy(
        update={"subject": evil, "evidence": (Exhibit(kind=ExhibitKind.CLAIM, text=evil),)}
    )
    row = NotCompared(source=evil, line=1, reason=evil, content=evil)
    rows = list(csv.reader(io.StringIO(as_csv(result(told).model_copy(update={"not_compared": (row,)})))))
    cells = [cell for row in rows[1:] for cell in row]
    assert sum(cell.startswith(f"'{evil}") for cell in cells) >= 4
    assert not [cell for cell in cells if cell == evil]


def test_a_deadline_beyond_every_calendar_is_printed_in_seconds() -> None:
    far = WAITING.model_copy(update={"due": 2**63 - 1})
    text = as_text(result().model_copy(update={"in_flight": (far,)}))
    assert f"second {2**63 - 1}" in text


def test_two_findings_of_one_subject_and_rule_share_an_id_and_others_do_not() -> None:
    assert finding(serials(1, 1)).id == finding(serials(5, 9)).id
    assert finding(serials(1, 1)).id != WAITING.id
