"""Registries on APX's software that spell alike: `code-country-project-vintage-batch-first to last`. Numbering restarts
in each batch."""

from __future__ import annotations

from bridge.domain.serials import SpaceKind
from bridge.registry.statements import fields
from bridge.registry.statements.serial import Serial

_FIELDS = ("registry", "country", "project", "vintage", "batch", "range")


def parse_serial(text: str, registry: str, credit_type: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    fields.one_of(part["registry"], "registry", [registry])
    ends = fields.ends(part["range"], spelt)
    batch = fields.number(part["batch"], "batch")
    space = fields.space(registry, SpaceKind.BATCH, str(batch))
    return Serial(
        space=space,
        range=fields.serial_range(space, *ends),
        project=str(fields.number(part["project"], "project")),
        vintage=fields.year(part["vintage"]),
        credit_type=credit_type,
        country=fields.country(part["country"]),
        form=f"{spelt.removesuffix(part['range'])}{{first}} to {{last}}",
    )
