"""What compliance does: reconcile, read findings, and trip the breaker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import closing, collecting, listing, recovery, runs, sealing
from bridge.cli.collecting import Archive, Claims, Mappings, Reissues, Statements
from bridge.cli.options import File, Json, Language, Out

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract, ContractCall
    from bridge.daemon.inspection import Inspected

app = typer.Typer(help="Reconcile, read findings, pause, close, freeze, recover.", no_args_is_help=True)


Format = Annotated[str, typer.Option("--format", metavar="FORM", help="text, json, csv, md or html.")]
Sign = Annotated[bool, typer.Option("--sign", help="Sign what --out writes, with compliance's key.")]
Accept = Annotated[
    bool, typer.Option("--accept-acknowledged", help="End with 0 when each break is acknowledged as it is.")
]
Full = Annotated[bool, typer.Option("--full", help="With --archive: compare all, whatever an earlier run has left.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing when all is well, as cron likes it.")]


app.command("collect", epilog="Example: carbonbridge compliance collect --archive evidence --claims others.ndjson")(
    collecting.collect
)


@app.command(
    "reconcile",
    epilog="Example: carbonbridge compliance reconcile --claims others.ndjson --out report.json\n\n"
    "Example: carbonbridge compliance reconcile --archive evidence --mapping other-bridge.toml\n\n"
    "Example: carbonbridge compliance reconcile --out report.html --format html --lang ja --sign",
)
def reconcile(
    archive: Archive = None,
    statement: Statements = None,
    claims: Claims = None,
    mapping: Mappings = None,
    reissues: Reissues = None,
    out: Out = None,
    lang: Language = None,
    form: Format = "text",
    sign: Sign = False,
    accept: Accept = False,
    full: Full = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Compare the final chain, the registry's statements and others' claims, serial by serial.

    Ends with 1 when there is a break, or a line of claims or re-issues that could not be compared; with 3 when all is
    well and an alert could not be delivered; with 5 while another run is on.

    Every run is kept, compared with those before, and told to those whom the configuration names.

    With --archive it compares what `collect` has kept, and asks no node and no registry; what is named besides is kept
    there first, but for re-issues. That is no run: it is neither kept nor told, and pauses nothing. The next one reads
    only what is new since, and what that touches; its answer is that of comparing all, which --full does.

    A claims file has one JSON object a line, such as {"claim_id": "b1", "state": "minted", "kg": 24000, "registry":
    "VERRA", "serial": "…"}; one of re-issues is CSV: source, origin_registry, origin_serial, becomes_registry,
    becomes_serial. --out writes JSON that `findings` shows again; with --format md, html or csv that form,
    and the JSON beside it.
    """
    from bridge.cli.findings import keep, language, require_format
    from bridge.cli.runs import comparison, show_run
    from bridge.cli.screen import progress, say
    from bridge.cli.sealing import require_out, sign_file

    spoken, form = language(lang), require_format(form)
    require_out(out, form, sign)
    form = "json" if as_json and form == "text" else form
    compare = comparison(archive, claims or [], statement or [], mapping or [], reissues or [], full=full)
    with progress("Reading and comparing", 2, quiet or as_json) as step:
        met = compare(step)
    place = keep(met.found, out, form, spoken) if out else None
    sealed = sign_file(place) if place and sign else None
    shown = "json" if as_json else form
    show_run(met, shown, spoken, quiet=quiet, written=out is not None)
    if shown != "json" and not quiet:
        say(*(f"written to {one}" for one in dict.fromkeys((out, place, sealed)) if one))
    raise typer.Exit(_exit_code(met, accept))


def _exit_code(met: Inspected, accept: bool) -> int:
    from bridge.errors import Unreachable

    found = met.found
    well = found.clean or (accept and not found.unaccepted and not found.not_compared)
    return 1 if not well else Unreachable.exit_code if met.troubles else 0


