"""Climate Action Reserve: `CAR-kind-country-project-type-developer-state-vintage-batch-first to last`; numbering
restarts in each batch. Kind `1` is a CRT, `ROC` a registry offset credit that California may still take over.
"""

from __future__ import annotations

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Cell, Grammar, Layout
from bridge.registry.statements.layouts import NUMBERS_LAST, agreeing, always, day, text, units
from bridge.registry.statements.serial import Serial

REGISTRY = "CAR"
_FIELDS = ("CAR", "kind", "country", "project", "type", "developer", "state", "vintage", "batch", "range")
_CREDIT_TYPES = {"1": "CRT", "ROC": "ROC"}


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["CAR"], "registry", ["CAR"])
    kind = fields.one_of(part["kind"], "kind of credit", _CREDIT_TYPES)
    fields.number(part["type"], "project type")
    fields.number(part["developer"], "developer")
    fields.matching(part["state"], "state", "[A-Z]{2}")
    ends = fields.ends(part["range"], spelt)
    space = fields.space(REGISTRY, SpaceKind.BATCH, str(fields.number(part["batch"], "batch")))
    return Serial(
        space=space,
        range=fields.serial_range(space, *ends),
        project=str(fields.number(part["project"], "project")),
        vintage=fields.year(part["vintage"]),
        credit_type=_CREDIT_TYPES[kind],
        country=fields.country(part["country"]),
        form=f"{spelt.removesuffix(part['range'])}{{first}} to {{last}}",
    )


def _row_serial(serial: str, project: str, vintage: str) -> Serial:
    return agreeing(parse_serial(serial), project.removeprefix("CAR"), vintage)


RETIREMENTS = Layout(
    kind="retirements",
    serial=Cell(("Offset Credit Serial Numbers", "Project ID", "Vintage"), _row_serial),
    units=units("Quantity of Offset Credits"),
    cells={
        "state": always(SerialState.RETIRED),
        "purpose": text("Retirement Reason Details"),  # the beneficiary, too, stands in this free text alone
        "ended_on": day("Status Effective", "%m/%d/%Y"),
        "project_name": text("Project Name"),
        "country": text("Project Site Country"),
        "methodology": text("Protocol and Version"),
    },
    optional={"holder": text("Account Holder")},
    cut=NUMBERS_LAST,
)
ISSUANCES = Layout(
    kind="issuances",
    marks=("Total Offset Credits Issued", "Project ID", "Vintage"),
    states_none="this registry's list of issuances states no serials; import its retirements",
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Climate Action Reserve",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^CAR-",
    reads=parse_serial,
    layouts=(RETIREMENTS, ISSUANCES),
)
