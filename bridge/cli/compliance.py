"""What compliance does: reconcile, read findings, and trip the breaker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli import closing, listing, recovery
from bridge.cli.options import File, Json, Language, Out

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract, ContractCall
    from bridge.domain.findings import NotCompared, Reconciliation
    from bridge.reconcile.claims import ClaimsFile

app = typer.Typer(help="Reconcile, read findings, pause, close, freeze, recover.", no_args_is_help=True)


Claims = Annotated[
    list[Path] | None,
    typer.Option("--claims", metavar="FILE", exists=True, dir_okay=False, help="Another bridge's claims; repeatable."),
]
Format = Annotated[str, typer.Option("--format", metavar="text|json|csv", help="How it is shown and written.")]


@app.command("reconcile", epilog="Example: carbonbridge compliance reconcile --claims others.ndjson --out report.json")
def reconcile(
    claims: Claims = None, out: Out = None, lang: Language = None, form: Format = "text", as_json: Json = False
) -> None:
    """Compare the final chain, the registry's statements and others' claims, serial by serial.

    Ends with 1 when there is a break, or a line of claims that could not be compared.

    A claims file has one JSON object a line, such as {"claim_id": "b1", "state": "minted", "kg": 24000, "registry":
    "VERRA", "serial": "…"}. --out writes JSON that `findings` shows again, unless --format says otherwise.
    """
    from bridge.cli.findings import keep, language, require_format, show
    from bridge.cli.screen import say

    spoken, form = language(lang), require_format("json" if as_json else form)
    read = _read_claims(claims or [])
    found = _reconcile(read, quiet=as_json)
    if out:
        keep(found, out, form, spoken)
    show(found, form, spoken)
    if out and form == "text":
        say("", f"written to {out}")
    raise typer.Exit(0 if found.clean else 1)


@app.command("findings", epilog="Example: carbonbridge compliance findings report.json --severity break")
def findings(
    file: File,
    severity: Annotated[str | None, typer.Option(metavar="break|warning|info", help="Only these.")] = None,
    lang: Language = None,
    form: Format = "text",
    as_json: Json = False,
) -> None:
    """Show a stored reconciliation again, or its findings of one severity. Ends with 1 when it holds a break."""
    from bridge.cli.findings import language, of_severity, read, require_format, show, show_some

    spoken, form = language(lang), require_format("json" if as_json else form)
    found = read(file)
    if severity is None:
        show(found, form, spoken)
    else:
        show_some(of_severity(found, severity), as_json)
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


def _read_claims(paths: Sequence[Path]) -> dict[str, ClaimsFile]:
    """Each file's claims are a source of their own, named as the file, or by its whole path where names are alike."""
    from bridge.reconcile.claims import read_claims

    files = list(dict.fromkeys(path.resolve() for path in paths))
    stems = [path.stem for path in files]
    return {
        name: read_claims(name, path)
        for path in files
        for name in [path.stem if stems.count(path.stem) == 1 else str(path)]
    }


def _reconcile(read: Mapping[str, ClaimsFile], *, quiet: bool) -> Reconciliation:
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import progress
    from bridge.reconcile.reconcile import reconcile as compare

    config = settings.load()
    contract, books = bootstrap.contract(config), bootstrap.registry(config, ask)
    claims = [claim for one in read.values() for claim in one.claims]
    links = [link for one in read.values() for link in one.links]
    with progress("Reading and comparing", 2, quiet) as step:
        evidence = bootstrap.evidence(contract, books, list(config.programmes), claims, links, int(time.time()))
        step(1)
        found = compare(evidence)
        step(1)
    return found.model_copy(update={"not_compared": _rejected(read)})


def _rejected(read: Mapping[str, ClaimsFile]) -> tuple[NotCompared, ...]:
    """Lines that could not be compared are never dropped in silence."""
    from bridge.domain.findings import NotCompared

    return tuple(
        NotCompared(source=name, line=row.line, reason=row.reason, content=row.content)
        for name, one in read.items()
        for row in one.rejected
    )


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
