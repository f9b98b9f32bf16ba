"""What operators do: deploy, verify, hand over, register classes, deposit, settle, and see what is in flight."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.deploying import (
    deploy_and_set_up,
    ensure_class,
    ensure_class_of,
    following_words,
    keep_contract,
    require_timelock,
    require_undeployed,
)
from bridge.cli.in_flight import (
    advance_until,
    all_ended,
    deposit_row,
    draw_sagas,
    has_ended,
    name_of,
    never_lands,
    not_taken_up,
    rows_that_ended,
    saga_rows,
    waits_in_words,
)
from bridge.cli.metadata import write_metadata
from bridge.cli.options import Json, OutFolder, Programme, Vintage, Wait
from bridge.cli.relaying import relay
from bridge.cli.reserves import app as reserves
from bridge.cli.running import check, run

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialSpace
    from bridge.flow.bridge import Bridge
    from bridge.settings import Settings

app = typer.Typer(help="Deploy, verify, deposit, settle, and watch what is in flight.", no_args_is_help=True)


Multisig = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Who alone steers the timelock that is to own the contract.")
]
DelayDays = Annotated[
    int | None, typer.Option(metavar="DAYS", min=1, help="How long before every admin act all are warned of it.")
]


@app.command("deploy", epilog="Example: carbonbridge operator deploy --allowance 1000000")
def deploy(
    allowance: Annotated[int, typer.Option(min=1, help="Units that the operator may mint a day.")] = 10_000_000,
    uri: Annotated[
        str, typer.Option(help="Where wallets find metadata, such as https://registry.example/metadata/{id}.json.")
    ] = "urn:carbonbridge:{id}",
    freezable: Annotated[
        bool, typer.Option("--freezable", help="With a policy, for ever, by which the guardian freezes accounts.")
    ] = False,
    allow_list: Annotated[
        bool, typer.Option("--allow-list", help="As --freezable; and only accounts that the guardian lists take units.")
    ] = False,
    multisig: Multisig = None,
    admin_delay_days: DelayDays = None,
    as_json: Json = False,
) -> None:
    """Put the contract on the chain with the admin's key, set it up, and write it into carbonbridge.toml.

    With --multisig and --admin-delay-days also the timelock, to which `operator hand-over` then gives the contract. The
    delay is longer than any holder's exit and, where accounts can be frozen, shorter than a freeze. Without, the admin
    is one key.
    """
    from bridge import settings
    from bridge.cli.screen import checksummed, emit, say

    path = settings.config_path()
    config = settings.load(path)
    require_undeployed(config)
    timelocked = require_timelock(config, multisig, admin_delay_days, freezable or allow_list)
    deployed, timelock = deploy_and_set_up(config, allowance, uri, freezable, allow_list, timelocked, as_json)
    keep_contract(path, deployed, timelock, timelocked.multisig if timelocked else None)
    place = checksummed(deployed.deployment.contract)
    locked = checksummed(timelock) if timelock else None
    if as_json:
        found = {"chain_id": deployed.deployment.chain_id, "address": place, "programmes": list(config.programmes)}
        emit(found | {"timelock": locked})
        return
    say(
        f"deployed {place} on chain {deployed.deployment.chain_id}",
        f"programmes: {', '.join(config.programmes)}; the operator may mint {allowance:,} units a day",
        f"written into {path}",
        *following_words(locked),
    )


@app.command("verify", epilog="Example: carbonbridge operator verify --expect deployment.toml")
def verify(
    expect: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, readable=True, help="What ought to be there, TOML."),
    ] = None,
    since: Annotated[
        int | None, typer.Option(metavar="BLOCK", min=0, help="Read from here, when the timelock is the older one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the deployment from the chain alone: every code, the owner and its delay, and who may do what.

    Ends with 1 when a check fails. FILE may name multisig, admin_delay_days, guardians, freezers (the policy's
    guardians), listers (the policy's too), recoverers, and as tables operators with their units a day, and
    registries.CODE with threshold, attesters and terms; what it leaves out is shown and not compared. Needs no
    password.
    """
    from bridge import bootstrap, settings
    from bridge.cli.verifying import show_verification

    config = settings.load()
    found = bootstrap.verification(config, settings.expectations(expect) if expect else None, since)
    show_verification(found, as_json)
    raise typer.Exit(0 if found.holds else 1)


