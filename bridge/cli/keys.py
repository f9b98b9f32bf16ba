"""A fresh configuration with its keys, and further keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import Json

if TYPE_CHECKING:
    from bridge.domain.credit_class import Terms
    from bridge.settings import Settings

app = typer.Typer(help="Keys, used by name: encrypted files in keys/, or with a signer.", no_args_is_help=True)

DEV_RPC = "http://127.0.0.1:8545"
ATTESTERS = ("attester-1", "attester-2", "attester-3")
PROGRAMMES = ("VERRA", "GS", "ITL", "ACR", "CAR")
"""Registries whose credits a new configuration is ready to bridge; others are added to it by hand."""
NAMES = ("admin", "operator", "guardian", "compliance", *ATTESTERS, "holder")
Light = Annotated[bool, typer.Option("--dev", help="Cheap key derivation, for chains on this machine alone.")]


def init(
    rpc: Annotated[str | None, typer.Option(metavar="URL", help="The chain's node.")] = None,
    dev: Annotated[bool, typer.Option("--dev", help="For a chain on this machine: final at once, cheap keys.")] = False,
    anew: Annotated[
        str | None, typer.Option(metavar="journal|registry", help="Instead, make this lost database anew, empty.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write carbonbridge.toml and new keys into this folder; nothing is overwritten.

    Keys that the environment gives (CARBONBRIDGE_KEY_<NAME>, for tests and CI) are not made.
    """
    from bridge import settings
    from bridge.cli.screen import emit, say, table
    from bridge.errors import UsageError

    if anew is not None:
        _begin_anew(anew, as_json)
        return
    path = settings.config_path()
    if rpc is None and not dev:
        raise UsageError("which chain? Name its node with --rpc URL, or take a chain of your own with --dev")
    _require_nothing(path)
    missing = [name for name in NAMES if name not in settings.environment_keys()]
    secrets = _passwords(missing)
    made = {name: _create(path.parent, name, secrets[name], dev) for name in missing}
    _write_config(path, rpc or DEV_RPC, dev)
    following = "carbonbridge dev chain" if dev else "carbonbridge operator deploy"
    if as_json:
        emit({"config": str(path), "keys": made, "next": following})
        return
    say(f"wrote {path}", "")
    table(["key", "address"], list(made.items()))
    say("", "Keep the password: without it these keys are lost.", f"Next: {following}")


def _begin_anew(which: str, as_json: bool) -> None:
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say
    from bridge.errors import UsageError

    if which not in bootstrap.LOSSES:
        raise UsageError(f"no database {which!r}; there are {' and '.join(bootstrap.LOSSES)}")
    file = bootstrap.begin_anew(settings.load(), which)
    if as_json:
        emit({which: str(file)})
    else:
        say(f"made an empty {which}: {file}", bootstrap.LOSSES[which])


@app.command("new", epilog="Example: carbonbridge key new alice")
def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    dev: Light = False,
    as_json: Json = False,
) -> None:
    """Make a new key."""
    from bridge import settings
    from bridge.cli.naming import key_name
    from bridge.cli.screen import emit, say

    config = settings.load()
    _require_free(config, key_name(name))
    made = _create(config.folder, name, _passwords([name])[name], dev)
    if as_json:
        emit({"name": name, "address": made})
        return
    say(f"made key {name}: {made}", f"Next: send it gas, then use it with --key {name}")


@app.command("list", epilog="Example: carbonbridge key list")
def list_keys(as_json: Json = False) -> None:
    """Show every key's name, address and place; no password is needed, and no signer is asked."""
    from bridge import settings
    from bridge.bootstrap import address_of
    from bridge.cli.screen import checksummed, emit, table

    config = settings.load()
    found = {name: (checksummed(address_of(config, name)), _place(config, name)) for name in config.key_names()}
    if as_json:
        emit({name: {"address": address, "place": place} for name, (address, place) in found.items()})
        return
    rows = [(name, *row) for name, row in found.items()]
    table(["key", "address", "place"], rows, "no keys yet; make one with: carbonbridge key new NAME")


def _place(config: Settings, name: str) -> str:
    """In few words: a file in keys/, a variable, or a signer's address."""
    from bridge.settings import KeyPlace

    place = config.key_place(name)
    if place is KeyPlace.SIGNER:
        return f"{config.signers[name].kind} {config.signers[name].url}"
    return str(place)


def _require_free(config: Settings, name: str) -> None:
    from bridge.errors import UsageError
    from bridge.settings import KeyPlace

    if config.key_place(name) is not KeyPlace.FILE:
        raise UsageError(f"key {name} lives elsewhere already ({_place(config, name)}); see: carbonbridge key list")


