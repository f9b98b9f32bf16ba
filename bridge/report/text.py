"""A reconciliation as text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from bridge.domain.findings import ClassTotals, Finding, InFlight, NotCompared, Past, Reconciliation, Shown, Standing
from bridge.report.messages import Item, Language, advice, title
from bridge.report.words import Words, amount, exhibit, severity, short, when, words

WIDTH = 80
SHOWN = 8
"""Ranges and exhibits that a text shows of one finding; JSON and CSV show all."""

TOTALS = ("supply", "pending", "live", "retired", "locked", "reserved", "executed")
REVERSALS = ("reversed", "shortfall", "cover")
_MARKS = {InFlight: "…", Shown: "*"}


def as_text(result: Reconciliation, language: Language = Language.ENGLISH) -> str:
    """Sections of lines, none wider than 80 columns; wide letters count twice."""
    say = words(language)
    lines = verdict(result, say)
    lines += _section(say["pins"], _pins(result, language))
    lines += _section(say["totals"], _totals(result.totals, TOTALS, say))
    lines += _section(say["reversals"], _totals(with_reversals(result), REVERSALS, say))
    if result.run:
        lines += _section(say["since_last"], [part for line in history(result, say) for part in _wrapped(line, "")])
        lines += _section(say["closed"], _pasts(result.run.closed))
        lines += _section(say["unseen"], _pasts(result.run.unseen))
    lines += _section(say["not_compared"], _unread(result.not_compared))
    known = result.standings
    for head, items in (
        ("findings", result.findings),
        ("in_flight", result.in_flight),
        ("shown", result.shown),
    ):
        blocks = [line for item in items for line in _block(item, language, known.get(item.id))]
        lines += _section(say[head], blocks)
    return "\n".join(lines) + "\n"


def verdict(result: Reconciliation, say: Words) -> list[str]:
    """Clean, or all that it is not."""
    breaks = len(result.breaks)
    lines = [say["breaks"].format(count=breaks, all=len(result.findings))] if breaks else []
    accepted = breaks - len(result.unaccepted)
    lines += [say["accepted"].format(count=accepted)] if accepted else []
    lines += [say["unread"].format(count=len(result.not_compared))] if result.not_compared else []
    return lines or [say["clean"]]


def history(result: Reconciliation, say: Words) -> list[str]:
    """Which run it is, what changed since the one before, and what the breaker did."""
    notes = result.run
    if notes is None:
        return []
    new = sum(standing.new for standing in notes.standings)
    before = say["compared_with"].format(number=notes.previous) if notes.previous else say["first_run"]
    counts = say["counts"].format(new=new, open=len(notes.standings) - new, closed=len(notes.closed))
    lines = [f"{say['run'].format(number=notes.number)} ({before}): {counts}"]
    if (pause := notes.pause) is not None:
        told = say[pause.outcome].format(rules=", ".join(pause.rules), note=pause.note)
        lines.append(f"{say['breaker']}: {told}")
    return lines


def standing_words(standing: Standing, language: Language) -> list[str]:
    """New or since when, and who has acknowledged it."""
    say = words(language)
    since = say["open"].format(when=when(standing.since, language), run=standing.since_run)
    state = say["new"] if standing.new else f"{since}, {say['changed']}" if standing.changed else since
    told = [state]
    for key, word in (("acknowledged", standing.acknowledged), ("lapsed", standing.lapsed)):
        if word:
            told.append(say[key].format(by=word.by, when=when(word.at, language), reason=word.reason))
    return told


def with_reversals(result: Reconciliation) -> list[ClassTotals]:
    return [t for t in result.totals if any(getattr(t, name) for name in REVERSALS)]


def width(line: str) -> int:
    """Columns of a terminal: East Asian wide letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def _section(head: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return ["", head, "-" * width(head), *lines] if lines else []


def _pins(result: Reconciliation, language: Language) -> list[str]:
    say = words(language)
    blocks = [
        f"{short(str(pin.deployment))}  {say['block']} {pin.stamp.number}  {when(pin.stamp.timestamp, language)}"
        for pin in result.blocks
    ]
    return blocks + [
        f"{pin.registry}  {say['statement']} {pin.sequence}  {when(pin.as_of, language)}" for pin in result.statements
    ]


def _totals(totals: Sequence[ClassTotals], names: Sequence[str], say: Words) -> list[str]:
    if not totals:
        return []
    rows = [[short(t.class_id), short(t.deployment), *(f"{getattr(t, name)}" for name in names)] for t in totals]
    return _table([say["class"], say["on"], *(say[name] for name in names)], rows)


def _pasts(pasts: Sequence[Past]) -> list[str]:
    return [line for past in pasts for line in _wrapped(f"{past.rule}: {past.subject}", "   ")]


def _unread(rows: Sequence[NotCompared]) -> list[str]:
    """Every line, since none of them may be lost; of its content as much as a line holds."""
    return [
        line
        for row in rows
        for line in (
            *_wrapped(f"{row.source}:{row.line}: {row.reason}", ""),
            *_wrapped(row.content, "   ")[:1],
        )
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side when they fit, else one value a line."""
    sizes = [max(width(row[n]) for row in (head, *rows)) for n in range(len(head))]
    if sum(sizes) + 2 * len(sizes) > WIDTH:
        return [
            f"{name}{' ' * (10 - width(name))}{value}" for row in rows for name, value in zip(head, row, strict=True)
        ]
    return [
        "  ".join(" " * (size - width(cell)) + cell for cell, size in zip(row, sizes, strict=True))
        for row in (head, *rows)
    ]


def _block(item: Item, language: Language, standing: Standing | None) -> list[str]:
    say = words(language)
    mark = severity(item, language).upper() if isinstance(item, Finding) else _MARKS[type(item)]
    lines = _wrapped(f"{mark}  {title(item, language)}", "")
    lines += _wrapped(item.subject, "   ")
    if standing:
        lines += _wrapped(f"{say['id']} {item.id[:18]}", "   ")
        lines += [line for told in standing_words(standing, language) for line in _wrapped(told, "   ")]
    lines += _wrapped(f"{amount(item, language)}{_due(item, language)}", "   ")
    lines += _shown([str(r) for r in item.ranges], say["more"])
    lines += _shown([f"{exhibit(e.kind, language)}: {e.text}" for e in item.evidence], say["more"])
    if isinstance(item, Finding):
        lines += _wrapped(f"{say['do']}: {advice(item, language)}", "   ")
    return [*lines, ""]


def _shown(texts: Sequence[str], more: str) -> list[str]:
    lines = [line for text in texts[:SHOWN] for line in _wrapped(text, "   ")]
    return lines + ([f"   {more.format(count=len(texts) - SHOWN)}"] if len(texts) > SHOWN else [])


def _due(item: Item, language: Language) -> str:
    return (
        f", {words(language)['due']} {when(item.due, language)}"
        if isinstance(item, InFlight) and item.due is not None
        else ""
    )


def _wrapped(text: str, indent: str) -> list[str]:
    text = " ".join(text.split())  # what others wrote must not begin a line of its own
    if not text:
        return []
    if text.isascii():
        return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return [indent + line for line in _folded(text, WIDTH - len(indent))]


def _folded(text: str, columns: int) -> list[str]:
    """Lines broken anywhere, as Japanese allows."""
    lines = [""]
    for letter in text:
        if width(lines[-1] + letter) > columns:
            lines.append("")
        lines[-1] += letter
    return lines
