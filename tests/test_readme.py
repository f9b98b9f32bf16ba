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


def run_to_the_end(folder: Path, script: str) -> str:
    """What it says. Whatever it leaves in the background ends with it."""
    environment = os.environ | {
        "CARBONBRIDGE_PASSWORD": "a rehearsal",
        "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
    }
    run = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"trap 'echo THE END' EXIT\n{script}\necho ALL DONE"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    try:
        assert run.stdout is not None
        for line in run.stdout:  # what is in the background keeps the pipe open, so read only to the end of the script
            lines.append(line)
            if line.strip() == "THE END":
                break
    finally:
        os.killpg(run.pid, signal.SIGTERM)
        run.wait(10)
    text = "".join(lines)
    assert "ALL DONE" in text, text
    return text


@pytest.mark.slow
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    port = free_port()
    script = tour().replace("8545", str(port)).replace("9464", str(free_port()))
    text = run_to_the_end(tmp_path, script.replace("init --dev", f"init --dev --rpc http://127.0.0.1:{port}"))
    assert "certificate.json holds" in text
    assert "Clean" in text
    assert "opened request" in text
    assert text.count("Clean") == 3, "by hand, from the archive, and with the service"
    assert "it is what 2 attesters signed" in text
    assert re.search(r"700 .*executed", text)


def words_of(who: str) -> str:
    """The commands that the registry's organisation, or the operator's, says in its own folder."""
    return "\n".join(re.findall(rf"<!-- two: begin {who} -->\n```sh\n(.*?)```\n<!-- two: end -->", README, re.DOTALL))


@pytest.mark.slow
def test_two_organisations_work_as_written(tmp_path: Path) -> None:
    chain, served = free_port(), free_port()
    serial = "GS1-1-UG-GS11236-16-2024-30307-1-1000"
    script = f"""
mkdir registry && cd registry
carbonbridge init --dev --rpc http://127.0.0.1:{chain}
carbonbridge dev chain --port {chain} --embedded &
sleep 5
carbonbridge dev fund
carbonbridge operator deploy
carbonbridge operator class {serial}
carbonbridge registry account alice
carbonbridge registry issue {serial} --account alice
carbonbridge registry instruct {serial} --account alice --to holder
mkdir -p ../operator/keys && cp carbonbridge.toml ../operator
mv keys/operator.json keys/holder.json ../operator/keys
mv journal.db* ../operator
{words_of("registry")}
sleep 5
mv operator.token ../operator && cd ../operator
{words_of("operator")}
ls keys ../registry/keys
"""
    text = run_to_the_end(tmp_path, script.replace("8700", str(served)).replace("9464", str(free_port())))
    assert re.search(r"attester-1, attester-2, attester-3|with the registry alone", text), text
    assert re.search(r"100 .*executed", text), text
    assert text.count("Clean") == 1, text
    assert not list((tmp_path / "operator" / "keys").glob("attester*"))
    assert not list((tmp_path / "operator").glob("registry.db*")), "the operator keeps no books"


def test_every_script_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"scripts/([a-z]+)(?: ([a-z]+))?", README))
    assert named
    for script, argument in named:
        assert (ROOT / "scripts" / script).exists(), script
        folder = {"show": "shows", "bench": "benches"}.get(script)
        if folder and argument:
            assert (ROOT / "scripts" / folder / f"{argument}.py").exists(), argument
