"""The embedded registry, for its officers and account holders: accounts, issuance, instructions, statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import describing, desk, importing
from bridge.cli.cad_trust import cad_trust
from bridge.cli.holdings import account_in_short, block_row, classes_in, named_serials, serial_key, serial_state
from bridge.cli.importing import Encoding, Sheet, draw_import, import_statement, read_file, reading
from bridge.cli.options import File, Json, Out, Programme, Serial, Vintage
from bridge.cli.reversing import reverse
from bridge.cli.serving import audit, serve, tokens

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.serials import SerialRange
    from bridge.registry.ledger import Ledger
    from bridge.registry.port import Instruction
    from bridge.settings import Settings

app = typer.Typer(help="The embedded registry: accounts, serials, instructions, statements.", no_args_is_help=True)
app.command(
    "reverse", epilog="Example: carbonbridge registry reverse GS1-1-UG-GS11236-16-2024-30307-1-10 --reason fire"
)(reverse)
app.add_typer(desk.app, name="desk")
app.add_typer(describing.app, name="class")
app.command("cad-trust", epilog="Example: carbonbridge registry cad-trust VERRA --out units.json")(cad_trust)
app.command(
    "serve",
    epilog="Example: carbonbridge registry serve --port 8700\n\nExample: carbonbridge registry serve --host 10.0.0.5 "
    "--certificate registry.pem --certificate-key registry-key.pem",
)(serve)
app.add_typer(tokens, name="token")
app.add_typer(audit, name="audit")

Account = Annotated[str, typer.Option("--account", metavar="NAME", help="A registry account.")]
MaybeSerial = Annotated[str | None, typer.Argument(metavar="[SERIAL]", help="As its registry spells it.")]
ClassText = Annotated[str | None, typer.Option("--class", metavar="CLASS", help="With --range, instead of SERIAL.")]
RangeText = Annotated[str | None, typer.Option("--range", metavar="FIRST-LAST", help="Serials, both ends included.")]


@app.command("account", epilog="Example: carbonbridge registry account 'Alice Ltd'")
def account(name: Annotated[str, typer.Argument(help="The account's name.")], as_json: Json = False) -> None:
    """Open an account; opening it again changes nothing."""
    from bridge.cli.screen import emit, say

    _books().open_account(name)
    if as_json:
        emit({"account": name})
    else:
        say(f"account {name!r} is open")


@app.command("accounts", epilog="Example: carbonbridge registry accounts")
def accounts(as_json: Json = False) -> None:
    """List the accounts."""
    from bridge.cli.screen import emit, say

    names = list(_books().accounts())
    if as_json:
        emit(names)
    else:
        say(*(names or ["no accounts yet; open one with: carbonbridge registry account NAME"]))


app.command("read", epilog="Example: carbonbridge registry read VERRA transactions.csv --out statement.parquet")(
    read_file
)


@app.command(
    "import", epilog="Example: carbonbridge registry import VERRA transactions.csv --into 'Alice Ltd' --as-held"
)
def import_file(
    programme: importing.Programme,
    file: File,
    into: Annotated[str, typer.Option(metavar="ACCOUNT", help="Opened if need be.")],
    as_held: Annotated[bool, typer.Option("--as-held", help="For rehearsals: take retired rows as held.")] = False,
    encoding: Encoding = None,
    sheet: Sheet = None,
    as_json: Json = False,
) -> None:
    """Read a registry's export: issue every readable row's serials, and list every row that was not taken and why.

    Importing the same file again changes nothing. Ends with 1 when rows were rejected.
    """
    from bridge.cli.screen import emit
    from bridge.registry.statements.statement import How

    with reading(programme, file, How(encoding, sheet), as_json) as statement:
        report = import_statement(_books(), statement, into, as_held, as_json)
    if as_json:
        emit(report.model_dump(mode="json"))
    else:
        draw_import(report, file)
    raise typer.Exit(1 if report.rejected else 0)


@app.command(
    "issue", epilog="Example: carbonbridge registry issue GS1-1-UG-GS11236-16-2024-30307-1-100 --account alice"
)
def issue(
    serial: Serial, account: Account, programme: Programme = None, vintage: Vintage = None, as_json: Json = False
) -> None:
    """Issue new serials into an account. Refused when one of them exists."""
    from bridge.cli.naming import read_serial
    from bridge.cli.screen import amount, emit, say

    read, books = read_serial(serial, programme, vintage), _books()
    credit_class = read.credit_class
    books.add_space(read.space)
    books.add_class(credit_class)
    books.issue(serial_key(read), read.range, credit_class.id, account)
    if as_json:
        emit(block_row(credit_class, read.range) | {"account": account, "space_key": read.space.key})
    else:
        units = amount(read.range.units, credit_class.kg_per_unit)
        say(f"issued {units} of {credit_class.label} to {account!r}: {read.space.key} {read.range}")


@app.command("blocks", epilog="Example: carbonbridge registry blocks --account 'Alice Ltd' --state held")
def blocks(
    account: Account,
    state: Annotated[str, typer.Option(help="held, locked, reserved, retired, cancelled or reversed.")] = "held",
    as_json: Json = False,
) -> None:
    """List an account's blocks of serials in one state."""
    from bridge.cli.screen import emit, table, weight

    books = _books()
    classes, spaces = classes_in(books), {space.id: space for space in books.spaces()}
    held = books.holdings(account, serial_state(state))
    found = sorted(((classes[class_id], span) for class_id, span in held), key=lambda one: (one[0].label, one[1].key))
    if as_json:
        emit([block_row(c, span) | {"space_key": spaces[span.space].key} for c, span in found])
        return
    rows = [
        (c.label, spaces[span.space].key, str(span), f"{span.units:,}", weight(span.units, c.kg_per_unit))
        for c, span in found
    ]
    table(["class", "space", "serials", "units>", "t>"], rows, f"account {account!r} has nothing {state}")


