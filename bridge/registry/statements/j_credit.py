"""J-Credit, and any other registry whose spelling is not public: a grammar from the configuration.

    [formats.J-CREDIT]
    name = "J-Credit"
    pattern = '(?P<scheme>JC|JCL|KC|KCP|JP)-(?P<type>ER|ERL|FM)-(?P<project>[0-9]{6})-(?P<vintage>[0-9]{4})-…'
    spelling = "{scheme}-{type}-{project}-{vintage}-{first}-{last}"
    space = "{scheme}-{project}"
    example = "…"

`pattern` must match the whole of a spelling in capitals with single blanks. Its groups `first`, `last` and `project`
must be there; `vintage`, unless a column is to give it; `type` for the credit type, unless `credit_type` says it.
"""

from __future__ import annotations

import re
from functools import cached_property
from string import Formatter
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from bridge.domain.serials import SerialSpace, SpaceKind
from bridge.domain.values import Fact
from bridge.errors import MalformedInput
from bridge.registry.statements import fields
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import Serial

REGISTRY = "J-CREDIT"
_NEEDED = ("first", "last", "project")


class Format(Fact):
    """How a registry spells serials, as far as a configuration can say it. `kg_per_unit` in kilograms of CO2
    equivalent. `space` names what numbering is unique in, out of the pattern's groups; when in doubt, leave groups out:
    too wide a space refuses a mint, too narrow a one would mint a serial twice."""

    name: str = Field(min_length=1)
    pattern: str
    spelling: str
    space: str
    space_kind: Literal["counter", "batch"] = "batch"
    credit_type: str = ""
    kg_per_unit: int = Field(default=1000, gt=0)
    example: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @model_validator(mode="after")
    def _able(self) -> Format:
        """Raises ValueError unless the example reads, and spells back to what reads alike."""
        try:
            groups = set(self.regex.groupindex)
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from error
        if lacking := [name for name in _NEEDED if name not in groups]:
            raise ValueError(f"pattern lacks the named groups {', '.join(lacking)}")
        if not self.credit_type and "type" not in groups:
            raise ValueError("neither credit_type nor a group named type says the credit type")
        for what, template in (("spelling", self.spelling), ("space", self.space)):
            if unknown := sorted(_names(template) - groups):
                raise ValueError(f"{what} names {', '.join(unknown)}, which is no group of the pattern")
        if _names(self.space) & {"first", "last"}:
            raise ValueError("space holds a serial number, so no two rows would ever be in one space")
        self._require_round_trip(groups)
        return self

    def _require_round_trip(self, groups: set[str]) -> None:
        vintage = None if "vintage" in groups else 2020
        try:
            read = parse_serial(self.example, self, REGISTRY, vintage)
            again = parse_serial(read.spelt, self, REGISTRY, vintage)
        except MalformedInput as error:
            raise ValueError(f"the example does not read: {error}") from error
        if again != read or again.spelt != read.spelt:
            raise ValueError(f"the example is spelt back as {read.spelt!r}, which reads otherwise; mend spelling")


def _names(template: str) -> set[str]:
    """Raises ValueError when the braces do not pair."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def parse_serial(text: str, form: Format, registry: str, vintage: int | None = None) -> Serial:
    """Raises MalformedInput."""
    spelt = fields.canonical(text)
    found = form.regex.fullmatch(spelt)
    if found is None:
        raise MalformedInput(f"serial {spelt!r} does not match the pattern of {registry}; its example: {form.example}")
    part = {name: value or "" for name, value in found.groupdict().items()}
    part["last"] = part["last"] or part["first"]
    try:
        kind = SpaceKind[form.space_kind.upper()]
        space = SerialSpace(registry=registry, kind=kind, key=form.space.format(**part))
    except ValidationError as error:
        raise MalformedInput(f"serial {spelt!r} makes no name of a serial space by {form.space!r}") from error
    stated = fields.year(part["vintage"]) if "vintage" in part else vintage
    if stated is None:
        raise MalformedInput(f"serial {spelt!r} does not state its vintage; add it")
    return Serial(
        space=space,
        range=fields.serial_range(space, part["first"], part["last"]),
        project=part["project"],
        vintage=stated,
        credit_type=form.credit_type or part["type"],
        kg_per_unit=form.kg_per_unit,
        form=form.spelling.format(**part | {"first": "{first}", "last": "{last}"}),
    )


def configured(code: str, form: Format) -> Grammar:
    """The grammar of registry `code`."""
    needs_vintage = "vintage" not in form.regex.groupindex

    def reads(text: str, vintage: int | None = None) -> Serial:
        return parse_serial(text, form, code, vintage)

    return Grammar(
        code=code,
        name=form.name,
        kg_per_unit=form.kg_per_unit,
        space_kind=SpaceKind[form.space_kind.upper()],
        mark=f"^(?:{form.pattern})$",
        reads=reads,
        layouts=(plain(reads, needs_vintage),),
        needs_vintage=needs_vintage,
    )
