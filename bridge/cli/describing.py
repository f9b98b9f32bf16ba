"""What the registry says of classes beyond their identity: seen, stated, and signed by its attesters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Class, Json, Language

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bridge.domain.attributes import Attributes, Described, Source
    from bridge.domain.credit_class import CreditClass
    from bridge.registry.ledger import Ledger
    from bridge.settings import Settings

app = typer.Typer(help="What is said of classes, by whom and when; and signed.", no_args_is_help=True)


@app.command("list", epilog="Example: carbonbridge registry class list")
def list_classes(as_json: Json = False) -> None:
    """List the classes and what is known of each; unknown is never a yes."""
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, short, table

    books = bootstrap.ledger(settings.load())
    found = [one for c in books.classes() if (one := books.described(c.id)) is not None]
    if as_json:
        emit([described_row(one) for one in found])
        return
    rows = [
        (
            short(one.credit_class.id),
            one.credit_class.label,
            one.attributes.host_country,
            one.attributes.methodology,
            one.attributes.article6.authorised_for,
            one.attributes.corsia.eligible,
        )
        for one in found
    ]
    table(["class", "label", "country", "methodology", "Article 6", "CORSIA"], rows, "no classes yet")


@app.command("show", epilog="Example: carbonbridge registry class show 'GS 11236' --history")
def show(
    credit_class: Class,
    history: Annotated[bool, typer.Option("--history", help="Everything that was ever stated.")] = False,
    lang: Language = None,
    as_json: Json = False,
) -> None:
    """Show what is known of a class, by whom it was stated, and on which day."""
    from bridge import bootstrap, settings
    from bridge.cli.attributes import attribute_rows, in_words
    from bridge.cli.certificate import language
    from bridge.cli.screen import emit, moment, say, table

    spoken = language(lang)
    books = bootstrap.ledger(settings.load())
    chosen = _chosen(books, credit_class)
    one, said = books.described(chosen.id), books.said_of(chosen.id)
    assert one is not None  # noqa: S101 it was chosen among those that are there
    if as_json:
        emit(described_row(one) | {"history": [s.model_dump(mode="json") for s in said] if history else None})
        return
    say(f"{chosen.label} ({chosen.id})", "")
    rows = [(name, value, *_of(one, attribute)) for attribute, name, value in attribute_rows(one.attributes, spoken)]
    table(["", "is", "says", "on"], rows)
    if history:
        say("")
        past = [
            (moment(s.recorded_at)[:16], s.attribute, in_words(s.attribute, s.value), *_from(s.source)) for s in said
        ]
        table(["recorded (UTC)", "what", "is", "says", "on"], past, "nothing was ever stated")


@app.command(
    "set",
    epilog="Example: carbonbridge registry class set 'GS 11236' --host-country UG --methodology AMS-II.G --source "
    "https://registry.example/11236 --stated-on 2024-05-01\n\n"
    "Example: carbonbridge registry class set 'GS 11236' --article6 oimp --article6-by UG --article6-reference "
    "UG-LoA-7 --corsia yes --corsia-phase first --corsia-vintages 2021-2026 --source 'letter of 1 May' "
    "--stated-on 2024-05-01",
)
def set_attributes(
    credit_class: Class,
    source: Annotated[str, typer.Option(help="Who says so: a document, an address.")],
    stated_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="On which day it was stated.")],
    host_country: Annotated[str | None, typer.Option(metavar="XX", help="ISO 3166-1, two letters; or unknown.")] = None,
    methodology: Annotated[str | None, typer.Option(help="As the registry spells it.")] = None,
    category: Annotated[str | None, typer.Option(help="What its market trades it as, such as 省エネルギー.")] = None,
    article6: Annotated[
        str | None, typer.Option(metavar="USE", help="ndc, oimp, both, not-authorised or unknown.")
    ] = None,
    article6_by: Annotated[str | None, typer.Option(metavar="XX", help="The country that authorised it.")] = None,
    article6_reference: Annotated[str | None, typer.Option(metavar="TEXT", help="Where that is written.")] = None,
    adjustment: Annotated[
        str | None, typer.Option(metavar="DECLARATION", help="committed, not-required or unknown.")
    ] = None,
    adjustment_status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="not-started, pending, completed or unknown.")
    ] = None,
    corsia: Annotated[str | None, typer.Option(metavar="yes|no|unknown", help="Whether it is eligible.")] = None,
    corsia_phase: Annotated[list[str] | None, typer.Option(metavar="PHASE", help="pilot, first, second.")] = None,
    corsia_vintages: Annotated[str | None, typer.Option(metavar="FIRST-LAST", help="Both included.")] = None,
    as_json: Json = False,
) -> None:
    """State what is known of a class, with its source and day. What was stated before is kept; the later day counts.

    `unknown` takes a statement back. The token's id does not change by it; the published metadata does, until
    attesters sign it anew.
    """
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say
    from bridge.domain.attributes import Source

    config = settings.load()
    books = bootstrap.ledger(config)
    chosen = _chosen(books, credit_class)
    stated = {
        "host_country": host_country,
        "methodology": methodology,
        "category": category,
        "article6": _some(authorised_for=article6, by=article6_by, reference=article6_reference),
        "adjustment": _some(declaration=adjustment, status=adjustment_status),
        "corsia": _corsia(corsia, corsia_phase, corsia_vintages),
    }
    changes = _attributes({name: value for name, value in stated.items() if value is not None})
    _require_category(config, chosen, changes)
    new = books.describe(chosen.id, changes, _source(Source, source, stated_on.date()))
    one = books.described(chosen.id)
    assert one is not None  # noqa: S101
    if as_json:
        emit(described_row(one) | {"recorded": list(new)})
        return
    said = f"recorded of {chosen.label}: {', '.join(new)}" if new else "all of it was stated so before"
    later = [name for name in new if one.sources[name].source != source]
    say(said, *(f"Warning: of {name}, a statement of a later day counts" for name in later))
    say(f"Next: carbonbridge registry class pin '{chosen.label}'")


@app.command("pin", epilog="Example: carbonbridge registry class pin\n\nExample: carbonbridge registry class pin GS")
def pin(
    credit_class: Annotated[
        str | None, typer.Argument(metavar="[CLASS]", help="One, by its label or id; else all that changed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have the attesters sign what is published of classes, so that nobody changes it unseen.

    What is signed already, as it is, is left alone.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say

    config = settings.load()
    registry = bootstrap.own_registry(config, ask)
    deployment = bootstrap.contract(config).deployment
    served = registry.attesters()
    classes = [c for c in registry.ledger.classes() if c.registry in served]
    chosen = [_chosen(registry.ledger, credit_class)] if credit_class else classes
    signed = {c: registry.pin_metadata(c.id, deployment) for c in chosen}
    new = {c: made.items[0] for c, made in signed.items() if made is not None}
    if as_json:
        emit([{"class": c.id, "label": c.label, "sha256": p.sha256, "as_of": p.as_of} for c, p in new.items()])
        return
    say(*(f"signed {c.label}: sha256 {p.sha256}" for c, p in new.items()))
    say(f"{len(new)} signed, {len(signed) - len(new)} as they were signed before")


def described_row(one: Described) -> dict[str, Any]:
    """For machines."""
    c = one.credit_class
    sources = {name: source.model_dump(mode="json") for name, source in one.sources.items()}
    identity = {"class": c.id, "label": c.label, "kg_per_unit": c.kg_per_unit}
    return identity | {"attributes": one.attributes.model_dump(mode="json"), "sources": sources}


def _chosen(books: Ledger, text: str) -> CreditClass:
    from bridge.cli.holdings import classes_in
    from bridge.cli.naming import choose_class

    return choose_class(text, classes_in(books))


def _of(one: Described, attribute: str) -> tuple[str, str]:
    source = one.sources.get(attribute)
    return _from(source) if source else ("", "")


def _from(source: Source) -> tuple[str, str]:
    return source.source, str(source.stated_on or "")


def _some(**values: str | None) -> dict[str, str] | None:
    """None where none is given."""
    return {name: value for name, value in values.items() if value is not None} or None


def _corsia(eligible: str | None, phases: Sequence[str] | None, vintages: str | None) -> dict[str, Any] | None:
    from bridge.errors import UsageError

    if eligible is None and (phases or vintages):
        raise UsageError("phases and vintages are of eligible credits; add --corsia yes")
    if eligible is None:
        return None
    first, _, last = (vintages or "").partition("-")
    if vintages and not (first.isdecimal() and last.isdecimal()):
        raise UsageError(f"{vintages!r} are no vintages; write FIRST-LAST, such as 2021-2026")
    years = {"first_vintage": int(first), "last_vintage": int(last)} if vintages else {}
    return {"eligible": eligible, "phases": list(phases or ()), **years}


def _attributes(stated: dict[str, Any]) -> Attributes:
    from pydantic import ValidationError

    from bridge.domain.attributes import Attributes
    from bridge.domain.values import faults
    from bridge.errors import UsageError

    try:
        return Attributes.model_validate(stated)
    except ValidationError as error:
        raise UsageError(f"this cannot be said: {faults(error, 'attributes')}") from error


def _source(kind: Any, source: str, day: date) -> Any:
    from pydantic import ValidationError

    from bridge.domain.values import faults
    from bridge.errors import UsageError

    try:
        return kind(source=source, stated_on=day)
    except ValidationError as error:
        raise UsageError(f"--source cannot be: {faults(error, 'source')}") from error


def _require_category(config: Settings, c: CreditClass, changes: Attributes) -> None:
    from bridge.domain.attributes import UNKNOWN
    from bridge.errors import UsageError

    programme = config.programmes.get(c.registry)
    known = programme.categories if programme else ()
    if known and changes.category not in (UNKNOWN, *known):
        raise UsageError(f"{c.registry} has no category {changes.category!r}; there are {', '.join(known)}")
