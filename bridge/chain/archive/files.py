"""Files that are whole or not there, and that are known again: each is written under another name, and renamed when it
is on the disk."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from pydantic import Field

from bridge.domain.values import Fact
from bridge.errors import MalformedInput, NotYet, UsageError

_DRAFT = ".draft"


class KeptFile(Fact):
    """A file of the archive, by its path below the folder that lists it."""

    path: str
    rows: int = Field(ge=0)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def keep(folder: Path, path: str, content: bytes | pa.Buffer, rows: int = 0) -> KeptFile:
    """Raises UsageError when there is no room, or no right, to write it; then nothing has changed."""
    place = folder / path
    draft = place.with_name(f".{place.name}.{os.getpid()}{_DRAFT}")
    view = memoryview(content)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(view)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
        _settle(place.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UsageError(
            f"{place} cannot be written: {error.strerror}; what the archive held before is whole. Make room and repeat"
        ) from error
    return KeptFile(path=path, rows=rows, size=view.nbytes, sha256=hashlib.sha256(view).hexdigest())


def keep_table(folder: Path, path: str, table: pa.Table, plain: tuple[str, ...] = ()) -> KeptFile:
    """As Parquet. Columns of `plain` repeat nothing, so no dictionary is tried."""
    sink = pa.BufferOutputStream()
    coded = [name for name in table.column_names if name not in plain]
    parquet.write_table(table, sink, compression="zstd", compression_level=1, use_dictionary=coded)
    return keep(folder, path, sink.getvalue(), table.num_rows)


def table_of(folder: Path, kept: KeptFile) -> pa.Table:
    """Raises MalformedInput when it is gone, or is not what was kept."""
    content = content_of(folder, kept)
    try:
        return parquet.read_table(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise MalformedInput(f"{folder / kept.path} cannot be read as Parquet: {error}") from error


def content_of(folder: Path, kept: KeptFile) -> bytes:
    """Raises MalformedInput as `table_of`."""
    place = folder / kept.path
    try:
        content = place.read_bytes()
    except OSError as error:
        raise _gone(place, error) from error
    if len(content) != kept.size or hashlib.sha256(content).hexdigest() != kept.sha256:
        raise _changed(place)
    return content


def verified(folder: Path, kept: KeptFile) -> Path:
    """Where it is, for those who read it without us. Raises MalformedInput when it is gone, or is not what was kept."""
    place = folder / kept.path
    try:
        with place.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _gone(place, error) from error
    if found != kept.sha256:
        raise _changed(place)
    return place


def _gone(place: Path, error: OSError) -> MalformedInput:
    return MalformedInput(
        f"{place} is in the archive's list and cannot be read: {error.strerror}; put it back from a copy"
    )


def _changed(place: Path) -> MalformedInput:
    return MalformedInput(f"{place} was changed since it was archived; put it back from a copy")


def sweep(folder: Path, known: set[str]) -> list[str]:
    """Takes away what a run that was killed has left below `folder`: drafts, and files that no list names."""
    strays = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (path.suffix == _DRAFT or str(path.relative_to(folder)) not in known)
    ]
    for path in strays:
        path.unlink()
    return [str(path.relative_to(folder)) for path in strays]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process writes at a time. Raises NotYet when another does."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise NotYet(f"another process is writing to {folder}; repeat when it has ended") from error
    finally:
        os.close(lock)


def _settle(folder: Path) -> None:
    """The name is on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
