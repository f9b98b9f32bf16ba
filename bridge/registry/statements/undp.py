"""ITMOs in the national registries that UNDP's software keeps: `country-ITMO-scope-programme-year-0-first-last`, as in
`VU-ITMO-11-356-2022-0-27-35`. A national registry is one space: whether its programmes or years share numbers is not
public."""

from __future__ import annotations

from bridge.domain.serials import SpaceKind
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import Serial

REGISTRY = "UNDP"
_FIELDS = ("country", "ITMO", "scope", "programme", "year", "0", "first", "last")


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    part = fields.split(spelt, _FIELDS)
    country = fields.country(part["country"])
    fields.one_of(part["ITMO"], "unit", ["ITMO"])
    scope = fields.number(part["scope"], "scope")
    programme = fields.number(part["programme"], "programme")
    year = fields.year(part["year"], "year")
    fields.one_of(part["0"], "field before the range", ["0"])
    space = fields.space(REGISTRY, SpaceKind.COUNTER, country)
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=str(programme),
        vintage=year,
        credit_type="ITMO",
        country=country,
        form=f"{country}-ITMO-{scope}-{programme}-{year}-0-{{first}}-{{last}}",
    )


GRAMMAR = Grammar(
    code=REGISTRY,
    name="ITMOs in national registries on UNDP's software",
    kg_per_unit=1000,
    space_kind=SpaceKind.COUNTER,
    mark="^[A-Z]{2}-ITMO-",
    reads=parse_serial,
    layouts=(plain(parse_serial),),
)
