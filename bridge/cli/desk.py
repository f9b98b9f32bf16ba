"""The desk of a registry that has only screens: what officers have to do there, and what they attest of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Language, Out

if TYPE_CHECKING:
    from bridge.registry.counterpart import ActRecord
    from bridge.registry.desk.desk import Desk
    from bridge.settings import Settings

app = typer.Typer(help="A registry with screens only: what officers do there by hand.", no_args_is_help=True)

Act = Annotated[str, typer.Argument(metavar="ACT", help="The act's id, or a prefix of it.")]
Officer = Annotated[str, typer.Option("--key", metavar="NAME", help="The officer's key, by name.")]
Reference = Annotated[str, typer.Option("--reference", metavar="TEXT", help="That registry's own, from its screens.")]


@app.command("list", epilog="Example: carbonbridge registry desk list")
def list_work(
    everything: Annotated[bool, typer.Option("--all", help="What is done or given up, too.")] = False,
    as_json: Json = False,
) -> None:
    """List what waits at the desk, oldest first: for how long, how many have confirmed it, and until when it is due."""
    from bridge.cli.screen import emit, say, table
    from bridge.registry.desk.sheet import is_late

    rows = [(desk, record) for desk in _desks().values() for record in _records(desk, everything)]
    if as_json:
        emit([_told(desk, record) for desk, record in rows])
        return
    table(
        ["act", "at", "what", "units>", "state", "seen", "age>", "due in>"],
        [_row(desk, record) for desk, record in rows],
        "nothing waits at a desk",
    )
    late = [record for desk, record in rows if record.done is None and is_late(record, desk.rules, desk.ledger.clock())]
    if late:
        say("", f"{len(late)} may come too late: see their sheets")


@app.command("show", epilog="Example: carbonbridge registry desk show 0x5e884898")
def show(act: Act, as_json: Json = False) -> None:
    """Show all that is known of an act: what it went through, and who attested what."""
    from bridge.cli.screen import emit, facts, moment, say, table

    desk, record = _find(act)
    steps = desk.ledger.steps(record.act.id)
    if as_json:
        emit(
            _told(desk, record)
            | {
                "document": record.act.model_dump(mode="json"),
                "steps": [{"at": at, "state": state, "words": words} for at, state, words in steps],
                "confirmations": [one.model_dump(mode="json") for one in record.confirmed],
            }
        )
        return
    facts(
        [("act", record.act.id), ("is", record.act.what), ("for", record.act.subject), ("waits", _waits(desk, record))]
    )
    say("")
    table(["when (UTC)", "state", "why"], [(moment(at)[:16], state, words) for at, state, words in steps])
    told = [
        (desk.officers.get(one.officer, one.officer), said.finding, said.reference, said.evidence[:10])
        for one in record.confirmed
        for said in [one.confirmation]
    ]
    if told:
        say("")
        table(["officer", "attests", "reference", "file"], told)


@app.command(
    "sheet",
    epilog="Example: carbonbridge registry desk sheet 0x5e884898 --lang ja\n\n"
    "Example: carbonbridge registry desk sheet 0x5e884898 --out sheet.html",
)
def sheet(act: Act, lang: Language = None, out: Out = None, as_json: Json = False) -> None:
    """Print what to type into that registry's screens. With --out to a file ending in .html, as a page to print.

    It is there only when what it follows from is final on chain.
    """
    from bridge.cli.files import write_file
    from bridge.cli.findings import language
    from bridge.cli.screen import emit, say, say_text
    from bridge.registry.desk.sheet import as_page, as_text, sheet_of

    desk, record = _find(act)
    books = desk.ledger
    credit_class = books.credit_class(record.act.class_id)
    made = sheet_of(
        record,
        desk.rules,
        {space.id: space for space in books.spaces()},
        credit_class.kg_per_unit if credit_class else 0,
        books.clock(),
        language(lang).value,
    )
    if out:
        write_file(out, as_page(made) if out.suffix.lower() in (".html", ".htm") else as_text(made))
    if as_json:
        emit(made.model_dump(mode="json"))
    elif out:
        say(f"the sheet is in {out}")
    else:
        say_text(as_text(made))


@app.command("file", epilog="Example: carbonbridge registry desk file 0x5e884898 --key officer-1")
def file_act(act: Act, key: Officer, as_json: Json = False) -> None:
    """Record that an officer files an act now, and then file it at the screens: never twice.

    Refused until what the act follows from is final on chain.
    """
    from bridge import bootstrap
    from bridge.cli.passwords import ask

    desk, record = _find(act)
    done = desk.file(record.act.id, bootstrap.signer(_config(), key, ask))
    _say_state(desk, done, as_json, f"{done.words}: file it now at the screens, from the sheet")


@app.command("doubt", epilog="Example: carbonbridge registry desk doubt 0x5e884898 --key officer-1")
def doubt(act: Act, key: Officer, as_json: Json = False) -> None:
    """Say that an act was filed and nobody knows whether it went through: it waits for that registry's list."""
    from bridge import bootstrap
    from bridge.cli.passwords import ask

    desk, record = _find(act)
    done = desk.doubt(record.act.id, bootstrap.signer(_config(), key, ask))
    _say_state(desk, done, as_json, "it is unknown, and nobody files it again before that registry's list has shown it")


