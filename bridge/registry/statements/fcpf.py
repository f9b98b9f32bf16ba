"""FCPF Carbon Fund: `FCPF-country-programme-vintage-batch-first to last`; numbering restarts in each batch. The
files are those of ART's registry, see `art`."""

from __future__ import annotations

from bridge.domain.serials import SpaceKind
from bridge.registry.statements import apx
from bridge.registry.statements.grammar import Grammar
from bridge.registry.statements.layouts import plain
from bridge.registry.statements.serial import Serial

REGISTRY = "FCPF"


def parse_serial(text: str) -> Serial:
    """Raises MalformedInput."""
    return apx.parse_serial(text, REGISTRY, "FCPF")


GRAMMAR = Grammar(
    code=REGISTRY,
    name="Forest Carbon Partnership Facility, Carbon Fund",
    kg_per_unit=1000,
    space_kind=SpaceKind.BATCH,
    mark="^FCPF-",
    reads=parse_serial,
    layouts=(plain(parse_serial),),
)
