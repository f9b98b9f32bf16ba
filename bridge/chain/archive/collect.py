"""Everything new of one contract, from its node into its archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from bridge.chain.archive.archive import EventArchive, Manifest, Piece
from bridge.chain.archive.files import alone
from bridge.chain.archive.node import Node
from bridge.chain.archive.pages import Emitters, Page, Pages
from bridge.domain.attestations import Deployment
from bridge.domain.observed import BY, POLICY, POWERS, BlockStamp
from bridge.domain.values import Address, Fact, Hex32, to_bytes
from bridge.errors import Unreachable

PIECE_LOGS = 250_000
"""Of these and a page more a piece is made: so much is in memory, and so much is read again after a kill."""

Told = Callable[[int], object]
"""How many blocks more are read."""
Callers = Callable[[Hex32], Sequence[Address]]
"""Through which accounts a transaction went (`chain.callers`)."""


class Collected(Fact):
    """`stamp`: up to where everything is archived now. `left`: blocks that had been final and have left the chain since
    the last time; what was archived above the last block that still agrees was read anew."""

    deployment: Deployment
    stamp: BlockStamp
    logs: int
    blocks: int
    left: tuple[BlockStamp, ...] = ()


def collect(
    archive: EventArchive,
    node: Node,
    deployment: Deployment,
    emitters: Emitters,
    first_block: int,
    final: BlockStamp,
    told: Told = lambda _: None,
    callers: Callers | None = None,
) -> Collected:
    """All events from `first_block` to the final block, and by `callers` who changed a power. Whatever fails, and
    whenever: the archive holds whole pieces, and the next run goes on behind them. Raises Unreachable, Halted,
    UsageError and NotYet."""
    with alone(archive.folder):
        asked = {emitter: tuple(sorted(shapes)) for emitter, shapes in emitters.items()}
        manifest = archive.begun(Manifest(deployment=deployment, first_block=first_block, asked=asked))
        archive.require_there(manifest)
        manifest, left = _agreeing(archive, node, manifest, final)
        archive.sweep(manifest)
        begin = manifest.next_block
        for pages in _pieces(Pages(node, emitters).between(begin, final.number), told):
            manifest = archive.add(manifest, _piece(archive, node, pages, final, callers))
        if not manifest.pieces:
            raise Unreachable(f"the final block is {final.number}, and {deployment} begins at {first_block}; try later")
    new = [piece for piece in manifest.pieces if piece.first >= begin]
    return Collected(
        deployment=deployment,
        stamp=manifest.pieces[-1].stamp,
        logs=sum(piece.logs for piece in new),
        blocks=manifest.next_block - begin,
        left=left,
    )


def _agreeing(
    archive: EventArchive, node: Node, manifest: Manifest, final: BlockStamp
) -> tuple[Manifest, tuple[BlockStamp, ...]]:
    """Without the pieces whose last block is not in the chain any more. The list is shortened first, so that a file
    that is gone is never in it."""
    pieces = list(manifest.pieces)
    if pieces and final.number < pieces[-1].stamp.number:
        raise Unreachable(
            f"the node's final block is {final.number}, and block {pieces[-1].stamp.number} was final: the node is "
            "behind, or its history was taken back; nothing was changed"
        )
    left: list[BlockStamp] = []
    while pieces and node.stamp(pieces[-1].stamp.number) != pieces[-1].stamp:
        left.append(pieces.pop().stamp)
    if left:
        manifest = Manifest(**{**dict(manifest), "pieces": tuple(pieces), "left": (*manifest.left, *left)})
        archive.write(manifest)
    return manifest, tuple(left)


def _pieces(pages: Iterator[Page], told: Told) -> Iterator[list[Page]]:
    held: list[Page] = []
    for page in pages:
        held.append(page)
        told(page.last - page.first + 1)
        if sum(one.logs for one in held) >= PIECE_LOGS:
            yield held
            held = []
    if held:
        yield held


def _piece(
    archive: EventArchive, node: Node, pages: Sequence[Page], final: BlockStamp, callers: Callers | None
) -> Piece:
    """The final block is looked at again: if it is still the same, so is all that lies before it, and the pages are of
    one history."""
    first, last = pages[0].first, pages[-1].last
    stamp, now = node.stamps([last, final.number])
    if stamp is None or now != final:
        raise Unreachable(f"block {final.number} was replaced while blocks {first} to {last} were read; try again")
    found: dict[str, list[pa.Table]] = {}
    for page in pages:
        for event, table in page.tables.items():
            found.setdefault(event, []).append(table)
    tables = {event: _with_callers(event, pa.concat_tables(parts), callers) for event, parts in found.items()}
    files = archive.keep(first, last, tables)
    return Piece(first=first, stamp=stamp, logs=sum(page.logs for page in pages), files=files)


def _with_callers(event: str, table: pa.Table, callers: Callers | None) -> pa.Table:
    if callers is None or event.removeprefix(POLICY) not in POWERS:
        return table
    transactions = table["transaction"].to_pylist()
    through = {one: [to_bytes(account) for account in callers("0x" + one.hex())] for one in dict.fromkeys(transactions)}
    return table.append_column(BY, pa.array([through[one] for one in transactions], pa.list_(pa.binary(20))))
