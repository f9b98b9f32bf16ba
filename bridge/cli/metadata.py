"""Published metadata of classes: checked against what attesters signed, and written into static files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Class, Json, Language

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.books.metadata import Checked
    from bridge.domain.attributes import Attributes
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.metadata import ClassMetadata
    from bridge.settings import Settings

Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="Check the files there instead of what the registry serves."),
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Write the files here; made if need be.")]


def metadata(credit_class: Class, folder: Folder = None, lang: Language = None, as_json: Json = False) -> None:
    """Show what is published of a class, and check it against what the registry's attesters signed.

    Ends with 1 when it was never signed, is other than what was signed, or contradicts the chain. Needs no password.
    """
    from bridge import bootstrap, settings
    from bridge.books.metadata import Standing, check
    from bridge.cli.certificate import language
    from bridge.cli.naming import choose_class, classes_on
    from bridge.cli.screen import emit

    spoken = language(lang)
    config = settings.load()
    contract = bootstrap.contract(config)
    chosen = choose_class(credit_class, classes_on(contract))
    published = _published(config, chosen, folder)
    checked = check(published, contract)
    if as_json:
        emit(_row(chosen, checked) | {"metadata": _document(published), "uri": contract.uri(chosen.id)})
    else:
        _draw(chosen, checked, published, spoken)
    raise typer.Exit(0 if checked.standing is Standing.PINNED else 1)


def write_metadata(out: OutFolder, as_json: Json = False) -> None:
    """Write the metadata of every class on chain, and what attesters signed of it, as static files for any web server.

    ID.json is canonical JSON, whose SHA-256 the pins in ID.pins.json sign. Ends with 1 when any is not as it was
    signed. Needs no password.
    """
    from bridge import bootstrap, settings
    from bridge.books.metadata import Standing, check
    from bridge.cli.naming import classes_on
    from bridge.cli.screen import emit, short, table

    config = settings.load()
    contract, registry = bootstrap.contract(config), bootstrap.registry(config, None)
    found = [(c, registry.metadata(c.id)) for c in classes_on(contract).values()]
    known = [(c, published, check(published, contract)) for c, published in found if published is not None]
    _write(out, [published for _, published, _ in known])
    if as_json:
        emit([_row(c, checked) for c, _, checked in known])
    else:
        rows = [(short(c.id), c.label, str(checked.standing), _since(checked)) for c, _, checked in known]
        table(["class", "label", "is", "signed (UTC)"], rows, "no classes yet")
    unknown = len(known) < len(found)
    raise typer.Exit(1 if unknown or any(one.standing is not Standing.PINNED for _, _, one in known) else 0)


def attributes_of(config: Settings, classes: Iterable[CreditClass]) -> dict[str, Attributes | None]:
    """What the registry says of classes, by id; None where it says nothing, or does not answer."""
    from bridge import bootstrap
    from bridge.errors import BridgeError

    found: dict[str, Attributes | None] = {}
    try:
        registry = bootstrap.registry(config, None)
        for one in classes:
            published = registry.metadata(one.id)
            found[one.id] = attributes_in(published.body) if published else None
    except BridgeError:
        return found
    return found


def attributes_in(body: str) -> Attributes:
    """Raises MalformedInput for a body that is no metadata."""
    from pydantic import ValidationError

    from bridge.domain.attributes import NAMES, Attributes
    from bridge.domain.metadata import read
    from bridge.domain.values import faults
    from bridge.errors import MalformedInput

    try:
        properties = read(body)["properties"]
        return Attributes.model_validate({name: properties[name]["value"] for name in NAMES})
    except ValidationError as error:
        raise MalformedInput(f"this is no metadata: {faults(error, 'properties')}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise MalformedInput("this is no metadata: it lacks what is said of a class") from error


def _published(config: Settings, chosen: CreditClass, folder: Path | None) -> ClassMetadata:
    from bridge import bootstrap
    from bridge.errors import RegistryRefused

    if folder is not None:
        return _in_files(folder, chosen)
    found = bootstrap.registry(config, None).metadata(chosen.id)
    if found is None:
        raise RegistryRefused(f"the registry does not know class {chosen.label}, though it is on chain: reconcile")
    return found


def _in_files(folder: Path, chosen: CreditClass) -> ClassMetadata:
    from pydantic import ValidationError

    from bridge.domain.metadata import ClassMetadata, file_name, pins_name
    from bridge.domain.values import faults
    from bridge.errors import MalformedInput
    from bridge.registry.wire import Pins

    body, pins = folder / file_name(chosen.id), folder / pins_name(chosen.id)
    try:
        signed = Pins.model_validate_json(pins.read_bytes())
        return ClassMetadata(class_id=chosen.id, body=body.read_text(encoding="utf-8"), pins=signed.pins)
    except OSError as error:
        raise MalformedInput(f"{error.filename} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MalformedInput(f"{folder} holds a file of {chosen.label} that is not UTF-8") from error
    except ValidationError as error:
        raise MalformedInput(f"{pins} holds no pins: {faults(error, 'file')}") from error


def _write(folder: Path, published: Iterable[ClassMetadata]) -> None:
    from bridge.cli.files import write_file
    from bridge.domain.metadata import file_name, pins_name
    from bridge.errors import UsageError
    from bridge.registry.wire import Pins, canonical

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from error
    for one in published:
        write_file(folder / file_name(one.class_id), one.body)
        write_file(folder / pins_name(one.class_id), canonical(Pins(pins=one.pins)).decode())


def _row(c: CreditClass, checked: Checked) -> dict[str, Any]:
    return {"class": c.id, "label": c.label} | checked.model_dump(mode="json", exclude={"class_id"})


def _document(published: ClassMetadata) -> Any:
    from bridge.domain.metadata import read

    try:
        return read(published.body)
    except ValueError:
        return None


def _draw(c: CreditClass, checked: Checked, published: ClassMetadata, spoken: str) -> None:
    from bridge.books.metadata import Standing
    from bridge.cli.attributes import attribute_rows
    from bridge.cli.screen import facts, say

    say(f"{c.label} ({c.id})", "")
    if checked.standing is not Standing.FALSE:
        facts([(name, value) for _, name, value in attribute_rows(attributes_in(published.body), spoken)])
    say("", f"sha256 {checked.sha256}")
    match checked.standing:
        case Standing.PINNED:
            say(f"it is what {len(checked.signers)} attesters signed at {_since(checked)}")
        case Standing.UNSIGNED:
            say("no quorum of attesters has signed it: believe nothing of it that matters")
        case Standing.CHANGED:
            say(f"it was changed since attesters signed it at {_since(checked)}:", *(f"- {o}" for o in checked.changed))
        case Standing.FALSE:
            say("it cannot be true:", *(f"- {fault}" for fault in checked.faults))


def _since(checked: Checked) -> str:
    from bridge.cli.screen import moment

    return "" if checked.signed_at is None else moment(checked.signed_at)