@app.command("hand-over", epilog="Example: carbonbridge operator hand-over --out acceptance")
def hand_over(
    multisig: Multisig = None, admin_delay_days: DelayDays = None, out: OutFolder = None, as_json: Json = False
) -> None:
    """Offer the contract, and its policy, to the timelock, and show what the multisig signs to accept them.

    With --multisig and --admin-delay-days, where `operator deploy` had none, it deploys the timelock first. Refused
    while anything else than the owner fails `operator verify`. Safe to repeat. The old owner keeps all power until the
    timelock has accepted: that is scheduled, and executed when the delay has passed.
    """
    from bridge import settings
    from bridge.cli.handing_over import add_timelock, offer_to_timelock
    from bridge.cli.proposing import show_proposal

    path = settings.config_path()
    config = settings.load(path)
    timelocked = require_timelock(config, multisig, admin_delay_days, config.deployed().policy is not None)
    if timelocked:
        config = add_timelock(config, path, timelocked)
    show_proposal(offer_to_timelock(config), out, as_json)


@app.command("class", epilog="Example: carbonbridge operator class GS1-1-UG-GS11236-16-2024-30307-1-19149")
def credit_class(
    serial: Annotated[str | None, typer.Argument(metavar="[SERIAL]", help="As its registry spells it.")] = None,
    programme: Programme = None,
    vintage: Vintage = None,
    as_json: Json = False,
) -> None:
    """List the classes on chain, or make the class and serial space of these serials when they are missing."""
    from bridge import settings
    from bridge.bootstrap import contract
    from bridge.cli.naming import read_serial

    config = settings.load()
    if serial is None:
        _list_classes(contract(config), as_json)
        return
    read = read_serial(serial, programme, vintage)
    _make_class(config, read.space, read.credit_class, as_json)


@app.command("deposit", epilog="Example: carbonbridge operator deposit 0x5f…e1 --wait 900")
def deposit(
    instruction_id: Annotated[str, typer.Argument(metavar="INSTRUCTION_ID", help="From the depositor's order.")],
    wait: Wait = 0,
    as_json: Json = False,
) -> None:
    """Take up a depositor's instruction: lock at the registry, have it attested, mint to his recipient.

    Safe to repeat: the same instruction goes on where it stands. Ends with 5 while it is not minted.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import hex32
    from bridge.cli.passwords import ask
    from bridge.flow.lock import lock_planned, plan

    config = settings.load()
    bridge = bootstrap.operator(config, ask)
    planned = plan(bridge, hex32(instruction_id, "instruction id"))
    lock_planned(bridge)
    ensure_class_of(bridge, planned.lock_id)
    advance_until(bridge, lambda: has_ended(bridge, planned.lock_id), wait, as_json)
    _show_deposit(bridge, planned.lock_id, as_json)


@app.command("settle", epilog="Example: carbonbridge operator settle --wait 600")
def settle(wait: Wait = 0, as_json: Json = False) -> None:
    """Take everything in flight as far as it can go now: deposits, requests, reversals, receipts, expired locks."""
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask

    bridge = bootstrap.operator(settings.load(), ask)
    before = bridge.journal.last_move()
    final = advance_until(bridge, lambda: all_ended(bridge), wait, as_json)
    _show_settled(bridge, before, final, as_json)


app.add_typer(reserves, name="reserves")
app.command("relay", epilog="Example: carbonbridge operator relay request.json --key anybody")(relay)


app.command("metadata", epilog="Example: carbonbridge operator metadata --out metadata")(write_metadata)
app.command("check", epilog="Example: carbonbridge operator check")(check)
app.command("run", epilog="Example: carbonbridge operator run --port 9464")(run)


@app.command("status", epilog="Example: carbonbridge operator status 0x1f9a")
def status(
    subject: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An instruction, request or reversal; or a whole lock id."),
    ] = None,
    ended: Annotated[bool, typer.Option("--all", help="Also what has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is in flight and what it waits for, and classes that are closed; with an id, that one's history.

    Looks at chain and registry too, and shows what the journal has not taken up yet. Needs no password.
    """
    from bridge import bootstrap, settings
    from bridge.cli.closed import closed_classes

    config = settings.load()
    contract, journal = bootstrap.contract(config), bootstrap.journal(config)
    rows = saga_rows(journal, contract, everything=ended or subject is not None)
    rows += not_taken_up(journal, contract, bootstrap.registry(config, None))
    if subject is None:
        _show_rows(rows + closed_classes(contract), as_json)
    else:
        _show_history(journal, rows, subject, as_json)


