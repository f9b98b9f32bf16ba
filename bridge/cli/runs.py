"""Runs of compliance: one now, one every so often, those of the past, and what people say of their findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.collecting import Claims, Mappings, Reissues, Statements
from bridge.cli.options import Json, Out
from bridge.cli.running import Port

if TYPE_CHECKING:
    from bridge.daemon.inspection import Gathered, Inspected, Inspector
    from bridge.report.messages import Language

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHORTEST_SECONDS = 10


def inspector(
    claims: Sequence[Path], statements: Sequence[Path], mappings: Sequence[Path], reissues: Sequence[Path]
) -> Inspector:
    """Files are read anew for each run."""
    from bridge import bootstrap, settings
    from bridge.cli.collecting import looked_at
    from bridge.cli.passwords import ask

    config = settings.load()
    deployed, books = bootstrap.contracts(config), bootstrap.registry(config, ask)

    def gather() -> Gathered:
        return looked_at(config, deployed, books, statements, claims, mappings, reissues)

    return bootstrap.inspector(config, ask, deployed[0], gather)


def comparison(
    archive: Path | None,
    claims: Sequence[Path],
    statements: Sequence[Path],
    mappings: Sequence[Path],
    reissues: Sequence[Path],
    *,
    full: bool = False,
) -> Callable[[Callable[[int], None]], Inspected]:
    """A run; or what was archived, compared. That is no run: an archive may be of any age, and must neither close what
    has been found since nor tell it anew. `full`: without the checkpoint of an earlier comparison."""
    if archive is None:
        return inspector(claims, statements, mappings, reissues).inspect

    def look(step: Callable[[int], None]) -> Inspected:
        from bridge.cli.collecting import archived
        from bridge.daemon.inspection import Inspected, reported
        from bridge.reconcile.incremental import compare

        gathered = archived(archive, statements, claims, mappings, reissues)
        step(1)
        done = compare(gathered.evidence, folder=archive / "checkpoint", full=full)
        step(1)
        return Inspected(reported(done.found, gathered), (), done.words)

    return look


def show_run(met: Inspected, form: str, spoken: Language, *, quiet: bool, written: bool) -> None:
    """Forms that are files are shown as text where they were written to one. What is not well is said in any case."""
    from bridge.cli.findings import show
    from bridge.cli.screen import complain, say
    from bridge.report.text import verdict
    from bridge.report.words import words

    if not quiet:
        show(met.found, "text" if written and form in ("md", "html") else form, spoken)
        if met.how and form == "text":
            say("", met.how)
    elif not met.found.clean:
        say(*verdict(met.found, words(spoken)))
    for trouble in met.troubles:
        complain(f"carbonbridge: not told, and stored for the next run: {trouble}")


def acknowledge(
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="The finding's id, or the beginning of it.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it may stand for now.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who says so.")],
    as_json: Json = False,
) -> None:
    """Put it down that somebody knows of an open finding, and why it may stand.

    It stays a break, is listed and marked with name and reason. The word is kept for good; it holds until the finding
    concerns other serials, units or another severity.
    """
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say
    from bridge.errors import UsageError

    if not reason.strip() or not by.strip():
        raise UsageError("an acknowledgement has a reason and a name: --reason TEXT --by NAME")
    kept = bootstrap.cases(settings.load())
    found, word = kept.acknowledge(finding, reason.strip(), by.strip(), bootstrap.this_machines_clock())
    if as_json:
        emit(word.model_dump(mode="json"))
        return
    say(f"acknowledged by {word.by}: {found.rule}, {found.subject}", "It is marked so from the next run on.")


def history(
    run: Annotated[int | None, typer.Option(metavar="NUMBER", help="The report of this run again, as JSON.")] = None,
    finding: Annotated[str | None, typer.Option(metavar="FINDING", help="What became of one finding.")] = None,
    out: Out = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the runs that were kept, newest first; or one run's report, or one finding's story."""
    from bridge import bootstrap, settings
    from bridge.cli.files import write_file
    from bridge.cli.screen import emit, emit_json, moment, say, table

    kept = bootstrap.cases(settings.load())
    if finding is not None:
        _show_story(kept.sightings(finding), as_json)
        return
    if run is not None:
        stored = kept.report(run).decode() + "\n"
        if out:
            write_file(out, stored)
            say(f"written to {out}")
        else:
            emit_json(stored)
        return
    rows = kept.runs(limit)
    if as_json:
        emit([row.model_dump(mode="json") for row in rows])
        return
    table(
        ["run>", "begun", "clean", "breaks>", "new>", "closed>", "report"],
        [
            (r.number, moment(r.begun_at), "yes" if r.clean else "no", r.breaks, r.opened, r.closed, r.report_hash[:18])
            for r in rows
        ],
        "no runs yet; begin with: carbonbridge compliance reconcile",
    )


