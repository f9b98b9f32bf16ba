"""Gold Standard: `GS1-1-country-[GS]project-type-vintage-batch-first-last`; numbering restarts in each batch.
Canonical is today's form, with the inner `GS`.

Its exports also list CERs, spelt as in `cer`, which belong to another numbering and so to another registry.
"""

from __future__ import annotations

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import cer, fields
from bridge.registry.statements.grammar import Cell, Cut, Grammar, Layout
from bridge.registry.statements.layouts import FIRST, LAST, agreeing, day, one_of, text, units
from bridge.registry.statements.serial import MendedSerial, Serial

REGISTRY = "GS"
_FIELDS = ("GS1", "1", "country", "project", "type", "vintage", "batch", "first", "last")


def parse_serial(text: str) -> Serial:
    """Older rows lack the inner `GS`; they name the same serials. Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["GS1"], "scheme", ["GS1"])
    fields.one_of(part["1"], "scheme version", ["1"])
    fields.number(part["type"], "project type")
    batch = fields.number(part["batch"], "batch")
    project = fields.number(part["project"].removeprefix("GS"), "project")
    vintage = fields.year(part["vintage"])
    space = fields.space(REGISTRY, SpaceKind.BATCH, str(batch))
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(project),
        vintage=vintage,
        credit_type="VER",
        country=fields.country(part["country"]),
        form=f"GS1-1-{part['country']}-GS{project}-{part['type']}-{vintage}-{batch}-{{first}}-{{last}}",
    )


def _row_serial(serial: str, product: str, project: str, vintage: str) -> Serial:
    if fields.one_of(product, "product type", ["VER", "CER"]) == "CER":
        return cer.parse_serial(serial, fields.year(vintage))
    return agreeing(parse_serial(serial), project, vintage)


def _mended(serial: str, product: str, project: str, vintage: str) -> MendedSerial:
    if product != "CER":
        raise MalformedInput(f"only CERs are mended, and {serial!r} of project {project} is a {product}")
    return cer.mend(serial, fields.year(vintage))


def _layout(kind: str, states: dict[str, SerialState], **cells: Cell) -> Layout:
    return Layout(
        kind=kind,
        serial=Cell(("Serial Number", "Product Type", "GSID", "Vintage"), _row_serial),
        units=units("Quantity"),
        cells={
            "state": one_of("Credit Status", states),
            "status": text("Credit Status"),
            "issued_on": day("Issuance Date"),
            "project_name": text("Project Name"),
            "country": text("Country"),
            "methodology": text("Methodology"),
            **cells,
        },
        optional={"vintage_from": day("Monitoring Period Start"), "vintage_to": day("Monitoring Period End")},
        mended=_mended,
        cut=Cut(f"^(?P<head>GS1-1-[A-Z0-9-]+-){FIRST}-{LAST}(?P<tail>)$", "-"),
    )


RETIREMENTS = _layout(
    "retirements",
    {"Retired": SerialState.RETIRED, "Canceled": SerialState.CANCELLED, "Cancelled": SerialState.CANCELLED},
    beneficiary=text("Using Entity"),
    purpose=text("Note"),
    ended_on=day("Retirement Date"),
)
ISSUANCES = _layout("issuances", {"Issued": SerialState.HELD})

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Gold Standard for the Global Goals",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^GS1-",
    reads=parse_serial,
    layouts=(RETIREMENTS, ISSUANCES),
)
