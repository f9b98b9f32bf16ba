"""A reconciliation as text for a terminal of 80 columns, as canonical JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from bridge.domain.findings import ClassTotals, Difference, Finding, InFlight, NotCompared, Reconciliation, Shown
from bridge.domain.quantity import Kilograms, tonnes
from bridge.domain.values import as_cell
from bridge.report.messages import Item, Language, advice, title

WIDTH = 80
SHOWN = 8
"""Ranges and exhibits that a text shows of one finding; JSON and CSV show all."""

_WORDS = {
    Language.ENGLISH: {
        "clean": "Clean: nothing is a break.",
        "breaks": "NOT CLEAN: {count} of {all} findings are breaks.",
        "not_compared": "Not compared",
        "unread": "NOT CLEAN: lines that could not be compared: {count}.",
        "findings": "Findings",
        "in_flight": "In flight",
        "shown": "To know of",
        "totals": "Units by class",
        "reversals": "Reversed units and cover by class",
        "pins": "Compared",
        "do": "Do",
        "due": "due",
        "more": "and {count} more",
        "units": "units",
    },
    Language.JAPANESE: {
        "clean": "問題なし：不一致はありません。",
        "breaks": "不一致あり：{all} 件中 {count} 件が重大な不一致です。",
        "not_compared": "照合できなかった行",
        "unread": "照合未了：{count} 行を照合できませんでした。",
        "findings": "検出事項",
        "in_flight": "処理中",
        "shown": "参考事項",
        "totals": "クラス別の単位数",
        "reversals": "クラス別の取消し（リバーサル）と補填の単位数",
        "pins": "照合の時点",
        "do": "対応",
        "due": "期限",
        "more": "ほか {count} 件",
        "units": "単位",
    },
}

_TOTALS = ("supply", "pending", "live", "retired", "locked", "reserved", "executed")
_REVERSALS = ("reversed", "shortfall", "cover")
_MARKS = {InFlight: "…", Shown: "*"}
_NO_SEVERITY = {InFlight: "in flight", Shown: "shown"}


def as_text(result: Reconciliation, language: Language = Language.ENGLISH) -> str:
    """Sections of lines, none wider than 80 columns; wide letters count twice."""
    words = _WORDS[language]
    breaks = sum(finding.severity == "break" for finding in result.findings)
    lines = [words["breaks"].format(count=breaks, all=len(result.findings))] if breaks else []
    lines += [words["unread"].format(count=len(result.not_compared))] if result.not_compared else []
    lines = lines or [words["clean"]]
    lines += _section(words["pins"], _pins(result))
    lines += _section(words["totals"], _totals(result.totals, _TOTALS))
    touched = [t for t in result.totals if any(getattr(t, name) for name in _REVERSALS)]
    lines += _section(words["reversals"], _totals(touched, _REVERSALS))
    lines += _section(words["not_compared"], _unread(result.not_compared))
    lines += _section(words["findings"], _blocks(result.findings, language))
    lines += _section(words["in_flight"], _blocks(result.in_flight, language))
    lines += _section(words["shown"], _blocks(result.shown, language))
    return "\n".join(lines) + "\n"


def as_json(result: Reconciliation, language: Language = Language.ENGLISH) -> bytes:
    """Canonical: sorted keys, no blanks, numbers beyond 53 bits as text, so that its hash is stable."""
    document = result.model_dump(mode="json")
    document["clean"] = result.clean
    document["language"] = language.value
    for name, items in (
        ("findings", result.findings),
        ("in_flight", result.in_flight),
        ("shown", result.shown),
    ):
        document[name] = [_document(item, language) for item in items]
    return orjson.dumps(_exact(document), option=orjson.OPT_SORT_KEYS)


def as_csv(result: Reconciliation, language: Language = Language.ENGLISH) -> str:
    """One line a range, or a finding without ranges. Units and kilograms are the line's own when it has a range. No
    stranger's words become a spreadsheet's formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV)
    items: list[Item] = [*result.findings, *result.in_flight, *result.shown]
    for item in items:
        writer.writerows([as_cell(cell) for cell in row] for row in _csv_rows(item, language))
    for row in result.not_compared:
        told = {"rule": "not-compared", "title": row.reason, "subject": f"{row.source}:{row.line}"}
        writer.writerow([as_cell((told | {"evidence": row.content}).get(column)) for column in _CSV])
    return out.getvalue()


_CSV = (
    *("id", "rule", "severity", "title", "subject", "class_id", "space", "first", "last"),
    *("units", "kg", "finding_kg", "due", "advice", "evidence"),
)


