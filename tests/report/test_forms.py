"""The same report as HTML, Markdown and CSV: whatever others wrote in it is text, and nothing is left out."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from bridge.domain.findings import (
    Acknowledgement,
    ClassTotals,
    NotCompared,
    Past,
    Pause,
    Reconciliation,
    RunNotes,
    Severity,
    Standing,
    SupplyPoint,
)
from bridge.domain.values import hex32
from bridge.report.charts import BAR, HEIGHT, OTHERS, PLOT, backing, supply
from bridge.report.findings import as_csv, as_text, report_hash
from bridge.report.markdown import as_markdown
from bridge.report.messages import JAPANESE, Language
from bridge.report.page import as_page
from bridge.report.text import WIDTH, width
from bridge.report.words import words
from tests.report.test_findings import HERE, KNOWN, RULE, SHORT, TOTALS, WAITING, finding, result, serials

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> | **x** [y](http://e.example) `z`"
DAY = 86_400
WORD = {"reason": "The registry corrects it", "by": "Aya", "at": 1_700_100_000}


def full(reason: str = WORD["reason"]) -> Reconciliation:  # type: ignore[assignment]
    """Something in every place of a report."""
    one = finding(serials(11, 20)).model_copy(update={"subject": HOSTILE})
    word = Acknowledgement(finding_id=one.id, content=one.content, **WORD | {"reason": reason})  # type: ignore[arg-type]
    past = {"rule": "lock-reused", "severity": Severity.BREAK, "title": "t", "units": 7, "last_run": 6}
    notes = RunNotes(
        run_id=hex32(5),
        number=7,
        begun_at=1_700_200_000,
        scope=("chain x",),
        previous=6,
        standings=(Standing(finding_id=one.id, new=False, since_run=3, since=1_700_000_000, acknowledged=word),),
        closed=(Past(finding_id=hex32(1), subject="gone 1", **past),),  # type: ignore[arg-type]
        unseen=(Past(finding_id=hex32(2), subject="gone 2", **past),),  # type: ignore[arg-type]
        pause=Pause(deployment=str(HERE), findings=(one.id,), rules=("lock-reused",), outcome="paused"),
    )
    return result(one).model_copy(
        update={
            "in_flight": (WAITING,),
            "shown": (KNOWN,),
            "totals": (TOTALS, SHORT),
            "supply_by_day": (
                SupplyPoint(deployment=str(HERE), class_id=TOTALS.class_id, day=19_675 * DAY, supply=38),
            ),
            "labels": {TOTALS.class_id: "GS 11236 2024 VER"},
            "not_compared": (NotCompared(source="others", line=3, reason="no JSON", content=HOSTILE),),
            "run": notes,
        }
    )


class Seen(HTMLParser):
    """Tags, attributes and text of a page; it must close what it opens."""

    VOID = ("meta", "br", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self._open[-1:] != ["style"] else ""


@pytest.mark.parametrize("language", list(Language))
def test_a_page_fetches_nothing_runs_nothing_and_takes_no_markup_from_others(language: Language) -> None:
    seen = Seen(as_page(full(HOSTILE), language))
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "href", "srcset")]
    assert seen.text.count("<script>alert(1)</script>") == 3
    assert "url(" not in as_page(full(), language)


def test_a_page_shows_every_part_of_the_report() -> None:
    one = full()
    text = Seen(as_page(one)).text
    for part in (
        *("11-20", RULE.title, RULE.advice, "GS 11236 2024 VER", "10 units, 10.000 t", report_hash(one)),
        *(
            "Acknowledged by Aya",
            "The registry corrects it",
            "open since 2023-11-14",
            "gone 1",
            "gone 2",
        ),
        *("due 2023-11-15", WAITING.title, KNOWN.title, "no JSON", "lock-reused; only the admin unpauses"),
    ):
        assert part in text


def test_a_japanese_page_has_no_english_label() -> None:
    text = Seen(as_page(full(), Language.JAPANESE)).text
    for part in (
        JAPANESE[RULE.name].title,
        "重大な不一致",
        "処理中",
        "2023年11月15日",
        "引当て",
        "取引",
        "期限",
        "了承",
    ):
        assert part in text
    english = [word for word in words(Language.ENGLISH).values() if "{" not in word and len(word) > 8]
    assert [word for word in english if re.search(rf"\b{re.escape(word)}\b", text)] == []


@pytest.mark.parametrize("language", list(Language))
def test_each_form_says_which_report_it_is_of_and_comes_out_the_same(language: Language) -> None:
    for form in (as_page, as_markdown, as_csv):
        assert report_hash(full()) in form(full(), language)
        assert form(full(), language) == form(Reconciliation.model_validate(full().model_dump()), language)


@pytest.mark.parametrize("language", list(Language))
def test_text_shows_history_in_80_columns(language: Language) -> None:
    text = as_text(full("a reason that is long " * 20), language)
    assert max(map(width, text.splitlines())) <= WIDTH
    assert "Aya" in text
    assert "gone 1" in text


@pytest.mark.parametrize("language", list(Language))
def test_markdown_takes_no_markup_from_others(language: Language) -> None:
    text = as_markdown(full(HOSTILE), language)
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\(|(?<!\\)`z|(?<!\\)\*\*x", text)
    assert text.count("\\<script\\>") == 3


def test_a_spreadsheet_runs_nothing_that_others_wrote() -> None:
    one = finding(serials(1, 1)).model_copy(update={"subject": '=HYPERLINK("http://e.example")'})
    rows = list(csv.DictReader(io.StringIO(as_csv(result(one)))))
    assert rows[0]["subject"].startswith("'=")


def test_csv_has_standings_and_what_is_gone() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(full()))))
    assert [(row["standing"], row["acknowledged_by"]) for row in rows if row["standing"]] == [
        *(("open", "Aya"), ("closed", ""), ("not looked at", "")),
    ]
    assert (rows[-1]["rule"], rows[-1]["id"], rows[-1]["title"]) == ("report", report_hash(full()), "not clean")


# ------------------------------------------------------------------------- charts


def totals(class_id: int, **units: int) -> ClassTotals:
    names = ("supply", "pending", "live", "retired", "locked", "reserved", "executed")
    return ClassTotals(deployment=str(HERE), class_id=hex32(class_id), **dict.fromkeys(names, 0) | units)


def test_bars_are_as_long_as_their_units_and_the_worst_stands_first() -> None:
    even = totals(1, supply=90, pending=10, locked=80, reserved=20)
    short = totals(2, supply=100, locked=60, shortfall=15)
    worst, other = backing([even, short, totals(3)])
    assert (worst.class_id, worst.apart) == (hex32(2), -25)
    assert [(s.name, s.units, s.x, s.width) for s in worst.registry] == [
        ("locked", 60, 0, BAR * 60 // 100),
        ("shortfall", 15, BAR * 60 // 100, BAR * 75 // 100 - BAR * 60 // 100),
    ]
    assert (other.apart, [s.width for s in other.chain]) == (0, [BAR * 9 // 10, BAR - BAR * 9 // 10])


def test_one_unit_of_a_billion_is_still_seen() -> None:
    [bars] = backing([totals(1, supply=10**9, pending=1, locked=10**9)])
    assert [s.width for s in bars.chain][1] == 1


def test_nothing_is_drawn_of_a_chain_without_units() -> None:
    assert supply(result()) is None
    assert backing([totals(1, retired=5)]) == []
    assert "<svg" not in as_page(result().model_copy(update={"totals": ()}))


def points(class_id: int, *supplies: int) -> list[SupplyPoint]:
    return [
        SupplyPoint(deployment=str(HERE), class_id=hex32(class_id), day=(19_000 + n) * DAY, supply=units)
        for n, units in enumerate(supplies)
    ]


def test_a_line_steps_from_day_to_day_and_goes_on_to_the_pinned_block() -> None:
    bare = result().model_copy(update={"blocks": (), "supply_by_day": (*points(1, 50, 100, 25),)})
    plot = supply(bare)
    assert plot is not None
    [line] = plot.lines
    assert line.corners == (
        (0, HEIGHT // 2),
        (PLOT // 2, 0),
        (PLOT, HEIGHT - HEIGHT // 4),
        (PLOT, HEIGHT - HEIGHT // 4),
    )
    assert line.path == f"M0 {HEIGHT // 2}H{PLOT // 2}V0H{PLOT}V{HEIGHT * 3 // 4}H{PLOT}V{HEIGHT * 3 // 4}"
    later = supply(result().model_copy(update={"supply_by_day": (*points(1, 50),)}))
    assert later is not None
    assert later.lines[0].corners[-1][0] == PLOT


def test_a_class_on_two_deployments_is_one_line_and_the_small_ones_are_one() -> None:
    there = [p.model_copy(update={"deployment": "2:0xc2"}) for p in points(1, 5, 10)]
    many = [point for n in range(2, 12) for point in points(n, n)]
    plot = supply(result().model_copy(update={"supply_by_day": (*points(1, 100, 90), *there, *many)}))
    assert plot is not None
    assert (plot.lines[0].class_id, plot.lines[0].last) == (hex32(1), 100)
    assert (len(plot.lines), plot.lines[-1].class_id) == (6, OTHERS)
    assert plot.lines[-1].last == sum(range(2, 8))