def _show_story(story: tuple, as_json: bool) -> None:  # type: ignore[type-arg]
    from bridge.cli.screen import emit, facts, moment

    found, seen, closed, said = story
    if as_json:
        words = [word.model_dump(mode="json") for word in said]
        emit(
            {"finding": found.model_dump(mode="json") | {"id": found.id}, "seen": seen, "closed": closed}
            | {"words": words}
        )
        return
    told = [("acknowledged", f"{word.by}, {moment(word.at)}: {word.reason}") for word in said]
    spans = ", ".join(str(span) for span in found.ranges[:5]) or "-"
    runs = f"{len(seen)} times, from run {seen[0]} to run {seen[-1]}"
    ended = ", ".join(f"run {number}" for number in closed) or "not yet"
    rows = [("finding", found.id), ("rule", found.rule), ("subject", found.subject), ("serials", spans)]
    facts([*rows, ("seen", runs), ("closed", ended), *told])


def watch(
    every: Annotated[
        str, typer.Option(metavar="TIME", help="Between the beginnings of runs: 90s, 15m, 6h, 1d.")
    ] = "6h",
    claims: Claims = None,
    statement: Statements = None,
    mapping: Mappings = None,
    reissues: Reissues = None,
    reports: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write each run's report here, as JSON and HTML.")
    ] = None,
    sign: Annotated[bool, typer.Option("--sign", help="Sign each report, with compliance's key.")] = False,
    port: Port = 9465,
    log: Annotated[
        str | None, typer.Option("--log", metavar="json|text", help="How the log is written; text at a terminal.")
    ] = None,
) -> None:
    """Reconcile every so often by itself until it is stopped (Ctrl-C, SIGTERM), which waits for the run at hand.

    It says what it found in its log and to those whom the configuration names; /health and /metrics are on loopback.
    """
    from bridge.cli.running import logged, stop_on_signals
    from bridge.cli.screen import complain
    from bridge.cli.sealing import require_folder
    from bridge.daemon.health import Health
    from bridge.daemon.server import LOOPBACK, serving
    from bridge.daemon.watching import Figures, Watch

    seconds = seconds_of(every)
    require_folder(reports, sign)
    logged(log)
    health = Health(longest_turn_seconds=2 * seconds + 3600)
    figures = Figures(health)
    inspected = inspector(claims or [], statement or [], mapping or [], reissues or [])
    watching = Watch(inspected, figures, seconds, _keeper(reports, sign))
    stop_on_signals(watching.stop.set)
    with serving(health, figures.registry, port) as served:
        complain(f"health and metrics at http://{LOOPBACK}:{served}/health and /metrics; Ctrl-C stops")
        watching.run()


def _keeper(reports: Path | None, sign: bool) -> Callable[[Inspected], None]:
    """Writes each report into the folder; the key is opened before the first one."""
    from bridge.cli.findings import keep, language
    from bridge.cli.sealing import signing

    if reports is None:
        return lambda _: None
    sealing = signing() if sign else None
    spoken = language(None)

    def kept(met: Inspected) -> None:
        notes = met.found.run
        name = f"run-{notes.number:06}.html" if notes else "run.html"
        place = keep(met.found, reports / name, "html", spoken)
        if sealing:
            sealing(place)

    return kept


def seconds_of(text: str) -> int:
    """Raises UsageError for what is no time, or too short a one."""
    from bridge.errors import UsageError

    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdigit() or len(number) > 6:
        raise UsageError(f"{text!r} is no time; write it like 90s, 15m, 6h or 1d")
    seconds = int(number) * _UNITS[unit]
    if seconds < _SHORTEST_SECONDS:
        raise UsageError(f"{text} is too short: no run begins within {_SHORTEST_SECONDS} seconds of another")
    return seconds
