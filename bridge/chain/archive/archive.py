"""One contract's events as they are kept: pieces of the chain in order, each whole up to the block that it names.

`manifest.json` is the list of what counts; a Parquet file that it does not name is none of the archive's. A piece
enters the list when all its files are on the disk, so the list's last block is a cursor that never passes a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from bridge.chain.archive.files import KeptFile, content_of, keep, keep_table, sweep, table_of
from bridge.chain.archive.shapes import PLACE
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BlockStamp
from bridge.domain.values import Address, Fact, Hex32, faults
from bridge.errors import MalformedInput, UsageError

MANIFEST = "manifest.json"
_EVENTS = "events"


class Piece(Fact):
    """Blocks `first` to `stamp.number`, both included."""

    first: int = Field(ge=0)
    stamp: BlockStamp
    logs: int = Field(ge=0)
    files: tuple[KeptFile, ...]

    def of(self, event: str) -> list[KeptFile]:
        return [file for file in self.files if file.path.startswith(f"{_EVENTS}/{event}/")]


class Manifest(Fact):
    """`asked`: whose logs, and which topics; an archive of others is another archive. `left`: blocks up to
    which a piece once reached, and which have left the chain."""

    format: Literal["carbonbridge-events-1"] = "carbonbridge-events-1"
    deployment: Deployment
    first_block: int = Field(ge=0)
    asked: dict[Address, tuple[Hex32, ...]]
    pieces: tuple[Piece, ...] = ()
    left: tuple[BlockStamp, ...] = ()

    @model_validator(mode="after")
    def _without_gap(self) -> Manifest:
        due = self.first_block
        for piece in self.pieces:
            if piece.first != due or piece.stamp.number < piece.first:
                raise ValueError(f"a piece begins at block {piece.first}, and block {due} is due")
            due = piece.stamp.number + 1
        return self

    @property
    def next_block(self) -> int:
        return self.pieces[-1].stamp.number + 1 if self.pieces else self.first_block


class EventArchive:
    """A folder. Raises MalformedInput where what it holds is not what was kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self) -> Manifest:
        """Raises UsageError where nothing was collected yet."""
        place = self.folder / MANIFEST
        try:
            return Manifest.model_validate_json(place.read_bytes())
        except FileNotFoundError as error:
            raise UsageError(
                f"nothing is archived in {self.folder}; run: carbonbridge compliance collect --archive FOLDER"
            ) from error
        except OSError as error:
            raise MalformedInput(f"{place} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            raise MalformedInput(
                f"{place} is no list of an archive: {faults(error, 'file')}; put it back from a copy, or take the "
                "folder away and collect it anew"
            ) from error

    def begun(self, fresh: Manifest) -> Manifest:
        """The manifest, or this first one. Raises UsageError when the folder is of something else."""
        if not (self.folder / MANIFEST).exists():
            return fresh
        there = self.manifest()
        if there.model_copy(update={"pieces": (), "left": ()}) != fresh:
            raise UsageError(
                f"{self.folder} holds other events, or from another first block, than are asked for now; "
                "archive into another folder"
            )
        return there

    def add(self, manifest: Manifest, piece: Piece) -> Manifest:
        longer = Manifest(**{**dict(manifest), "pieces": (*manifest.pieces, piece)})
        self.write(longer)
        return longer

    def write(self, manifest: Manifest) -> None:
        keep(self.folder, MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")

    def keep(self, first: int, last: int, tables: dict[str, pa.Table]) -> tuple[KeptFile, ...]:
        """The files of a piece, which do not count yet."""
        return tuple(
            keep_table(self.folder, f"{_EVENTS}/{event}/{first}-{last}.parquet", table, _plain(table))
            for event, table in sorted(tables.items())
        )

    def sweep(self, manifest: Manifest) -> None:
        """Takes away whatever the list does not name."""
        events = self.folder / _EVENTS
        known = {file.path.removeprefix(f"{_EVENTS}/") for piece in manifest.pieces for file in piece.files}
        if events.is_dir():
            sweep(events, known)

    def require_there(self, manifest: Manifest) -> None:
        """Looks at sizes only; whoever reads a file looks at its content."""
        for file in (file for piece in manifest.pieces for file in piece.files):
            place = self.folder / file.path
            if not place.is_file() or place.stat().st_size != file.size:
                content_of(self.folder, file)

    def table(self, event: str, pieces: Sequence[Piece]) -> pa.Table | None:
        """All rows of one event, in the chain's order; None where it never happened."""
        tables = [table_of(self.folder, file) for piece in pieces for file in piece.of(event)]
        return pa.concat_tables(tables) if tables else None

    def files(self, event: str) -> list[Path]:
        """Of one event, in the chain's order: what an engine may read without us."""
        return [self.folder / file.path for piece in self.manifest().pieces for file in piece.of(event)]


def _plain(table: pa.Table) -> tuple[str, ...]:
    """Ids, of which each is met about once: a dictionary of them would only cost."""
    own = [field for field in table.schema if field.name not in PLACE.names]
    return (
        "log_index",
        *(field.name for field in own if field.name.endswith(("Id", "_id")) and field.name != "class_id"),
    )
