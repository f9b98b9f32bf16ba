"""What the multisig signs so that the timelock acts: now to schedule, and again when the delay has passed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bridge.chain.admin.acts import Call
    from bridge.chain.admin.timelock import Operation, OperationState
    from bridge.settings import Settings


class Proposal(NamedTuple):
    """An operation with the multisig's batches by what they do. `earliest` is in chain seconds."""

    operation: Operation
    words: list[str]
    state: OperationState
    delay_seconds: int
    earliest: int
    batches: dict[str, dict[str, Any]]


def propose(
    config: Settings,
    calls: list[Call],
    predecessor: str | None = None,
    salt: str | None = None,
    delay_days: int | None = None,
) -> Proposal:
    """Raises UsageError for a delay that the timelock does not take, and for a salt that is used."""
    from bridge import bootstrap
    from bridge.chain.admin.timelock import NO_PREDECESSOR, OperationState
    from bridge.chain.verifying.words import DAY, duration
    from bridge.errors import UsageError

    timelock, acts = bootstrap.timelock(config), bootstrap.admin_acts(config)
    operation = timelock.operation(calls, predecessor or NO_PREDECESSOR, salt)
    state, least = timelock.state(operation.id), timelock.min_delay_seconds()
    delay = least if delay_days is None else delay_days * DAY
    if delay < least:
        raise UsageError(f"the timelock's delay is {duration(least)}; --delay-days asks for less")
    if state is OperationState.DONE:
        raise UsageError(f"operation {operation.id} was executed; to do the same again choose another --salt")
    if state is OperationState.UNSET:
        head = timelock.connection.head()
        earliest, steps = head.timestamp + delay, {"schedule": timelock.schedule(operation, delay)}
    else:
        earliest, steps = timelock.ready_at(operation.id), {}
    steps["execute"] = timelock.execute(operation)
    words = [acts.words(call) for call in calls]
    batches = {step: _batch(config, step, words, operation.id, call) for step, call in steps.items()}
    return Proposal(operation, words, state, delay, earliest, batches)


def cancellation(config: Settings, operation_id: str) -> dict[str, Any]:
    """The multisig's batch that cancels. Raises UsageError for an id that was never scheduled, Refused when it was
    executed, AlreadyDone when it was cancelled."""
    from bridge import bootstrap
    from bridge.chain.admin.timelock import OperationState
    from bridge.errors import AlreadyDone, Refused, UsageError

    timelock = bootstrap.timelock(config)
    state = timelock.state(operation_id)
    if state is OperationState.DONE:
        raise Refused(f"operation {operation_id} does not wait: it was executed; propose what undoes it")
    if state is OperationState.UNSET and timelock.was_scheduled(operation_id, config.deployed().first_block):
        raise AlreadyDone(f"operation {operation_id} does not wait: it was cancelled; nothing is left to do")
    if state is OperationState.UNSET:
        raise UsageError(f"no operation {operation_id} was ever scheduled; see: carbonbridge admin pending")
    return _batch(config, "cancel", ["an operation that waits"], operation_id, timelock.cancel(operation_id))


def show_proposal(proposal: Proposal, out: Path | None, as_json: bool) -> None:
    from bridge.chain.admin.timelock import NO_PREDECESSOR
    from bridge.chain.verifying.words import duration
    from bridge.cli.screen import emit, facts, moment, say

    written = _write(proposal.operation.id, proposal.batches, out)
    if as_json:
        emit(_document(proposal) | {"files": written})
        return
    operation = proposal.operation
    facts(
        [
            *(("act", words) for words in proposal.words),
            ("operation", operation.id),
            ("predecessor", "none" if operation.predecessor == NO_PREDECESSOR else operation.predecessor),
            ("salt", operation.salt),
            ("state", proposal.state.name.lower()),
            ("delay", duration(proposal.delay_seconds)),
            ("earliest", moment(proposal.earliest) + ("" if proposal.state else ", if it is scheduled now")),
        ]
    )
    for step, made in proposal.batches.items():
        show_batch(step, made)
    say("", *following(written))


def show_batch(step: str, made: dict[str, Any]) -> None:
    """Data in one line, so that it is copied whole."""
    from bridge.cli.screen import say

    for transaction in made["transactions"]:
        say("", f"{step}: the multisig sends")
        say(f"  to     {transaction['to']}", f"  value  {transaction['value']}", f"  data   {transaction['data']}")


def write_batch(operation_id: str, step: str, made: dict[str, Any], out: Path | None) -> dict[str, str]:
    return _write(operation_id, {step: made}, out)


def _write(operation_id: str, batches: dict[str, dict[str, Any]], out: Path | None) -> dict[str, str]:
    """Step → file, as Safe's Transaction Builder imports it. Raises UsageError."""
    import json

    from bridge.cli.files import write_file
    from bridge.errors import UsageError

    if out is None:
        return {}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{out} is no folder to write into: {error.strerror}") from error
    files = {step: out / f"{operation_id[:10]}-{step}.json" for step in batches}
    for step, file in files.items():
        write_file(file, json.dumps(batches[step], indent=2) + "\n")
    return {step: str(file) for step, file in files.items()}


def _document(proposal: Proposal) -> dict[str, Any]:
    operation = proposal.operation
    calls = zip(operation.calls, proposal.words, strict=True)
    return {
        "operation_id": operation.id,
        "calls": [{"to": call.to, "value": str(call.value), "data": call.data, "words": w} for call, w in calls],
        "predecessor": operation.predecessor,
        "salt": operation.salt,
        "state": proposal.state.name.lower(),
        "delay_seconds": proposal.delay_seconds,
        "earliest": proposal.earliest,
        "schedule": proposal.batches.get("schedule"),
        "execute": proposal.batches["execute"],
    }


def following(written: dict[str, str]) -> list[str]:
    if not written:
        return ["Files for Safe's Transaction Builder: the same command with --out FOLDER"]
    return [f"{step}: {file}" for step, file in written.items()] + ["Next: import them into Safe's Transaction Builder"]


def _batch(config: Settings, step: str, words: list[str], operation_id: str, call: Call) -> dict[str, Any]:
    from bridge import bootstrap
    from bridge.chain.admin.safe import batch

    named = config.deployed()
    head = bootstrap.connect(config).head()
    description = f"{step} operation {operation_id} of timelock {call.to}: {'; '.join(words)}"
    return batch(named.chain_id, str(named.multisig), f"carbonbridge: {step}", description, [call], head.timestamp)
