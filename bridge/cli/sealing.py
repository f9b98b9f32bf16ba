"""Standing by a report: its signature, its hash on the chain, and whether a file that somebody has is the one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import File, Json

if TYPE_CHECKING:
    from bridge.domain.deployment import Check
    from bridge.domain.sealing import Seal
    from bridge.settings import Settings

SignKey = Annotated[str | None, typer.Option("--key", metavar="NAME", help="Instead of the configured one.")]
AnchorAddress = Annotated[
    str | None,
    typer.Option("--anchors", metavar="ADDRESS", help="The contract that keeps hashes, instead of the configured one."),
]


def sign(file: File, key: SignKey = None, as_json: Json = False) -> None:
    """Sign a stored report with compliance's key; the signature is written beside it, as FILE.sig.json.

    What is signed is the hash of the file's own bytes, as EIP-712 typed data.
    """
    from bridge.cli.screen import checksummed, emit, say

    place = signing(key)(file)
    sealed = _read_seal(place)
    if as_json:
        emit(sealed.model_dump(mode="json"))
        return
    say(f"signed report {sealed.report}", f"by {checksummed(sealed.signer)}", f"written to {place}")


def sign_file(path: Path) -> Path:
    """Gives the place of the signature."""
    return signing()(path)


def signing(key: str | None = None) -> Callable[[Path], Path]:
    """With the key opened, so that whoever waits for a run is not asked for a password after it."""
    from bridge import bootstrap, settings
    from bridge.cli.files import read_bytes, write_file
    from bridge.cli.passwords import ask
    from bridge.errors import MalformedInput
    from bridge.report.sealing import seal

    config = settings.load()
    signer = bootstrap.signer(config, key or config.compliance.key, ask)

    def sign_one(path: Path) -> Path:
        try:
            sealed = seal(read_bytes(path), signer, bootstrap.this_machines_clock())
        except MalformedInput as error:
            raise MalformedInput(f"{path} cannot be signed: {error}") from error
        write_file(beside(path), sealed.model_dump_json(indent=2) + "\n")
        return beside(path)

    return sign_one


def beside(path: Path) -> Path:
    """Where the signature of a report is."""
    return path.with_suffix(".sig.json")


def require_out(out: Path | None, form: str, sign: bool) -> None:
    """Before a run, which would be kept and told though its report could not be written."""
    from bridge.errors import UsageError

    if out is not None and form not in ("text", "json") and out.suffix == ".json":
        raise UsageError(f"{out} would be the JSON beside it; name the file for its form, such as report.{form}")
    if sign and out is None:
        raise UsageError("--sign signs what --out writes: name a file with --out")


def require_folder(folder: Path | None, sign: bool) -> None:
    from bridge.errors import UsageError

    if sign and folder is None:
        raise UsageError("--sign signs what --reports writes: name a folder with --reports")
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is no folder: make it first")


def anchor(
    file: File,
    key: SignKey = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="Make the contract first, where none is named.")] = False,
    as_json: Json = False,
) -> None:
    """Write a report's hash into the chain with compliance's key, so that nobody can say it was made later.

    Nothing else of it becomes public. The first time counts; again there is nothing left to do.
    """
    from bridge import bootstrap, settings
    from bridge.cli.files import read_bytes
    from bridge.cli.passwords import ask
    from bridge.cli.screen import checksummed, emit, say
    from bridge.errors import MalformedInput
    from bridge.report.sealing import hash_of, is_canonical, read_report

    config = settings.load()
    stored = read_bytes(file)
    read_report(stored)
    if not is_canonical(stored):
        raise MalformedInput(f"{file} is not as it was written: anchor the report that was signed")
    name = key or config.compliance.key
    if deploy:
        config = _deploy(config, name)
    anchors = bootstrap.anchors(config)
    tx_hash = bootstrap.sender(config, name, ask).send_and_wait(anchors.anchoring(hash_of(stored)))
    by = checksummed(bootstrap.address_of(config, name))
    if as_json:
        emit({"report": hash_of(stored), "by": by, "anchors": config.compliance.anchors, "transaction": tx_hash})
        return
    say(f"anchored report {hash_of(stored)}", f"by {by}", f"transaction {tx_hash}")


def _deploy(config: Settings, key: str) -> Settings:
    """Writes its address into the configuration."""
    from bridge import bootstrap, settings
    from bridge.chain.anchors import deploy_anchors
    from bridge.cli.passwords import ask
    from bridge.errors import UsageError

    if config.compliance.anchors is not None:
        raise UsageError(f"[compliance] anchors names {config.compliance.anchors} already; go without --deploy")
    connection = bootstrap.contract(config).connection
    address = deploy_anchors(connection, bootstrap.sender(config, key, ask))
    _keep(settings.config_path(), address)
    return settings.load()


def _keep(path: Path, address: str) -> None:
    from bridge.cli.files import write_file
    from bridge.cli.screen import checksummed

    text = path.read_text(encoding="utf-8")
    line = f'anchors = "{checksummed(address)}"\n'
    before, head, after = text.partition("[compliance]\n")
    whole = before + head + line + after if head else f"{text.rstrip()}\n\n[compliance]\n{line}"
    write_file(path, whole)


def verify(
    file: File,
    by: Annotated[
        str | None, typer.Option(metavar="ADDRESS|KEY", help="Who ought to have signed; else compliance's key.")
    ] = None,
    signature: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Else FILE.sig.json beside it.")
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="A form of it: .html, .md, .csv; repeatable."),
    ] = None,
    anchors: AnchorAddress = None,
    as_json: Json = False,
) -> None:
    """Tell whether a report is as it was signed, by whom, since when the chain has its hash, and whether its other
    forms are of it. Ends with 1 when something does not fit, and names it."""
    from bridge import settings
    from bridge.cli.verifying import show_checks

    config = settings.load()
    found = _checks(config, file, by, signature or beside(file), also or [], anchors)
    show_checks(found, as_json)
    raise typer.Exit(0 if all(one.verdict != "fails" for one in found) else 1)


def _checks(
    config: Settings, file: Path, by: str | None, signature: Path, also: list[Path], anchors: str | None
) -> list[Check]:
    from bridge import bootstrap
    from bridge.cli.files import read_bytes
    from bridge.cli.naming import address
    from bridge.domain.deployment import About, Check
    from bridge.report import sealing

    stored = read_bytes(file)
    sealing.read_report(stored)
    found = list(sealing.report_checks(stored))
    expected = address(config, by) if by else _own(config)
    signer = expected
    if signature.exists():
        sealed = _read_seal(signature)
        found += sealing.seal_checks(stored, sealed, expected)
        signer = expected or sealed.signer
    else:
        advice = f"no file {signature}: have it sent, or name it with --signature"
        found.append(Check.fails(About.REPORT, "signature", "missing", advice))
    place = address(config, anchors) if anchors else config.compliance.anchors
    if place is None:
        advice = "name the contract that keeps hashes with --anchors, or as [compliance] anchors"
        found.append(Check.warns(About.REPORT, "anchor", "not looked at", advice))
    elif signer is not None:
        mark = bootstrap.anchors(config, place).mark(signer, sealing.hash_of(stored))
        found.append(sealing.anchor_check(mark, signer))
    return [*found, *(_form(stored, path) for path in also)]


def _own(config: Settings) -> str | None:
    """The address of compliance's key, where this machine knows it."""
    from bridge import bootstrap

    name = config.compliance.key
    return bootstrap.address_of(config, name) if name in config.key_names() else None


def _form(stored: bytes, path: Path) -> Check:
    from bridge.cli.files import read_bytes
    from bridge.domain.deployment import About, Check
    from bridge.report.sealing import FORMS, form_check

    form = path.suffix.removeprefix(".").lower()
    if form not in FORMS:
        return Check.fails(About.REPORT, path.name, "no form of a report", f"name files ending in {', '.join(FORMS)}")
    return form_check(stored, path.name, form, read_bytes(path).decode(errors="replace"))


def _read_seal(path: Path) -> Seal:
    from bridge.cli.files import read_fact
    from bridge.domain.sealing import Seal

    return read_fact(path, Seal, "signature of a report")
