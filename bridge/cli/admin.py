"""What an admin does: a timelock's multisig proposes, sees what waits, cancels; a key that owns the contract acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Key, OutFolder

if TYPE_CHECKING:
    from bridge.chain.admin.acts import Call
    from bridge.settings import Settings

app = typer.Typer(help="Acts of the admin: a key's at once, a timelock's by its multisig.", no_args_is_help=True)

Words = Annotated[list[str], typer.Argument(metavar="ACT [ARGUMENT]... [+ ACT ...]", help="One act or several.")]


@app.command(
    "propose",
    epilog="Example: carbonbridge admin propose setAllowance 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 1000000\n\n"
    "Example: carbonbridge admin propose setAttesters VERRA attester-4 attester-1,attester-2 2 --out batch\n\n"
    "Example: carbonbridge admin propose setAllowance operator 0 + policy.setGuardian guardian false\n\n"
    "Example: carbonbridge admin propose setVerdict VERRA project 1340 admitted\n\n"
    f"Example: carbonbridge admin propose setClassAllowance 0x{32 * '5f'} 50000\n\n"
    f"Example: carbonbridge admin propose confirmQuarantine 0x{32 * '5f'} 0",
)
def propose(
    words: Words,
    predecessor: Annotated[
        str | None, typer.Option(metavar="OPERATION_ID", help="What must be executed before it.")
    ] = None,
    salt: Annotated[str | None, typer.Option(metavar="HEX", help="Tells it apart from the same acts before.")] = None,
    delay_days: Annotated[int | None, typer.Option(metavar="DAYS", min=1, help="Longer than it must be.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Also what would be refused now, such as what waits for a predecessor.")
    ] = False,
    out: OutFolder = None,
    as_json: Json = False,
) -> None:
    """Show what the multisig signs to schedule an admin act, and to execute it later; --out writes it for a Safe.

    Acts are the owner's functions by name (setAttesters, setTerms, setVerdict, setMethodology, setClassAllowance,
    confirmQuarantine, unpause, policy.confirmFreeze, timelock.updateDelay), with their arguments in order: accounts by
    address or key name, classes by their whole id, subjects and verdicts by name (project, methodology; none, admitted,
    barred), times as seconds since 1970, lists with commas between, and structs as NAME=VALUE with commas between. The
    same words again show where the operation stands. Needs no password.
    """
    from bridge import settings
    from bridge.cli.naming import hex32
    from bridge.cli.proposing import propose as make
    from bridge.cli.proposing import show_proposal

    config = settings.load()
    before = hex32(predecessor, "operation id") if predecessor else None
    told_apart = hex32(salt, "salt") if salt else None
    calls = _calls(config, words)
    proposal = make(config, calls, before, told_apart, delay_days)
    if not unchecked:
        _require_possible(config, calls)
    show_proposal(proposal, out, as_json)


@app.command(
    "act",
    epilog="Example: carbonbridge admin act setVerdict VERRA project 1340 none\n\n"
    f"Example: carbonbridge admin act confirmQuarantine 0x{32 * '5f'} 0",
)
def act(words: Words, key: Key = "admin", as_json: Json = False) -> None:
    """Do at once what a key that owns the contract may: the same acts, each in a transaction of its own.

    Refused where a timelock owns it: there the multisig proposes them.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say

    config = settings.load()
    connection, acts, calls = bootstrap.contract(config).connection, bootstrap.admin_acts(config), _calls(config, words)
    _require_owner(config, calls, key)
    sender = bootstrap.sender(config, key, ask)
    done = [(acts.words(call), sender.send_and_wait(acts.ready(connection, call))) for call in calls]
    if as_json:
        emit([{"act": words, "by": key, "transaction": tx_hash} for words, tx_hash in done])
        return
    for said, tx_hash in done:
        say(f"done: {said}", f"transaction {tx_hash}")


@app.command("pending", epilog="Example: carbonbridge admin pending")
def pending(as_json: Json = False) -> None:
    """List what the timelock will do, from when it may, and its operation id. Needs no password."""
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, facts, moment, say

    config = settings.load()
    acts = bootstrap.admin_acts(config)
    rows: list[dict[str, Any]] = [
        {
            "operation_id": one.operation_id,
            "acts": [acts.words(call) for call in one.calls],
            "ready_at": one.ready_at,
            "state": one.state.name.lower(),
        }
        for one in bootstrap.timelock(config).scheduled(config.deployed().first_block)
    ]
    if as_json:
        emit(rows)
        return
    for row in rows:
        when = f"{row['state']}, from {moment(row['ready_at'])}"
        facts([("operation", row["operation_id"]), *(("act", act) for act in row["acts"]), ("state", when)])
        say("")
    say(f"{len(rows)} pending" if rows else "nothing is scheduled")


@app.command("cancel", epilog=f"Example: carbonbridge admin cancel 0x{32 * '5f'} --out batch")
def cancel(
    operation_id: Annotated[str, typer.Argument(metavar="OPERATION_ID", help="As `admin pending` shows it.")],
    out: OutFolder = None,
    as_json: Json = False,
) -> None:
    """Show what the multisig signs to cancel an operation that waits. Needs no password."""
    from bridge import settings
    from bridge.cli.naming import hex32
    from bridge.cli.proposing import cancellation, following, show_batch, write_batch
    from bridge.cli.screen import emit, say

    wanted = hex32(operation_id, "operation id")
    made = cancellation(settings.load(), wanted)
    written = write_batch(wanted, "cancel", made, out)
    if as_json:
        emit({"operation_id": wanted, "cancel": made, "files": written})
    else:
        show_batch("cancel", made)
        say("", *following(written))


def _calls(config: Settings, words: list[str]) -> list[Call]:
    """The acts between the pluses."""
    from bridge import bootstrap
    from bridge.cli.naming import address
    from bridge.errors import UsageError

    acts = bootstrap.admin_acts(config)
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "+":
            parts.append([])
        else:
            parts[-1].append(word)
    if [] in parts:
        raise UsageError("a + stands between two acts")
    return [acts.read(part, lambda text: address(config, text)) for part in parts]


def _require_possible(config: Settings, calls: list[Call]) -> None:
    """Raises Refused for one that the timelock could not do now."""
    from bridge import bootstrap
    from bridge.cli.screen import checksummed
    from bridge.errors import ContractRefused, Refused

    acts, timelock = bootstrap.admin_acts(config), bootstrap.timelock(config)
    for call in calls:
        owner = acts.owner(timelock.connection, call)
        if owner != timelock.address:
            raise Refused(
                f"{acts.words(call)} is for {checksummed(owner)} to do, not for the timelock: before a hand-over is "
                "accepted the owner's key acts at once, with: carbonbridge admin act. Even so: --unchecked"
            )
        try:
            timelock.simulate(call)
        except ContractRefused as refusal:
            raise Refused(f"{acts.words(call)} cannot be done now: {refusal}. Even so: --unchecked") from refusal


def _require_owner(config: Settings, calls: list[Call], key: str) -> None:
    """Raises Refused for an act that is not for this key alone to do."""
    from bridge import bootstrap
    from bridge.cli.screen import checksummed
    from bridge.errors import Refused

    acts, connection, own = bootstrap.admin_acts(config), bootstrap.connect(config), bootstrap.address_of(config, key)
    for call in calls:
        owner = acts.owner(connection, call)
        if owner == config.deployed().timelock:
            raise Refused(f"{acts.words(call)} is for the timelock to do: carbonbridge admin propose; nothing was sent")
        if owner != own:
            raise Refused(f"{acts.words(call)} is for {checksummed(owner)} to do, not for {key}; nothing was sent")
