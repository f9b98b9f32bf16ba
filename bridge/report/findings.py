"""A reconciliation as canonical JSON, which is the report itself, and as CSV.

What is signed and anchored is the hash of the JSON in English, in which the facts speak their own words. Every other
form is written from it, carries its hash, and comes out the same each time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import orjson

from bridge.domain.findings import Difference, Finding, InFlight, Past, Reconciliation, Shown, Standing
from bridge.domain.quantity import Kilograms
from bridge.domain.values import Hex32, as_cell, keccak_hex
from bridge.report.messages import Item, Language, advice, title
from bridge.report.text import as_text

__all__ = ["as_csv", "as_json", "as_text", "report_hash"]

_NO_SEVERITY = {InFlight: "in flight", Shown: "shown"}


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


def report_hash(result: Reconciliation) -> Hex32:
    return keccak_hex(as_json(result))


def as_csv(result: Reconciliation, language: Language = Language.ENGLISH, report: Hex32 | None = None) -> str:
    """One line a range, or a finding without ranges; units and kilograms are the line's own when it has a range. Then
    what earlier runs saw and this one did not, what could not be compared, and at last which report it is. `report`:
    the hash of the stored JSON, where an earlier version wrote it. No stranger's words become a spreadsheet's
    formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _CSV, lineterminator="\n")
    writer.writeheader()
    items: list[Item] = [*result.findings, *result.in_flight, *result.shown]
    rows = [row for item in items for row in _csv_rows(item, language, result.standings.get(item.id))]
    if result.run:
        rows += [_past(past, "closed") for past in result.run.closed]
        rows += [_past(past, "not looked at") for past in result.run.unseen]
    for line in result.not_compared:
        told = {"rule": "not-compared", "title": line.reason, "subject": f"{line.source}:{line.line}"}
        rows.append(told | {"evidence": line.content})
    verdict = "clean" if result.clean else "not clean"
    rows.append({"id": report or report_hash(result), "rule": "report", "title": verdict})
    writer.writerows({name: as_cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


_CSV = (
    *("id", "rule", "severity", "title", "subject", "class_id", "space", "first", "last"),
    *("units", "kg", "finding_kg", "due", "advice", "evidence"),
    *("standing", "since_run", "acknowledged_by", "acknowledgement"),
)


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


def _csv_rows(item: Item, language: Language, standing: Standing | None) -> Sequence[dict[str, Any]]:
    whole: dict[str, Any] = {
        **{"id": item.id, "rule": item.rule, "title": title(item, language), "subject": item.subject},
        "severity": item.severity.value if isinstance(item, Finding) else _NO_SEVERITY[type(item)],
        **{"class_id": item.class_id, "units": item.units, "kg": item.kg, "finding_kg": item.kg},
        "due": item.due if isinstance(item, InFlight) else None,
        "advice": advice(item, language) if isinstance(item, Finding) else "",
        "evidence": " | ".join(exhibit.text for exhibit in item.evidence),
        **(_standing(standing) if standing else {}),
    }
    if not item.ranges:
        return [whole]
    return [
        whole | {"space": r.space, "first": r.first, "last": r.last, "units": r.units, "kg": _share(item, r.units)}
        for r in item.ranges
    ]


def _standing(standing: Standing) -> dict[str, Any]:
    word = standing.acknowledged
    told = "new" if standing.new else "changed" if standing.changed else "open"
    known = {"acknowledged_by": word.by, "acknowledgement": word.reason} if word else {}
    return {"standing": told, "since_run": standing.since_run, **known}


def _past(past: Past, standing: str) -> dict[str, Any]:
    facts = past.model_dump(mode="json", include={"rule", "severity", "title", "subject", "class_id", "units"})
    return {"id": past.finding_id, "standing": standing, **facts}


def _share(item: Difference, units: int) -> Kilograms | None:
    """Every unit of one finding weighs the same."""
    return None if item.kg is None or not item.units else Kilograms(item.kg * units // item.units)