def width(line: str) -> int:
    """Columns of a terminal: East Asian wide letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def _section(head: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return ["", head, "-" * width(head), *lines] if lines else []


def _pins(result: Reconciliation) -> list[str]:
    blocks = [
        f"{_short(str(pin.deployment))}  block {pin.stamp.number}  {_when(pin.stamp.timestamp)}"
        for pin in result.blocks
    ]
    statements = [f"{pin.registry}  statement {pin.sequence}  {_when(pin.as_of)}" for pin in result.statements]
    return blocks + statements


def _totals(totals: Sequence[ClassTotals], names: Sequence[str]) -> list[str]:
    if not totals:
        return []
    rows = [[_short(t.class_id), _short(t.deployment), *(f"{getattr(t, name)}" for name in names)] for t in totals]
    return _table(["class", "on", *names], rows)


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
    sizes = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    if sum(sizes) + 2 * len(sizes) > WIDTH:
        return [f"{name:<10}{value}" for row in rows for name, value in zip(head, row, strict=True)]
    return ["  ".join(f"{cell:>{size}}" for cell, size in zip(row, sizes, strict=True)) for row in (head, *rows)]


def _blocks(items: Sequence[Item], language: Language) -> list[str]:
    return [line for item in items for line in _block(item, language)]


def _block(item: Item, language: Language) -> list[str]:
    words = _WORDS[language]
    mark = item.severity.value.upper() if isinstance(item, Finding) else _MARKS[type(item)]
    lines = _wrapped(f"{mark}  {title(item, language)}", "")
    lines += _wrapped(item.subject, "   ")
    lines += _wrapped(f"{_amount(item, language)}{_due(item, words['due'])}", "   ")
    lines += _shown([str(r) for r in item.ranges], words["more"])
    lines += _shown([f"{exhibit.kind.value}: {exhibit.text}" for exhibit in item.evidence], words["more"])
    if isinstance(item, Finding):
        lines += _wrapped(f"{words['do']}: {advice(item, language)}", "   ")
    return [*lines, ""]


def _shown(texts: Sequence[str], more: str) -> list[str]:
    lines = [line for text in texts[:SHOWN] for line in _wrapped(text, "   ")]
    return lines + ([f"   {more.format(count=len(texts) - SHOWN)}"] if len(texts) > SHOWN else [])


def _amount(item: Difference, language: Language) -> str:
    units = f"{item.units:,} {_WORDS[language]['units']}" if item.units else ""
    mass = "" if item.kg is None else f"{tonnes(item.kg):,} t"
    return ", ".join(part for part in (units, mass) if part)


def _due(item: Item, word: str) -> str:
    return f", {word} {_when(item.due)}" if isinstance(item, InFlight) and item.due is not None else ""


def _when(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        # A lock may state any 64-bit second as its deadline.
        return f"second {seconds}"


def _short(text: str) -> str:
    """Hex text by its two ends."""
    before, prefix, digits = text.partition("0x")
    return f"{before}{prefix}{digits[:4]}…{digits[-4:]}" if len(digits) > 10 else text


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


def _document(item: Item, language: Language) -> dict[str, Any]:
    document = item.model_dump(mode="json") | {"id": item.id, "title": title(item, language)}
    if isinstance(item, Finding):
        document["advice"] = advice(item, language)
    return document


def _exact(value: Any) -> Any:
    """Readers of JSON keep 53 bits of a number; serials have 64."""
    match value:
        case dict():
            return {key: _exact(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_exact(inner) for inner in value]
        case int() if abs(value) >= 2**53:
            return str(value)
        case _:
            return value


def _csv_rows(item: Item, language: Language) -> list[list[Any]]:
    severity = item.severity.value if isinstance(item, Finding) else _NO_SEVERITY[type(item)]
    due = item.due if isinstance(item, InFlight) else None
    told = advice(item, language) if isinstance(item, Finding) else ""
    head = [item.id, item.rule, severity, title(item, language), item.subject, item.class_id]
    tail = [item.kg, due, told, " | ".join(exhibit.text for exhibit in item.evidence)]
    if not item.ranges:
        return [[*head, None, None, None, item.units, item.kg, *tail]]
    return [[*head, r.space, r.first, r.last, r.units, _share(item, r.units), *tail] for r in item.ranges]


def _share(item: Difference, units: int) -> Kilograms | None:
    """Every unit of one finding weighs the same."""
    return None if item.kg is None or not item.units else Kilograms(item.kg * units // item.units)
