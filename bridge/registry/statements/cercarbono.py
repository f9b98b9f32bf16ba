"""Cercarbono: a batch such as `CDC_7_3_1_323_14_CO_1_2_2018`, whose range stands in columns of its own.
In one text, and so canonical here: `CDC_7_3_1_323_14_CO_1_2_2018 1 to 2961`.

A batch that names a year is of that vintage; of others only the file says. `BF` and `BFC` mark a batch's buffer:
whether its numbers are the batch's own is not public, so the two are one space. Some older batches begin with serial
0, which no contract can hold; such rows are refused.
"""

from __future__ import annotations

import re

from bridge.domain.lifecycle import SerialState
from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Cell, Grammar, Layout
from bridge.registry.statements.layouts import always, day, plain, text, units
from bridge.registry.statements.serial import Serial

REGISTRY = "CERCARBONO"
_N = "[1-9][0-9]{0,2}"
_BATCH = re.compile(
    rf"(?P<head>CDC_(?P<project>{_N})(?:_{_N}){{4}}(?:_R[0-9]_X[A-Z])?(?:_(?P<country>[A-Z]{{2}}))?_{_N}(?:_{_N})?)"
    r"(?P<buffer>_BFC)?(?P<year>_(?:19|20)[0-9]{2})?(?(buffer)|(?:_BF)?)"
)


def parse_serial(text: str, vintage: int | None = None) -> Serial:
    """`vintage` is needed where the batch does not state it. Raises MalformedInput."""
    spelt = fields.canonical(text)
    batch, _, span = spelt.partition(" ")
    part = _BATCH.fullmatch(batch)
    if part is None:
        raise MalformedInput(f"batch {batch!r} is not spelt as Cercarbono does: CDC_…, such as CDC_7_1_1_321_14_CO_1_1")
    ends = fields.ends(span, spelt)
    if ends[0] == "0":
        raise MalformedInput(f"batch {batch} numbers from 0, which no contract can hold: serials there begin with 1")
    year = part["year"] or ""
    stated = int(year[1:]) if year else vintage
    if stated is None:
        raise MalformedInput(f"batch {batch} does not state its vintage; add it")
    if vintage not in (None, stated):
        raise MalformedInput(f"the batch names vintage {stated}, the column {vintage}")
    key = (part["head"] + year).replace("_", "-")
    space = fields.space(REGISTRY, SpaceKind.BATCH, key)
    return Serial(
        space=space,
        range=fields.serial_range(space, *ends),
        project=part["project"],
        vintage=stated,
        credit_type="CARBONCER",
        country=part["country"] or "",
        form=f"{batch} {{first}} to {{last}}",
    )


def _row_serial(batch: str, first: str, last: str, vintage: str, project: str) -> Serial:
    read = parse_serial(f"{batch.strip()} {first.strip()} to {last.strip()}", fields.year(vintage))
    if project != read.project:
        raise MalformedInput(f"the serial names project {read.project}, the column {project!r}")
    return read


RETIREMENTS = Layout(
    kind="retirements",
    serial=Cell(("serial", "from", "to", "vintage", "project_id"), _row_serial),
    units=units("quantity"),
    cells={
        "state": always(SerialState.RETIRED),
        "beneficiary": text("passive_subject", "end_user"),
        "purpose": text("certificate_destination"),
        "ended_on": day("date"),
        "project_name": text("project_name"),
    },
)
ISSUANCES = Layout(
    kind="issuances",
    marks=("serial", "issued_quantity", "issuance_date", "year", "is_buffer"),
    states_none="this registry's list of issuances states no numbers, only quantities; read its retirements",
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Cercarbono",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^CDC_",
    reads=parse_serial,
    layouts=(RETIREMENTS, ISSUANCES, plain(parse_serial, needs_vintage=True)),
    needs_vintage=True,
)
