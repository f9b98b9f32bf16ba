"""Verra: `batch-first-last-[VCS-]VCU-verifier-counter-country-type-project-from-to-additional`, days as DDMMYYYY.

The older form has 12 fields, the newer one 13, with `VCS`. Canonical is what the registry writes today: with `VCS` for
the newer counter, without it for the older two.
"""

from __future__ import annotations

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Cell, Cut, Grammar, Layout
from bridge.registry.statements.layouts import FIRST, LAST, agreeing, day, text, units
from bridge.registry.statements.serial import Serial

REGISTRY = "VERRA"
_FIELDS = (
    *("batch", "first", "last", "unit", "verifier", "counter"),
    *("country", "type", "project", "from", "to", "additional"),
)

# The newer counter gives out numbers that the older two gave out before. Whether those two share numbers is not
# public, so they are one space: too strict refuses a mint, too lax would mint a serial twice.
_SPACE_KEYS = {"VER": "VER", "APX": "APX+MER", "MER": "APX+MER"}


def parse_serial(text: str) -> Serial:
    """Reads both forms. Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt.replace("-VCS-VCU-", "-VCU-", 1), _FIELDS)
    fields.number(part["batch"], "batch")
    fields.one_of(part["unit"], "unit", ["VCU"])
    fields.matching(part["verifier"], "verifier", "[0-9]{3,4}")
    fields.number(part["type"], "project type")
    fields.matching(part["additional"], "additional certification", "[0-9]")
    start, end = (fields.compact_day(part[name], name) for name in ("from", "to"))
    if start > end:
        raise MalformedInput(f"vintage period {start} to {end} runs backwards")
    key = _SPACE_KEYS[fields.one_of(part["counter"], "counter", _SPACE_KEYS)]
    space = fields.space(REGISTRY, SpaceKind.COUNTER, key)
    unit = "VCS-VCU" if key == "VER" else "VCU"
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(fields.number(part["project"], "project")),
        vintage=start.year,
        credit_type="VCU",
        country=fields.country(part["country"]),
        vintage_from=start,
        vintage_to=end,
        form="-".join([part["batch"], "{first}", "{last}", unit, *(part[name] for name in _FIELDS[4:])]),
    )


def _row_serial(serial: str, project: str, start: str) -> Serial:
    return agreeing(parse_serial(serial), project, start[:4])


def _fate(ended: str, reason: str) -> SerialState:
    """The export has one date for both ends; a reason that speaks of cancellation tells them apart."""
    if not ended:
        return SerialState.HELD
    return SerialState.CANCELLED if "cancel" in reason.lower() else SerialState.RETIRED


TRANSACTIONS = Layout(
    kind="transactions",
    serial=Cell(("Serial Number", "ID", "Vintage Start"), _row_serial),
    units=units("Quantity Issued"),
    cells={
        "state": Cell(("Retirement/Cancellation Date", "Retirement Reason"), _fate),
        "beneficiary": text("Retirement Beneficiary"),
        "purpose": text("Retirement Details", "Retirement Reason"),
        "issued_on": day("Issuance Date"),
        "ended_on": day("Retirement/Cancellation Date"),
        "project_name": text("Name"),
        "country": text("Country/Area"),
        "methodology": text("Methodology"),
    },
    cut=Cut(f"^(?P<head>[1-9][0-9]*-){FIRST}-{LAST}(?P<tail>-[A-Z0-9-]+)$", "-"),
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Verra, Verified Carbon Standard",
    kg_per_unit=1000,
    space_kind=SpaceKind.COUNTER,
    mark="-VCU-",
    reads=parse_serial,
    layouts=(TRANSACTIONS,),
)
