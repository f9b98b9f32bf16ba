"""What every grammar makes of a serial number as its registry spells it."""

from __future__ import annotations

from bridge.domain.serials import SerialRange, SerialSpace
from bridge.domain.values import Fact


class Serial(Fact):
    """A block of serials, read. `project`, `vintage` and `credit_type` are the parts of its credit class."""

    space: SerialSpace
    range: SerialRange
    project: str
    vintage: int
    credit_type: str
    country: str = ""
