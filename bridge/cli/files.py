"""Files that people hand to a command or get from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.domain.values import Fact

F = TypeVar("F", bound="Fact")


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
        raise MalformedInput(f"{path} is no {what}: {faults(error, 'file')}") from error


def write_file(path: Path, text: str) -> None:
    """Raises UsageError when the file cannot be written."""
    from bridge.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
