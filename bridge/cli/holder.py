"""What holders do: see what they own, transfer, retire, redeem, follow their requests, take back, certify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Class, File, Json, Key, Language, Out, Request, Units

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.attestations import Attested, Receipt
    from bridge.domain.credit_class import CreditClass
    from bridge.domain.lifecycle import Kind
    from bridge.flow.hold import Holder
    from bridge.journal.models import OwnRequest
    from bridge.journal.store import Journal
    from bridge.settings import Settings

app = typer.Typer(help="Balance, transfer, retire, redeem, certificates, and taking back.", no_args_is_help=True)

MINE = "holder"


@app.command("balance", epilog="Example: carbonbridge holder balance --key alice")
def balance(key: Key = MINE, as_json: Json = False) -> None:
    """Show what an account owns, down to project, vintage and tonnes, and what it has asked for."""
    from bridge import bootstrap, settings
    from bridge.cli.naming import address, classes_on
    from bridge.cli.screen import checksummed, emit

    config = settings.load()
    contract = bootstrap.contract(config)
    owner = address(config, key)
    held = [(c, contract.balance(owner, c.id)) for c in classes_on(contract).values()]
    found = {
        "account": checksummed(owner),
        "holdings": [_holding(c, units) for c, units in held if units],
        "pending": [row for row in _requests(config, contract, owner) if row["pending"]],
    }
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
        emit(_holding(chosen, units) | {"to": checksummed(receiver), "transaction": tx_hash})
        return
    say(f"sent {amount(units, chosen.kg_per_unit)} of {chosen.label} to {checksummed(receiver)}")
    say(f"transaction {tx_hash}")


@app.command(
    "retire", epilog="Example: carbonbridge holder retire 'VERRA 1340' 25 --for 'Acme Corp' --purpose 'Claim 2026'"
)
def retire(
    credit_class: Class,
    units: Units,
    beneficiary: Annotated[str, typer.Option("--for", metavar="NAME", help="For whom: named on the certificate.")],
    purpose: Annotated[str, typer.Option(help="What for: named on the certificate.")] = "",
    key: Key = MINE,
    as_json: Json = False,
) -> None:
    """Retire units for a beneficiary: burned now, retired in the registry once it has answered.

    Only the registry learns beneficiary and purpose; the chain keeps a seal of them.
    """
    from bridge.domain.lifecycle import Kind

    _ask(Kind.RETIREMENT, credit_class, units, beneficiary, purpose, key, as_json)


@app.command("redeem", epilog="Example: carbonbridge holder redeem 'VERRA 1340' 10 --account 'Alice Ltd'")
def redeem(
    credit_class: Class,
    units: Units,
    account: Annotated[str, typer.Option(metavar="NAME", help="The registry account that receives the serials.")],
    key: Key = MINE,
    as_json: Json = False,
) -> None:
    """Redeem units: burned now, and handed over as serials into a registry account."""
    from bridge.domain.lifecycle import Kind

    _ask(Kind.REDEMPTION, credit_class, units, account, "", key, as_json)


@app.command("requests", epilog="Example: carbonbridge holder requests --key alice")
def requests(key: Key = MINE, as_json: Json = False) -> None:
    """Show an account's requests: pending, settled, executed; their deadline, and what to do next."""
    from bridge import bootstrap, settings
    from bridge.cli.naming import address
    from bridge.cli.screen import emit

    config = settings.load()
    rows = _requests(config, bootstrap.contract(config), address(config, key))
    if as_json:
        emit(rows)
    else:
        _draw_requests(rows)


@app.command("send", epilog="Example: carbonbridge holder send 0x1f9a --key alice")
def send(request_id: Request, key: Key = MINE, as_json: Json = False) -> None:
    """Go on with a request that was stored and not sent, such as after a crash. Never burns twice."""
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.flow import hold

    config = settings.load()
    holder = bootstrap.holder(config, key, ask)
    row = _chosen(holder, request_id)
    hold.ask(holder, row.request_id)
    _show_one(config, holder, row.request_id, as_json)


