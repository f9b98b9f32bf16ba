"""CERs in the form of the International Transaction Log, two ends of a range joined by a hyphen between blanks:
`party-unit type-number-original period-applicable period-LULUCF-project`, as in
`RW-5-1463953-2-2-0-7014 - RW-5-1467609-2-2-0-7014`.

Numbers run per party and unit type; the project is only an attribute. Real exports hold typos, lost hyphens and
reversed ends: those are refused, since a guess could name somebody else's units. `mend` makes the guess, for people to
look at and for nothing else.
"""

from __future__ import annotations

import re

from bridge.domain.serials import SpaceKind
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import MendedSerial, Serial

REGISTRY = "ITL"
_FIELDS = ("party", "unit type", "number", "original period", "applicable period", "lulucf", "project")
_CER = "5"
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\uff0d", "-"))
_BETWEEN = re.compile(r"[ \-_/.]*")
_TOKEN = re.compile(r"[A-Z]+|[0-9]+")


def parse_serial(text: str, vintage: int | None) -> Serial:
    """The pair states commitment periods, not a vintage: the export's column gives it. Raises MalformedInput."""
    if vintage is None:
        raise MalformedInput("CER serials do not state their vintage; add it")
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
    space = fields.space(REGISTRY, SpaceKind.COUNTER, f"{party}-{unit_type}")
    rest = "-".join(first[name] for name in _FIELDS[3:])
    return Serial(
        space=space,
        range=fields.serial_range(space, first["number"], last["number"]),
        project=str(fields.number(first["project"], "project")),
        vintage=vintage,
        credit_type="CER",
        country=party,
        form=f"{space.key}-{{first}}-{rest} - {space.key}-{{last}}-{rest}",
    )


def mend(text: str, vintage: int | None) -> MendedSerial:
    """Reads a pair whatever stands between its fields, with leading zeros, or with its ends reversed. What letters and
    digits it has, and in which order, is never guessed. Raises MalformedInput when that does not suffice."""
    spelt = " ".join(text.translate(_DASHES).split()).upper()
    tokens = _TOKEN.findall(spelt)
    if len(tokens) != 2 * len(_FIELDS) or not all(map(_BETWEEN.fullmatch, _TOKEN.split(spelt))):
        raise MalformedInput(f"serial {text!r} cannot be mended without guessing; ask the registry for it")
    plain_tokens = [token.lstrip("0") or "0" for token in tokens]
    ends = [plain_tokens[:7], plain_tokens[7:]]
    ends.sort(key=lambda end: int(end[2]) if end[2].isdigit() else 0)
    read = parse_serial(" - ".join("-".join(end) for end in ends), vintage)
    found = {
        "separators": " ".join(text.split()).upper() != " - ".join(["-".join(tokens[:7]), "-".join(tokens[7:])]),
        "leading zeros": plain_tokens != tokens,
        "reversed ends": ends[0] != plain_tokens[:7],
    }
    mends = tuple(name for name, mended in found.items() if mended)
    if not mends:
        raise MalformedInput(f"serial {text!r} needs no mending; read it strictly")
    return MendedSerial(guess=read, mends=mends)


GRAMMAR = Grammar(
    code=REGISTRY,
    name="Kyoto units in the International Transaction Log",
    kg_per_unit=1000,
    space_kind=SpaceKind.COUNTER,
    mark="^[A-Z]{2}-[0-9]+-[0-9]+-.* - ",
    reads=parse_serial,
    layouts=(plain(parse_serial, needs_vintage=True),),
    needs_vintage=True,
)
