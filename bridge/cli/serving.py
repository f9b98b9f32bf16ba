"""The registry as a process of its own: serving it, who may ask, and what was asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Out
from bridge.cli.running import stop_on_signals

if TYPE_CHECKING:
    from bridge.registry.service.tokens import Token

tokens = typer.Typer(help="Who may ask the registry's service, and for what.", no_args_is_help=True)
audit = typer.Typer(help="The trail of what was asked of the registry's service.", no_args_is_help=True)
_DAY = 86_400

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="On which address of this machine it listens.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="On which port; 0 takes a free one.")]
Rate = Annotated[str, typer.Option(metavar="N/PERIOD", help="How often one token may ask.")]
Pem = Annotated[
    Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A PEM file; the two go together.")
]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="Beyond this machine without TLS: a proxy that has it stands before.")
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8700,
    rate: Rate = "6000/minute",
    certificate: Pem = None,
    certificate_key: Pem = None,
    plain_http: PlainHttp = False,
    as_json: Json = False,
) -> None:
    """Serve the registry to bridges over HTTP until it is stopped (Ctrl-C, SIGTERM).

    The attesters' keys are opened here, and nowhere else: elsewhere the configuration's registry is this address.
    /openapi.json describes it, /healthz says whether the books can be opened.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import complain, emit
    from bridge.errors import UsageError
    from bridge.registry.service.server import Server, bound

    if (certificate is None) != (certificate_key is None):
        raise UsageError("--certificate and --certificate-key go together")
    tls = (certificate, certificate_key) if certificate and certificate_key else None
    scheme = "https" if tls else "http"
    _require_private(f"{scheme}://{f'[{host}]' if ':' in host else host}", plain_http)
    app = bootstrap.service(settings.load(), ask, rate)
    with bound(host, port) as listener:
        url = f"{scheme}://{host}:{listener.getsockname()[1]}"
        server = Server(app, listener, tls)
        stop_on_signals(server.stop)
        if as_json:
            emit({"url": url})
        else:
            complain(f"the registry is served at {url}, described at /openapi.json; Ctrl-C stops")
        server.serve_until_stopped()


def _require_private(url: str, plain_http: bool) -> None:
    from bridge.domain.signing import is_private
    from bridge.errors import UsageError

    if not is_private(url) and not plain_http:
        raise UsageError(
            "tokens would travel in the clear: name --certificate and --certificate-key, or say --plain-http where a "
            "proxy with TLS stands before it"
        )


@tokens.command("create", epilog="Example: carbonbridge registry token create operator --scope bridge --days 90")
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for people.")],
    scope: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help="bridge, holder, reader or depositor; repeatable.")
    ],
    account: Annotated[str | None, typer.Option(metavar="NAME", help="From which a depositor orders.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="How long it is good; else until revoked.")] = None,
    as_json: Json = False,
) -> None:
    """Make a token, and show it once: only its hash is kept.

    A bridge drives deposits and requests of the configured deployment, a holder tells for whom he retires, a reader
    asks for statements, and a depositor orders from his account. The token alone goes to stdout, as a file wants it.
    """
    from bridge import bootstrap, settings
    from bridge.cli.screen import complain, emit, say

    config = settings.load()
    deployment = bootstrap.contract(config).deployment if set(scope) - {"depositor"} else None
    valid = None if days is None else days * _DAY
    made, text = bootstrap.tokens(config).create(name, scope, deployment, account, valid)  # type: ignore[arg-type]
    if as_json:
        emit(_row(made) | {"token": text})
        return
    say(text)
    complain(f"token {made.id} of {name!r}, for {', '.join(made.scopes)}; it is not shown again")


@tokens.command("list", epilog="Example: carbonbridge registry token list")
def list_tokens(as_json: Json = False) -> None:
    """List all tokens that were ever made, without their secrets."""
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, moment, table

    found = bootstrap.tokens(settings.load()).all()
    if as_json:
        emit([_row(one) for one in found])
        return
    rows = [
        (one.id, one.name, " ".join(one.scopes), _until(one, moment), "revoked" if one.revoked_at is not None else "")
        for one in found
    ]
    table(["token", "of", "for", "until (UTC)", ""], rows, "no tokens yet; make one with: registry token create NAME")


@tokens.command("revoke", epilog="Example: carbonbridge registry token revoke 1f2e3d4c5b6a7988")
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its public id, as the list shows it.")],
    as_json: Json = False,
) -> None:
    """Revoke a token for good; again changes nothing."""
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say

    gone = bootstrap.tokens(settings.load()).revoke(token)
    if as_json:
        emit(_row(gone))
    else:
        say(f"token {gone.id} of {gone.name!r} opens nothing any more")


@audit.command("verify", epilog="Example: carbonbridge registry audit verify")
def verify(
    kept: Annotated[
        str | None, typer.Option("--kept", metavar="HASH", help="A last hash that you kept: is it still in the chain?")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the chain of hashes, and name the first row that breaks it. Ends with 1 when one does.

    Nobody sees from the rows alone that the last ones were cut off: keep the last hash elsewhere, and give it later.
    """
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say
    from bridge.registry.service.audit import verify as checked

    found = checked(bootstrap.ledger(settings.load()).engine, kept)
    if as_json:
        emit(found.model_dump())
    elif found.broken:
        say(f"the trail is broken: {found.broken}")
    else:
        say(f"{found.rows:,} rows, each the next of the one before", f"last hash {found.last}")
    raise typer.Exit(1 if found.broken else 0)


@audit.command("export", epilog="Example: carbonbridge registry audit export --out audit.ndjson")
def export(out: Out = None, as_json: Json = False) -> None:
    """Write the trail as JSON lines, each canonical (RFC 8785), as it was hashed."""
    from bridge import bootstrap, settings
    from bridge.cli.files import write_file
    from bridge.cli.screen import emit, say
    from bridge.registry.service.audit import trail
    from bridge.registry.wire import canonical

    links = list(trail(bootstrap.ledger(settings.load()).engine))
    if out:
        write_file(out, "".join(canonical(link).decode() + "\n" for link in links))
    if as_json:
        emit([link.model_dump() for link in links])
    elif out:
        say(f"wrote {len(links):,} rows to {out}")
    else:
        for link in links:
            typer.echo(canonical(link).decode())


def _row(token: Token) -> dict[str, Any]:
    row = token.model_dump(mode="json", exclude={"deployment"})
    return row | {"deployment": str(token.deployment) if token.deployment else None}


def _until(token: Token, moment: Any) -> str:
    return "" if token.expires_at is None else str(moment(token.expires_at))[:16]
