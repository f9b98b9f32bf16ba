"""What shows an act at a registry that is not ours, kept under the name of its keccak-256, so that a receipt can be
shown to rest on something. The folder is its owner's alone, and nothing in it is ever changed."""

from __future__ import annotations

import os
import re
from pathlib import Path

from bridge.domain.values import Hex32, keccak_hex
from bridge.errors import RegistryRefused, UsageError

MOST_BYTES = 50_000_000


class EvidenceFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, file: Path) -> Hex32:
        """A copy of a file, under its seal, which is returned. Raises UsageError when it cannot be read or is empty."""
        return self.keep_content(read_bounded(file), file.suffix.lower())

    def keep_content(self, content: bytes, suffix: str) -> Hex32:
        seal = keccak_hex(content)
        if self._kept(seal) is None:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            safe = suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else ""
            self._write(self.path / f"{seal}{safe}", content)
        return seal

    def require(self, seal: Hex32) -> Path:
        """Where a file is kept. Raises RegistryRefused when it is gone, or no longer what was attested."""
        kept = self._kept(seal)
        if kept is None:
            raise RegistryRefused(f"the evidence {seal} is not in {self.path}; put the file back")
        if keccak_hex(read_bounded(kept)) != seal:
            raise RegistryRefused(f"the evidence {kept} was changed since it was attested; put the true file back")
        return kept

    def _kept(self, seal: Hex32) -> Path | None:
        return next(iter(sorted(self.path.glob(f"{seal}*"))), None)

    def _write(self, place: Path, content: bytes) -> None:
        """Whole or not at all: named by its seal only when it is on the disk."""
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)


def read_bounded(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if not content:
        raise UsageError(f"{file} is empty, and shows nothing; save it from the registry again")
    if len(content) > MOST_BYTES:
        raise UsageError(f"{file} has more than {MOST_BYTES:,} bytes; save what shows the act alone")
    return content
