"""What holders do: see what they own, transfer, retire, redeem, follow their requests, take back, certify."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli import covering, recovery
from bridge.cli.leaving import take_a_step_out
from bridge.cli.metadata import attributes_of, metadata
from bridge.cli.options import Class, File, Json, Key, Language, Out, Request, Units
from bridge.cli.relaying import SignOnly, ValidDays, explain_no_gas, require_sign_only, sign_into_file
from bridge.cli.requests import (
    chosen_request,
    disclose_opened,
    draw_requests,
    holding,
    own_request,
    request_rows,
    show_request,
)

if TYPE_CHECKING:
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.lifecycle import Kind
    from bridge.flow.hold import Holder
    from bridge.settings import Settings

app = typer.Typer(help="Balance, transfer, retire, redeem, certificates, and taking back.", no_args_is_help=True)
app.add_typer(covering.app, name="cover")

MINE = "holder"


@app.command("balance", epilog="Example: carbonbridge holder balance --key alice")
def balance(key: Key = MINE, as_json: Json = False) -> None:
    """Show what an account owns, what was retired for it for good, and what it has asked for.

    Tells the registry for whom, where somebody else has sent the account's signed request. Needs no password.
    """
    from bridge import bootstrap, settings
    from bridge.cli.closed import closed_classes
    from bridge.cli.naming import address, classes_on
    from bridge.cli.screen import checksummed, emit

    config = settings.load()
    contract = bootstrap.contract(config)
    owner = address(config, key)
    classes = classes_on(contract).values()
    held = [(c, contract.balance(owner, c.id)) for c in classes]
    retired = [(c, contract.retired_balance(owner, c.id)) for c in classes]
    disclose_opened(config, contract, owner)
    found: dict[str, Any] = {
        "account": checksummed(owner),
        "holdings": [holding(c, units) for c, units in held if units],
        "retired": [holding(c, units) for c, units in retired if units],
        "pending": [row for row in request_rows(config, contract, owner) if row["pending"]],
    }
    known = attributes_of(config, [c for c, units in held if units])
    for one in found["holdings"]:
        has = known.get(one["class"])
        one["attributes"] = has.model_dump(mode="json") if has else None
    owned = {one["class"] for one in found["holdings"]}
    found["closed"] = [row for row in closed_classes(contract) if row["class"] in owned]
    found["recoveries"] = recovery.orders_against(contract, owner)
    if as_json:
        emit(found)
    else:
        _draw_balance(found)


@app.command("transfer", epilog="Example: carbonbridge holder transfer 'VERRA 1340 2020 VCU' 100 --to bob --key alice")
def transfer(
    credit_class: Class,
    units: Units,
    to: Annotated[str, typer.Option(metavar="ACCOUNT", help="An address, or a key's name.")],
    key: Key = MINE,
    as_json: Json = False,
) -> None:
    """Send units to another account."""
    from bridge import settings
    from bridge.cli.naming import address
    from bridge.cli.screen import amount, checksummed, emit, say
    from bridge.flow import hold

    config = settings.load()
    receiver = address(config, to)
    holder, chosen = _ready(config, key, credit_class, units)
    tx_hash = hold.transfer(holder, receiver, chosen.id, units)
    if as_json:
        emit(holding(chosen, units) | {"to": checksummed(receiver), "transaction": tx_hash})
        return
    say(f"sent {amount(units, chosen.kg_per_unit)} of {chosen.label} to {checksummed(receiver)}")
    say(f"transaction {tx_hash}")


@app.command(
    "retire",
    epilog="Example: carbonbridge holder retire 'VERRA 1340' 25 --for 'Acme Corp' --purpose 'Claim 2026'\n\n"
    "Example: carbonbridge holder retire 'VERRA 1340' 25 --for 'Acme Corp' --sign-only --out request.json",
)
def retire(
    credit_class: Class,
    units: Units,
    beneficiary: Annotated[str, typer.Option("--for", metavar="NAME", help="For whom: named on the certificate.")],
    purpose: Annotated[str, typer.Option(help="What for: named on the certificate.")] = "",
    key: Key = MINE,
    sign_only: SignOnly = False,
    valid_days: ValidDays = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Retire units for a beneficiary: burned now, retired in the registry once it has answered.

    Only the registry learns beneficiary and purpose; the chain keeps a seal of them. An account without gas adds
    --sign-only, and anybody relays the file.
    """
    from bridge.domain.lifecycle import Kind

    require_sign_only(sign_only, valid_days, out)
    holder, request_id = _plan(Kind.RETIREMENT, credit_class, units, beneficiary, purpose, key)
    if sign_only:
        sign_into_file(holder, request_id, valid_days, out, as_json)
    else:
        _ask(holder, request_id, as_json, is_new=True)


