"""A reconciliation as Markdown, for tickets and wikis. Nothing that others wrote is markup in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bridge.domain.findings import ClassTotals, Finding, InFlight, Past, Reconciliation
from bridge.domain.values import Hex32
from bridge.report.findings import report_hash
from bridge.report.messages import Item, Language, advice, title
from bridge.report.text import REVERSALS, SHOWN, TOTALS, history, standing_words, verdict, with_reversals
from bridge.report.words import amount, exhibit, severity, severity_word, when, words

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#+\-!|~&@])")


def as_markdown(result: Reconciliation, language: Language = Language.ENGLISH, report: Hex32 | None = None) -> str:
    """`report`: the hash of the stored JSON, where an earlier version wrote it."""
    say = words(language)
    lines = [f"# {say['report']}", "", *(f"**{_plain(line)}**  " for line in verdict(result, say))]
    lines += ["", f"{say['hash']}: `{report or report_hash(result)}`  "]
    lines += [f"{_plain(line)}  " for line in history(result, say)]
    lines += _section(say["pins"], _pins(result, language))
    lines += _section(say["totals"], _totals(result, result.totals, TOTALS, language))
    lines += _section(say["reversals"], _totals(result, with_reversals(result), REVERSALS, language))
    for head, items in (("findings", result.findings), ("in_flight", result.in_flight), ("shown", result.shown)):
        lines += _section(say[head], [line for item in items for line in _item(item, result, language)])
    if result.run:
        lines += _section(say["closed"], _pasts(result.run.closed, language))
        lines += _section(say["unseen"], _pasts(result.run.unseen, language))
    unread = [(f"{row.source}:{row.line}", row.reason, row.content) for row in result.not_compared]
    lines += _section(say["not_compared"], _table([say["line"], say["reason"], say["content"]], unread))
    return "\n".join(lines) + "\n"


def _plain(text: object) -> str:
    """One line without markup."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def _section(head: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {head}", "", *lines] if lines else []


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> list[str]:
    """The last columns are `numbers`. Empty without rows."""
    drawn = [f"| {' | '.join(map(_plain, row))} |" for row in rows]
    rule = "|---" * (len(head) - numbers) + "|--:" * numbers + "|"
    return [f"| {' | '.join(head)} |", rule, *drawn] if drawn else []


def _pins(result: Reconciliation, language: Language) -> list[str]:
    say = words(language)
    rows = [
        (str(pin.deployment), f"{say['block']} {pin.stamp.number}", when(pin.stamp.timestamp, language))
        for pin in result.blocks
    ]
    rows += [
        (pin.registry, f"{say['statement']} {pin.sequence}", when(pin.as_of, language)) for pin in result.statements
    ]
    return [f"- {_plain(' '.join(map(str, row)))}" for row in rows]


def _totals(
    result: Reconciliation, totals: Sequence[ClassTotals], names: Sequence[str], language: Language
) -> list[str]:
    say = words(language)
    head = [say["class"], say["deployment"], *(say[name] for name in names)]
    rows = [
        (result.labels.get(t.class_id, t.class_id), t.deployment, *(f"{getattr(t, name):,}" for name in names))
        for t in totals
    ]
    return _table(head, rows, len(names))


def _item(item: Item, result: Reconciliation, language: Language) -> list[str]:
    say, standing = words(language), result.standings.get(item.id)
    lines = [f"### {_plain(severity(item, language))}: {_plain(title(item, language))}", "", _plain(item.subject)]
    told = standing_words(standing, language) if standing else []
    due = [f"{say['due']} {when(item.due, language)}"] if isinstance(item, InFlight) and item.due is not None else []
    do = [f"{say['do']}: {advice(item, language)}"] if isinstance(item, Finding) else []
    facts = [f"{say['id']}: {item.id}", *told, amount(item, language), *due, *do]
    lines += ["", *(f"- {_plain(fact)}" for fact in facts if fact)]
    lines += _some(say["serials"], [str(r) for r in item.ranges], say["more"])
    lines += _some(say["evidence"], [f"{exhibit(e.kind, language)}: {e.text}" for e in item.evidence], say["more"])
    return [*lines, ""]


def _some(head: str, texts: Sequence[str], more: str) -> list[str]:
    lines = [f"  - {_plain(text)}" for text in texts[:SHOWN]]
    lines += [f"  - {more.format(count=len(texts) - SHOWN)}"] if len(texts) > SHOWN else []
    return [f"- {head}:", *lines] if lines else []


def _pasts(pasts: Sequence[Past], language: Language) -> list[str]:
    say = words(language)
    head = [say["severity"], say["rule"], say["subject"], say["last_run"], say["units"]]
    rows = [(severity_word(p.severity, language), p.rule, p.subject, p.last_run, f"{p.units:,}") for p in pasts]
    return _table(head, rows, 2)
