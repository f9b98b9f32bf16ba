"""The instruction sheet: what an officer types into that registry's screens, as text and as a page to print."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from bridge.domain.quantity import Units, kilograms, tonnes
from bridge.domain.serials import SerialSpace
from bridge.domain.values import Fact, Hex32, moment
from bridge.registry.counterpart import ActRecord, Verb
from bridge.registry.desk.rules import DeskRules
from bridge.registry.desk.words import TITLES, WORDS, Language

DAY = 86_400
_FILED = (Verb.GIVE_BACK, Verb.RETIRE, Verb.HAND_OVER)


class Sheet(Fact):
    """`facts` and `notes` in order; `serials` with a heading."""

    language: Language
    title: str
    facts: tuple[tuple[str, str], ...]
    serials: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def days_left(due: int, now: int) -> int:
    """Whole days until then; negative when it has passed."""
    return (due - now) // DAY


def is_late(record: ActRecord, rules: DeskRules, now: int) -> bool:
    """Whether filing now may come too late: that registry may take longer than is left."""
    return days_left(record.act.due, now) < rules.processing_days


def sheet_of(
    record: ActRecord,
    rules: DeskRules,
    spaces: Mapping[Hex32, SerialSpace],
    kg_per_unit: int,
    now: int,
    language: Language,
) -> Sheet:
    """`now` in chain seconds."""
    act, word = record.act, WORDS[language]
    notes = [word["irreversible"], word["one-use"]] if act.verb is Verb.RETIRE else [word["by-serials"]]
    if act.verb is Verb.TAKE:
        notes = [word["incoming"]]
    if act.verb in _FILED:
        notes.append(word["before"].format(act=act.id[:10]))
    notes.append(word["after"].format(act=act.id[:10], threshold=rules.threshold))
    return Sheet(
        language=language,
        title=TITLES[language][act.verb],
        facts=tuple((word[name], value) for name, value in _facts(record, rules, kg_per_unit, now, word)),
        serials=tuple(_serials(record, rules, spaces, word)),
        notes=tuple(notes),
        warnings=tuple(_warnings(record, rules, now, word)),
    )


def as_text(sheet: Sheet) -> str:
    """A line a fact; the serials between tabs, to be copied into a spreadsheet."""
    lines = [sheet.title, "", *(f"{name}: {value}" for name, value in sheet.facts), ""]
    lines += ["\t".join(row) for row in sheet.serials]
    lines += ["", *sheet.warnings, *sheet.notes]
    return "\n".join(_one_line(line) for line in lines) + "\n"


def as_page(sheet: Sheet) -> str:
    """HTML of one file that loads nothing and runs nothing; every value is escaped."""
    facts = "\n".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in sheet.facts)
    heading, *rows = sheet.serials
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heading)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    warnings = "\n".join(f"<p class=warning>{escape(one)}</p>" for one in sheet.warnings)
    notes = "\n".join(f"<li>{escape(one)}</li>" for one in sheet.notes)
    return f"""<!doctype html>
<html lang="{sheet.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(sheet.title)}</title>
<style>
body {{ font-family: sans-serif; max-width: 48em; margin: 2em auto; }}
table {{ border-collapse: collapse; width: 100%; margin: 1em 0; }}
th, td {{ border: 1px solid #999; padding: .3em .6em; text-align: left; overflow-wrap: anywhere; }}
.warning {{ border: 2px solid #b00; padding: .5em; }}
@media print {{ body {{ margin: 0; }} }}
</style>
</head>
<body>
<h1>{escape(sheet.title)}</h1>
{warnings}
<table>
{facts}
</table>
<table>
<tr>{head}</tr>
{body}
</table>
<ul>
{notes}
</ul>
</body>
</html>
"""


def _facts(
    record: ActRecord, rules: DeskRules, kg_per_unit: int, now: int, word: Mapping[str, str]
) -> list[tuple[str, str]]:
    act = record.act
    weight = tonnes(kilograms(act.units, kg_per_unit)).normalize()
    final = word["final-none"]
    if act.final is not None:
        final = word["final-of"].format(number=act.final.number, time=moment(act.final.timestamp))
    found = [
        ("act", act.id),
        ("status", word[record.state.value].format(words=record.words)),
        ("programme", act.programme),
        ("final", final),
        ("applicant", rules.holder if act.verb is not Verb.TAKE else act.account),
        *_accounts(record, rules),
        ("amount", word["units"].format(units=f"{act.units:,}", tonnes=f"{weight:,f}")),
    ]
    if act.verb is Verb.RETIRE:
        proxy = "proxy-yes" if rules.is_proxy(act.beneficiary) else "proxy-no"
        found += [
            ("use", act.purpose),
            ("beneficiary", act.beneficiary),
            ("proxy", word[proxy].format(holder=rules.holder, beneficiary=act.beneficiary)),
        ]
    days = days_left(act.due, now)
    due = word["due-in" if days >= 0 else "due-past"].format(time=moment(act.due), days=abs(days))
    return [*found, ("due", due)]


def _accounts(record: ActRecord, rules: DeskRules) -> list[tuple[str, str]]:
    match record.act.verb:
        case Verb.TAKE:
            return [("from", record.act.account), ("to", rules.account)]
        case Verb.RETIRE:
            return [("account", rules.account)]
        case _:
            return [("from", rules.account), ("to", record.act.account)]


def _serials(
    record: ActRecord, rules: DeskRules, spaces: Mapping[Hex32, SerialSpace], word: Mapping[str, str]
) -> list[tuple[str, ...]]:
    heading = tuple(word[name] for name in ("certification", "scheme", "type", "first", "last", "count"))
    rows = []
    for span in record.act.ranges:
        key = spaces[span.space].key
        rows.append((key, *rules.categories(key), str(span.first), str(span.last), f"{span.units:,}"))
    total = ("", "", "", "", "", f"{Units(record.act.units):,}")
    return [heading, *rows, total]


def _warnings(record: ActRecord, rules: DeskRules, now: int, word: Mapping[str, str]) -> list[str]:
    if days_left(record.act.due, now) < 0:
        return [word["too-late"]]
    return [word["late"].format(processing=rules.processing_days)] if is_late(record, rules, now) else []


def _one_line(text: str) -> str:
    """What a holder wrote cannot pass for another line of the sheet."""
    return " ".join(text.splitlines())
