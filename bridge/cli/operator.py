"""What operators do: deploy, register classes, deposit, settle, and see what is in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Programme, Vintage, Wait

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract, Deployed
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialSpace
    from bridge.flow.bridge import Bridge
    from bridge.journal.models import Deposit, Exit
    from bridge.settings import Settings

app = typer.Typer(help="Deploy, deposit, settle, and watch what is in flight.", no_args_is_help=True)

_POLL_SECONDS = 2.0

_ENDED = ("minted", "released", "failed", "executed", "withdrawn")
_WAITS = {
    "planned": "the registry to lock",
    "locked": "attesters to sign the lock",
    "attested": "a transaction",
    "sent": "the chain to make it final",
    "seen": "the registry to reserve serials",
    "reserved": "attesters to sign the answer",
    "settled": "the registry to act",
    "refused": "the registry to end the reservation",
    "returned": "the registry to end the reservation",
}


@app.command("deploy", epilog="Example: carbonbridge operator deploy --allowance 1000000")
def deploy(
    allowance: Annotated[int, typer.Option(min=1, help="Units that the operator may mint a day.")] = 10_000_000,
    uri: Annotated[str, typer.Option(help="Where wallets find a class's metadata.")] = "urn:carbonbridge:{id}",
    as_json: Json = False,
) -> None:
    """Put the contract on the chain with the admin's key, set it up, and write it into carbonbridge.toml."""
    from bridge import settings
    from bridge.cli.screen import checksummed, emit, say

    path = settings.config_path()
    config = settings.load(path)
    _require_none(config)
    deployed = _deploy(config, allowance, uri, as_json)
    _keep_contract(path, deployed)
    place = checksummed(deployed.deployment.contract)
    if as_json:
        emit({"chain_id": deployed.deployment.chain_id, "address": place, "programmes": list(config.programmes)})
        return
    say(
        f"deployed {place} on chain {deployed.deployment.chain_id}",
        f"programmes: {', '.join(config.programmes)}; the operator may mint {allowance:,} units a day",
        f"written into {path}",
        "Next: carbonbridge registry import VERRA transactions.csv --into NAME",
    )


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
    from bridge.cli.naming import class_of_serial, read_serial

    config = settings.load()
    if serial is None:
        _list_classes(contract(config), as_json)
        return
    read = read_serial(serial, programme, vintage)
    _make_class(config, read.space, class_of_serial(read), as_json)


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
    _make_what_it_needs(config, bridge, planned.lock_id)
    _advance(bridge, lambda: _ended(bridge, planned.lock_id), wait, as_json)
    _show_deposit(bridge, planned.lock_id, as_json)


@app.command("settle", epilog="Example: carbonbridge operator settle --wait 600")
def settle(wait: Wait = 0, as_json: Json = False) -> None:
    """Take everything in flight as far as it can go now: deposits, requests, receipts, expired locks."""
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask

    bridge = bootstrap.operator(settings.load(), ask)
    before = _ended_ids(bridge)
    final = _advance(bridge, lambda: _all_ended(bridge), wait, as_json)
    _show_settled(bridge, before, final, as_json)


