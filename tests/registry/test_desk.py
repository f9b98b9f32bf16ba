"""The desk's rules, its sheet, and the lists that officers bring from the screens."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.domain.attestations import Opening
from bridge.domain.lifecycle import ActState, Kind
from bridge.domain.observed import BlockStamp
from bridge.domain.serials import SerialRange
from bridge.domain.values import hex32
from bridge.errors import Halted, MalformedInput, RegistryRefused
from bridge.registry.counterpart import ActRecord, ForeignAct, Verb
from bridge.registry.desk.lists import read_list, space_of, verdict
from bridge.registry.desk.rules import DeskRules
from bridge.registry.desk.sheet import Sheet, as_page, as_text, days_left, sheet_of
from bridge.registry.desk.words import TITLES, WORDS

from .fakes import BALE, HERE, opening_of

CODE = "J-CREDIT"
RULES = DeskRules(
    account="1000-0001", holder="架け橋株式会社", officers=("a", "b"), uses=("温対法", "温対法（調整後）", "寄付")
)
SPACE = space_of(CODE, "JC-FM-001234", RULES)
DAY = 86_400
NOW = 1_800_000_000


def serials(first: int, last: int) -> SerialRange:
    return SerialRange(space=SPACE.id, first=first, last=last)


def record_of(verb: Verb = Verb.RETIRE, state: ActState = ActState.PLANNED, **changes: object) -> ActRecord:
    values = {
        "verb": verb,
        "subject": hex32(1),
        "programme": CODE,
        "deployment": HERE,
        "class_id": BALE.id,
        "ranges": (serials(1, 10), serials(21, 30)),
        "account": "2000-0002",
        "due": NOW + 30 * DAY,
        "beneficiary": "緑の会社",
        "purpose": "温対法",
        "final": None if verb is Verb.TAKE else BlockStamp(number=77, hash=hex32(7), timestamp=NOW - DAY),
    }
    act = ForeignAct.model_validate(values | changes)
    return ActRecord(act=act, state=state, round=0, since=NOW, words="filed by a", done=None)


def sheet(record: ActRecord, language: str = "ja") -> Sheet:
    return sheet_of(record, RULES, {SPACE.id: SPACE}, 1000, NOW, language)  # type: ignore[arg-type]


def purposed(purpose: str) -> Opening:
    return opening_of(5).model_copy(update={"purpose": purpose})


@pytest.mark.parametrize(
    ("purpose", "code"),
    [
        ("温対法", ""),
        ("2026年度の温対法（調整後）として", ""),
        ("温対法（調整後）と寄付", "mixed-uses"),
        ("寄付、温対法", "mixed-uses"),
        ("annual report", "use-unknown"),
        ("", "use-unknown"),
    ],
)
def test_a_retirement_has_one_use(purpose: str, code: str) -> None:
    assert RULES.objection(Kind.RETIREMENT, purposed(purpose)) == code
    assert RULES.objection(Kind.REDEMPTION, purposed(purpose)) == ""


def test_rules_ask_for_two_persons_at_least() -> None:
    plain = {"account": "1", "holder": "h"}
    for wrong in ({"officers": ("a",)}, {"officers": ("a", "a")}, {"officers": ("a", "b"), "threshold": 1}):
        with pytest.raises(ValidationError):
            DeskRules.model_validate(plain | wrong)
    for pattern in ("(", "[0-9]+"):
        with pytest.raises(ValidationError):
            DeskRules.model_validate(plain | {"officers": ("a", "b"), "certification": pattern})


# -------------------------------------------------------------------------------------------- the sheet


def test_the_sheet_says_all_that_the_screens_ask_for() -> None:
    text = as_text(sheet(record_of()))
    for said in (
        "無効化 指示書",
        "利用目的: 温対法",
        "利用者: 緑の会社",
        "代理無効化: あり：架け橋株式会社 が 緑の会社 のために行う",
        "第 77 ブロック（2027-01-14 08:00:00 UTC）で最終確定済み",
        "JC-FM-001234\tJC\tFM\t1\t10\t10",
        "数量: 20 単位（20 t-CO2）",
        "1000-0001",
        "数量だけの指定をしてはならない",
        "複数の利用目的を混ぜてはならない",
        "あと 30 日",
    ):
        assert said in text, said
    assert "警告" not in text


def test_the_same_in_english() -> None:
    text = as_text(sheet(record_of(beneficiary=RULES.holder), "en"))
    for said in ("Retirement: instruction sheet", "Retirement by proxy: no", "by block 77", "never by amount alone"):
        assert said in text, said
    assert {language: set(words) for language, words in WORDS.items()} == {
        language: set(WORDS["ja"]) for language in WORDS
    }
    assert all(set(titles) == set(Verb) for titles in TITLES.values())


def test_a_transfer_names_both_accounts_and_no_use() -> None:
    text = as_text(sheet(record_of(Verb.HAND_OVER), "en"))
    assert "From account: 1000-0001\nTo account: 2000-0002" in text
    assert "Purpose of use" not in text
    incoming = as_text(sheet(record_of(Verb.TAKE), "en"))
    assert "From account: 2000-0002\nTo account: 1000-0001" in incoming
    assert "desk file" not in incoming


@pytest.mark.parametrize(("days", "words"), [(30, ""), (13, "may come too late"), (-1, "has run out")])
def test_the_sheet_warns_when_it_may_come_too_late(days: int, words: str) -> None:
    made = sheet(record_of(due=NOW + days * DAY), "en")
    assert [words in warning for warning in made.warnings] == ([True] if words else [])
    assert days_left(NOW + days * DAY, NOW) == days


def test_what_is_filed_or_unknown_stands_on_the_sheet() -> None:
    assert "never file it again" in as_text(sheet(record_of(state=ActState.ASKED), "en"))
    assert "再申請してはならない" in as_text(sheet(record_of(state=ActState.UNKNOWN)))


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=200).filter(str.strip))
def test_nothing_that_a_holder_writes_becomes_part_of_the_page(words: str) -> None:
    plain = Tags(as_page(sheet(record_of(beneficiary="x", purpose="y"))))
    page = as_page(sheet(record_of(beneficiary=words, purpose=f"<script>{words}</script>", account=words)))
    assert Tags(page).found == plain.found
    text = as_text(sheet(record_of(beneficiary=words, purpose=words)))
    assert len(text.splitlines()) == len(as_text(sheet(record_of(beneficiary="x", purpose="y"))).splitlines())


# --------------------------------------------------------------------------------------------- the list

HEADER = "認証番号,シリアル番号（開始）,シリアル番号（終了）,状態,口座番号\n"


def listed(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding=encoding)
    return path


def test_every_row_is_read_or_named(tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        "ＪＣ-ＦＭ-００１２３４,1,10,無効化,1000-0001",
        "JC-FM-001234,5,15,保有,1000-0001",
        "JC-FM-001234,20,11,保有,1000-0001",
        "XX-1,1,10,保有,1000-0001",
        "JC-FM-001234,30,40,紛失,1000-0001",
        "JC-FM-001234,30",
    )
    found = read_list(path, CODE, RULES)
    assert [(b.line, str(b.range), b.fate) for b in found.blocks] == [(2, "1-10", "retired")]
    reasons = [(row.line, row.reason) for row in found.unread]
    for line, words in ((3, "line 2"), (4, "backwards"), (5, "not of the form"), (6, "紛失"), (7, "other fields")):
        assert any(n == line and words in reason for n, reason in reasons), (line, reasons)


def test_an_excel_of_japan_can_be_configured_and_is_not_guessed(tmp_path: Path) -> None:
    path = listed(tmp_path, "JC-FM-001234,1,10,保有,1000-0001", encoding="cp932")
    with pytest.raises(MalformedInput, match="is not utf-8-sig"):
        read_list(path, CODE, RULES)
    rules = RULES.model_copy(update={"list": RULES.list.model_copy(update={"encoding": "cp932"})})
    assert len(read_list(path, CODE, rules).blocks) == 1


def test_another_file_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(MalformedInput, match="has no column 認証番号"):
        read_list(path, CODE, RULES)


OURS, THEIRS = "1000-0001", "2000-0002"


@pytest.mark.parametrize(
    ("verb", "rows", "answer"),
    [
        (Verb.RETIRE, [(1, 30, "無効化", OURS)], True),
        (Verb.RETIRE, [(1, 15, "保有", OURS), (16, 30, "保有", OURS)], False),
        (Verb.RETIRE, [(1, 15, "無効化", OURS), (16, 30, "保有", OURS)], Halted),
        (Verb.RETIRE, [(1, 30, "移転", THEIRS)], Halted),
        (Verb.RETIRE, [(1, 29, "無効化", OURS)], RegistryRefused),
        (Verb.HAND_OVER, [(1, 30, "移転", THEIRS)], True),
        (Verb.HAND_OVER, [(1, 30, "保有", OURS)], False),
        (Verb.HAND_OVER, [(1, 30, "移転", "3000-0003")], Halted),
        (Verb.HAND_OVER, [(1, 30, "無効化", THEIRS)], Halted),
        (Verb.GIVE_BACK, [(1, 30, "保有", THEIRS)], True),
    ],
    ids=str,
)
def test_what_a_list_says_of_an_act(
    tmp_path: Path, verb: Verb, rows: list[tuple[int, int, str, str]], answer: bool | type[Exception]
) -> None:
    spelt = [f"JC-FM-001234,{first},{last},{word},{account}" for first, last, word, account in rows]
    found = read_list(listed(tmp_path, *spelt), CODE, RULES)
    act = record_of(verb).act
    if isinstance(answer, bool):
        assert verdict(act, found, RULES) is answer
    else:
        with pytest.raises(answer):
            verdict(act, found, RULES)
