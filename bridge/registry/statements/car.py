"""Climate Action Reserve: `CAR-kind-country-project-type-developer-state-vintage-batch-first to last`; numbering
restarts in each batch. Kind `1` is a CRT, `ROC` a registry offset credit that California may still take over.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.rows import IssuedRow, agreeing, stated_units
from bridge.registry.statements.serial import Serial

REGISTRY = "CAR"
_FIELDS = ("CAR", "kind", "country", "project", "type", "developer", "state", "vintage", "batch", "range")
_CREDIT_TYPES = {"1": "CRT", "ROC": "ROC"}

_RETIREMENTS = (
    *("Offset Credit Serial Numbers", "Quantity of Offset Credits", "Vintage", "Project ID", "Project Name"),
    *("Project Site Country", "Protocol and Version", "Status Effective", "Retirement Reason Details"),
)
COLUMNS = {"retirements": _RETIREMENTS, "issuances": ("Total Offset Credits Issued", "Project ID", "Vintage")}


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["CAR"], "registry", ["CAR"])
    kind = fields.one_of(part["kind"], "kind of credit", _CREDIT_TYPES)
    fields.number(part["type"], "project type")
    fields.number(part["developer"], "developer")
    fields.matching(part["state"], "state", "[A-Z]{2}")
    ends = part["range"].split(" TO ")
    if len(ends) != 2:
        raise MalformedInput(f"serial {spelt!r} does not end in 'first to last'")
    space = SerialSpace(registry=REGISTRY, kind=SpaceKind.BATCH, key=str(fields.number(part["batch"], "batch")))
    return Serial(
        space=space,
        range=fields.serial_range(space, *ends),
        project=str(fields.number(part["project"], "project")),
        vintage=fields.year(part["vintage"]),
        credit_type=_CREDIT_TYPES[kind],
        country=fields.country(part["country"]),
    )


def read_row(line: int, content: str, row: Mapping[str, str], kind: str) -> IssuedRow:
    """The export names no beneficiary but in free text, which is kept as the purpose."""
    if kind == "issuances":
        raise MalformedInput("this registry's list of issuances states no serials; import its retirements")
    serial = parse_serial(row["Offset Credit Serial Numbers"])
    agreeing(serial, row["Project ID"].removeprefix("CAR"), row["Vintage"])
    return IssuedRow(
        line=line,
        content=content,
        serial=serial,
        units=stated_units(serial, row["Quantity of Offset Credits"]),
        state=SerialState.RETIRED,
        purpose=row["Retirement Reason Details"],
        date=fields.day(row["Status Effective"], "date", "%m/%d/%Y").isoformat(),
        project_name=row["Project Name"],
        country=row["Project Site Country"],
        methodology=row["Protocol and Version"],
    )
