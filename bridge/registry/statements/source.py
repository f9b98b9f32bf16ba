"""What every kind of file is made into before a grammar sees it: blocks of rows, by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from bridge.errors import MalformedInput
from bridge.registry.statements.canonical import RejectedRow

Lines = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Block:
    """Some rows of a file, in its order: the columns asked for as text, the line on which each row starts, and all of a
    row's text. `rejected` are rows that could not be split into the header's fields."""

    columns: Mapping[str, pa.Array]
    lines: Lines
    content: Callable[[int], str]
    rejected: Sequence[RejectedRow]

    def row(self, at: int) -> dict[str, str]:
        return {name: column[at].as_py() for name, column in self.columns.items()}


class Source(Protocol):
    """A file, open for reading from its beginning. `name` is that which rows carry, `size` in bytes."""

    @property
    def path(self) -> Path: ...

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def header(self) -> Sequence[str]: ...

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[int, Callable[[], Block]]]:
        """Blocks still to be made, which may be done in any thread, each with the place in the file up to which it
        reaches. Raises MalformedInput when the file turns out to be of another encoding."""
        ...

    def contents(self, lines: Lines) -> Iterator[tuple[int, str]]:
        """The text of the rows that start on these lines, which rise."""
        ...


def places(header: Sequence[str], columns: Sequence[str], path: Path) -> dict[str, int]:
    """Where each column stands. Raises MalformedInput for one that stands there twice."""
    if twice := [name for name in columns if header.count(name) > 1]:
        raise MalformedInput(f"{path} has several columns named {', '.join(map(repr, twice))}; export it again")
    return {name: header.index(name) for name in columns}


def block_of(
    rows: Sequence[Sequence[str]],
    where: Mapping[str, int],
    lines: Sequence[int],
    content: Callable[[int], str],
    rejected: Sequence[RejectedRow],
) -> Block:
    """From rows that are split already."""
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for name, place in where.items()}
    return Block(columns, np.array(lines, dtype=np.int64), content, rejected)
