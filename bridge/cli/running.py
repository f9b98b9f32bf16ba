"""The bridge as a service, and whether this machine is able to run it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bridge.cli.options import Json

Port = Annotated[
    int, typer.Option(min=0, max=65535, help="Where /health and /metrics are, on loopback; 0 takes a free one.")
]
Interval = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Between two looks at chain and registry.")]
LogFormat = Annotated[
    str | None, typer.Option("--log", metavar="json|text", help="How the log is written; text at a terminal.")
]


def run(port: Port = 9464, interval: Interval = 5.0, log: LogFormat = None) -> None:
    """Drive every deposit, request and reversal by itself until it is stopped (Ctrl-C, SIGTERM).

    It takes up what depositors have ordered, resumes what it finds half done, and refuses to run twice on one journal.
    """
    from bridge import bootstrap, settings
    from bridge.cli.passwords import ask
    from bridge.cli.screen import complain
    from bridge.daemon.daemon import Daemon, Pace
    from bridge.daemon.health import Health
    from bridge.daemon.measures import Measures
    from bridge.daemon.server import LOOPBACK, serving

    logged(log)
    bridge = bootstrap.operator(settings.load(), ask, takes_up=True)
    health = Health()
    measures = Measures(health)
    stop_on_signals(bridge.stop.set)
    with serving(health, measures.registry, port) as served:
        complain(f"health and metrics at http://{LOOPBACK}:{served}/health and /metrics; Ctrl-C stops")
        Daemon(bridge, measures, Pace(interval_seconds=interval)).run()


def logged(log: str | None) -> None:
    """Raises UsageError for a format that is none."""
    from bridge.daemon.logs import configure
    from bridge.errors import UsageError

    if log not in (None, "json", "text"):
        raise UsageError(f"no log format {log!r}; there are json and text")
    form = log or ("text" if sys.stderr.isatty() else "json")
    configure("json" if form == "json" else "text")


def stop_on_signals(stop) -> None:  # type: ignore[no-untyped-def]
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())


def check(as_json: Json = False) -> None:
    """Tell whether this machine is able to run the bridge: node, contract, keys, registry, clock, databases.

    Needs no password, but says when a daemon would have to ask for one. Ends with 1 when something fails.
    """
    from bridge import bootstrap, settings
    from bridge.cli.verifying import show_checks

    found = bootstrap.readiness(settings.load())
    show_checks(found, as_json)
    raise typer.Exit(0 if all(one.verdict != "fails" for one in found) else 1)
