"""Evidence that is kept: collected into an archive, and read from it or from the counterparts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.daemon.inspection import Gathered
    from bridge.domain.findings import NotCompared
    from bridge.reconcile.archive import EvidenceArchive
    from bridge.reconcile.claims import ClaimsFile
    from bridge.reconcile.evidence import Evidence
    from bridge.registry.port import Registry
    from bridge.settings import Settings

_FILE = {"metavar": "FILE", "exists": True, "dir_okay": False}
Claims = Annotated[list[Path] | None, typer.Option("--claims", **_FILE, help="Another bridge's claims; repeatable.")]
Statements = Annotated[
    list[Path] | None, typer.Option("--statement", **_FILE, help="A registry's statement; repeatable.")
]
Mappings = Annotated[
    list[Path] | None, typer.Option("--mapping", **_FILE, help="Another bridge's contract, as TOML; repeatable.")
]
Reissues = Annotated[
    list[Path] | None,
    typer.Option("--reissues", **_FILE, help="What one registry cancelled and another issued anew; repeatable."),
]
Archive = Annotated[
    Path | None, typer.Option("--archive", metavar="FOLDER", file_okay=False, help="Compare what is archived there.")
]


def collect(
    archive: Annotated[Path, typer.Option("--archive", metavar="FOLDER", file_okay=False, help="Where it is kept.")],
    statement: Statements = None,
    claims: Claims = None,
    mapping: Mappings = None,
    as_json: Json = False,
) -> None:
    """Read everything new of chains, registries and other bridges into an archive that can be kept as evidence.

    Stopped at any moment, it goes on from where it was. A block that was final and has left the chain takes with it
    what was archived above it, which is read anew and said.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, progress
    from bridge.reconcile.archive import EvidenceArchive

    config, kept = settings.load(), EvidenceArchive(archive)
    keep_given(config, kept, statement or [], claims or [], mapping or [])
    with progress("Reading blocks", None, as_json) as step:
        found = bootstrap.collect_evidence(config, ask, kept, step)
        found += bootstrap.collect_peers(kept, step)
    if as_json:
        emit([one.model_dump(mode="json") for one in found])
        return
    _draw(found)


def keep_given(
    config: Settings,
    archive: EvidenceArchive,
    statements: Sequence[Path],
    claims: Sequence[Path],
    mappings: Sequence[Path],
) -> None:
    """What is named on the command line, into the archive, so that what is compared is what is kept."""
    from bridge import bootstrap, settings
    from bridge.reconcile.peers import require_fields

    for read in bootstrap.read_statements(config, statements):
        archive.keep_statement(*read)
    for name, file in read_claims(claims).items():
        archive.keep_claims(name, file)
    for path in mappings:
        peer = settings.peer(path)
        for event in peer.events:
            require_fields(peer, event)
        archive.keep_peer(peer)


def archived(
    archive: Path,
    statements: Sequence[Path],
    claims: Sequence[Path],
    mappings: Sequence[Path],
    reissues: Sequence[Path] = (),
) -> Gathered:
    """What the archive holds, with what is named; only the contracts of mappings that are named are asked anew.
    Re-issues are compared with it, and not kept there."""
    from bridge import bootstrap, settings
    from bridge.daemon.inspection import Gathered
    from bridge.reconcile.archive import EvidenceArchive

    kept = EvidenceArchive(archive)
    kept.chains()  # nothing is made in a folder that is no archive
    if statements or claims or mappings:
        keep_given(settings.load(), kept, statements, claims, mappings)
    if mappings:
        bootstrap.collect_peers(kept)
    evidence, left = kept.evidence()
    evidence, refused = _with_reissues(evidence, reissues)
    return Gathered(evidence, kept.sources(), (*left, *refused))


def looked_at(
    config: Settings,
    deployed: Sequence[BridgeContract],
    books: Registry,
    statements: Sequence[Path],
    claims: Sequence[Path],
    mappings: Sequence[Path],
    reissues: Sequence[Path] = (),
) -> Gathered:
    """Read from the counterparts themselves, and kept nowhere; files are read anew each time."""
    from dataclasses import replace

    from bridge import bootstrap
    from bridge.daemon.inspection import Gathered
    from bridge.reconcile.archive import named_twice, not_compared

    read, peers = read_claims(claims), _peers(mappings)
    for name in read.keys() & peers.keys():
        raise named_twice(name)
    read |= peers
    found = [claim for one in read.values() for claim in one.claims]
    links = [link for one in read.values() for link in one.links]
    evidence = bootstrap.all_evidence(deployed, books, list(config.programmes), found, links)
    given = bootstrap.read_statements(config, statements)
    evidence = replace(
        evidence,
        statements=[*evidence.statements, *(statement for statement, _, _ in given)],
        endorsements=[*evidence.endorsements, *(one for _, vouched, _ in given for one in vouched)],
    )
    evidence, refused = _with_reissues(evidence, reissues)
    unread = not_compared({name: one.rejected for name, one in read.items()})
    return Gathered(evidence, list(read), (*(row for _, _, some in given for row in some), *unread, *refused))


def _with_reissues(evidence: Evidence, paths: Sequence[Path]) -> tuple[Evidence, tuple[NotCompared, ...]]:
    """And the rows of the files that could not be read."""
    from dataclasses import replace

    from bridge.reconcile.archive import not_compared
    from bridge.reconcile.reissues import read_reissues

    read = [(path.name, read_reissues(path)) for path in dict.fromkeys(path.resolve() for path in paths)]
    told = (*evidence.reissues, *(one for _, some in read for one in some.reissues))
    left = tuple(row for name, one in read for row in not_compared({name: one.rejected}))
    return replace(evidence, reissues=tuple(dict.fromkeys(told))), left


def read_claims(paths: Sequence[Path]) -> dict[str, ClaimsFile]:
    """Each file's claims are a source of their own, named as the file, or by its whole path where names are alike."""
    from bridge.reconcile.claims import read_claims as read

    files = list(dict.fromkeys(path.resolve() for path in paths))
    stems = [path.stem for path in files]
    return {
        name: read(name, path) for path in files for name in [path.stem if stems.count(path.stem) == 1 else str(path)]
    }


def _peers(mappings: Sequence[Path]) -> dict[str, ClaimsFile]:
    from tempfile import TemporaryDirectory

    from bridge import bootstrap, settings
    from bridge.reconcile.archive import EvidenceArchive
    from bridge.reconcile.peers import require_fields

    if not mappings:
        return {}
    with TemporaryDirectory(prefix="carbonbridge-") as folder:
        kept = EvidenceArchive(Path(folder))
        for path in mappings:
            peer = settings.peer(path)
            for event in peer.events:
                require_fields(peer, event)
            kept.keep_peer(peer)
        bootstrap.collect_peers(kept)
        return kept.claims_of_peers()


def _draw(found: Sequence[Any]) -> None:
    from bridge.cli.screen import complain, moment, say, table

    rows = [
        (str(one.deployment), f"{one.logs:,}", f"{one.blocks:,}", one.stamp.number, moment(one.stamp.timestamp))
        for one in found
    ]
    table(["contract", "new logs>", "new blocks>", "up to>", "of"], rows)
    for one in found:
        for stamp in one.left:
            complain(
                f"Warning: block {stamp.number} of chain {one.deployment.chain_id} was final and has left the chain; "
                "what was archived above the last block that still agrees was read anew. Reconcile, and raise the "
                "finality depth"
            )
    say("", "Compare it with: carbonbridge compliance reconcile --archive FOLDER")
