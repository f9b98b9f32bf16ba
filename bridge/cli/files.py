"""Files that people hand to a command or get from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.domain.values import Fact

F = TypeVar("F", bound="Fact")

_FEW = 4
"""Faults, or members, that a message names; a file with more faults is another kind of file."""


def read_fact(path: Path, kind: type[F], what: str) -> F:
    """`what` the file should hold, in words. Raises MalformedInput with the reason when it does not."""
    from pydantic import ValidationError

    from bridge.domain.values import faults
    from bridge.errors import MalformedInput

    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MalformedInput(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        strange = error.error_count() > _FEW and named_format(path) != kind.model_fields["format"].default
        why = _what_it_is(path) if strange else faults(error, "file")
        raise MalformedInput(f"{path} is no {what}: {why}") from error


def read_bytes(path: Path) -> bytes:
    """Raises MalformedInput when the file cannot be read."""
    from bridge.errors import MalformedInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise MalformedInput(f"{path} cannot be read: {error.strerror}") from error


def named_format(path: Path) -> str:
    """Which of our formats a JSON file says that it is; empty when it says nothing."""
    found = _read_json(path)
    return str(found.get("format", "")) if isinstance(found, dict) else ""


def _what_it_is(path: Path) -> str:
    found = _read_json(path)
    if not isinstance(found, dict):
        return "it holds no JSON object"
    if named := named_format(path):
        return f"it is a {named}"
    return f"it is JSON of something else, with {', '.join(list(found)[:_FEW])} …" if found else "it is empty"


def _read_json(path: Path) -> object:
    import orjson  # bounds nesting by itself

    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return None


def write_file(path: Path, text: str) -> None:
    """Raises UsageError when the file cannot be written."""
    from bridge.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
