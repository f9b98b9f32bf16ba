"""Isometric: ids such as `iss_1KP6EDZ8K1S036PY` of an issuance or `ret_…` of a retirement. There are no serial numbers,
and the unit is the kilogram. A retirement does not say out of which issuance it is."""

from __future__ import annotations

import re

from bridge.domain.lifecycle import SerialState
from bridge.domain.quantity import Units, parse_kilograms, parse_units
from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Cell, Grammar, Layout
from bridge.registry.statements.layouts import always, day, text
from bridge.registry.statements.serial import Unnumbered

REGISTRY = "ISOMETRIC"
_ID = re.compile(r"(ISS|RET)_([0-9A-HJKMNP-TV-Z]{16})")
_MASS = ("credit_batch_size_total.credit_kgs", "credit_batch_size_total.credits")


def parse_id(text: str, project: str = "") -> Unnumbered:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    found = _ID.fullmatch(spelt)
    if found is None:
        raise MalformedInput(f"id {spelt!r} is not spelt as Isometric does: iss_ or ret_, then 16 letters and digits")
    kind, rest = found.groups()
    return Unnumbered(
        space=fields.space(REGISTRY, SpaceKind.BATCH, f"{kind}-{rest}"),
        project=project,
        vintage=None,
        credit_type="CDR",
        kg_per_unit=1,
        form=f"{kind.lower()}_{rest}",
    )


def _units(kilograms: str, tonnes: str) -> Units:
    stated = parse_units(kilograms)
    if int(parse_kilograms(tonnes)) != stated:
        raise MalformedInput(f"{kilograms} kg are not {tonnes} t")
    return stated


ISSUANCES = Layout(
    kind="issuances",
    serial=Cell(("id", "project_id"), parse_id),
    units=Cell(_MASS, _units),
    cells={
        "state": always(SerialState.HELD),
        "holder": text("supplier.organisation.name"),
        "issued_on": day("issued_at"),
        "country": text("supplier.location.country_name"),
    },
)
RETIREMENTS = Layout(
    kind="retirements",
    serial=Cell(("retirement_id", "project_id"), parse_id),
    units=Cell(_MASS, _units),
    cells={
        "state": always(SerialState.RETIRED),
        "holder": text("owner.name"),
        "beneficiary": text("beneficiary.name"),
        "purpose": text("notes", "purposes"),
        "ended_on": day("retired_at"),
    },
)

GRAMMAR = Grammar(
    code=REGISTRY,
    name="Isometric",
    kg_per_unit=1,
    space_kind=SpaceKind.BATCH,
    mark="^(ISS|RET)_",
    reads=parse_id,
    layouts=(RETIREMENTS, ISSUANCES),
)
