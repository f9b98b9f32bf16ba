"""What others are told of a run: the breaks that are new and those that are over."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from bridge.cases.store import News
from bridge.domain.findings import Finding
from bridge.domain.values import Hex32, keccak_hex
from bridge.report.messages import Language, advice, title
from bridge.report.text import history, verdict
from bridge.report.words import amount, words

MOST = 50
"""Findings of one kind that an alert names; the report has all."""

_SUBJECTS = {
    Language.ENGLISH: "[carbonbridge] {new} new breaks, {closed} closed",
    Language.JAPANESE: "[carbonbridge] 重大な不一致：新規 {new} 件、解消 {closed} 件",
}


def alert(news: News, alert_id: Hex32, language: Language, at: int) -> str | None:
    """The body of one channel's alert, as JSON; None when there is nothing to tell. `text` is for people."""
    notes = news.found.run
    if notes is None or not (news.new or news.closed or notes.pause):
        return None
    document = {
        "format": "carbonbridge-alert/1",
        "alert_id": alert_id,
        "at": at,
        "run": notes.number,
        "run_id": notes.run_id,
        "report": keccak_hex(news.report),
        "clean": news.found.clean,
        "breaks": len(news.found.breaks),
        "subject": _SUBJECTS[language].format(new=len(news.new), closed=len(news.closed)),
        "text": _text(news, language),
        "new": [_finding(f, language) for f in news.new[:MOST]],
        "closed": [past.model_dump(mode="json") for past in news.closed[:MOST]],
        "more": max(0, len(news.new) - MOST) + max(0, len(news.closed) - MOST),
        "pause": notes.pause.model_dump(mode="json") if notes.pause else None,
    }
    return orjson.dumps(document).decode()


def _finding(finding: Finding, language: Language) -> dict[str, object]:
    facts = finding.model_dump(mode="json", include={"rule", "subject", "class_id", "units", "kg"})
    told = {"title": title(finding, language), "advice": advice(finding, language)}
    return facts | told | {"id": finding.id, "serials": [str(r) for r in finding.ranges[:MOST]]}


def _text(news: News, language: Language) -> str:
    say = words(language)
    lines = [*verdict(news.found, say), *history(news.found, say)]
    lines += [f"{say['on']}: {pin.deployment}" for pin in news.found.blocks]
    lines += _part(say["new"], [line for f in news.new[:MOST] for line in _lines(f, language)])
    lines += _part(say["closed"], [_plain(f"- {past.rule}: {past.subject}") for past in news.closed[:MOST]])
    if (rest := max(0, len(news.new) - MOST) + max(0, len(news.closed) - MOST)) > 0:
        lines += ["", say["more"].format(count=rest)]
    return "\n".join([*lines, "", f"{say['hash']}: {keccak_hex(news.report)}"]) + "\n"


def _lines(finding: Finding, language: Language) -> list[str]:
    return [
        _plain(f"- {title(finding, language)} ({finding.rule}): {amount(finding, language)}"),
        _plain(f"  {finding.subject}").rstrip(),
        f"  {words(language)['do']}: {advice(finding, language)}",
        f"  {finding.id}",
    ]


def _part(head: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{head}:", *lines] if lines else []


def _plain(text: str) -> str:
    """What others wrote is one line of a letter, and no more."""
    indent = text[: len(text) - len(text.lstrip())]
    return indent + " ".join(text.split())