@app.command("status", epilog="Example: carbonbridge operator status 0x1f9a")
def status(
    subject: Annotated[str | None, typer.Argument(metavar="[ID]", help="A lock, request or instruction.")] = None,
    ended: Annotated[bool, typer.Option("--all", help="Also what has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is in flight and what it waits for; with an id, that one's history. Needs no password."""
    from bridge import bootstrap, settings

    config = settings.load()
    journal, contract = bootstrap.journal(config), bootstrap.contract(config)
    rows = _rows(journal, contract, everything=ended or subject is not None)
    if subject is None:
        _show_rows(rows, as_json)
    else:
        _show_history(journal, rows, subject, as_json)


# -------------------------------------------------------------------- deploy


def _require_none(config: Settings) -> None:
    from bridge.cli.screen import checksummed
    from bridge.errors import UsageError

    if config.contract is not None:
        raise UsageError(
            f"carbonbridge.toml names a contract already: {checksummed(config.contract.address)} on chain "
            f"{config.contract.chain_id}. To deploy another, take its [contract] section out first"
        )


def _deploy(config: Settings, allowance: int, uri: str, quiet: bool) -> Deployed:
    """Everything before the file is written: a crash leaves an orphan without credits."""
    from bridge import bootstrap
    from bridge.chain import deploy as chain
    from bridge.chain.contract import BridgeContract
    from bridge.cli.passwords import ask
    from bridge.cli.screen import progress

    connection = bootstrap.connect(config)
    admin = bootstrap.sender(config, "admin", ask)
    with progress("Deploying", 3 + len(config.programmes), quiet) as step:
        deployed = chain.deploy(connection, admin, admin.address, uri)
        step(1)
        contract = BridgeContract(connection, deployed)
        for code, programme in config.programmes.items():
            attesters = [bootstrap.address_of(config, name) for name in programme.attesters]
            call = contract.add_registry(code, attesters, programme.threshold, programme.terms)
            chain.send_and_wait(connection, admin, call)
            step(1)
        operator, guardian = (bootstrap.address_of(config, name) for name in ("operator", "guardian"))
        for call in (contract.set_allowance(operator, allowance), contract.set_guardian(guardian, True)):
            chain.send_and_wait(connection, admin, call)
            step(1)
    bootstrap.ledger(config).serve(deployed.deployment)
    return deployed


def _keep_contract(path: Path, deployed: Deployed) -> None:
    from bridge.cli.screen import checksummed, write_file

    section = [
        "",
        "# Written by `carbonbridge operator deploy`.",
        "[contract]",
        f"chain_id = {deployed.deployment.chain_id}",
        f'address = "{checksummed(deployed.deployment.contract)}"',
        f'lens = "{checksummed(deployed.lens)}"',
        f"first_block = {deployed.first_block}",
        "",
    ]
    write_file(path, path.read_text(encoding="utf-8") + "\n".join(section))


# ------------------------------------------------------------------- classes


def _list_classes(contract: BridgeContract, as_json: bool) -> None:
    from bridge.cli.naming import classes_on
    from bridge.cli.screen import emit, short, table, weight

    final = contract.connection.final().number
    found = [(c, contract.class_state(c.id, final)) for c in classes_on(contract).values()]
    if as_json:
        emit(
            [
                {"class": c.id, "label": c.label, "kg_per_unit": c.kg_per_unit} | (state.model_dump() if state else {})
                for c, state in found
            ]
        )
        return
    rows = [
        (
            short(c.id),
            c.label,
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

    made = _ensure(bootstrap.contract(config), space, wanted, lambda: bootstrap.sender(config, "operator", ask))
    if as_json:
        emit({"class": wanted.id, "label": wanted.label, "space": space.id, "space_key": space.key, "made": made})
        return
    say(f"class {wanted.label} is {wanted.id}", f"made now: {', '.join(made) or 'nothing, all was there'}")


def _ensure(contract: BridgeContract, space: SerialSpace, wanted: CreditClass, sender: Callable[[], Any]) -> list[str]:
    """Registers the space and creates the class when they are missing; both lose nothing when repeated."""
    from bridge.chain.deploy import send_and_wait

    calls = []
    if not contract.space_exists(space.id):
        calls.append((f"serial space {space.registry} {space.key}", contract.register_space(space)))
    if contract.class_state(wanted.id) is None:
        calls.append((f"class {wanted.label}", contract.create_class(wanted)))
    if calls:
        operator = sender()
        for _, call in calls:
            send_and_wait(contract.connection, operator, call)
    return [what for what, _ in calls]


def _make_what_it_needs(config: Settings, bridge: Bridge, lock_id: str) -> None:
    """The space and class of a locked deposit, as the registry knows them."""
    from bridge import bootstrap
    from bridge.flow.mint import lock_of

    row = bridge.journal.deposit(lock_id)
    if row is None or row.lock is None:
        return
    lock, books = lock_of(row), bootstrap.ledger(config)
    space = next((space for space in books.spaces() if space.id == lock.range.space), None)
    wanted = books.credit_class(lock.class_id)
    if space is not None and wanted is not None:
        _ensure(bridge.contract, space, wanted, lambda: bridge.sender)


# ------------------------------------------------------------------- in flight


def _advance(bridge: Bridge, done: Callable[[], bool], wait: int, quiet: bool) -> int:
    """One turn of the wheel, and more until all is done or the time is up. Gives the final block looked at."""
    from bridge.cli.screen import progress
    from bridge.flow.advance import advance

    until = time.monotonic() + wait
    with progress("Waiting for finality and signatures", None, quiet or wait == 0):
        final = advance(bridge)
        while not done() and time.monotonic() < until:
            time.sleep(min(_POLL_SECONDS, max(0.0, until - time.monotonic())))
            final = advance(bridge)
    return final.number


def _ended(bridge: Bridge, lock_id: str) -> bool:
    row = bridge.journal.deposit(lock_id)
    return row is not None and row.state in _ENDED


def _show_deposit(bridge: Bridge, lock_id: str, as_json: bool) -> None:
    from bridge.cli.screen import amount, emit, facts
    from bridge.errors import NotYet, Refused

    row = bridge.journal.deposit(lock_id)
    if row is None:
        raise LookupError(lock_id)
    if row.state == "failed":
        raise Refused(f"deposit {lock_id} failed: {row.note}")
    if row.state != "minted":
        raise NotYet(f"deposit {lock_id} is {row.state} and waits for {_waits(row)}; run the same command again")
    found = _deposit_row(row, bridge.contract)
    if as_json:
        emit(found)
        return
    facts(
        [
            ("minted", amount(found["units"], found["kg_per_unit"])),
            ("class", f"{found['label']} ({found['class']})"),
            ("serials", found["serials"]),
            ("to", found["recipient"]),
            ("lock", lock_id),
        ]
    )


def _all_ended(bridge: Bridge) -> bool:
    journal, deployment = bridge.journal, bridge.deployment
    states = [row.state for row in journal.deposits(deployment)] + [row.state for row in journal.exits(deployment)]
    return all(state in _ENDED for state in states)


def _ended_ids(bridge: Bridge) -> set[str]:
    return {row["id"] for row in _rows(bridge.journal, bridge.contract, everything=True) if row["ended"]}


def _show_settled(bridge: Bridge, before: set[str], final: int, as_json: bool) -> None:
    from bridge.cli.screen import emit, say

    rows = _rows(bridge.journal, bridge.contract, everything=True)
    ended = [row for row in rows if row["ended"] and row["id"] not in before]
    waiting = [row for row in rows if not row["ended"]]
    if as_json:
        emit({"final_block": final, "ended": ended, "in_flight": waiting})
        return
    if ended:
        _draw(ended)
    say(f"looked at final block {final:,}: {len(ended)} ended, {len(waiting)} in flight")
    if waiting:
        _draw(waiting)


def _rows(journal: Any, contract: BridgeContract, *, everything: bool) -> list[dict[str, Any]]:
    head = contract.connection.head().number
    rows = [_deposit_row(row, contract) for row in journal.deposits(contract.deployment)]
    rows += [_exit_row(row, contract, head) for row in journal.exits(contract.deployment)]
    return [row for row in rows if everything or not row["ended"]]


def _deposit_row(row: Deposit, contract: BridgeContract) -> dict[str, Any]:
    from bridge.cli.screen import checksummed
    from bridge.flow.mint import lock_of

    found: dict[str, Any] = {
        "what": "deposit",
        "id": row.lock_id,
        "instruction": row.instruction_id,
        "registry": row.registry_code,
        "state": row.state,
        "ended": row.state in _ENDED,
        "waits_for": _waits(row),
    }
    if row.lock is not None:
        lock = lock_of(row)
        found |= {"serials": str(lock.range), "recipient": checksummed(lock.recipient), "not_after": lock.not_after}
        found |= _labelled(contract, lock.class_id, lock.range.units)
    return found


def _exit_row(row: Exit, contract: BridgeContract, head: int) -> dict[str, Any]:
    from bridge.cli.screen import checksummed
    from bridge.domain.observed import RequestOpened

    opened = RequestOpened.model_validate_json(row.opened)
    return {
        "what": opened.kind.name.lower(),
        "id": row.request_id,
        "registry": row.registry_code,
        "state": row.state,
        "ended": row.state in _ENDED,
        "waits_for": _waits(row),
        "age_blocks": head - opened.place.block,
        "holder": checksummed(opened.holder),
        "deadline": opened.deadline,
    } | _labelled(contract, opened.class_id, opened.units)


def _labelled(contract: BridgeContract, class_id: str, units: int) -> dict[str, Any]:
    """A class on chain by its label; one that is not there yet by its id alone."""
    from bridge.cli.naming import class_of
    from bridge.errors import UsageError

    try:
        known = class_of(contract.credit_class(class_id))
    except UsageError:
        return {"class": class_id, "units": units}
    return {"class": class_id, "label": known.label, "units": units, "kg_per_unit": known.kg_per_unit}


def _waits(row: Deposit | Exit) -> str:
    return row.note or _WAITS.get(row.state, "")


def _show_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    from bridge.cli.screen import emit

    if as_json:
        emit(rows)
    else:
        _draw(rows)


def _named(row: dict[str, Any]) -> str:
    """A deposit goes by its instruction: the lock ids of one journal begin alike."""
    return str(row.get("instruction", row["id"]))


def _draw(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, short, table

    def credit(row: dict[str, Any]) -> str:
        label = row.get("label") or short(row.get("class", row["registry"]))
        return f"{label}, {amount(row['units'], row['kg_per_unit'])}" if "kg_per_unit" in row else label

    drawn = [
        (row["what"], short(_named(row)), credit(row), row["state"], row.get("age_blocks", ""), row["waits_for"])
        for row in rows
    ]
    table(["what", "id", "credit", "state", "blocks>", "waits for"], drawn, "nothing is in flight")


def _show_history(journal: Any, rows: list[dict[str, Any]], subject: str, as_json: bool) -> None:
    from bridge.cli.naming import choose
    from bridge.cli.screen import emit, table

    by_instruction = {row["instruction"]: row["id"] for row in rows if "instruction" in row}
    labels = {row["id"]: f"{row['what']} {row['state']}" for row in rows}
    labels |= {instruction: labels[lock_id] for instruction, lock_id in by_instruction.items()}
    chosen = choose(subject, labels, "deposit or request")
    row = next(row for row in rows if row["id"] == by_instruction.get(chosen, chosen))
    moves = [{"old": m.old, "new": m.new, "note": m.note} for m in journal.moves(row["id"])]
    if as_json:
        emit(row | {"moves": moves})
        return
    _draw([row])
    table(["from", "to", "note"], [(m["old"], m["new"], m["note"]) for m in moves], "it has not moved yet")
