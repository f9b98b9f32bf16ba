"""Recoveries of lost keys' units: ordered, vetoed, executed, and seen by everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Class, Json, Key, Units

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.chain.contract import BridgeContract
    from bridge.chain.transactions import Sender
    from bridge.flow.recover import Order

app = typer.Typer(help="Units of lost keys: order, veto, execute, list.", no_args_is_help=True)

Recovery = Annotated[str, typer.Argument(metavar="RECOVERY_ID", help="The order's id, or a prefix of it.")]


@app.command("order", epilog="Example: carbonbridge compliance recovery order alice bob 'VERRA 1340 2020 VCU' 100")
def order(
    lost: Annotated[str, typer.Argument(metavar="FROM", help="Whose key is lost: an address, or a key's name.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="Who gets the units: an address, or a key's name.")],
    credit_class: Class,
    units: Units,
    key: Key = "recoverer",
    as_json: Json = False,
) -> None:
    """Order units from one account to another, with the key of the recoverer whom the class's terms name.

    Nothing moves before the class's delay; until it is executed, the account itself or a guardian vetoes it. The same
    order again is refused while it waits.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import address, choose_class, classes_on
    from bridge.cli.passwords import ask
    from bridge.errors import UsageError
    from bridge.flow.recover import order_recovery

    config = settings.load()
    contract = bootstrap.contract(config)
    chosen = choose_class(credit_class, classes_on(contract))
    accounts = address(config, lost), address(config, to)
    if accounts[0] == accounts[1]:
        raise UsageError(f"{lost} and {to} are one account: name another receiver; nothing was sent")
    _require_recoverer(contract, chosen.id, bootstrap.address_of(config, key), chosen.label)
    given = order_recovery(contract, bootstrap.sender(config, key, ask), chosen.id, *accounts, units)
    _show(contract, given, "ordered", None, as_json)


@app.command("list", epilog="Example: carbonbridge compliance recovery list")
def list_orders(as_json: Json = False) -> None:
    """List every order there ever was, as the chain tells it, and until when it can be vetoed. Needs no password."""
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, moment, short, table
    from bridge.flow.recover import OrderState, recovery_orders

    contract = bootstrap.contract(settings.load())
    rows = [_row(contract, one) for one in recovery_orders(contract)]
    if as_json:
        emit(rows)
        return

    def when(row: dict[str, Any]) -> str:
        times = {OrderState.PENDING: ("due", row["matures_at"]), OrderState.DUE: ("until", row["lapses_at"])}
        word, at = times.get(row["state"], ("", 0))
        return f"{word} {moment(at).removesuffix(' UTC')[:16]}" if word else ""

    drawn = [
        (
            short(row["recovery_id"]),
            f"{row['units']:,} {row['label']}",
            short(row["from"]),
            short(row["to"]),
            f"{row['state']} {when(row)}".strip(),
        )
        for row in rows
    ]
    table(["order", "units", "from", "to", "state (UTC)"], drawn, "no recovery was ever ordered")


@app.command("execute", epilog="Example: carbonbridge compliance recovery execute 0x5c3d")
def execute(recovery_id: Recovery, key: Key = "recoverer", as_json: Json = False) -> None:
    """Execute an order that is due, with any key that has gas."""
    from bridge.flow.recover import execute_recovery

    _act(recovery_id, key, execute_recovery, "executed", as_json)


@app.command("veto", epilog="Example: carbonbridge compliance recovery veto 0x5c3d")
def veto(recovery_id: Recovery, key: Key = "guardian", as_json: Json = False) -> None:
    """End an order for good, with a guardian's key."""
    from bridge.flow.recover import veto_recovery

    _act(recovery_id, key, veto_recovery, "vetoed", as_json)


def veto_mine(recovery_id: Recovery, key: Key = "holder", as_json: Json = False) -> None:
    """End a recovery that would take the account's units; see `compliance recovery list`."""
    from bridge.flow.recover import veto_recovery

    _act(recovery_id, key, veto_recovery, "vetoed", as_json)


def orders_against(contract: BridgeContract, account: str) -> list[dict[str, Any]]:
    """Standing orders that would take the account's units."""
    from bridge.flow.recover import recovery_orders

    return [_row(contract, one) for one in recovery_orders(contract) if one.waits and one.recovery.sender == account]


def warn_of_orders(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, moment, say, short

    for row in rows:
        units = amount(row["units"], row["kg_per_unit"])
        say(
            "",
            f"Warning: {units} of {row['label']} are ordered to {row['to']} from {moment(row['matures_at'])} on;",
            f"veto with: carbonbridge holder veto {short(row['recovery_id'])}",
        )


def _require_recoverer(contract: BridgeContract, class_id: str, account: str, label: str) -> None:
    from bridge.cli.screen import checksummed
    from bridge.errors import Refused

    state = contract.class_state(class_id)
    named = state.terms.recoverer if state else None
    if named is None:
        raise Refused(f"nobody may recover units of {label}: its terms name no recoverer; nothing was sent")
    if named != account:
        raise Refused(
            f"the recoverer of {label} is {checksummed(named)}, not {checksummed(account)}: name its key with --key"
        )


def _act(text: str, key: str, act: Callable[[BridgeContract, Sender, Order], str], done: str, as_json: bool) -> None:
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask

    config = settings.load()
    contract = bootstrap.contract(config)
    chosen = _chosen(contract, text)
    _require_waiting(chosen, done)
    tx_hash = act(contract, bootstrap.sender(config, key, ask), chosen)
    _show(contract, _chosen(contract, chosen.recovery_id), done, tx_hash, as_json)


def _chosen(contract: BridgeContract, text: str) -> Order:
    from bridge.cli.naming import choose
    from bridge.flow.recover import recovery_orders

    known = {one.recovery_id: one for one in recovery_orders(contract)}
    return known[choose(text, {one: f"recovery {order.state}" for one, order in known.items()}, "recovery")]


def _require_waiting(chosen: Order, done: str) -> None:
    from bridge.errors import AlreadyDone, Refused

    if chosen.state == done:
        raise AlreadyDone(f"recovery {chosen.recovery_id} is {done} already; nothing is left to do")
    if not chosen.waits:
        raise Refused(f"recovery {chosen.recovery_id} is {chosen.state}: it moves nothing any more")


def _row(contract: BridgeContract, one: Order) -> dict[str, Any]:
    from bridge.cli.naming import class_of
    from bridge.cli.requests import holding
    from bridge.cli.screen import checksummed

    recovery = one.recovery
    return {
        "recovery_id": one.recovery_id,
        **holding(class_of(contract.credit_class(recovery.class_id)), recovery.units),
        "from": checksummed(recovery.sender),
        "to": checksummed(recovery.to),
        "state": one.state,
        "matures_at": one.matures_at,
        "lapses_at": one.lapses_at,
    }


def _show(contract: BridgeContract, one: Order, done: str, tx_hash: str | None, as_json: bool) -> None:
    from bridge.cli.screen import amount, emit, facts, moment

    row = _row(contract, one)
    if as_json:
        emit(row | {"done": done, "transaction": tx_hash})
        return
    facts(
        [
            (done, f"{amount(row['units'], row['kg_per_unit'])} of {row['label']}"),
            ("from", row["from"]),
            ("to", row["to"]),
            ("recovery", row["recovery_id"]),
            ("state", row["state"]),
        ]
        + ([("due", f"{moment(row['matures_at'])}, until {moment(row['lapses_at'])}")] if one.waits else [])
    )
