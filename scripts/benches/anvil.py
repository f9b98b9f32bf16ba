"""An anvil of one's own for a measurement."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from bridge.chain.local import find_anvil


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """Its address, until the end."""
    program = find_anvil()
    if program is None:
        raise SystemExit("no anvil: run scripts/setup --contracts")
    process = subprocess.Popen([program, "--port", "0", *options], stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout or []:
            if found := re.search(r"Listening on ([\d.]+:\d+)", line):
                break
        else:
            raise SystemExit("anvil did not start")
        # What else it says is read, so that the pipe never fills.
        Thread(target=lambda: [None for _ in process.stdout or []], daemon=True).start()
        yield f"http://{found.group(1)}"
    finally:
        process.terminate()
        process.wait(60)
