"""Statements on chain, for the classes that mint against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json

if TYPE_CHECKING:
    from bridge.flow.bridge import Bridge

app = typer.Typer(help="Statements on chain, for classes that mint against them.", no_args_is_help=True)


@app.command(
    "state",
    epilog="Example: carbonbridge operator reserves state\n\nExample: carbonbridge operator reserves state VERRA",
)
def state(
    registry: Annotated[
        str | None, typer.Argument(metavar="[REGISTRY]", help="This one, even if no class of it asks for statements.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have each registry state its totals, and bring its signed statement to the chain, where classes ask for it.

    Deposits do so by themselves when a mint needs it.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say
    from bridge.errors import UsageError
    from bridge.flow.reserves import leaning
    from bridge.journal.store import Work

    config = settings.load()
    if registry is not None and registry not in config.programmes:
        raise UsageError(f"no programme {registry!r}; carbonbridge.toml has {', '.join(config.programmes)}")
    bridge = bootstrap.operator(config, ask)
    wanted = [registry] if registry else list(leaning(bridge))
    with bridge.journal.exclusive(Work.TURN):
        stated = [_state(bridge, code) for code in wanted]
    if as_json:
        emit(stated)
    elif not stated:
        say("no class on chain asks for statements: nothing was sent")
    for one in () if as_json else stated:
        _draw(one)


def _state(bridge: Bridge, registry: str) -> dict[str, Any]:
    from bridge.cli.naming import classes_on
    from bridge.flow.reserves import state_reserves

    signed, tx_hash = state_reserves(bridge, registry)
    head, classes = signed.items[0], classes_on(bridge.contract)

    def label(class_id: str) -> str:
        return classes[class_id].label if class_id in classes else class_id  # newer than the final block

    return {
        "registry": registry,
        "sequence": head.sequence,
        "as_of": head.as_of,
        "totals": [
            {
                "class": total.class_id,
                "label": label(total.class_id),
                "locked_units": total.locked - total.released,
            }
            for total in head.totals
        ],
        "transaction": tx_hash,
    }


def _draw(one: dict[str, Any]) -> None:
    from bridge.cli.screen import moment, say, table

    if one["transaction"] is None:
        say(f"{one['registry']} has locked nothing yet: nothing was sent")
        return
    say(f"{one['registry']} statement {one['sequence']} as of {moment(one['as_of'])}")
    table(["class", "units locked in its life>"], [(t["label"], f"{t['locked_units']:,}") for t in one["totals"]])
    say(f"transaction {one['transaction']}")