@app.command("balances", epilog="Example: carbonbridge registry balances")
def balances(as_json: Json = False) -> None:
    """Units of each account by class and state, from the ledger's postings."""
    from bridge.cli.screen import emit, table, weight

    books = _books()
    classes = classes_in(books)
    found = [(one, classes[one.class_id]) for one in books.balances() if one.units > 0]
    found.sort(key=lambda pair: (pair[0].account, pair[1].label, pair[0].state))
    if as_json:
        emit([one.model_dump(mode="json") | {"label": c.label, "kg_per_unit": c.kg_per_unit} for one, c in found])
        return
    rows = [
        (account_in_short(one.account), c.label, one.state, f"{one.units:,}", weight(one.units, c.kg_per_unit))
        for one, c in found
    ]
    table(["account", "class", "state", "units>", "t>"], rows, "nothing is issued yet")


@app.command(
    "instruct",
    epilog="Example: carbonbridge registry instruct GS1-1-UG-GS11236-16-2024-30307-1-100 --account alice --to holder"
    "\n\nExample: carbonbridge registry instruct --class 'GS 11236' --range 1-100 --account alice --to holder --days 7",
)
def instruct(
    account: Account,
    to: Annotated[str, typer.Option(metavar="ACCOUNT", help="Who gets the units: an address, or a key's name.")],
    serial: MaybeSerial = None,
    class_text: ClassText = None,
    range_text: RangeText = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long the lock can be minted.")] = 30,
    covers: Annotated[
        str | None, typer.Option(metavar="CLASS", help="A class that is short, whose holders may take the units.")
    ] = None,
    programme: Programme = None,
    vintage: Vintage = None,
    as_json: Json = False,
) -> None:
    """A depositor's order: bring these serials to the configured contract, for this recipient and nobody else.

    With --covers they are offered to the holders of a class that is short; the recipient gets what nobody takes.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import address

    config = settings.load()
    books = _books()
    credit_class, span = named_serials(books, account, serial, class_text, range_text, programme, vintage)
    given = _instruction(config, account, address(config, to), span, credit_class, days, covers)
    books.serve(given.deployment)
    bootstrap.gatekeeper(config, books).require_admitted(given, bootstrap.witness(config))
    books.instruct(given)
    _show_instruction(given, credit_class, as_json)


@app.command(
    "transfer", epilog="Example: carbonbridge registry transfer 'ACR-FR-1129-2025-2917-1 to 9' --account a --to b"
)
def transfer(
    account: Account,
    to: Annotated[str, typer.Option(metavar="NAME", help="The account that receives.")],
    serial: MaybeSerial = None,
    class_text: ClassText = None,
    range_text: RangeText = None,
    programme: Programme = None,
    vintage: Vintage = None,
    as_json: Json = False,
) -> None:
    """Move serials between two accounts."""
    from secrets import token_hex

    from bridge.cli.screen import amount, emit, say

    books = _books()
    credit_class, span = named_serials(books, account, serial, class_text, range_text, programme, vintage)
    books.transfer(token_hex(16), span, account, to)
    if as_json:
        emit(block_row(credit_class, span) | {"from": account, "to": to})
    else:
        say(f"moved {amount(span.units, credit_class.kg_per_unit)} of {credit_class.label}, {span}, to {to!r}")


@app.command("statement", epilog="Example: carbonbridge registry statement VERRA --out statement.json")
def statement(
    programme: Annotated[str, typer.Argument(metavar="PROGRAMME", help="Such as VERRA.")],
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Make a signed statement of all of a programme's serials, as reconcilers read it.

    The file is canonical JSON (RFC 8785): the same statement is the same bytes, whoever writes it.
    """
    from bridge import bootstrap, settings
    from bridge.cli.files import write_file
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit
    from bridge.registry.wire import canonical

    config = settings.load()
    registry, deployment = bootstrap.registry(config, ask), bootstrap.contract(config).deployment
    made = registry.statement(programme.upper(), deployment)
    if out:
        write_file(out, canonical(made).decode() + "\n")
    if as_json:
        emit(made.model_dump(mode="json"))
    else:
        _draw_statement(made, {t.class_id: registry.credit_class(t.class_id) for t in made.head.items[0].totals})


