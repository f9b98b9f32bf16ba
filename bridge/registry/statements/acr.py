"""American Carbon Registry: `ACR-country-project-vintage-batch-first to last`; numbering restarts in each batch."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.rows import IssuedRow, agreeing, stated_units
from bridge.registry.statements.serial import Serial

REGISTRY = "ACR"
_FIELDS = ("ACR", "country", "project", "vintage", "batch", "range")

_RETIREMENTS = (
    *("Credit Serial Numbers", "Quantity of Credits", "Vintage", "Project ID", "Project Name"),
    *("Project Site Country", "Project Methodology/Protocol", "Status Effective (GMT)"),
    *("Retired on Behalf of", "Purpose of Retirement"),
)
COLUMNS = {"retirements": _RETIREMENTS, "issuances": ("Total Credits Issued", "Project ID", "Vintage")}


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["ACR"], "registry", ["ACR"])
    ends = part["range"].split(" TO ")
    if len(ends) != 2:
        raise MalformedInput(f"serial {spelt!r} does not end in 'first to last'")
    space = SerialSpace(registry=REGISTRY, kind=SpaceKind.BATCH, key=str(fields.number(part["batch"], "batch")))
    return Serial(
        space=space,
        range=fields.serial_range(space, *ends),
        project=str(fields.number(part["project"], "project")),
        vintage=fields.year(part["vintage"]),
        credit_type="ERT",
        country=fields.country(part["country"]),
    )


def read_row(line: int, content: str, row: Mapping[str, str], kind: str) -> IssuedRow:
    if kind == "issuances":
        raise MalformedInput("this registry's list of issuances states no serials; import its retirements")
    serial = parse_serial(row["Credit Serial Numbers"])
    agreeing(serial, row["Project ID"].removeprefix("ACR"), row["Vintage"])
    effective = row["Status Effective (GMT)"].split(" ")[0]
    return IssuedRow(
        line=line,
        content=content,
        serial=serial,
        units=stated_units(serial, row["Quantity of Credits"]),
        state=SerialState.RETIRED,
        beneficiary=row["Retired on Behalf of"],
        purpose=row["Purpose of Retirement"],
        date=fields.day(effective, "date", "%m/%d/%Y").isoformat(),
        project_name=row["Project Name"],
        country=row["Project Site Country"],
        methodology=row["Project Methodology/Protocol"],
    )
