"""Verra: `batch-first-last-[VCS-]VCU-verifier-counter-country-type-project-from-to-additional`, days as DDMMYYYY."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.rows import Fate, IssuedRow, agreeing, stated_units
from bridge.registry.statements.serial import Serial

REGISTRY = "VERRA"
_FIELDS = (
    *("batch", "first", "last", "unit", "verifier", "counter"),
    *("country", "type", "project", "from", "to", "additional"),
)

# The newer counter gives out numbers that the older two gave out before. Whether those two share numbers is not
# public, so they are one space: too strict refuses a mint, too lax would mint a serial twice.
_SPACE_KEYS = {"VER": "VER", "APX": "APX+MER", "MER": "APX+MER"}

TRANSACTIONS = ("Serial Number", "Quantity Issued", "Vintage Start", "ID", "Name", "Country/Area", "Methodology")
_ENDED = ("Retirement/Cancellation Date", "Retirement Beneficiary", "Retirement Reason", "Retirement Details")
COLUMNS = {"transactions": (*TRANSACTIONS, "Issuance Date", *_ENDED)}


def parse_serial(text: str) -> Serial:
    """Reads the older form with 12 fields and the newer one with 13. Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt.replace("-VCS-VCU-", "-VCU-", 1), _FIELDS)
    fields.number(part["batch"], "batch")
    fields.one_of(part["unit"], "unit", ["VCU"])
    fields.matching(part["verifier"], "verifier", "[0-9]{3,4}")
    fields.number(part["type"], "project type")
    fields.matching(part["additional"], "additional certification", "[0-9]")
    start, end = (fields.day(part[name], name, "%d%m%Y") for name in ("from", "to"))
    if start > end:
        raise MalformedInput(f"vintage period {start} to {end} runs backwards")
    key = _SPACE_KEYS[fields.one_of(part["counter"], "counter", _SPACE_KEYS)]
    space = SerialSpace(registry=REGISTRY, kind=SpaceKind.COUNTER, key=key)
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(fields.number(part["project"], "project")),
        vintage=start.year,
        credit_type="VCU",
        country=fields.country(part["country"]),
    )


def read_row(line: int, content: str, row: Mapping[str, str], kind: str) -> IssuedRow:  # noqa: ARG001 one kind of file
    serial = parse_serial(row["Serial Number"])
    agreeing(serial, row["ID"], row["Vintage Start"][:4])
    ended = row["Retirement/Cancellation Date"]
    return IssuedRow(
        line=line,
        content=content,
        serial=serial,
        units=stated_units(serial, row["Quantity Issued"]),
        state=_fate(row),
        beneficiary=row["Retirement Beneficiary"],
        purpose=row["Retirement Details"] or row["Retirement Reason"],
        date=fields.day(ended or row["Issuance Date"], "date", "%Y-%m-%d").isoformat(),
        project_name=row["Name"],
        country=row["Country/Area"],
        methodology=row["Methodology"],
    )


def _fate(row: Mapping[str, str]) -> Fate:
    """The export has one date for both ends; a reason that speaks of cancellation tells them apart."""
    if not row["Retirement/Cancellation Date"]:
        return SerialState.HELD
    return SerialState.CANCELLED if "cancel" in row["Retirement Reason"].lower() else SerialState.RETIRED
