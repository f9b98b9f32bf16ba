"""CERs in the form of the International Transaction Log, two ends of a range joined by a hyphen between blanks:
`party-unit type-number-original period-applicable period-LULUCF-project`, as in
`RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014`.

Numbers run per party and unit type; the project is only an attribute. Real exports hold typos, lost hyphens and
reversed ends: those are refused, since a guess could name somebody else's units.
"""

from __future__ import annotations

from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.serial import Serial

REGISTRY = "ITL"
_FIELDS = ("party", "unit type", "number", "original period", "applicable period", "lulucf", "project")
_CER = "5"


def parse_serial(text: str, vintage: int) -> Serial:
    """The pair states commitment periods, not a vintage: the export's column gives it. Raises MalformedInput."""
    spelt = fields.canonical(text)
    ends = spelt.split(" - ")
    if len(ends) != 2:
        raise MalformedInput(f"serial {spelt!r} is not two ends joined by a hyphen between blanks")
    first, last = (fields.split(end, _FIELDS) for end in ends)
    for name in _FIELDS:
        if name != "number" and first[name] != last[name]:
            raise MalformedInput(f"the ends of {spelt!r} differ in {name}: {first[name]!r} and {last[name]!r}")
    party = fields.country(first["party"])
    unit_type = fields.one_of(first["unit type"], "unit type", [_CER])
    fields.number(first["original period"], "original period")
    fields.number(first["applicable period"], "applicable period")
    fields.matching(first["lulucf"], "LULUCF activity", "[0-9]")
    space = SerialSpace(registry=REGISTRY, kind=SpaceKind.COUNTER, key=f"{party}-{unit_type}")
    return Serial(
        space=space,
        range=fields.serial_range(space, first["number"], last["number"]),
        project=str(fields.number(first["project"], "project")),
        vintage=vintage,
        credit_type="CER",
        country=party,
    )
