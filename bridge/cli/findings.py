"""A reconciliation for people and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.domain.findings import Finding, Reconciliation
    from bridge.report.messages import Language

FORMATS = ("text", "json", "csv", "md", "html")
_RANGES_SHOWN = 5


def require_format(form: str) -> str:
    """Raises UsageError for a format that is not written."""
    from bridge.errors import UsageError

    if form not in FORMATS:
        raise UsageError(f"no format {form!r}; there are {', '.join(FORMATS)}")
    return form


def language(wanted: str | None) -> Language:
    """The one asked for, else the locale's. Raises UsageError for a language that we do not speak."""
    from bridge import settings
    from bridge.errors import UsageError
    from bridge.report.messages import Language

    spoken = wanted or settings.language()
    if spoken not in list(Language):
        raise UsageError(f"no language {spoken!r}; there are {', '.join(Language)}")
    return Language(spoken)


def show(found: Reconciliation, form: str, spoken: Language) -> None:
    from bridge.cli.screen import emit_json, say_text

    written = _written(found, form, spoken)
    if form == "json":
        emit_json(written)
    else:
        say_text(written)


def keep(found: Reconciliation, path: Path, form: str, spoken: Language) -> Path:
    """As JSON in the facts' own words, which can be shown in any language again; or in the form asked for, with that
    JSON beside it, without which nobody could check it. Gives the JSON's place."""
    from bridge.cli.files import write_file
    from bridge.report.messages import Language

    if form in ("text", "json"):
        place = path
    else:
        place = path.with_suffix(".json")
        write_file(path, _written(found, form, spoken))
    write_file(place, _written(found, "json", Language.ENGLISH))
    return place


def write(found: Reconciliation, source: Path, path: Path, form: str, spoken: Language) -> None:
    """In one form, of the report that is stored as JSON in `source`."""
    from bridge.cli.files import read_bytes, write_file
    from bridge.report.sealing import FORMS, hash_of

    if form in FORMS:
        write_file(path, FORMS[form](found, spoken, hash_of(read_bytes(source))))
    else:
        write_file(path, _written(found, form, spoken))


def _written(found: Reconciliation, form: str, spoken: Language) -> str:
    from bridge.report import findings as report

    match form:
        case "json":
            return report.as_json(found, spoken).decode() + "\n"
        case "text":
            return report.as_text(found, spoken)
        case _:
            from bridge.report.sealing import FORMS

            return FORMS[form](found, spoken, None)


def read(path: Path) -> Reconciliation:
    """Raises MalformedInput when the file is no stored reconciliation."""
    from bridge.cli.files import read_bytes
    from bridge.errors import MalformedInput
    from bridge.report.sealing import read_report

    try:
        return read_report(read_bytes(path))
    except MalformedInput as error:
        raise MalformedInput(
            f"{path} is no stored reconciliation; make one with: carbonbridge compliance reconcile --out FILE"
        ) from error


def of_severity(found: Reconciliation, severity: str) -> list[Finding]:
    """Raises UsageError for an unknown one."""
    from bridge.domain.findings import Severity
    from bridge.errors import UsageError

    if severity not in list(Severity):
        raise UsageError(f"no severity {severity!r}; there are {', '.join(Severity)}")
    return [finding for finding in found.findings if finding.severity == severity]


def show_some(some: list[Finding], as_json: bool) -> None:
    """A part of a report says nothing of the whole, so it carries no verdict."""
    from bridge.cli.screen import emit, table
    from bridge.domain.quantity import tonnes

    if as_json:
        emit([finding.model_dump(mode="json") | {"id": finding.id} for finding in some])
        return
    rows = [
        (
            finding.title,
            finding.subject,
            f"{finding.units:,}",
            "?" if finding.kg is None else f"{tonnes(finding.kg).normalize():,f}",
            ", ".join(str(span) for span in finding.ranges[:_RANGES_SHOWN]),
        )
        for finding in some
    ]
    table(["finding", "subject", "units>", "t>", "serials"], rows, "none of this severity")
