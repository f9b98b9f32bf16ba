"""American Carbon Registry: `ACR-country-project-vintage-batch-first to last`; numbering restarts in each batch."""

from __future__ import annotations

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.registry.statements import apx
from bridge.registry.statements.grammar import Cell, Grammar, Layout
from bridge.registry.statements.layouts import NUMBERS_LAST, agreeing, always, day, text, units
from bridge.registry.statements.serial import Serial

REGISTRY = "ACR"


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    return apx.parse_serial(text, REGISTRY, "ERT")


def _row_serial(serial: str, project: str, vintage: str) -> Serial:
    return agreeing(parse_serial(serial), project.removeprefix("ACR"), vintage)


RETIREMENTS = Layout(
    kind="retirements",
    serial=Cell(("Credit Serial Numbers", "Project ID", "Vintage"), _row_serial),
    units=units("Quantity of Credits"),
    cells={
        "state": always(SerialState.RETIRED),
        "beneficiary": text("Retired on Behalf of"),
        "purpose": text("Purpose of Retirement"),
        "ended_on": day("Status Effective (GMT)", "%m/%d/%Y"),
        "project_name": text("Project Name"),
        "country": text("Project Site Country"),
        "methodology": text("Project Methodology/Protocol"),
    },
    optional={"holder": text("Account Holder"), "issued_on": day("Date Issued (GMT)", "%m/%d/%Y")},
    cut=NUMBERS_LAST,
)
ISSUANCES = Layout(
    kind="issuances",
    marks=("Total Credits Issued", "Project ID", "Vintage"),
    states_none="this registry's list of issuances states no serials; import its retirements",
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="American Carbon Registry",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^ACR-",
    reads=parse_serial,
    layouts=(RETIREMENTS, ISSUANCES),
)
