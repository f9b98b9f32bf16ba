"""What a guardian closes: a class for a month, and a project or methodology until the admin says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import Class, Json, Key

if TYPE_CHECKING:
    from bridge.chain.contract import BridgeContract
    from bridge.domain.credit_class import Subject


def quarantine(credit_class: Class, key: Key = "guardian", as_json: Json = False) -> None:
    """Close a class for thirty days, with a guardian's key: no transfers, requests or mints.

    Settlements, refusals and returns go on. The admin confirms or lifts it by confirmQuarantine.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import admin_command, choose_class, classes_on
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, moment, say

    config = settings.load()
    contract = bootstrap.contract(config)
    chosen = choose_class(credit_class, classes_on(contract))
    tx_hash = bootstrap.sender(config, key, ask).send_and_wait(contract.quarantine(chosen.id))
    state = contract.class_state(chosen.id)
    until = state.quarantined_until if state else 0
    if as_json:
        emit({"class": chosen.id, "label": chosen.label, "quarantined_until": until, "transaction": tx_hash})
        return
    say(
        f"closed {chosen.label} until {moment(until)}; settlements and returns go on",
        f"transaction {tx_hash}",
        f"The admin confirms or lifts it: {admin_command(config)} confirmQuarantine {chosen.id} SECOND",
    )


def bar(
    subject: Annotated[str, typer.Argument(metavar="project|methodology", help="What is barred.")],
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="Whose: VERRA, GS …")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="As its classes spell it.")],
    key: Key = "guardian",
    as_json: Json = False,
) -> None:
    """Bar a project or a methodology, with a guardian's key: nothing of it is minted any more.

    Units that exist are not touched. The admin takes it back by setVerdict.
    """
    from bridge import bootstrap, settings
    from bridge.cli.naming import admin_command
    from bridge.cli.passwords import ask
    from bridge.cli.screen import emit, say
    from bridge.domain.credit_class import Verdict

    about = _subject(subject)
    config = settings.load()
    contract = bootstrap.contract(config)
    known = _classes_of(contract, about, registry, code)
    call = contract.set_verdict(registry, about, code, Verdict.BARRED)
    tx_hash = bootstrap.sender(config, key, ask).send_and_wait(call)
    if as_json:
        emit({"barred": subject, "registry": registry, "code": code, "classes": known, "transaction": tx_hash})
        return
    say(
        f"barred {subject} {code} of {registry}: nothing of it is minted any more",
        f"transaction {tx_hash}",
        f"The admin takes it back: {admin_command(config)} setVerdict {registry} {subject} {code} none",
    )
    if known is not None:
        say(
            f"its classes on chain: {', '.join(known)}"
            if known
            else "Warning: no class on chain is of it; is it spelt so?"
        )


def _subject(text: str) -> Subject:
    from bridge.domain.credit_class import Subject
    from bridge.errors import UsageError

    try:
        return Subject[text.upper()]
    except KeyError as error:
        raise UsageError(f"{text!r} cannot be barred: write project or methodology") from error


def _classes_of(contract: BridgeContract, about: Subject, registry: str, code: str) -> list[str] | None:
    """Labels of a project's classes; None for a methodology, which the chain knows by its seal only."""
    from bridge.cli.naming import classes_on
    from bridge.domain.credit_class import Subject

    if about is Subject.METHODOLOGY:
        return None
    return [c.label for c in classes_on(contract).values() if (c.registry, c.project) == (registry, code)]
