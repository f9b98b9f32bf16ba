"""J-Blue Credit: `YYYYMMJBCTnnnnn-sss`, year and month of certification, number of the credit, and a serial of 0.1 t,
as in `202112JBCT00001-001`. A range is both ends joined by ` to `, or by the wave dash of Japanese; a single serial is
one too. Canonical: `202112JBCT00001-001 to 202112JBCT00001-194`. Numbering restarts with each certified credit.

The serial states no vintage but the year of certification, which is taken for it.
"""

from __future__ import annotations

import re

from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import Serial

REGISTRY = "J-BLUE"
_END = re.compile(
    r"(?P<year>[0-9]{4})(?P<month>0[1-9]|1[0-2])JBCT(?P<credit>[0-9]{5})-(?P<serial>[0-9]{3}|[1-9][0-9]{3,})"
)
_WAVE = str.maketrans({"\u301c": " to ", "\uff5e": " to "})


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text.translate(_WAVE))
    ends = spelt.split(" TO ")
    first, last = (_END.fullmatch(end) for end in (ends[0], ends[-1]))
    if len(ends) > 2 or first is None or last is None:
        raise MalformedInput(
            f"serial {spelt!r} is not spelt as J-Blue does: YYYYMMJBCTnnnnn-sss, or two of them joined by 'to'"
        )
    batch = f"{first['year']}{first['month']}JBCT{first['credit']}"
    if not ends[-1].startswith(f"{batch}-"):
        raise MalformedInput(f"the ends of {spelt!r} are of two credits")
    space = fields.space(REGISTRY, SpaceKind.BATCH, batch)
    numbers = (end["serial"].lstrip("0") or "0" for end in (first, last))
    return Serial(
        space=space,
        range=fields.serial_range(space, *numbers),
        project=first["credit"],
        vintage=fields.year(first["year"], "year of certification"),
        credit_type="JBC",
        country="JP",
        kg_per_unit=100,
        form=f"{batch}-{{first:03}} to {batch}-{{last:03}}",
    )


GRAMMAR = Grammar(
    code=REGISTRY,
    name="J-Blue Credit",
    kg_per_unit=100,
    space_kind=SpaceKind.BATCH,
    mark="^[0-9]{6}JBCT",
    reads=parse_serial,
    layouts=(plain(parse_serial),),
)
