"""ART TREES: `ART-country-programme-vintage-batch-first to last`; numbering restarts in each batch.

Its registry also keeps the FCPF Carbon Fund's credits, spelt as in `fcpf`, and lists them in the same files.
"""

from __future__ import annotations

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.registry.statements import apx, fcpf
from bridge.registry.statements.grammar import Cell, Grammar, Layout
from bridge.registry.statements.layouts import NUMBERS_LAST, agreeing, always, day, text, units
from bridge.registry.statements.serial import Serial

REGISTRY = "ART"


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    return apx.parse_serial(text, REGISTRY, "TREES")


def _row_serial(serial: str, programme: str, vintage: str) -> Serial:
    parse = fcpf.parse_serial if serial.strip().upper().startswith("FCPF-") else parse_serial
    return agreeing(parse(serial), programme.removeprefix("ART"), vintage)


def _layout(kind: str, state: SerialState, **cells: Cell) -> Layout:
    return Layout(
        kind=kind,
        serial=Cell(("Credit Serial Numbers", "Program ID", "Vintage"), _row_serial),
        units=units("Quantity of Credits"),
        cells={
            "state": always(state),
            "ended_on": day("Status Effective", "%m/%d/%Y"),
            "project_name": text("Program Name"),
            "country": text("Program  Country"),
            "methodology": text("Crediting Program and Standard"),
            **cells,
        },
        optional={"holder": text("Account Holder"), "issued_on": day("Date Approved", "%m/%d/%Y")},
        cut=NUMBERS_LAST,
    )


RETIREMENTS = _layout(
    "retirements",
    SerialState.RETIRED,
    beneficiary=text("Retired on Behalf of"),
    purpose=text("Purpose of Retirement", "Retirement Reason"),
)
CANCELLATIONS = _layout(
    "cancellations", SerialState.CANCELLED, purpose=text("Cancellation Details", "Cancellation Reason")
)
ISSUANCES = Layout(
    kind="issuances",
    marks=("Total Emission Reductions/Removals", "Credits Verified", "Program ID", "Vintage"),
    states_none="this registry's list of issuances states no serials; read its retirements and cancellations",
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Architecture for REDD+ Transactions, TREES",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^ART-",
    reads=parse_serial,
    layouts=(RETIREMENTS, CANCELLATIONS, ISSUANCES),
)