@app.command("redeem", epilog="Example: carbonbridge holder redeem 'VERRA 1340' 10 --account 'Alice Ltd'")
def redeem(
    credit_class: Class,
    units: Units,
    account: Annotated[str, typer.Option(metavar="NAME", help="The registry account that receives the serials.")],
    key: Key = MINE,
    sign_only: SignOnly = False,
    valid_days: ValidDays = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Redeem units: burned now, and handed over as serials into a registry account.

    An account without gas adds --sign-only, and anybody relays the file.
    """
    from bridge.domain.lifecycle import Kind

    require_sign_only(sign_only, valid_days, out)
    holder, request_id = _plan(Kind.REDEMPTION, credit_class, units, account, "", key)
    if sign_only:
        sign_into_file(holder, request_id, valid_days, out, as_json)
    else:
        _ask(holder, request_id, as_json, is_new=True)


@app.command("requests", epilog="Example: carbonbridge holder requests --key alice")
def requests(key: Key = MINE, as_json: Json = False) -> None:
    """Show an account's requests: pending, settled, executed; their deadline, and what to do next.

    Tells the registry for whom, where somebody else has sent the account's signed request. Needs no password.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import address
    from bridge.cli.screen import emit

    config = settings.load()
    contract, owner = bootstrap.contract(config), address(config, key)
    disclose_opened(config, contract, owner)
    rows = request_rows(config, contract, owner)
    if as_json:
        emit(rows)
    else:
        draw_requests(rows)
        recovery.warn_of_orders(recovery.orders_against(contract, owner))


@app.command(
    "send",
    epilog="Example: carbonbridge holder send 0x1f9a --key alice\n\n"
    "Example: carbonbridge holder send 0x1f9a --sign-only --out request.json",
)
def send(
    request_id: Request,
    key: Key = MINE,
    sign_only: SignOnly = False,
    valid_days: ValidDays = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Go on with a request that was stored and not sent, such as after a crash. Never burns twice.

    With --sign-only it is signed anew, such as after an earlier signature's time.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask

    require_sign_only(sign_only, valid_days, out)
    config = settings.load()
    holder = bootstrap.holder(config, key, ask)
    row = chosen_request(holder, request_id)
    if sign_only:
        sign_into_file(holder, row.request_id, valid_days, out, as_json)
    else:
        _ask(holder, row.request_id, as_json)


@app.command("forget", epilog="Example: carbonbridge holder forget 0x1f9a")
def forget(request_id: Request, as_json: Json = False) -> None:
    """Discard a stored request that was never sent. Needs no password.

    Refused when the chain knows it, and while a transaction or a signed file may still open it.
    """
    from bridge import bootstrap, settings
    from bridge.cli.screen import emit, say
    from bridge.flow import hold

    config = settings.load()
    contract, journal = bootstrap.contract(config), bootstrap.journal(config)
    row = own_request(config, contract, request_id)
    hold.forget(contract, journal, row.request_id)
    if as_json:
        emit({"forgotten": row.request_id})
    else:
        say(f"forgot request {row.request_id}: nothing of it was sent, and nothing will be")


@app.command("exit", epilog="Example: carbonbridge holder exit 0x1f9a --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
def take_units_back(
    request_id: Request,
    to: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Who gets the units; else the holder.")] = None,
    key: Key = MINE,
    as_json: Json = False,
) -> None:
    """Take back what nobody answered: past the deadline it calls back, after the challenge it takes.

    Refused units that wait, as those of an account with code do, it takes at once.
    Run it twice: each time it does the step that is due and says when the next one is. Ends with 5 when too early.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import address
    from bridge.cli.passwords import ask

    config = settings.load()
    receiver = address(config, to) if to else None
    holder = bootstrap.holder(config, key, ask)
    row = chosen_request(holder, request_id)
    take_a_step_out(holder, row, receiver or holder.sender.address, as_json)


@app.command("certificate", epilog="Example: carbonbridge holder certificate 0x1f9a --out certificate.json")
def certificate(request_id: Request, out: Out = None, lang: Language = None, as_json: Json = False) -> None:
    """Certify an executed request: serials, the registry's signed receipt, transactions. Needs no password.

    Shows a summary; --out writes the certificate itself, which anybody can check with: carbonbridge holder verify
    """
    from bridge import bootstrap, settings
    from bridge.books.certificate import certify, retired_in_all
    from bridge.cli.certificate import language, show
    from bridge.cli.files import write_file
    from bridge.cli.screen import emit_json, say
    from bridge.domain.attestations import Opening, Request

    spoken = language(lang)
    config = settings.load()
    contract = bootstrap.contract(config)
    row = own_request(config, contract, request_id)
    registry, request = bootstrap.registry(config, None), Request.model_validate_json(row.request)
    receipt, published = registry.receipt(row.request_id), registry.metadata(request.class_id)
    made = certify(contract, request, Opening.model_validate_json(row.opening), receipt, published)
    text = made.model_dump_json(indent=2) + "\n"
    if out:
        write_file(out, text)
    if as_json:
        emit_json(text)
        return
    show(made, spoken, retired_in_all(made, contract))
    say("", f"written to {out}" if out else "Keep it: --out FILE writes the whole certificate")


@app.command("verify", epilog="Example: carbonbridge holder verify certificate.json")
def verify(file: File, lang: Language = None, as_json: Json = False) -> None:
    """Check anybody's certificate against the chain, and list every fault. Ends with 1 when there is one."""
    from bridge import bootstrap, settings
    from bridge.books import certificate as books
    from bridge.cli.certificate import language, show
    from bridge.cli.files import named_format, read_fact
    from bridge.cli.screen import emit, say
    from bridge.errors import MalformedInput

    spoken, given = language(lang), None
    try:
        given = read_fact(file, books.Certificate, "certificate")
    except MalformedInput as broken:  # one that was broken is a certificate still, and does not hold
        if named_format(file) != books.FORMAT:
            raise
        faults = [str(broken)]
    else:
        contract = bootstrap.contract(settings.load())
        faults = books.verify(given, contract)
    if as_json:
        request_id = given.request_id if given else None
        emit({"file": str(file), "request_id": request_id, "valid": not faults, "faults": faults})
    elif given is None or faults:
        say(f"{file} does not hold:", *(f"- {fault}" for fault in faults))
    else:
        show(given, spoken, books.retired_in_all(given, contract))
        say("", f"{file} holds: chain, serials, beneficiary and the registry's signatures agree")
    raise typer.Exit(1 if faults else 0)


app.command(
    "metadata",
    epilog="Example: carbonbridge holder metadata 'GS 11236'\n\n"
    "Example: carbonbridge holder metadata 'GS 11236' --folder metadata",
)(metadata)
app.command("veto", epilog="Example: carbonbridge holder veto 0x5c3d --key alice")(recovery.veto_mine)


def _draw_balance(found: dict[str, Any]) -> None:
    from bridge.cli.closed import draw_closed
    from bridge.cli.screen import say, short, table, weight

    say(f"account {found['account']}", "")
    rows = [
        (
            short(h["class"]),
            h["registry"],
            h["project"],
            h["vintage"],
            h["credit_type"],
            f"{h['units']:,}",
            weight(h["units"], h["kg_per_unit"]),
        )
        for h in found["holdings"]
    ]
    table(["class", "registry", "project", "vintage", "type", "units>", "t>"], rows, "it holds no units")
    if found["retired"]:
        say("", "retired for it, for good:")
        retired = [(h["label"], f"{h['units']:,}", weight(h["units"], h["kg_per_unit"])) for h in found["retired"]]
        table(["class", "units>", "t>"], retired)
    if found["pending"]:
        say("", "asked for, and not answered yet:")
        draw_requests(found["pending"])
    if found["closed"]:
        draw_closed(found["closed"])
    recovery.warn_of_orders(found["recoveries"])


def _ready(config: Settings, key: str, class_text: str, units: int) -> tuple[Holder, CreditClass]:
    """The holder with the class he names, after looking whether he has as much. Raises Refused when he has not."""
    from bridge import bootstrap
    from bridge.cli.naming import choose_class, classes_on
    from bridge.cli.passwords import ask
    from bridge.cli.screen import amount
    from bridge.errors import Refused

    contract = bootstrap.contract(config)
    chosen = choose_class(class_text, classes_on(contract))
    owned = contract.balance(bootstrap.address_of(config, key), chosen.id)
    if owned < units:
        kg = chosen.kg_per_unit
        raise Refused(f"{key} has {amount(owned, kg)} of {chosen.label}, not {amount(units, kg)}; nothing was sent")
    return bootstrap.holder(config, key, ask), chosen


def _plan(kind: Kind, class_text: str, units: int, beneficiary: str, purpose: str, key: str) -> tuple[Holder, str]:
    """The request is in the journal, with its opening, before anything leaves."""
    from bridge import settings
    from bridge.flow import hold

    _require_texts(beneficiary, purpose)
    config = settings.load()
    holder, chosen = _ready(config, key, class_text, units)
    _require_account(config, kind, beneficiary)
    return holder, hold.plan_request(holder, kind, chosen.id, units, beneficiary, purpose)


def _ask(holder: Holder, request_id: str, as_json: bool, *, is_new: bool = False) -> None:
    """A new request that is refused before anything is sent is not kept."""
    from bridge import settings
    from bridge.errors import BridgeError, Refused, Stopped, UsageError
    from bridge.flow import hold

    try:
        hold.ask(holder, request_id)
    except (Refused, UsageError) as refusal:
        explain_no_gas(request_id, refusal)
        if is_new:
            with suppress(BridgeError):
                hold.forget(holder.contract, holder.journal, request_id)
                refusal.args = (f"{refusal}; nothing was sent",)
        raise
    except KeyboardInterrupt as stop:
        raise Stopped(_stopped(holder, request_id)) from stop
    show_request(settings.load(), holder, request_id, as_json)


def _stopped(holder: Holder, request_id: str) -> str:
    sent = holder.journal.own_request(request_id).transaction_hash or holder.journal.is_on_its_way(request_id)
    known = "is stored and was sent" if sent else "is stored and was not sent"
    return (
        f"stopped: request {request_id} {known}. See: carbonbridge holder requests. Go on, never burning twice, with: "
        f"carbonbridge holder send {request_id[:10]}"
    )


def _require_texts(beneficiary: str, purpose: str) -> None:
    from bridge.errors import UsageError

    if not beneficiary.strip() or len(beneficiary) > 200 or len(purpose) > 500:
        raise UsageError("the name has 1 to 200 characters, the purpose up to 500")


def _require_account(config: Settings, kind: Kind, account: str) -> None:
    """A registry refuses an unknown account anyway; saying so before the burn saves a wait. One elsewhere tells nobody
    of others' accounts."""
    from bridge import bootstrap
    from bridge.domain.lifecycle import Kind
    from bridge.errors import UsageError

    if config.registry.is_remote or kind is not Kind.REDEMPTION:
        return
    if not bootstrap.ledger(config).has_account(account):
        raise UsageError(f"the registry has no account {account!r}; open it with: carbonbridge registry account NAME")