@app.command("history", epilog="Example: carbonbridge registry history GS1-1-UG-GS11236-16-2024-30307-1-1")
def history(serial: Serial, programme: Programme = None, vintage: Vintage = None, as_json: Json = False) -> None:
    """Everything that ever happened to the first of these serials."""
    from bridge.cli.naming import read_serial
    from bridge.cli.screen import emit, moment, say, short, table

    read = read_serial(serial, programme, vintage)
    steps = _books().history(read.space.id, read.range.first)
    if as_json:
        emit([step.model_dump(mode="json") for step in steps])
        return
    say(f"serial {read.range.first} of {read.space.registry} {read.space.key}", "")
    rows = [
        (
            moment(step.at)[:16],
            step.verb,
            str(step.range),
            step.state,
            account_in_short(step.account),
            short(step.request_id or step.lock_id or ""),
        )
        for step in steps
    ]
    table(["when (UTC)", "act", "serials", "state", "account", "for"], rows, "it was never issued here")


@app.command(
    "override",
    epilog="Example: carbonbridge registry override GS1-1-UG-GS11236-16-2024-30307-1-10 --reason rehearsal",
)
def override(
    serial: Serial,
    reason: Annotated[str, typer.Option(help="Why; kept in the serials' history.")],
    state: Annotated[str, typer.Option(help="retired or cancelled.")] = "retired",
    programme: Programme = None,
    vintage: Vintage = None,
    as_json: Json = False,
) -> None:
    """Warning: retires serials whatever they are locked for, behind the bridge's back. For rehearsals."""
    from bridge.cli.naming import read_serial
    from bridge.cli.screen import amount, emit, say

    read = read_serial(serial, programme, vintage)
    credit_class = read.credit_class
    found = _books().override(serial_key(read), read.range, serial_state(state), reason)
    if as_json:
        emit(block_row(credit_class, read.range) | {"state": state, "reason": reason, "found": found})
        return
    units = amount(read.range.units, credit_class.kg_per_unit)
    were = ", ".join(f"{count:,} {one}" for one, count in found.items())
    say(
        f"{state} {units} of {credit_class.label}, {read.range}: they were {were}"
        if found
        else f"{units} of {credit_class.label}, {read.range}, were {state} so before; nothing is left to do"
    )


