"""Gold Standard: `GS1-1-country-[GS]project-type-vintage-batch-first-last`; numbering restarts in each batch.

Its exports also list CERs, spelt as in `cer`, which belong to another numbering and so to another registry.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import cer, fields
from bridge.registry.statements.rows import Fate, IssuedRow, agreeing, stated_units
from bridge.registry.statements.serial import Serial

REGISTRY = "GS"
_FIELDS = ("GS1", "1", "country", "project", "type", "vintage", "batch", "first", "last")
_FATES: Mapping[str, Fate] = {
    "Issued": SerialState.HELD,
    "Retired": SerialState.RETIRED,
    "Canceled": SerialState.CANCELLED,
    "Cancelled": SerialState.CANCELLED,
}

_COMMON = (
    *("Serial Number", "Quantity", "Credit Status", "Vintage", "GSID", "Product Type"),
    *("Project Name", "Country", "Methodology", "Issuance Date"),
)
COLUMNS = {"retirements": (*_COMMON, "Retirement Date", "Note", "Using Entity"), "issuances": _COMMON}


def parse_serial(text: str) -> Serial:
    """Older rows lack the inner `GS`; they name the same serials. Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["GS1"], "scheme", ["GS1"])
    fields.one_of(part["1"], "scheme version", ["1"])
    fields.number(part["type"], "project type")
    batch = fields.number(part["batch"], "batch")
    space = SerialSpace(registry=REGISTRY, kind=SpaceKind.BATCH, key=str(batch))
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(fields.number(part["project"].removeprefix("GS"), "project")),
        vintage=fields.year(part["vintage"]),
        credit_type="VER",
        country=fields.country(part["country"]),
    )


def read_row(line: int, content: str, row: Mapping[str, str], kind: str) -> IssuedRow:
    serial = _serial(row)
    fate = _FATES[fields.one_of(row["Credit Status"], "credit status", _FATES)]
    ended = kind == "retirements"
    if ended == (fate is SerialState.HELD):
        raise MalformedInput(f"credit status {row['Credit Status']!r} does not belong in a file of {kind}")
    return IssuedRow(
        line=line,
        content=content,
        serial=serial,
        units=stated_units(serial, row["Quantity"]),
        state=fate,
        beneficiary=row["Using Entity"].strip() if ended else "",
        purpose=row["Note"].strip() if ended else "",
        date=_date(row, fate),
        project_name=row["Project Name"].strip(),
        country=row["Country"],
        methodology=row["Methodology"],
    )


def _serial(row: Mapping[str, str]) -> Serial:
    product = fields.one_of(row["Product Type"], "product type", ["VER", "CER"])
    if product == "CER":
        return cer.parse_serial(row["Serial Number"], fields.year(row["Vintage"]))
    serial = parse_serial(row["Serial Number"])
    agreeing(serial, row["GSID"], row["Vintage"])
    return serial


def _date(row: Mapping[str, str], fate: Fate) -> str:
    """Of issuance or retirement. Cancelled rows carry none."""
    if fate is SerialState.CANCELLED:
        return ""
    column = "Issuance Date" if fate is SerialState.HELD else "Retirement Date"
    return fields.day(row[column][:10], "date", "%Y-%m-%d").isoformat()