def _require_nothing(path: Path) -> None:
    from bridge.errors import UsageError

    for taken in (path, *(path.parent / "keys" / f"{name}.json" for name in NAMES)):
        if taken.exists():
            raise UsageError(f"{taken} exists already; nothing was changed. Use another folder for a new start")


def _passwords(names: Sequence[str]) -> dict[str, str]:
    """One password for all that have none set; people may give each its own by making keys one by one."""
    from bridge.cli.passwords import ask_for_new
    from bridge.settings import password

    known = {name: password(name) for name in names}
    typed = ask_for_new(names) if None in known.values() else ""
    return {name: secret or typed for name, secret in known.items()}


def _create(folder: Path, name: str, secret: str, light: bool) -> str:
    from bridge.chain.signers import create_keystore
    from bridge.cli.screen import checksummed

    return checksummed(create_keystore(folder / "keys" / f"{name}.json", secret, light=light))


def _write_config(path: Path, rpc: str, dev: bool) -> None:
    from bridge.cli.files import write_file

    write_file(path, _config(rpc, dev))


def _config(rpc: str, dev: bool) -> str:
    from bridge.registry.statements.grammar import grammar

    finality = "0" if dev else '"finalized"'
    programmes = [_programme(one.code, one.name, _terms(one.kg_per_unit, dev)) for one in map(grammar, PROGRAMMES)]
    return _HEAD.format(rpc=rpc, finality=finality) + "".join(programmes)


def _terms(kg_per_unit: int, dev: bool) -> Terms:
    """A week to answer and two days to object; on a chain of one's own a day and an hour."""
    from bridge.domain.credit_class import Terms

    hour, day = 3600, 86_400
    if dev:
        return Terms(request_deadline_seconds=day, challenge_seconds=hour, challenge_blocks=1, kg_per_unit=kg_per_unit)
    return Terms(
        request_deadline_seconds=7 * day, challenge_seconds=2 * day, challenge_blocks=1000, kg_per_unit=kg_per_unit
    )


def _programme(code: str, name: str, terms: Terms) -> str:
    listed = ", ".join(f'"{attester}"' for attester in ATTESTERS)
    lines = [f"{field} = {value}" for field, value in terms.model_dump(exclude_defaults=True).items()]
    head = [f"\n# {name}", f"[programmes.{code}]", "threshold = 2", f"attesters = [{listed}]"]
    return "\n".join([*head, f"[programmes.{code}.terms]", *lines, ""])


_HEAD = """\
# The one configuration file of carbonbridge. Relative paths start in this file's folder.
# Passwords never stand here: CARBONBRIDGE_PASSWORD_<NAME>_FILE, CARBONBRIDGE_PASSWORD_FILE or CARBONBRIDGE_PASSWORD
# name them, else the command asks.

[chain]
rpc = "{rpc}"
# What counts as final: the chain's own "finalized", or a number of blocks. A number bets that no reorganisation goes
# deeper; a registry that has acted on a block cannot undo it. 0 is for a chain of your own.
finality = {finality}

# What the bridge is about to do and has done: an SQLite file, or a PostgreSQL database of its own such as
# "postgresql://bridge@db.example/journal", whose password belongs in ~/.pgpass.
[journal]
url = "sqlite:///journal.db"

# The embedded registry's ledger, in either as well.
[registry]
url = "sqlite:///registry.db"

# A key that another process holds, instead of a file in keys/; an attester's belongs with the registry's process alone.
# kind: "web3signer", "clef", or "node" for a rehearsal's. https, or http on this machine. Every answer is checked. A
# bearer token stands in the file that CARBONBRIDGE_SIGNER_TOKEN_<NAME>_FILE names, never here. Optional: ca,
# certificate and certificate_key (PEM files), answer_seconds, plain_http = true (http to another machine).
# [signers.operator]
# url = "https://signer.example:9000"
# address = "0x..."
# kind = "web3signer"

# A programme: how many of which keys must sign for it, and the terms that its classes copy for good: seconds until a
# holder may call an unanswered request back, seconds and blocks until he may take it back, kilograms a unit weighs.
# Optional: statement_seconds (mints lean on a statement no older), admission_required = true (nothing mints before
# project and methodology are admitted), recoverer = "0x..." and recovery_seconds (a week or more).
# What may be locked at all stands in [programmes.CODE.gate], such as: article6 = ["oimp", "both"],
# corsia_phase = "first", or methodologies = {{ barred = ["AMS-I.D"] }}.
"""