@app.command(
    "confirm",
    epilog="Example: carbonbridge registry desk confirm 0x5e884898 --key officer-1 --reference 2026-17 "
    "--evidence screen.pdf",
)
def confirm(
    act: Act,
    key: Officer,
    reference: Reference,
    evidence: Annotated[Path, typer.Option("--evidence", metavar="FILE", help="What shows it; a copy is kept.")],
    as_json: Json = False,
) -> None:
    """Attest that you have seen an act done, with the reference and the file that show it.

    It counts once as many officers as the desk asks for have named the same reference and the same file.
    """
    from bridge import bootstrap
    from bridge.cli.passwords import ask

    desk, record = _find(act)
    done = desk.confirm(record.act.id, bootstrap.signer(_config(), key, ask), reference, evidence)
    _say_state(desk, done, as_json, _waits(desk, done))


@app.command(
    "resolve",
    epilog="Example: carbonbridge registry desk resolve 0x5e884898 --key officer-1 --list serials.csv "
    "--as-of 2026-05-09T10:00+09:00 --reference 2026-17",
)
def resolve(
    act: Act,
    key: Officer,
    serials: Annotated[Path, typer.Option("--list", metavar="FILE", help="That registry's list of serials, as CSV.")],
    as_of: Annotated[str, typer.Option("--as-of", metavar="TIME", help="When it was downloaded; UTC where unsaid.")],
    reference: Annotated[str, typer.Option("--reference", metavar="TEXT", help="That registry's, if it is done.")] = "",
    as_json: Json = False,
) -> None:
    """Resolve an unknown act by that registry's list: done, or to be filed again. Officers attest the same list."""
    from bridge import bootstrap
    from bridge.cli.passwords import ask

    desk, record = _find(act)
    officer = bootstrap.signer(_config(), key, ask)
    done = desk.resolve(record.act.id, officer, serials, _second(as_of), reference)
    _say_state(desk, done, as_json, _waits(desk, done))


def _config() -> Settings:
    from bridge import settings

    return settings.load()


def _desks() -> dict[str, Desk]:
    from bridge import bootstrap

    return bootstrap.desks(_config())


def _records(desk: Desk, everything: bool) -> tuple[ActRecord, ...]:
    return desk.ledger.acts(desk.programme) if everything else desk.work()


def _find(text: str) -> tuple[Desk, ActRecord]:
    """Raises UsageError that lists what there is."""
    from bridge.cli.naming import choose

    found = {record.act.id: (desk, record) for desk in _desks().values() for record in _records(desk, everything=True)}
    return found[choose(text, {act_id: record.act.what for act_id, (_, record) in found.items()}, "act")]


def _row(desk: Desk, record: ActRecord) -> tuple[str, ...]:
    from bridge.cli.screen import short
    from bridge.cli.waiting import span

    now, act = desk.ledger.clock(), record.act
    due = "" if record.done else span(act.due - now)
    counted = f"{_seen(record)}/{desk.rules.threshold}"
    units, age = f"{act.units:,}", span(now - record.since)
    return (short(act.id), act.programme, act.verb.value, units, record.state.value, counted, age, due)


def _seen(record: ActRecord) -> int:
    return sum(one.confirmation.finding != "filed" for one in record.confirmed)


def _told(desk: Desk, record: ActRecord) -> dict[str, Any]:
    from bridge.registry.desk.sheet import days_left, is_late

    act, now = record.act, desk.ledger.clock()
    return {
        "act": act.id,
        "programme": act.programme,
        "verb": act.verb.value,
        "subject": act.subject,
        "units": act.units,
        "state": record.state.value,
        "round": record.round,
        "confirmed": _seen(record),
        "threshold": desk.rules.threshold,
        "since": record.since,
        "age_seconds": now - record.since,
        "due": act.due,
        "days_left": days_left(act.due, now),
        "may_be_late": record.done is None and is_late(record, desk.rules, now),
        "waits": _waits(desk, record),
        "reference": record.done.reference if record.done else None,
        "evidence": record.done.evidence if record.done else None,
    }


def _waits(desk: Desk, record: ActRecord) -> str:
    from bridge.domain.lifecycle import ActState

    if record.done:
        return f"for nothing: it is done as {record.done.reference}"
    return "for nothing: it was given up" if record.state is ActState.VOID else desk.waiting_for(record)


def _say_state(desk: Desk, record: ActRecord, as_json: bool, words: str) -> None:
    from bridge.cli.screen import emit, say

    if as_json:
        emit(_told(desk, record))
    else:
        say(f"{record.act.what}: {record.state}", words)


def _second(text: str) -> int:
    """Seconds since 1970 of an ISO time. Raises UsageError."""
    from datetime import UTC, datetime

    from bridge.errors import UsageError

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time: write it as 2026-05-09T10:00+09:00") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
