"""How single fields of a serial number or an export row are read. Each raises MalformedInput naming the field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache

from pydantic import ValidationError

from bridge.domain.serials import SerialRange, SerialSpace, SpaceKind
from bridge.errors import MalformedInput

_NUMBER = re.compile(r"[1-9][0-9]{0,19}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_YEAR = re.compile(r"(19|20|21)[0-9]{2}")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@lru_cache(4096)
def space(registry: str, kind: SpaceKind, key: str) -> SerialSpace:
    """Its id is expensive, so it is made once."""
    return SerialSpace(registry=registry, kind=kind, key=key)


def canonical(text: str) -> str:
    """One spelling for one serial: outer blanks gone, inner ones single, upper case. Raises outside ASCII, where
    look-alikes would make a second spelling."""
    spelt = " ".join(text.split())
    if not spelt.isascii():
        raise MalformedInput(f"serial {text!r} holds characters outside ASCII; take it from the registry again")
    return spelt.upper()


def split(serial: str, names: Iterable[str]) -> dict[str, str]:
    """A serial's fields between hyphens, by name."""
    wanted = tuple(names)
    found = serial.split("-")
    if len(found) != len(wanted):
        raise MalformedInput(f"serial {serial!r} has {len(found)} fields; expected {len(wanted)}: {'-'.join(wanted)}")
    return dict(zip(wanted, found, strict=True))


def number(text: str, name: str) -> int:
    """A whole number from one. Leading zeros are refused, not dropped: no registry writes them in a number, and
    guessing would let one serial be spelt in two ways."""
    if not _NUMBER.fullmatch(text):
        raise MalformedInput(f"{name} {text!r} is not a whole number from one without leading zeros")
    return int(text)


def year(text: str, name: str = "vintage") -> int:
    if not _YEAR.fullmatch(text):
        raise MalformedInput(f"{name} {text!r} is not a year")
    return int(text)


def country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise MalformedInput(f"country {text!r} is not two letters")
    return text


def one_of(text: str, name: str, allowed: Iterable[str]) -> str:
    choices = tuple(allowed)
    if text not in choices:
        raise MalformedInput(f"{name} {text!r} is none of {', '.join(choices)}")
    return text


def matching(text: str, name: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text):
        raise MalformedInput(f"{name} {text!r} is not of the form {pattern}")
    return text


@lru_cache(4096)
def day(text: str, name: str, pattern: str = "%Y-%m-%d") -> date:
    """A calendar day in the form that this registry writes, or as ISO has it, which spreadsheets make of it."""
    if _ISO_DAY.fullmatch(text):
        pattern = "%Y-%m-%d"
    try:
        if not text.isascii():
            raise ValueError(text)  # noqa: TRY301 strptime takes the digits of every script
        return datetime.strptime(text, pattern).date()  # noqa: DTZ007 a registry's day has no time zone
    except ValueError as error:
        raise MalformedInput(f"{name} {text!r} is not a day of the form {pattern}") from error


@lru_cache(4096)
def compact_day(text: str, name: str) -> date:
    """A day as DDMMYYYY."""
    matching(text, name, "[0-9]{8}")
    return day(text, name, "%d%m%Y")


def listed(text: str) -> tuple[str, ...]:
    """The serials of one cell, which some registries separate by commas."""
    return tuple(text.split(","))


def ends(text: str, serial: str) -> tuple[str, str]:
    """Both ends of `first TO last`."""
    found = text.split(" TO ")
    if len(found) != 2:
        raise MalformedInput(f"serial {serial!r} does not end in 'first to last'")
    return found[0], found[1]


def serial_range(space: SerialSpace, first: str, last: str) -> SerialRange:
    """The inclusive range, with both ends as the registry spells them."""
    low, high = number(first, "first serial"), number(last, "last serial")
    if low > high:
        raise MalformedInput(f"range {low} to {high} runs backwards")
    try:
        return SerialRange(space=space.id, first=low, last=high)
    except ValidationError as error:
        raise MalformedInput(f"range {low} to {high} is beyond what serials can be") from error
