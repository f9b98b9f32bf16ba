"""Requests from opened to executed, beside the same steps asked for one request at a time.

Holders' retirements and redemptions, half of each, are final on an anvil of their own and disclosed before the clock
starts; two of three attesters sign, and journal and registry are on disk before anything is sent.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple, TypeVar

from pipeline import CLASS, Town, ours, town
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bridge.bootstrap import sqlite_file
from bridge.domain.attestations import Opening, Request
from bridge.domain.lifecycle import ExitState, Kind
from bridge.domain.values import hex32
from bridge.errors import BridgeError
from bridge.flow.advance import advance
from tests.databases import postgres_server

UNITS = 5
"""Of each request; the deposits have ten each, so that requests begin and end inside of ranges."""

_Answer = TypeVar("_Answer")


class Sizes(NamedTuple):
    """Requests of each run."""

    alone: int
    together: int


WHOLE = Sizes(alone=200, together=2_000)
QUICK = Sizes(alone=40, together=300)


def opened(place: Town) -> list[Request]:
    """A request for each deposit, final and disclosed; the units are minted first."""
    ours(place, lambda _: None)
    holder, deployment = place.holder, place.bridge.deployment
    requests = []
    for number in range(1, len(place.orders) + 1):
        opening = Opening(
            holder=holder.sender.address,
            class_id=CLASS.id,
            units=UNITS,
            beneficiary="alice",
            purpose="2026",
            secret=hex32(number),
        )
        kind = Kind.RETIREMENT if number % 2 else Kind.REDEMPTION
        request = Request(
            kind=kind,
            holder=opening.holder,
            class_id=CLASS.id,
            units=UNITS,
            commitment=opening.commitment,
            salt=hex32(number),
        )
        holder.journal.keep_request(request, opening, deployment)
        holder.sender.submit(holder.contract.open_request(request))
        requests.append(request)
    _landed(place, requests[-1])
    for row in holder.journal.own_requests(deployment):
        holder.registry.disclose(row.request_id, Opening.model_validate_json(row.opening))
    return requests


def _landed(place: Town, request: Request) -> None:
    while place.bridge.contract.request_state(request.id_on(place.bridge.deployment)).remaining == 0:
        time.sleep(0.05)


# ------------------------------------------------------------------------- ours


def together(place: Town) -> float:
    """Seconds from the first look at the requests until the journal has the last of them executed."""
    count = len(opened(place))
    bridge, begun, executed = place.bridge, time.perf_counter(), 0
    while executed < count:
        advance(bridge)
        executed = len(bridge.journal.exits(bridge.deployment, ExitState.EXECUTED))
    return time.perf_counter() - begun


# --------------------------------------------------------------- one at a time


def alone(place: Town) -> float:
    """The same steps for each request by itself: asked, signed, sent and waited for, acted upon."""
    requests, (registry, bridge) = opened(place), (place.registry, place.bridge)
    begun = time.perf_counter()
    for request in requests:
        request_id = request.id_on(bridge.deployment)
        parts = _answered(registry.reserve([request_id])).parts
        outcomes = registry.attest_outcomes([(request_id, part.part) for part in parts])
        bridge.sender.send_and_wait(bridge.contract.settle(outcomes, [request] * len(parts)))
        _answered(registry.execute([request_id]))
    return time.perf_counter() - begun


def _answered(answers: list[_Answer | BridgeError]) -> _Answer:
    (answer,) = answers
    if isinstance(answer, BridgeError):
        raise answer
    return answer


# ----------------------------------------------------------------------- report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="for journal and registry"
    )
    options = parser.parse_args()
    sizes = QUICK if options.quick else WHOLE
    on_postgres = options.database == "postgresql"
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server(durable=True) if on_postgres else nullcontext() as server,
    ):
        urls: Callable[[Path, str], str] = server.url if server else sqlite_file
        with town(Path(folder) / "alone", urls, sizes.alone) as place:
            peer = sizes.alone / alone(place)
        with town(Path(folder) / "together", urls, sizes.together) as place:
            speed = sizes.together / together(place)
    table = Table(title=f"Requests from opened to executed, on {options.database}", box=SIMPLE)
    for name in ("how", "requests", "a second"):
        table.add_column(name, justify="left" if name == "how" else "right")
    table.add_row("one at a time", f"{sizes.alone:,}", f"{peer:,.1f}")
    table.add_row("together", f"{sizes.together:,}", f"{speed:,.1f}")
    Console().print(table)
    result = {
        "name": "settlements",
        "ours": round(speed, 1),
        "peer": round(peer, 1),
        "ratio": round(speed / peer, 2),
        "unit": "requests a second, opened to executed",
        "database": options.database,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