@app.command(
    "findings",
    epilog="Example: carbonbridge compliance findings report.json --severity break\n\n"
    "Example: carbonbridge compliance findings report.json --format html --lang ja --out report.html",
)
def findings(
    file: File,
    severity: Annotated[str | None, typer.Option(metavar="break|warning|info", help="Only these.")] = None,
    out: Out = None,
    lang: Language = None,
    form: Format = "text",
    as_json: Json = False,
) -> None:
    """Show a stored reconciliation again, or its findings of one severity. Ends with 1 when it holds a break.

    With --out and --format md, html or csv it is written in that form, letter by letter as `verify` wants it.
    """
    from bridge.cli.findings import language, of_severity, read, require_format, show, show_some, write

    spoken, form = language(lang), require_format("json" if as_json else form)
    found = read(file)
    if severity is not None:
        show_some(of_severity(found, severity), as_json)
    elif out is not None:
        write(found, file, out, form, spoken)
    else:
        show(found, form, spoken)
    raise typer.Exit(0 if found.clean else 1)


@app.command("pause", epilog="Example: carbonbridge compliance pause")
def pause(as_json: Json = False) -> None:
    """Stop minting and new requests, with the guardian's key. Settlements and returns go on."""
    words = "paused: no minting and no new requests until the admin unpauses"
    _send("guardian", "pause", [], lambda contract: contract.functions.pause(), words, as_json)


@app.command("unpause", epilog="Example: carbonbridge compliance unpause")
def unpause(as_json: Json = False) -> None:
    """Let minting and new requests go on, with the admin's key."""
    _send("admin", "unpause", [], lambda contract: contract.functions.unpause(), "unpaused", as_json)


@app.command("freeze", epilog="Example: carbonbridge compliance freeze 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
def freeze(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="An address, or a key's name.")],
    as_json: Json = False,
) -> None:
    """Freeze an account for thirty days, with the guardian's key: it can neither send nor ask.

    Only in a deployment made with `operator deploy --freezable`.
    """
    from bridge import settings
    from bridge.cli.naming import address
    from bridge.cli.screen import checksummed

    frozen = checksummed(address(settings.load(), account))
    words = f"froze {frozen} for thirty days; the admin can confirm or lift it"
    _send("guardian", "freeze", [frozen], lambda contract: contract.freeze(frozen), words, as_json)


app.command("quarantine", epilog="Example: carbonbridge compliance quarantine 'VERRA 1340 2020 VCU'")(
    closing.quarantine
)
app.command(
    "bar",
    epilog="Example: carbonbridge compliance bar project VERRA 1340\n\n"
    "Example: carbonbridge compliance bar methodology VERRA VM0007",
)(closing.bar)
app.command("list", epilog="Example: carbonbridge compliance list alice bob")(listing.list_accounts)
app.command("strike", epilog="Example: carbonbridge compliance strike mallory")(listing.strike)
app.add_typer(recovery.app, name="recovery")
app.command(
    "acknowledge",
    epilog='Example: carbonbridge compliance acknowledge 0x4f3a --reason "corrected on Monday" --by "Aya Sato"',
)(runs.acknowledge)
app.command(
    "history",
    epilog="Example: carbonbridge compliance history\n\nExample: carbonbridge compliance history --finding 0x4f3a\n\n"
    "Example: carbonbridge compliance history --run 12 --out report.json",
)(runs.history)
app.command("watch", epilog="Example: carbonbridge compliance watch --every 6h --port 9465 --log json")(runs.watch)
app.command("sign", epilog="Example: carbonbridge compliance sign report.json")(sealing.sign)
app.command(
    "anchor",
    epilog="Example: carbonbridge compliance anchor report.json\n\n"
    "Example: carbonbridge compliance anchor report.json --deploy",
)(sealing.anchor)
app.command(
    "verify",
    epilog="Example: carbonbridge compliance verify report.json --also report.html --by "
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
)(sealing.verify)


def _send(
    key: str,
    door: str,
    arguments: Sequence[str],
    call: Callable[[BridgeContract], ContractCall],
    words: str,
    as_json: bool,
) -> None:
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say

    config = settings.load()
    contract = bootstrap.contract(config)
    ready = call(contract)
    tx_hash = bootstrap.sender(config, key, ask).send_and_wait(ready)
    if as_json:
        emit({"done": door, "by": key, "arguments": list(arguments), "transaction": tx_hash})
    else:
        say(words, f"transaction {tx_hash}")