@app.command("exit", epilog="Example: carbonbridge holder exit 0x1f9a --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
def take_units_back(
    request_id: Request,
    to: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Who gets the units; else the holder.")] = None,
    key: Key = MINE,
    as_json: Json = False,
) -> None:
    """Take back what nobody answered: past the deadline it calls back, after the challenge it takes.

    Run it twice: each time it does the step that is due and says when the next one is. Ends with 5 when too early.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import address
    from bridge.cli.passwords import ask

    config = settings.load()
    receiver = address(config, to) if to else None
    holder = bootstrap.holder(config, key, ask)
    row = _chosen(holder, request_id)
    _take_a_step_out(holder, row, receiver or holder.sender.address, as_json)


@app.command("certificate", epilog="Example: carbonbridge holder certificate 0x1f9a --out certificate.json")
def certificate(request_id: Request, out: Out = None, lang: Language = None, as_json: Json = False) -> None:
    """Certify an executed request: serials, the registry's signed receipt, transactions. Needs no password.

    Shows a summary; --out writes the certificate itself, which anybody can check with: carbonbridge holder verify
    """
    from bridge import bootstrap, settings
    from bridge.books.certificate import certify
    from bridge.cli.certificate import language, show
    from bridge.cli.screen import say, write_file
    from bridge.domain.attestations import Opening, Request
    from bridge.errors import NotYet

    spoken = language(lang)
    config = settings.load()
    contract = bootstrap.contract(config)
    row = _own(config, contract, request_id)
    receipt = _receipt(bootstrap.journal(config), row.request_id)
    if receipt is None:
        raise NotYet(f"request {row.request_id} is not executed yet; see: carbonbridge holder requests")
    made = certify(
        contract, Request.model_validate_json(row.request), Opening.model_validate_json(row.opening), receipt
    )
    text = made.model_dump_json(indent=2) + "\n"
    if out:
        write_file(out, text)
    if as_json:
        typer.echo(text, nl=False)
        return
    show(made, spoken)
    say("", f"written to {out}" if out else "Keep it: --out FILE writes the whole certificate")


@app.command("verify", epilog="Example: carbonbridge holder verify certificate.json")
def verify(file: File, lang: Language = None, as_json: Json = False) -> None:
    """Check anybody's certificate against the chain, and list every fault. Ends with 1 when there is one."""
    from bridge import bootstrap, settings
    from bridge.books import certificate as books
    from bridge.cli.certificate import language, read, show
    from bridge.cli.screen import emit, say

    spoken = language(lang)
    given = read(file)
    faults = books.verify(given, bootstrap.contract(settings.load()))
    if as_json:
        emit({"file": str(file), "request_id": given.request_id, "valid": not faults, "faults": faults})
    elif faults:
        say(f"{file} does not hold:", *(f"- {fault}" for fault in faults))
    else:
        show(given, spoken)
        say("", f"{file} holds: chain, serials, beneficiary and the registry's signatures agree")
    raise typer.Exit(1 if faults else 0)


# ------------------------------------------------------------------- what he owns


def _holding(c: CreditClass, units: int) -> dict[str, Any]:
    from bridge.cli.screen import weight

    return {
        "class": c.id,
        "label": c.label,
        "registry": c.registry,
        "project": c.project,
        "vintage": c.vintage,
        "credit_type": c.credit_type,
        "units": units,
        "kg_per_unit": c.kg_per_unit,
        "tonnes": weight(units, c.kg_per_unit).replace(",", ""),
    }


def _draw_balance(found: dict[str, Any]) -> None:
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
    if found["pending"]:
        say("", "asked for, and not answered yet:")
        _draw_requests(found["pending"])


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


# ------------------------------------------------------------------- asking


def _ask(kind: Kind, class_text: str, units: int, beneficiary: str, purpose: str, key: str, as_json: bool) -> None:
    from bridge import settings
    from bridge.flow import hold

    _require_texts(beneficiary, purpose)
    config = settings.load()
    holder, chosen = _ready(config, key, class_text, units)
    _require_account(config, kind, beneficiary)
    request_id = hold.plan_request(holder, kind, chosen.id, units, beneficiary, purpose)
    hold.ask(holder, request_id)
    _show_one(config, holder, request_id, as_json)


def _require_texts(beneficiary: str, purpose: str) -> None:
    from bridge.errors import UsageError

    if not beneficiary.strip() or len(beneficiary) > 200 or len(purpose) > 500:
        raise UsageError("the name has 1 to 200 characters, the purpose up to 500")


def _require_account(config: Settings, kind: Kind, account: str) -> None:
    """A registry refuses an unknown account anyway; saying so before the burn saves a wait."""
    from bridge import bootstrap
    from bridge.domain.lifecycle import Kind
    from bridge.errors import UsageError

    if kind is Kind.REDEMPTION and not bootstrap.ledger(config).has_account(account):
        raise UsageError(f"the registry has no account {account!r}; open it with: carbonbridge registry account NAME")


def _show_one(config: Settings, holder: Holder, request_id: str, as_json: bool) -> None:
    from bridge.cli.screen import amount, emit, facts

    rows = _requests(config, holder.contract, holder.sender.address)
    row = next(row for row in rows if row["request_id"] == request_id)
    if as_json:
        emit(row)
        return
    facts(
        [
            (row["kind"], f"{amount(row['units'], row['kg_per_unit'])} of {row['label']}"),
            ("for", row["beneficiary"]),
            ("state", row["state"]),
            ("request", request_id),
            ("next", row["next"]),
        ]
    )


# ------------------------------------------------------------------- requests


def _chosen(holder: Holder, request_text: str) -> OwnRequest:
    from bridge.cli.naming import choose

    own = {row.request_id: row for row in holder.journal.own_requests(holder.contract.deployment)}
    return own[choose(request_text, dict.fromkeys(own, "request"), "request")]


def _own(config: Settings, contract: BridgeContract, request_text: str) -> OwnRequest:
    from bridge import bootstrap
    from bridge.cli.naming import choose

    own = {row.request_id: row for row in bootstrap.journal(config).own_requests(contract.deployment)}
    return own[choose(request_text, dict.fromkeys(own, "request"), "request")]


def _requests(config: Settings, contract: BridgeContract, owner: str) -> list[dict[str, Any]]:
    from bridge import bootstrap
    from bridge.domain.attestations import Request

    journal = bootstrap.journal(config)
    now = contract.connection.head().timestamp
    own = [(row, Request.model_validate_json(row.request)) for row in journal.own_requests(contract.deployment)]
    rows = [_request_row(journal, contract, row, now) for row, request in own if request.holder == owner]
    return sorted(rows, key=lambda row: (not row["pending"], row["deadline"] or 0))


def _request_row(journal: Journal, contract: BridgeContract, row: OwnRequest, now: int) -> dict[str, Any]:
    from bridge.cli.naming import class_of
    from bridge.cli.screen import moment
    from bridge.domain.attestations import Opening, Request
    from bridge.domain.lifecycle import RequestStatus

    request = Request.model_validate_json(row.request)
    chain = contract.request_state(row.request_id)
    state = _STATES[chain.status.name]
    if chain.status is RequestStatus.SETTLED and _receipt(journal, row.request_id):
        state = "executed"
    deadline = chain.deadline if chain.status is not RequestStatus.NONE else None
    return {
        "request_id": row.request_id,
        "kind": request.kind.name.lower(),
        **_holding(class_of(contract.credit_class(request.class_id)), request.units),
        "unsettled_units": chain.remaining,
        "beneficiary": Opening.model_validate_json(row.opening).beneficiary,
        "state": state,
        "pending": state in ("not sent", "pending", "called back", "settled"),
        "deadline": deadline,
        "deadline_text": moment(deadline) if deadline else "",
        "transaction": row.transaction_hash,
        "next": _next(state, row.request_id, deadline is not None and now > deadline),
    }


_STATES = {
    "NONE": "not sent",
    "OPEN": "pending",
    "CALLED_BACK": "called back",
    "SETTLED": "settled",
    "REFUSED": "refused",
    "RETURNED": "returned",
}


def _next(state: str, request_id: str, late: bool) -> str:
    """What the holder can do, or what he waits for."""
    one = request_id[:10]
    if state == "pending":
        return f"late; take back: carbonbridge holder exit {one}" if late else "wait for the registry's answer"
    return {
        "not sent": f"carbonbridge holder send {one}",
        "called back": f"after the challenge: carbonbridge holder exit {one}",
        "settled": "wait for the registry to act",
        "executed": f"carbonbridge holder certificate {one}",
        "refused": "nothing: the units are back",
        "returned": "nothing: the units are back",
    }[state]


def _draw_requests(rows: list[dict[str, Any]]) -> None:
    from bridge.cli.screen import amount, short, table

    drawn = [
        (
            short(row["request_id"]),
            f"{row['kind']} of {amount(row['units'], row['kg_per_unit'])}, {row['label']}",
            row["state"],
            row["deadline_text"].removesuffix(" UTC")[:16] if row["state"] == "pending" else "",
            row["next"].replace("carbonbridge ", ""),
        )
        for row in rows
    ]
    table(["request", "what", "state", "deadline (UTC)", "next"], drawn, "no requests were made here")


def _receipt(journal: Journal, request_id: str) -> Attested[Receipt] | None:
    """The registry's signed receipt, which the journal keeps; None before it has acted."""
    from bridge.domain.attestations import Attested, Receipt

    row = journal.exit(request_id)
    return Attested[Receipt].model_validate_json(row.receipt) if row and row.receipt else None


# ------------------------------------------------------------------- taking back


def _take_a_step_out(holder: Holder, row: OwnRequest, receiver: str, as_json: bool) -> None:
    from bridge.domain.lifecycle import RequestStatus
    from bridge.errors import Refused

    status = holder.contract.request_state(row.request_id).status
    if status is RequestStatus.OPEN:
        _call_back(holder, row, as_json)
    elif status is RequestStatus.CALLED_BACK:
        _take_back(holder, row, receiver, as_json)
    elif status is RequestStatus.NONE:
        raise Refused(f"request {row.request_id} was never sent: nothing was burned, nothing is to take back")
    else:
        raise Refused(f"request {row.request_id} has ended: it is {status.name.lower()}")


def _call_back(holder: Holder, row: OwnRequest, as_json: bool) -> None:
    from bridge.cli.screen import moment
    from bridge.domain.attestations import Request
    from bridge.errors import NotYet
    from bridge.flow import hold

    state = holder.contract.request_state(row.request_id)
    now = holder.contract.connection.head().timestamp
    if now <= state.deadline:
        raise NotYet(f"the registry may answer request {row.request_id} until {moment(state.deadline)}; exit after it")
    tx_hash = hold.call_back(holder, row.request_id)
    created = holder.contract.class_state(Request.model_validate_json(row.request).class_id)
    if created is None:
        raise LookupError(row.request_id)
    next_at = holder.contract.connection.head().timestamp + created.terms.challenge_seconds
    step = {"done": "called back", "next_at": next_at, "next_blocks": created.terms.challenge_blocks}
    words = (
        f"called back. A settlement may still land until {moment(next_at)} and for {_blocks(step['next_blocks'])}; "
        "a pause makes it longer"
    )
    _say_step(row, step | {"transaction": tx_hash}, words, as_json)


def _take_back(holder: Holder, row: OwnRequest, receiver: str, as_json: bool) -> None:
    from bridge.cli.screen import checksummed, moment
    from bridge.errors import ContractRefused, NotYet
    from bridge.flow import hold

    try:
        tx_hash = hold.take_back(holder, row.request_id, receiver)
    except ContractRefused as refusal:
        if refusal.name != "ChallengeNotPassed":
            raise
        _, seconds, blocks = refusal.arguments
        at = moment(holder.contract.connection.head().timestamp + int(str(seconds)))
        raise NotYet(
            f"a settlement may still land: take it back from {at} on, and after {_blocks(blocks)}"
        ) from refusal
    step = {"done": "taken back", "to": checksummed(receiver), "next_at": None, "next_blocks": None}
    words = f"taken back: the unsettled units are with {checksummed(receiver)}"
    _say_step(row, step | {"transaction": tx_hash}, words, as_json)


def _blocks(count: object) -> str:
    return f"{count} block{'' if count == 1 else 's'}"


def _say_step(row: OwnRequest, step: dict[str, Any], words: str, as_json: bool) -> None:
    from bridge.cli.screen import emit, say

    if as_json:
        emit({"request_id": row.request_id} | step)
        return
    say(words, f"transaction {step['transaction']}")
    if step["done"] == "called back":
        say(f"Next: carbonbridge holder exit {row.request_id[:10]}")