def _books() -> Ledger:
    from bridge import bootstrap, settings

    return bootstrap.ledger(settings.load())


def _instruction(
    config: Settings,
    account: str,
    recipient: str,
    span: SerialRange,
    credit_class: CreditClass,
    days: int,
    covers: str | None,
) -> Instruction:
    from secrets import token_hex

    from bridge import bootstrap
    from bridge.cli.naming import choose_class, classes_on
    from bridge.registry.port import Instruction

    contract = bootstrap.contract(config)
    short = choose_class(covers, classes_on(contract)) if covers else None
    if short is not None:
        _require_gap(contract, short, credit_class)
    return Instruction(
        instruction_id="0x" + token_hex(32),
        registry=credit_class.registry,
        account=account,
        range=span,
        deployment=contract.deployment,
        recipient=recipient,
        not_after=contract.connection.final().timestamp + days * 86_400,
        covers=short.id if short else None,
    )


def _require_gap(contract: BridgeContract, short: CreditClass, credit_class: CreditClass) -> None:
    """The contract would refuse it all the same, after the serials were locked. Raises UsageError."""
    from bridge.errors import UsageError

    state = contract.class_state(short.id)
    if state is None or not state.shortfall:
        raise UsageError(f"{short.label} lacks nothing; see: carbonbridge operator status")
    if short.id == credit_class.id:
        raise UsageError(f"{short.label} is short and cannot cover itself; cover it with units of another class")
    if short.kg_per_unit != credit_class.kg_per_unit:
        raise UsageError(
            f"a unit of {credit_class.label} weighs {credit_class.kg_per_unit} kg, one of {short.label} "
            f"{short.kg_per_unit} kg; cover it with units of the same weight"
        )


def _show_instruction(given: Instruction, credit_class: CreditClass, as_json: bool) -> None:
    from bridge.cli.screen import amount, checksummed, emit, facts, moment

    if as_json:
        emit(given.model_dump(mode="json") | {"class": credit_class.id, "label": credit_class.label})
        return
    facts(
        [
            ("bring", f"{amount(given.range.units, credit_class.kg_per_unit)} of {credit_class.label}"),
            ("serials", given.range),
            ("to", checksummed(given.recipient)),
            ("by", moment(given.not_after)),
            ("instruction", given.instruction_id),
            ("next", f"carbonbridge operator deposit {given.instruction_id}"),
        ]
    )


def _draw_statement(made: Any, classes: Mapping[str, CreditClass | None]) -> None:
    from bridge.cli.screen import moment, say, short, table

    head = made.head.items[0]
    say(f"{made.registry} statement {head.sequence} as of {moment(head.as_of)}: {len(made.rows):,} blocks")
    say(f"signed by {len(made.head.signers)} attesters", "")
    rows = [
        (
            found.label if (found := classes[t.class_id]) else short(t.class_id),
            f"{t.locked:,}",
            f"{t.released:,}",
            f"{t.retired:,}",
            f"{t.handed_over:,}",
        )
        for t in head.totals
    ]
    table(
        ["class, lifetime units", "locked>", "released>", "retired>", "handed over>"], rows, "nothing was ever locked"
    )
