"""Requests of holders without gas: signed into a file, and brought to the chain by anybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import File, Json, Key

if TYPE_CHECKING:
    from bridge.errors import BridgeError
    from bridge.flow.hold import Holder

SignOnly = Annotated[
    bool, typer.Option("--sign-only", help="Send nothing: sign a file that anybody with gas can relay.")
]
ValidDays = Annotated[
    int | None, typer.Option(metavar="DAYS", min=1, max=3650, help="With --sign-only: good for so long; else 7.")
]

_DAYS, _DAY = 7, 86_400


def require_sign_only(sign_only: bool, valid_days: int | None, out: Path | None) -> None:
    """Raises UsageError when options of a signature are given for what is sent, or its file is there already."""
    from bridge.errors import UsageError

    if not sign_only and (valid_days is not None or out is not None):
        raise UsageError("--valid-days and --out are for --sign-only; nothing was signed or sent")
    if out is not None and out.exists():
        raise UsageError(f"{out} exists already, and may hold another request: name a new file; nothing was signed")


def explain_no_gas(request_id: str, refusal: BridgeError) -> None:
    """Raises NoGas with the way out, when that is what it was refused for."""
    from bridge.errors import NoGas

    if isinstance(refusal, NoGas):
        raise NoGas(
            f"{refusal}. Request {request_id} is stored, and nothing was burned. Sign it for anybody to relay: "
            f"carbonbridge holder send {request_id[:10]} --sign-only --out request.json; or discard it: "
            f"carbonbridge holder forget {request_id[:10]}"
        ) from refusal


def sign_into_file(holder: Holder, request_id: str, valid_days: int | None, out: Path | None, as_json: bool) -> None:
    """Writes the signed request, which holds no secret, to the file or to stdout."""
    from bridge.cli.files import write_file
    from bridge.cli.screen import emit, emit_json, moment, say
    from bridge.flow.relay import sign_request

    signed = sign_request(holder, request_id, (valid_days or _DAYS) * _DAY)
    text = signed.model_dump_json(indent=2) + "\n"
    if out is None:
        emit_json(text)
        return
    write_file(out, text)
    if as_json:
        emit({"request_id": request_id, "not_after": signed.not_after, "file": str(out)})
        return
    say(
        f"signed request {request_id}, good until {moment(signed.not_after)}; nothing is burned yet",
        f"written to {out}: give it to anybody with gas, who runs: carbonbridge operator relay {out.name}",
        "Afterwards run carbonbridge holder requests: it tells the registry for whom, which nobody else can",
    )


def relay(file: File, key: Key = "operator", as_json: Json = False) -> None:
    """Bring a holder's signed request to the chain, with any key that has gas.

    It checks first: this deployment, the holder's signature, its time, his units. The holder alone can tell the
    registry for whom, with his next `holder requests`.
    """
    from bridge import bootstrap, settings
    from bridge.cli.files import read_fact
    from bridge.cli.naming import class_of
    from bridge.cli.passwords import ask
    from bridge.cli.screen import amount, checksummed, emit, say
    from bridge.domain.signed_request import SignedRequest
    from bridge.flow.relay import opening

    config = settings.load()
    signed = read_fact(file, SignedRequest, "signed request")
    contract = bootstrap.contract(config)
    ready = opening(contract, signed)  # before anybody is asked for a password
    tx_hash = bootstrap.sender(config, key, ask).send_and_wait(ready)
    request = signed.request
    if as_json:
        emit({"request_id": signed.request_id, "holder": checksummed(request.holder), "transaction": tx_hash})
        return
    credit_class = class_of(contract.credit_class(request.class_id))
    what = f"{request.kind.name.lower()} of {amount(request.units, credit_class.kg_per_unit)}, {credit_class.label}"
    say(f"opened request {signed.request_id}", f"{what}, for {checksummed(request.holder)}", f"transaction {tx_hash}")
