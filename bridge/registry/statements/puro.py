"""Puro: `PURO_PR_class_country_facility_vintage_issuance_first-last`, as in
`PURO_PR_CORC100+_BO_432524_2026_<uuid>_1-12678`. Numbering restarts in each issuance."""

from __future__ import annotations

import re

from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import Serial

REGISTRY = "PURO"
_SERIAL = re.compile(
    r"PURO_PR_(?P<type>CORC[0-9]{0,4}\+?)_(?P<country>[A-Z]{2})_(?P<facility>[0-9]+)_(?P<vintage>[0-9]+)_"
    r"(?P<issuance>[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})_(?P<first>[0-9]+)-(?P<last>[0-9]+)"
)


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = _SERIAL.fullmatch(spelt)
    if part is None:
        raise MalformedInput(
            f"serial {spelt!r} is not spelt as Puro does: PURO_PR_class_country_facility_vintage_issuance_first-last"
        )
    space = fields.space(REGISTRY, SpaceKind.BATCH, part["issuance"])
    facility, vintage = fields.number(part["facility"], "facility"), fields.year(part["vintage"])
    head = f"PURO_PR_{part['type']}_{part['country']}_{facility}_{vintage}_{part['issuance'].lower()}"
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(facility),
        vintage=vintage,
        credit_type=part["type"],
        country=part["country"],
        form=f"{head}_{{first}}-{{last}}",
    )


GRAMMAR = Grammar(
    code=REGISTRY,
    name="Puro Registry",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^PURO_",
    reads=parse_serial,
    layouts=(plain(parse_serial),),
)
