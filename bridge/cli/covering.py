"""Cover for a class whose registry took serials back: what is offered, taking it, and taking back what nobody took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Key, Units

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.chain.covers import Offer
    from bridge.domain.attestations import Cover
    from bridge.domain.credit_class import CreditClass

app = typer.Typer(help="Cover for a class that lacks serials: see, take, withdraw.", no_args_is_help=True)

CoverId = Annotated[str, typer.Argument(metavar="COVER_ID", help="The cover's id, or a prefix of it.")]


@app.command("list", epilog="Example: carbonbridge holder cover list --all")
def list_offers(
    everything: Annotated[bool, typer.Option("--all", help="Also what is taken or withdrawn.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is offered for which class that is short. Needs no password."""
    from bridge import bootstrap, settings
    from bridge.chain.covers import offers
    from bridge.cli.screen import emit

    contract = bootstrap.contract(settings.load())
    rows = [_row(contract, one) for one in offers(contract) if one.left or everything]
    if as_json:
        emit(rows)
    else:
        _draw(rows)


@app.command("take", epilog="Example: carbonbridge holder cover take 0x1f9a 25 --key alice")
def take(cover_id: CoverId, units: Units, key: Key = "holder", as_json: Json = False) -> None:
    """Give units of the short class for as many of the cover's, one for one. Nobody must."""
    from bridge import bootstrap, settings
    from bridge.cli.naming import classes_on
    from bridge.cli.passwords import ask
    from bridge.cli.screen import amount, emit, say
    from bridge.errors import Refused
    from bridge.flow.cover import take_cover

    config = settings.load()
    contract = bootstrap.contract(config)
    cover, classes = _chosen(contract, cover_id), classes_on(contract)
    short, given = classes[cover.short_class_id], classes[cover.lock.class_id]
    owned = contract.balance(bootstrap.address_of(config, key), short.id)
    if owned < units:
        kg = short.kg_per_unit
        raise Refused(f"{key} has {amount(owned, kg)} of {short.label}, not {amount(units, kg)}; nothing was sent")
    tx_hash = take_cover(bootstrap.holder(config, key, ask), cover, units)
    if as_json:
        emit(_exchanged(contract, cover, units) | {"transaction": tx_hash})
        return
    got = amount(units, given.kg_per_unit)
    say(f"took {got} of {given.label} for as many of {short.label}", f"transaction {tx_hash}")


@app.command("withdraw", epilog="Example: carbonbridge holder cover withdraw 0x1f9a --key provider")
def withdraw(cover_id: CoverId, key: Key = "holder", as_json: Json = False) -> None:
    """Send what nobody took back to its provider, once the class is short no more. Any key may.

    Cover whose own class has become short the provider takes back himself, at once.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import classes_on
    from bridge.cli.passwords import ask
    from bridge.cli.screen import amount, emit, say
    from bridge.flow.cover import withdraw_cover

    config = settings.load()
    contract = bootstrap.contract(config)
    cover = _chosen(contract, cover_id)
    left = contract.cover_left(contract.cover_id(cover))
    tx_hash = withdraw_cover(bootstrap.holder(config, key, ask), cover) if left else None
    if as_json:
        emit(_exchanged(contract, cover, left) | {"transaction": tx_hash})
        return
    if not left:
        say(f"nothing is left of cover {contract.cover_id(cover)}: all of it was taken or withdrawn")
        return
    given = classes_on(contract)[cover.lock.class_id]
    say(f"withdrew {amount(left, given.kg_per_unit)} of {given.label}", f"transaction {tx_hash}")


def _chosen(contract: BridgeContract, text: str) -> Cover:
    """Raises UsageError for a cover that there is not, or that nobody but its provider can name."""
    from bridge.chain.covers import offers
    from bridge.cli.naming import choose
    from bridge.errors import UsageError

    known = {one.cover_id: one for one in offers(contract)}
    offer = known[choose(text, dict.fromkeys(known, "cover"), "cover")]
    if offer.cover is None:
        raise UsageError(
            f"cover {offer.cover_id} was brought by another contract, whose call does not show its lock: ask the "
            "provider for the lock, and call takeCover with it"
        )
    return offer.cover


def _exchanged(contract: BridgeContract, cover: Cover, units: int) -> dict[str, Any]:
    cover_id = contract.cover_id(cover)
    return {
        "cover_id": cover_id,
        "short_class": cover.short_class_id,
        "class": cover.lock.class_id,
        "units": units,
        "left": contract.cover_left(cover_id),
    }


def _row(contract: BridgeContract, offer: Offer) -> dict[str, Any]:
    from bridge.cli.naming import classes_on
    from bridge.cli.screen import checksummed

    classes, cover = classes_on(contract), offer.cover
    short = classes[offer.short_class_id]
    state = contract.class_state(short.id)
    given: CreditClass | None = classes[cover.lock.class_id] if cover else None
    return {
        "cover_id": offer.cover_id,
        "short_class": short.id,
        "short_label": short.label,
        "missing": state.shortfall if state else 0,
        "class": given.id if given else None,
        "label": given.label if given else None,
        "serials": str(cover.lock.range) if cover else None,
        "provider": checksummed(cover.lock.recipient) if cover else None,
        "units": offer.units,
        "left": offer.left,
        "kg_per_unit": short.kg_per_unit,
    }


def _draw(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import short, table

    drawn = [
        (
            short(row["cover_id"]),
            row["short_label"],
            f"{row['missing']:,}",
            row["label"] or "ask the provider",
            f"{row['left']:,}",
            _next(row),
        )
        for row in rows
    ]
    table(["cover", "for", "missing>", "offered", "left>", "next"], drawn, "no cover is offered")


def _next(row: dict[str, Any]) -> str:
    if not row["left"]:
        return ""
    return "cover take" if row["missing"] else "cover withdraw"
