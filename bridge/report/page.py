"""A reconciliation as one HTML file: nothing is fetched, nothing runs, and whatever others wrote stays text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bridge.domain.findings import Finding, InFlight, Reconciliation
from bridge.domain.values import Hex32
from bridge.report.charts import BAR, HEIGHT, PLOT, Plot, Segment, backing, supply
from bridge.report.findings import report_hash
from bridge.report.messages import Item, Language, advice, title
from bridge.report.text import REVERSALS, SHOWN, TOTALS, history, standing_words, verdict, with_reversals
from bridge.report.words import Words, amount, day, exhibit, severity, severity_word, short, when, words

MOST = 2000
"""Findings of one kind, and rows of one table, that a page shows; JSON and CSV have all."""


def as_page(result: Reconciliation, language: Language = Language.ENGLISH, report: Hex32 | None = None) -> str:
    """`report`: the hash of the stored JSON, where an earlier version wrote it."""
    say, plot = words(language), supply(result)
    template = _environment().get_template("report.html.jinja")
    return template.render(
        **{"result": result, "run": result.run, "standings": result.standings, "say": say, "language": language.value},
        **{"hash": report or report_hash(result), "version": version("carbonbridge"), "most": MOST, "shown": SHOWN},
        **{"verdict": verdict(result, say), "history": history(result, say), "short": short},
        **{"backing": backing(result.totals), "bar": BAR, "told": partial(_told, say)},
        **{"plot": plot, "width": PLOT, "height": HEIGHT, "series_told": _series(plot, result, say)},
        **{"names": TOTALS, "reversals": with_reversals(result), "reversal_names": REVERSALS},
        **_in(language),
        label=lambda class_id: result.labels.get(class_id, short(class_id)),
        kind_of=_kind,
        parts_of=lambda item: _parts(item, language),
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bridge.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _in(language: Language) -> dict[str, Any]:
    """What speaks the language, for the template."""
    return {
        "when": lambda seconds: when(seconds, language),
        "day_of": lambda seconds: day(seconds, language),
        "title": lambda item: title(item, language),
        "advice": lambda item: advice(item, language),
        "amount": lambda item: amount(item, language),
        "severity": lambda item: severity(item, language),
        "severity_word": lambda value: severity_word(value, language),
        "standing_words": lambda standing: standing_words(standing, language),
    }


def _kind(item: Item) -> str:
    match item:
        case Finding():
            return item.severity.value
        case InFlight():
            return "waiting"
        case _:
            return "known"


def _parts(item: Item, language: Language) -> list[tuple[str, list[str]]]:
    say = words(language)
    serials = [str(r) for r in item.ranges]
    evidence = [f"{exhibit(e.kind, language)}: {e.text}" for e in item.evidence]
    return [(head, texts) for head, texts in ((say["serials"], serials), (say["evidence"], evidence)) if texts]


def _told(say: Words, segments: Sequence[Segment]) -> str:
    return ", ".join(f"{say[segment.name]} {segment.units:,}" for segment in segments) or say["nothing"]


def _series(plot: Plot | None, result: Reconciliation, say: Words) -> str:
    """The same for who does not see it: where each line ends."""
    lines = plot.lines if plot else ()
    names = [result.labels.get(line.class_id, short(line.class_id)) or say["others"] for line in lines]
    return "; ".join(f"{name} {line.last:,}" for name, line in zip(names, lines, strict=True))
