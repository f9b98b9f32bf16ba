"""The README's own words, run as they stand."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.chain.conftest import free_port

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def tour() -> str:
    """The commands between the marks, in order."""
    return "\n".join(re.findall(r"<!-- tour: begin -->\n```sh\n(.*?)```\n<!-- tour: end -->", README, re.DOTALL))


@pytest.mark.slow
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    port = free_port()
    script = tour().replace("8545", str(port)).replace("9464", str(free_port()))
    script = script.replace("init --dev", f"init --dev --rpc http://127.0.0.1:{port}")
    environment = os.environ | {
        "CARBONBRIDGE_PASSWORD": "a rehearsal",
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
    }
    run = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script + "\necho ALL DONE"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        assert run.stdout is not None
        for line in run.stdout:  # the chain in the background keeps the pipe open, so read only to the end of the tour
            lines.append(line)
            if line.strip() == "ALL DONE":
                break
    finally:
        os.killpg(run.pid, signal.SIGTERM)
        run.wait(10)
    text = "".join(lines)
    assert "ALL DONE" in text, text
    assert "certificate.json holds" in text
    assert "Clean" in text
    assert "opened request" in text
    assert text.count("Clean") == 2, "by hand, and with the service"
    assert re.search(r"700 .*executed", text)


def test_every_script_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"scripts/([a-z]+)(?: ([a-z]+))?", README))
    assert named
    for script, argument in named:
        assert (ROOT / "scripts" / script).exists(), script
        folder = {"show": "shows", "bench": "benches"}.get(script)
        if folder and argument:
            assert (ROOT / "scripts" / folder / f"{argument}.py").exists(), argument