def _list_classes(contract: BridgeContract, as_json: bool) -> None:
    from bridge.cli.naming import classes_on
    from bridge.cli.screen import emit, short, table, weight

    final = contract.connection.final().number
    found = [(c, contract.class_state(c.id, final)) for c in classes_on(contract).values()]
    if as_json:
        emit(
            [
                {"class": c.id, "label": c.label, "kg_per_unit": c.kg_per_unit, "barred": contract.is_barred(c, final)}
                | (state.model_dump() if state else {})
                for c, state in found
            ]
        )
        return
    rows = [
        (
            short(c.id),
            c.label + (", barred" if contract.is_barred(c, final) else ""),
            f"{s.supply:,}",
            f"{s.pending_retirement + s.pending_redemption:,}",
            weight(s.live, c.kg_per_unit),
        )
        for c, s in found
        if s is not None
    ]
    table(["class", "label", "circulating units>", "pending units>", "backed t>"], rows, "no classes yet")


def _make_class(config: Settings, space: SerialSpace, wanted: CreditClass, as_json: bool) -> None:
    from bridge import bootstrap
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say

    made = ensure_class(bootstrap.contract(config), space, wanted, lambda: bootstrap.sender(config, "operator", ask))
    if as_json:
        emit({"class": wanted.id, "label": wanted.label, "space": space.id, "space_key": space.key, "made": made})
        return
    say(f"class {wanted.label} is {wanted.id}", f"made now: {', '.join(made) or 'nothing, all was there'}")


def _show_deposit(bridge: Bridge, lock_id: str, as_json: bool) -> None:
    from bridge.cli.screen import amount, emit, facts, moment
    from bridge.errors import NotYet, Refused
    from bridge.flow.batches import lock_of

    row = bridge.journal.deposit(lock_id)
    if row is None:
        raise LookupError(lock_id)
    if row.state == "failed":
        raise Refused(f"deposit {lock_id} failed: {row.note}")
    if row.state != "minted" and never_lands(row):
        until = moment(lock_of(row).not_after)
        raise Refused(f"deposit {lock_id} is {row.state}: {row.note}. The registry releases its lock after {until}")
    if row.state != "minted":
        raise NotYet(f"deposit {lock_id} is {row.state} and {waits_in_words(row)}; run the same command again")
    found = deposit_row(row, bridge.contract)
    if as_json:
        emit(found)
        return
    facts(
        [
            ("offered" if row.covers else "minted", amount(found["units"], found["kg_per_unit"])),
            ("class", f"{found['label']} ({found['class']})"),
            ("serials", found["serials"]),
            *_receivers(bridge.contract, found),
            ("lock", lock_id),
        ]
    )


def _receivers(contract: BridgeContract, found: dict[str, Any]) -> list[tuple[str, str]]:
    """Cover stays with the bridge until holders take it, or its provider takes back what is left."""
    from bridge.cli.naming import classes_on

    if "covers" not in found:
        return [("to", found["recipient"])]
    short = classes_on(contract)[found["covers"]].label
    return [("to", f"the holders of {short}, by choice: carbonbridge holder cover list"), ("of", found["recipient"])]


def _show_settled(bridge: Bridge, before: int, final: int, as_json: bool) -> None:
    from bridge.cli.screen import emit, say

    ended = rows_that_ended(bridge.journal, bridge.contract, before)
    waiting = saga_rows(bridge.journal, bridge.contract, everything=False)
    if as_json:
        emit({"final_block": final, "ended": ended, "in_flight": waiting})
        return
    if ended:
        draw_sagas(ended)
    say(f"looked at final block {final:,}: {len(ended)} ended, {len(waiting)} in flight")
    if waiting:
        draw_sagas(waiting)


def _show_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    from bridge.cli.screen import emit

    if as_json:
        emit(rows)
    else:
        draw_sagas(rows)


def _show_history(journal: Any, rows: list[dict[str, Any]], subject: str, as_json: bool) -> None:
    from bridge.cli.naming import choose
    from bridge.cli.screen import emit, moment, table

    row = next((row for row in rows if row["id"] == subject.lower()), None)
    if row is None:
        named = {name_of(row): row for row in rows}
        labels = {one: f"{row['what']} {row['state']}" for one, row in named.items()}
        row = named[choose(subject, labels, "deposit, request or reversal")]
    moves = [{"at": m.at or None, "old": m.old, "new": m.new, "note": m.note} for m in journal.moves(row["id"])]
    if as_json:
        emit(row | {"moves": moves})
        return
    draw_sagas([row])
    drawn = [(moment(m["at"])[:19] if m["at"] else "", m["old"], m["new"], m["note"]) for m in moves]
    table(["when (UTC)", "from", "to", "note"], drawn, "it has not moved yet")
